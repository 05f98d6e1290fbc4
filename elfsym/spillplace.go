package elfsym

import "fmt"

// maxSpill is the most bytes of a value that are passed in registers: two
// scalars of 16.
const maxSpill = 32

// value returns where the size bytes were that the function first stored at
// an address of its frame. It is false where that is not known of all bytes;
// those that are not stored at all are padding.
func (p *prologue) value(at, size int64) (Loc, bool, error) {
	if at >= 8 {
		return memLoc(regRSP, at, size), p.settled, nil
	}
	if size <= 0 || size > maxSpill {
		return Loc{}, false, nil
	}
	var loc Loc
	readable, vector := false, false
	for i := int64(0); i < size; {
		b, stored := p.first[at+i]
		n := int64(1)
		for ; i+n < size; n++ {
			c, also := p.first[at+i+n]
			if also != stored || c.from != b.from || b.from != fromVector && stored && (c.reg != b.reg || c.at != b.at+n) {
				break
			}
		}
		piece := Piece{Kind: Missing, Size: n}
		switch {
		case !stored && !p.whole:
			return Loc{}, false, nil
		case !stored:
		case b.from == fromReg && b.at == 0:
			piece.Kind, piece.Reg, readable = InReg, b.reg, true
		case b.from == fromStack:
			piece.Kind, piece.Reg, piece.Off, readable = InMem, regRSP, b.at, true
		case b.from == fromVector:
			vector = true
		default:
			return Loc{}, false, nil
		}
		loc.Pieces = append(loc.Pieces, piece)
		i += n
	}
	if !readable && vector {
		return Loc{}, true, fmt.Errorf("%w: it is passed in a vector register", ErrUnsupportedClass)
	}
	return loc, readable, nil
}

// slot reads a location of the form "in the frame at this offset", or "where
// the pointer at this offset points", of a function whose frame base is rsp or
// rbp.
func (fn *function) slot(e die) (off int64, indirect, ok bool) {
	f := locField(e)
	if f == nil {
		return 0, false, false
	}
	expr, static := f.Val.([]byte)
	r := dwarfBytes{b: expr}
	if !static || r.fixed(1) != opFbreg {
		return 0, false, false
	}
	off = r.sleb()
	if r.left() == 1 {
		indirect = true
		r.bad = r.bad || r.fixed(1) != opDeref
	}
	return off, indirect, !r.bad && r.left() == 0
}

// spilled returns where an argument is that the function stores in its frame,
// going by what its first instructions store there: the same on every
// compiler, and whatever the calling convention. It is false where they do
// not tell.
func (fn *function) spilled(p *prologue, a *argument) (Loc, bool, error) {
	off, indirect, ok := fn.slot(a.entry)
	if !ok || p == nil {
		return Loc{}, false, nil
	}
	switch frame := fn.ctx.frame; {
	case len(frame) == 1 && frame[0] == opReg0+byte(regRSP) && p.frame.spKnown:
		off += p.frame.sp
	case len(frame) == 1 && frame[0] == opReg0+byte(regRBP) && p.frame.bpKnown:
		off += p.frame.bp
	default:
		return Loc{}, false, nil
	}
	if !indirect {
		return p.value(off, a.t.Size)
	}
	loc, ok, err := p.value(off, 8)
	if ok && err == nil {
		loc, err = behind(loc, a.t.Size)
	}
	return loc, ok, err
}

// prologue reads the function's first instructions, if it is code of rustc's
// without optimisation. Other compilers' conventions are documented, and
// optimised code says itself where arguments are.
func (fn *function) prologue() *prologue {
	if !fn.rustc() || fn.d.arch != AMD64 || !fn.plain() || fn.f.Binary == nil {
		return nil
	}
	text, err := fn.f.Binary.Text(fn.f.Addr, fn.f.Addr+VAddr(min(fn.f.Size, maxPrologue)))
	if err != nil {
		return nil
	}
	return readPrologue(text, fn.f.Addr)
}

// rustc reports whether rustc compiled the function.
func (fn *function) rustc() bool {
	return fn.unit.lang == dwLangRust || rustcVersion(fn.unit.producer) != 0
}
