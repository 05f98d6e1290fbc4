package elfsym

import "fmt"

// goABI hands out the places of a Go function's receiver, parameters and
// results (Go's internal ABI specification, "Function call argument and result
// passing"): a value is all in registers or all on the stack.
type goABI struct {
	arch   Arch
	ints   []Reg
	floats int
	stack  int64 // end of the stack-assigned values, from the first one's place
	spill  int64 // size of the area in which the callee may store what is in registers
}

// newGoABI begins an assignment. abi0 puts everything on the stack.
func newGoABI(arch Arch, abi0 bool) *goABI {
	a := &goABI{arch: arch}
	a.reset(abi0)
	return a
}

// reset makes all registers free again, as they are for the results, which
// follow the parameters on the stack at a word boundary.
func (a *goABI) reset(abi0 bool) {
	a.stack = roundUp(a.stack, 8)
	a.ints, a.floats = nil, 0
	switch {
	case abi0:
	case a.arch == ARM64:
		a.ints, a.floats = a64GoArgs, 16
	default:
		a.ints, a.floats = goArgs, 15
	}
}

// next places a value of type t.
func (a *goABI) next(t *Type) (Loc, error) {
	ls, ok, err := goLeaves(t)
	if err != nil {
		return Loc{}, err
	}
	ints, floats := 0, 0
	for _, l := range ls {
		if l.t.Kind == KindFloat {
			floats++
		} else {
			ints++
		}
	}
	if !ok || ints > len(a.ints) || floats > a.floats {
		return a.onStack(t), nil
	}
	if t.Size == 0 {
		// It takes no register but aligns what follows it on the stack.
		a.stack = roundUp(a.stack, align(t))
		return Loc{}, nil
	}
	a.spill = roundUp(a.spill, align(t)) + t.Size
	var loc Loc
	end := int64(0)
	for _, l := range ls {
		if l.off > end {
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: l.off - end}) // padding
		}
		end = l.off + l.t.Size
		if l.t.Kind == KindFloat {
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: l.t.Size})
			a.floats--
			continue
		}
		loc.Pieces = append(loc.Pieces, Piece{Kind: InReg, Reg: a.ints[0], Size: l.t.Size})
		a.ints = a.ints[1:]
	}
	if end < t.Size {
		loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: t.Size - end})
	}
	if ints == 0 {
		return Loc{}, fmt.Errorf("%w: %s is passed in a floating-point register", ErrUnsupportedClass, t.Name)
	}
	return loc, nil
}

// width returns the size in bytes of the area that a caller leaves: for what is
// on the stack, then for storing the parameters in registers, spill bytes.
func (a *goABI) width(spill int64) int64 { return roundUp(a.stack, 8) + roundUp(spill, 8) }

func (a *goABI) onStack(t *Type) Loc {
	// On arm64 the word at SP is for the return address too.
	sp, _ := stackPointer(a.arch)
	a.stack = roundUp(a.stack, align(t))
	loc := memLoc(sp, 8+a.stack, t.Size)
	a.stack += t.Size
	return loc
}

// goLeaves lists the scalars of a Go value, each of which takes a register.
// It is false for values that always lie on the stack: those with an array of
// more than one element.
func goLeaves(t *Type) ([]leaf, bool, error) {
	w := goWalk{ok: true}
	err := w.add(t, 0, 0)
	return w.out, w.ok, err
}

type goWalk struct {
	out  []leaf
	ok   bool
	seen int
}

func (w *goWalk) add(t *Type, off int64, depth int) error {
	if w.seen++; w.seen > maxLeaves || depth > 32 {
		return fmt.Errorf("type %s: %w", t.Name, errDeep)
	}
	word := func(n int64) {
		for i := range n {
			w.out = append(w.out, leaf{off + 8*i, uint64Type()})
		}
	}
	switch t.Kind {
	case KindString, KindInterface:
		word(2)
	case KindSlice:
		word(3)
	case KindComplex:
		half := &Type{Kind: KindFloat, Size: t.Size / 2}
		w.out = append(w.out, leaf{off, half}, leaf{off + half.Size, half})
	case KindArray:
		elem, err := t.Elem()
		switch {
		case err != nil:
			return err
		case t.Len == 0 || elem == nil:
		case t.Len != 1:
			w.ok = false
		default:
			return w.add(elem, off, depth+1)
		}
	case KindStruct:
		fields, err := t.Fields()
		if err != nil {
			return err
		}
		for _, f := range fields {
			if err := w.add(f.Type, off+f.Offset, depth+1); err != nil {
				return err
			}
			if !w.ok {
				return nil
			}
		}
	case KindVoid:
	default:
		w.out = append(w.out, leaf{off, t})
	}
	return nil
}
