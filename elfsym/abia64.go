package elfsym

import "fmt"

// aapcs hands out the places of arguments on arm64 (AAPCS64, section 6.8.2).
type aapcs struct {
	regs  []Reg
	vec   int
	stack int64
}

func newAAPCS() *aapcs { return &aapcs{regs: a64Args, vec: 8} }

func (a *aapcs) next(t *Type) (Loc, error) {
	if t.Kind == KindVariant || t.Kind == KindUnknown {
		return Loc{}, errUnknownABI
	}
	if t.Size == 0 {
		return Loc{}, nil
	}
	n, err := vectorMembers(t)
	if err != nil {
		return Loc{}, err
	}
	by, err := t.passes()
	if err != nil {
		return Loc{}, err
	}
	if n > 0 && by == byValue {
		if n > a.vec {
			a.vec = 0
			return a.onStack(t), nil
		}
		a.vec -= n
		return Loc{}, fmt.Errorf("%w: %s is passed in a vector register", ErrUnsupportedClass, t.Name)
	}
	if t.Size > 16 || by == byReference {
		if len(a.regs) == 0 {
			a.stack += 8
			return Loc{}, fmt.Errorf("%w: its address is passed on the stack", ErrUnsupportedClass)
		}
		loc := memLoc(a.regs[0], 0, t.Size)
		a.regs = a.regs[1:]
		return loc, nil
	}
	words := int(t.Size+7) / 8
	if words == 2 && align(t) == 16 && len(a.regs)%2 == 1 {
		a.regs = a.regs[1:] // rule C.10: an even register first
	}
	if words > len(a.regs) {
		a.regs = nil
		return a.onStack(t), nil
	}
	loc := wordLoc(a.regs, t.Size)
	a.regs = a.regs[words:]
	return loc, nil
}

func (a *aapcs) onStack(t *Type) Loc {
	a.stack = roundUp(a.stack, max(8, align(t)))
	loc := memLoc(31, a.stack, t.Size)
	a.stack += roundUp(t.Size, 8)
	return loc
}

// vectorMembers returns how many vector registers a floating-point value or
// a homogeneous aggregate takes; 0 for others.
func vectorMembers(t *Type) (int, error) {
	if t.Size > 64 {
		return 0, nil
	}
	ls, err := leaves(t)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, l := range ls {
		switch {
		case l.t.Kind == KindComplex:
			n += 2
		case l.t.Kind == KindFloat:
			n++
		default:
			return 0, nil
		}
		if l.t.Size != ls[0].t.Size {
			return 0, nil
		}
	}
	if n > 4 {
		n = 0
	}
	return n, nil
}

// aapcsResult returns where a result of type t is at a RET. x8, which holds
// the address of a large one at the entry, need not be kept.
func aapcsResult(t *Type) (Loc, error) {
	by, err := t.passes()
	if err != nil {
		return Loc{}, err
	}
	n, err := vectorMembers(t)
	switch {
	case err != nil:
		return Loc{}, err
	case n > 0 && by == byValue || t.Kind == KindVariant || t.Kind == KindUnknown:
		return Loc{}, fmt.Errorf("%w: %s is not returned in a general register", ErrUnsupportedClass, t.Name)
	case t.Size > 16 || by == byReference:
		return Loc{}, fmt.Errorf("%w: the address of %s is not kept", ErrUnsupportedClass, t.Name)
	}
	return wordLoc(a64Args, t.Size), nil
}

// wordLoc places size bytes in the first of regs.
func wordLoc(regs []Reg, size int64) Loc {
	var loc Loc
	for i := 0; size > 0; i++ {
		n := min(size, 8)
		loc.Pieces = append(loc.Pieces, Piece{Kind: InReg, Reg: regs[i], Size: n})
		size -= n
	}
	return loc
}
