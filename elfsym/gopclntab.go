package elfsym

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// pclntab is Go's table of functions, which the runtime needs and strip
// therefore cannot remove (runtime/symtab.go: pcHeader, functab, _func). Its
// layout is the same from Go 1.18 on, but for the field startLine of 1.20.
type pclntab struct {
	data       string
	addr       VAddr // where data is loaded
	quantum    uint64
	go120      bool
	nfunc      int
	names      uint64 // offsets of the tables in data
	cus        uint64
	files      uint64
	pcs        uint64
	funcs      uint64
	header     VAddr // textStart of the header; 0 from Go 1.26 on
	text       Range // moduledata.text and etext
	gofunc     VAddr // what offsets of funcdata are relative to; 0 if unknown
	types      Range // moduledata.types and etypes; empty if unknown
	entries    []goFunc
	wrapper    uint8 // the funcID of wrappers
	hasWrapper bool
}

// goFunc is an entry of the function table.
type goFunc struct {
	name    string
	addr    VAddr
	end     VAddr
	exact   bool // end comes from the function's own tables
	off     uint32
	id, flg uint8
}

// funcFlagAsm marks assembly (internal/abi, FuncFlagAsm; Go 1.18 and later).
const funcFlagAsm = 1 << 2

var errNoGo = errors.New("not a Go program")

const (
	magicGo118 = 0xfffffff0
	magicGo120 = 0xfffffff1
	pcHeader   = 8 + 8*8 // bytes
)

// parsePclntabHeader reads the header of a table loaded at addr.
func parsePclntabHeader(data string, addr VAddr) (*pclntab, error) {
	if len(data) < pcHeader {
		return nil, fmt.Errorf("%w: function table of %d bytes", ErrMalformed, len(data))
	}
	t := &pclntab{data: data, addr: addr, quantum: uint64(data[6])}
	switch magic := t.u32(0); magic {
	case magicGo118:
	case magicGo120:
		t.go120 = true
	default:
		return nil, fmt.Errorf("function table of a Go version before 1.18, or after those known (%#x)", magic)
	}
	if data[4] != 0 || data[5] != 0 || data[7] != 8 || t.quantum != 1 && t.quantum != 4 {
		return nil, fmt.Errorf("%w: header of the Go function table", ErrMalformed)
	}
	nfunc := t.u64(8)
	t.header = VAddr(t.u64(24))
	t.names, t.cus, t.files, t.pcs, t.funcs = t.u64(32), t.u64(40), t.u64(48), t.u64(56), t.u64(64)
	size := uint64(len(data))
	for _, off := range []uint64{t.names, t.cus, t.files, t.pcs, t.funcs} {
		if off < pcHeader || off > size {
			return nil, fmt.Errorf("%w: Go function table of %d bytes has a part at %#x", ErrMalformed, size, off)
		}
	}
	if nfunc == 0 || nfunc > (size-t.funcs)/8 || (size-t.funcs)-nfunc*8 < 4 {
		return nil, fmt.Errorf("%w: Go function table with %d functions", ErrMalformed, nfunc)
	}
	t.nfunc = int(nfunc)
	return t, nil
}

func (t *pclntab) u32(off uint64) uint32 {
	if off+4 > uint64(len(t.data)) || off+4 < off {
		return 0
	}
	s := t.data[off:]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func (t *pclntab) u64(off uint64) uint64 {
	return uint64(t.u32(off)) | uint64(t.u32(off+4))<<32
}

// entryOff returns the offset of function i's first instruction from the
// start of the text; i may be nfunc, which is the end of the last one.
func (t *pclntab) entryOff(i int) uint32 { return t.u32(t.funcs + uint64(i)*8) }

// readEntries fills entries. text must be known.
func (t *pclntab) readEntries() error {
	names := newCStrings(t.data[t.names:], t.nfunc)
	steps := len(t.data) + 64*t.nfunc
	t.entries = make([]goFunc, 0, t.nfunc)
	for i := range t.nfunc {
		off, next := t.entryOff(i), t.entryOff(i+1)
		if next < off {
			return fmt.Errorf("%w: Go function table is not sorted", ErrMalformed)
		}
		if next == off {
			continue // a marker without code
		}
		rec := t.funcs + uint64(t.u32(t.funcs+uint64(i)*8+4))
		name, ok := names.at(uint64(t.u32(rec + 4)))
		if names.budget < 0 {
			return fmt.Errorf("%w: names of the Go function table overlap", ErrMalformed)
		}
		id := t.idOffset(rec)
		if !ok || name == "" || id+2 > uint64(len(t.data)) || t.u32(rec) != off {
			continue
		}
		f := goFunc{name: name, addr: t.text.Lo + VAddr(off), end: t.text.Lo + VAddr(next), off: uint32(rec),
			id: t.data[id], flg: t.data[id+1]}
		if size, n := t.pcLen(t.u32(rec+16), uint64(next-off), steps); size != 0 {
			f.end, f.exact = f.addr+VAddr(size), true
			steps -= n
		} else {
			steps -= n
		}
		t.entries = append(t.entries, f)
	}
	t.findWrapperID()
	return nil
}

func (t *pclntab) idOffset(rec uint64) uint64 {
	if t.go120 {
		return rec + 40
	}
	return rec + 36
}

// findWrapperID learns the funcID of wrappers. The number grows with each
// Go version that adds a special function, but it has always been the last
// one, the second after that of runtime.systemstack.
func (t *pclntab) findWrapperID() {
	for _, f := range t.entries {
		if f.name == "runtime.systemstack" && f.flg&funcFlagAsm != 0 && f.id > 0 && f.id < 254 {
			t.wrapper, t.hasWrapper = f.id+2, true
			return
		}
	}
}

// realWrappers have the funcID of wrappers only to be left out of stack
// traces (cmd/internal/objabi/funcid.go).
var realWrappers = runtimeNames("deferreturn runOpenDeferFrame deferCallSave reflectcallmove deferconvert")

func (t *pclntab) isWrapper(f *goFunc) bool {
	return t.hasWrapper && f.id == t.wrapper && f.flg&funcFlagAsm == 0 && !realWrappers[f.name]
}

// pcLen returns how many bytes of code the pc-value table at off describes,
// which is the function's length without padding, or 0 if that is more than
// limit or takes more than maxSteps. n is the number of steps taken.
func (t *pclntab) pcLen(off uint32, limit uint64, maxSteps int) (size uint64, n int) {
	if off == 0 {
		return 0, 0
	}
	w := t.walk(off)
	for n = 0; n < maxSteps && w.next(); n++ {
		if w.pc > limit {
			return 0, n
		}
	}
	if n == maxSteps || w.bad {
		return 0, n
	}
	return w.pc, n
}

// pcWalk steps through a pc-value table (runtime/symtab.go, step): pairs of a
// zigzag difference of the value and a difference of the pc.
type pcWalk struct {
	rest    string
	quantum uint64
	pc      uint64 // end of the current run, from the function's start
	val     int32
	started bool
	bad     bool // the table ends without its end mark
}

func (t *pclntab) walk(off uint32) pcWalk {
	w := pcWalk{quantum: t.quantum, val: -1}
	if at := t.pcs + uint64(off); at < uint64(len(t.data)) {
		w.rest = t.data[at:]
	}
	return w
}

func (w *pcWalk) next() bool {
	uv, ok := w.uvarint()
	if !ok {
		w.bad = true
		return false
	}
	if uv == 0 && w.started {
		return false
	}
	w.started = true
	dpc, ok := w.uvarint()
	if !ok {
		w.bad = true
		return false
	}
	w.val += int32(uv>>1) ^ -int32(uv&1)
	w.pc += uint64(dpc) * w.quantum
	return true
}

func (w *pcWalk) uvarint() (uint32, bool) {
	var v uint32
	for i := 0; i < len(w.rest) && i < binary.MaxVarintLen32; i++ {
		c := w.rest[i]
		v |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			w.rest = w.rest[i+1:]
			return v, true
		}
	}
	return 0, false
}

// value returns the value at pc bytes into a function, -1 if there is none.
func (t *pclntab) value(off uint32, pc uint64) int32 {
	if off == 0 {
		return -1
	}
	w := t.walk(off)
	for w.next() {
		if pc < w.pc {
			return w.val
		}
	}
	return -1
}

// line returns the source position of a, which f holds.
func (t *pclntab) line(f *goFunc, a VAddr) (string, int) {
	rec, pc := uint64(f.off), uint64(a-f.addr)
	file, line := t.value(t.u32(rec+20), pc), t.value(t.u32(rec+24), pc)
	if file < 0 || line < 0 {
		return "", 0
	}
	// _func.cuOffset indexes the uint32s of cutab, which index filetab.
	at := t.u32(t.cus + 4*(uint64(t.u32(rec+32))+uint64(file)))
	if at == ^uint32(0) {
		return "", 0
	}
	name := t.cstring(t.files + uint64(at))
	if name == "" {
		return "", 0
	}
	return name, int(line)
}

// cstring returns the string at off, "" where there is none.
func (t *pclntab) cstring(off uint64) string {
	if off >= uint64(len(t.data)) {
		return ""
	}
	s := t.data[off:min(off+maxNameLen, uint64(len(t.data)))]
	n := strings.IndexByte(s, 0)
	if n < 0 {
		return ""
	}
	return s[:n]
}
