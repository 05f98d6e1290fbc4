package elfsym

import (
	"encoding/binary"
	"fmt"
)

// The tables of a Go function that tell what was inlined into it
// (internal/abi, symtab.go; the same from Go 1.18 to 1.26).
const (
	pcdataInlTree   = 2 // PCDATA_InlTreeIndex
	funcdataInlTree = 3 // FUNCDATA_InlTree
)

// goFrames returns the levels at a that Go's function table tells, none where
// it does not know what was inlined there.
func (b *Binary) goFrames(a VAddr) []Frame {
	t, err := b.pcln()
	if err != nil || t.gofunc == 0 {
		return nil
	}
	f := t.at(a)
	if f == nil {
		return nil
	}
	var frames []Frame
	for len(frames) < maxNesting {
		file, line := t.line(f, a)
		call, err := b.inlinedCall(t, f, a)
		if err != nil {
			return nil
		}
		if call == nil {
			return append(frames, Frame{Func: f.name, File: file, Line: line})
		}
		frames = append(frames, Frame{Func: call.name, File: file, Line: line, Inlined: true})
		a = call.at
	}
	return nil // a call inside of itself
}

// inlinedCall is a record of a function's inline tree.
type inlinedCall struct {
	name string
	at   VAddr // an instruction whose source position is the call's
}

// inlinedCall returns the innermost inlined call that a, which f holds, is
// inside of (runtime/symtabinl.go); nil where a is f's own.
func (b *Binary) inlinedCall(t *pclntab, f *goFunc, a VAddr) (*inlinedCall, error) {
	rec := uint64(f.off)
	npcdata, own := uint64(t.u32(rec+28)), t.idOffset(rec)
	nfuncdata := uint64(t.u32(own) >> 24)
	if npcdata <= pcdataInlTree || nfuncdata <= funcdataInlTree {
		return nil, nil
	}
	i := t.value(t.u32(own+4+4*pcdataInlTree), uint64(a-f.addr))
	tree := t.u32(own + 4 + 4*npcdata + 4*funcdataInlTree)
	if i < 0 || tree == ^uint32(0) {
		return nil, nil
	}
	// Go 1.18 and 1.19: int16 parent, uint8 funcID, pad, int32 file, line,
	// func_, parentPc. Since Go 1.20: uint8 funcID, pad, int32 nameOff,
	// parentPc, startLine.
	size, name := VAddr(20), 12
	if t.go120 {
		size, name = 16, 4
	}
	raw, err := b.Read(t.gofunc+VAddr(tree)+VAddr(i)*size, int(size))
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	call := &inlinedCall{t.name(uint64(le.Uint32(raw[name:]))), f.addr + VAddr(le.Uint32(raw[name+4:]))}
	if call.name == "" || !f.holds(call.at) {
		return nil, fmt.Errorf("%w: inline tree of %s", ErrMalformed, f.name)
	}
	return call, nil
}

func (f *goFunc) holds(a VAddr) bool { return a >= f.addr && a < f.end }

// name returns the function name at off, "" where there is none.
func (t *pclntab) name(off uint64) string {
	return t.cstring(t.names + off)
}
