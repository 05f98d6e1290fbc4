package elfsym

import (
	"errors"
	"fmt"
	"sort"
)

// Limits of what Sites looks at. The largest functions of real programs are
// generated tables of about a megabyte.
const (
	maxBody  = 4 << 20 // bytes of one function
	maxDepth = 4       // tail calls behind each other
	maxTails = 16      // functions reached by tail calls
	maxExits = 64      // exits they add
	maxParts = 64      // parts of one function
)

var errTooLong = errors.New("it is too long to look through")

// code is executable text: bytes that lie at base.
type code struct {
	base  VAddr
	bytes []byte
}

// body is the decoded code of a function, one or several ranges.
type body struct {
	arch   Arch
	start  VAddr
	ranges []Range
	insts  []inst // by address
	// bad is the first byte sequence that is no instruction. The
	// instructions of its range end there.
	bad error
}

// newBody decodes text from end to end.
func newBody(arch Arch, start VAddr, text []code) *body {
	sort.Slice(text, func(i, j int) bool { return text[i].base < text[j].base })
	b := &body{arch: arch, start: start}
	for _, c := range text {
		b.ranges = append(b.ranges, Range{c.base, c.base + VAddr(len(c.bytes))})
		b.sweep(c)
	}
	return b
}

func (b *body) sweep(c code) {
	if b.insts == nil {
		b.insts = make([]inst, 0, len(c.bytes)/4+1)
	}
	for off := 0; off < len(c.bytes); {
		in, err := decode(b.arch, c.bytes[off:], c.base+VAddr(off))
		if err != nil {
			if b.bad == nil {
				b.bad = err
			}
			return
		}
		b.insts = append(b.insts, in)
		off += int(in.len)
	}
}

// holds reports whether a lies in the function.
func (b *body) holds(a VAddr) bool {
	for _, r := range b.ranges {
		if a >= r.Lo && a < r.Hi {
			return true
		}
	}
	return false
}

// at returns the index of the instruction that starts at a, or -1.
func (b *body) at(a VAddr) int {
	i := sort.Search(len(b.insts), func(i int) bool { return b.insts[i].pc >= a })
	if i < len(b.insts) && b.insts[i].pc == a {
		return i
	}
	return -1
}

// next returns the index of the instruction that follows the i-th in memory,
// or -1.
func (b *body) next(i int) int {
	if i+1 < len(b.insts) && b.insts[i+1].pc == b.insts[i].end() {
		return i + 1
	}
	return -1
}

// text returns the bytes of ranges.
func (b *Binary) text(ranges []Range) ([]code, error) {
	if len(ranges) > maxParts {
		return nil, fmt.Errorf("%d parts: %w", len(ranges), errTooLong)
	}
	var text []code
	size := uint64(0)
	for _, r := range ranges {
		if r.Hi < r.Lo || uint64(r.Hi-r.Lo) > maxBody-size {
			return nil, errTooLong
		}
		size += uint64(r.Hi - r.Lo)
		bytes, err := b.Text(r.Lo, r.Hi)
		if err != nil {
			return nil, err
		}
		text = append(text, code{r.Lo, bytes})
	}
	return text, nil
}

// funcRanges returns where the code of f lies.
func funcRanges(f *Func) []Range {
	ranges := []Range{{f.Addr, f.Addr + VAddr(f.Size)}}
	for _, p := range f.Parts {
		if p.Hi > p.Lo && !(p.Lo >= f.Addr && p.Lo < ranges[0].Hi) {
			ranges = append(ranges, p)
		}
	}
	return ranges
}
