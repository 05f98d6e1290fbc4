package elfsym

import "fmt"

// rustABI hands out the places of arguments as rustc's own convention has them
// without optimisation: a scalar takes a register, a pair of scalars two, a
// value of more than two words is passed by address. Aggregates between are
// passed in ways that differ between versions, and end what is known.
type rustABI struct{ sysv sysv }

func newRustABI() *rustABI { return &rustABI{sysv: *newSysV()} }

func (a *rustABI) next(t *Type) (Loc, error) {
	if t.Size == 0 {
		return Loc{}, nil
	}
	ls, err := rustLeaves(t)
	if err != nil {
		return Loc{}, err
	}
	if len(ls) == 0 {
		return a.sysv.hidden(t.Size)
	}
	var loc Loc
	end, ints := int64(0), 0
	for _, l := range ls {
		if l.off > end {
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: l.off - end})
		}
		end = l.off + l.t.Size
		if l.t.Kind == KindFloat {
			a.sysv.sse--
			if a.sysv.sse < 0 {
				return Loc{}, errUnknownABI
			}
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: l.t.Size})
			continue
		}
		for size := l.t.Size; size > 0; size -= 8 {
			ints++
			p, err := a.word(min(size, 8))
			if err != nil {
				return Loc{}, err
			}
			loc.Pieces = append(loc.Pieces, p)
		}
	}
	if ints == 0 {
		return Loc{}, fmt.Errorf("%w: %s is passed in a vector register", ErrUnsupportedClass, t.Name)
	}
	if end < t.Size {
		loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: t.Size - end})
	}
	return loc, nil
}

// word places one word. Unlike C, the second half of a pair may go to the
// stack while the first is in a register.
func (a *rustABI) word(size int64) (Piece, error) {
	if len(a.sysv.regs) > 0 {
		r := a.sysv.regs[0]
		a.sysv.regs = a.sysv.regs[1:]
		return Piece{Kind: InReg, Reg: r, Size: size}, nil
	}
	p := Piece{Kind: InMem, Reg: regRSP, Off: a.sysv.stack, Size: size}
	a.sysv.stack += 8
	return p, nil
}

// rustLeaves lists the one or two scalars of a value that is passed in
// registers; none for a value passed by address.
func rustLeaves(t *Type) ([]leaf, error) {
	if t.Kind == KindStr || t.Kind == KindSlice {
		return []leaf{{0, uint64Type()}, {8, uint64Type()}}, nil
	}
	if t.Kind == KindVariant || t.Kind == KindUnion || t.Kind == KindArray || t.Kind == KindUnknown {
		if t.Size > 16 {
			return nil, nil
		}
		return nil, fmt.Errorf("%s: %w", t.Name, errUnknownABI)
	}
	ls, err := leaves(t)
	if err != nil {
		return nil, err
	}
	var out []leaf
	for _, l := range ls {
		switch l.t.Kind {
		case KindStr, KindSlice:
			out = append(out, leaf{l.off, uint64Type()}, leaf{l.off + 8, uint64Type()})
			continue
		case KindVariant, KindUnknown:
			if t.Size <= 16 {
				return nil, fmt.Errorf("%s: %w", t.Name, errUnknownABI)
			}
		}
		out = append(out, l)
	}
	switch {
	case len(out) == 1, len(out) == 2 && !hasArray(t, 0):
		if len(out) == 2 && out[1].off < out[0].off {
			out[0], out[1] = out[1], out[0]
		}
		return out, nil
	case t.Size > 16:
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %w", t.Name, errUnknownABI)
}

// hasArray reports whether t holds an array or a union, whose elements are not
// scalars of their own.
func hasArray(t *Type, depth int) bool {
	if t.Kind == KindArray || t.Kind == KindUnion || depth > 8 {
		return true
	}
	if t.Kind != KindStruct {
		return false
	}
	fields, err := t.Fields()
	if err != nil {
		return true
	}
	for _, f := range fields {
		if f.Type != nil && f.Type.Size > 0 && hasArray(f.Type, depth+1) {
			return true
		}
	}
	return false
}

// rustResult returns where a result of type t is at a RET.
func rustResult(t *Type) (Loc, error) {
	if t.Size == 0 {
		return Loc{}, nil
	}
	ls, err := rustLeaves(t)
	if err != nil {
		return Loc{}, fmt.Errorf("%w: %w", ErrUnsupportedClass, err)
	}
	if len(ls) == 0 {
		return memLoc(regRAX, 0, t.Size), nil
	}
	a := &rustABI{sysv: sysv{regs: sysvRets, sse: 2}}
	return a.next(t)
}
