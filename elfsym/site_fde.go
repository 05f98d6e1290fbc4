package elfsym

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// frameAt returns the range of the unwind table's entry that holds a. It
// gives the bounds of functions and .cold parts that have no symbol.
func (b *Binary) frameAt(a VAddr) (Range, bool) {
	frames, err := keep(b, framesKey{}, b.readFrames)
	if err != nil {
		return Range{}, false
	}
	i := sort.Search(len(frames), func(i int) bool { return frames[i].Lo > a })
	if i == 0 || a >= frames[i-1].Hi {
		return Range{}, false
	}
	return frames[i-1], true
}

type framesKey struct{}

// readFrames returns the ranges of all frame descriptions in .eh_frame (LSB
// Core, "Exception Frames"), sorted.
func (b *Binary) readFrames() ([]Range, error) {
	s := b.elf.Section(".eh_frame")
	if s == nil || s.Type == elf.SHT_NOBITS {
		return nil, errors.New("no .eh_frame")
	}
	data, err := b.image().data(s, maxEHFrame)
	if err != nil {
		return nil, fmt.Errorf("read .eh_frame: %w", err)
	}
	frames := parseFrames(data, VAddr(s.Addr))
	sort.Slice(frames, func(i, j int) bool { return frames[i].Lo < frames[j].Lo })
	return frames, nil
}

// parseFrames walks the entries of .eh_frame, which lies at base, and leaves
// out those it cannot read.
func parseFrames(data []byte, base VAddr) (frames []Range) {
	le := binary.LittleEndian
	encodings := map[int]byte{} // of pointers, by the offset of the CIE
	for off := 0; len(data)-off >= 8; {
		n := uint64(le.Uint32(data[off:]))
		head := off + 4
		if n == 0 {
			off = head
			continue
		}
		if n == 0xffffffff || n < 4 || n > uint64(len(data)-head) {
			return frames
		}
		entry := data[head : head+int(n)]
		id := le.Uint32(entry)
		if id == 0 {
			if enc, ok := pointerEncoding(entry); ok {
				encodings[off] = enc
			}
		} else if enc, ok := encodings[head-int(id)]; ok {
			if r, ok := frameRange(entry[4:], enc, base+VAddr(head+4)); ok {
				frames = append(frames, r)
			}
		}
		off = head + int(n)
	}
	return frames
}

// pointerEncoding returns how the frames of a CIE write addresses: the R of
// its augmentation.
func pointerEncoding(cie []byte) (byte, bool) {
	p := cie[4:]
	if len(p) < 2 {
		return 0, false
	}
	p = p[1:] // version
	end := 0
	for end < len(p) && p[end] != 0 {
		end++
	}
	if end == len(p) || end == 0 || p[0] != 'z' {
		return 0, end == 0 && len(p) > 0 // absolute without an augmentation
	}
	aug := p[1:end]
	p = p[end+1:]
	for range 4 { // code and data alignment, return register, length
		if p = skipLEB(p); p == nil {
			return 0, false
		}
	}
	for _, c := range aug {
		if len(p) == 0 {
			return 0, false
		}
		switch c {
		case 'R':
			return p[0], true
		case 'L':
			p = p[1:]
		case 'P':
			size := map[byte]int{0: 8, 2: 2, 3: 4, 4: 8, 0xa: 2, 0xb: 4, 0xc: 8}[p[0]&0xf]
			if size == 0 || len(p) < 1+size {
				return 0, false
			}
			p = p[1+size:]
		case 'S', 'B':
		default:
			return 0, false
		}
	}
	return 0, true
}

func skipLEB(p []byte) []byte {
	for i, c := range p {
		if c < 0x80 {
			return p[i+1:]
		}
	}
	return nil
}

// frameRange reads the start and length of a frame description whose
// addresses lie at at.
func frameRange(p []byte, enc byte, at VAddr) (Range, bool) {
	le := binary.LittleEndian
	var start, size uint64
	switch enc & 0xf {
	case 0x0, 0x4, 0xc: // absptr, udata8, sdata8
		if len(p) < 16 {
			return Range{}, false
		}
		start, size = le.Uint64(p), le.Uint64(p[8:])
	case 0x3: // udata4
		if len(p) < 8 {
			return Range{}, false
		}
		start, size = uint64(le.Uint32(p)), uint64(le.Uint32(p[4:]))
	case 0xb: // sdata4
		if len(p) < 8 {
			return Range{}, false
		}
		start, size = uint64(int64(int32(le.Uint32(p)))), uint64(le.Uint32(p[4:]))
	default:
		return Range{}, false
	}
	switch enc & 0x70 {
	case 0x00:
	case 0x10: // relative to where it is written
		start += uint64(at)
	default:
		return Range{}, false
	}
	if size == 0 || start+size < start {
		return Range{}, false
	}
	return Range{VAddr(start), VAddr(start + size)}, true
}
