package elfsym

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// rustABI hands out the places of arguments as rustc's own convention has
// them (rustc_target, FnAbi::adjust_for_rust_abi): a scalar takes a register,
// a pair of scalars two, anything else of up to 8 bytes one, and what is
// larger is passed by the address of a copy. It holds where nothing was
// optimised.
type rustABI struct {
	sysv  sysv
	known bool // see rustLayout
}

// rustcKnown is the oldest version whose every rule was checked.
const rustcKnown = 85

func newRustABI(version int) *rustABI {
	return &rustABI{sysv: *newSysV(), known: version >= rustcKnown}
}

// next places an argument.
func (a *rustABI) next(t *Type) (Loc, error) {
	l := rustLayout{known: a.known}
	r, err := l.of(t, 0)
	if err != nil {
		return Loc{}, err
	}
	if r.unsure == nil {
		return a.place(t, r)
	}
	other := *a
	loc, err := a.place(t, r)
	inMemory, err2 := other.place(t, rustRepr{kind: reprMemory})
	if !slices.Equal(loc.Pieces, inMemory.Pieces) || (err == nil) != (err2 == nil) {
		return Loc{}, r.unsure
	}
	return loc, err
}

func (a *rustABI) place(t *Type, r rustRepr) (Loc, error) {
	switch {
	case r.kind == reprNone:
		return Loc{}, nil
	case r.kind == reprMemory && t.Size > 8:
		return a.sysv.hidden(t.Size)
	case r.kind == reprMemory:
		return Loc{Pieces: []Piece{a.word(t.Size)}}, nil
	}
	return a.scalars(t, r.scalars)
}

// scalars places one or two scalars, each where C would pass it by itself.
func (a *rustABI) scalars(t *Type, scalars []rustScalar) (Loc, error) {
	var loc Loc
	end := int64(0)
	readable := false
	for _, s := range scalars {
		if s.off > end {
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: s.off - end})
		}
		end = s.off + s.size
		switch {
		case s.class == classFloat:
			if a.sysv.sse--; a.sysv.sse < 0 {
				return Loc{}, fmt.Errorf("%s: %w", t.Name, errUnknownABI)
			}
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: s.size})
		case s.size > 8 && len(a.sysv.regs) < 2:
			// LLVM 19 takes the registers that are left from later arguments,
			// LLVM 22 does not.
			return Loc{}, fmt.Errorf("%s: %w", t.Name, errUnknownABI)
		default:
			readable = true
			for n := s.size; n > 0; n -= 8 {
				loc.Pieces = append(loc.Pieces, a.word(min(n, 8)))
			}
		}
	}
	if !readable {
		return Loc{}, fmt.Errorf("%w: %s is passed in a vector register", ErrUnsupportedClass, t.Name)
	}
	if end < t.Size {
		loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: t.Size - end})
	}
	return loc, nil
}

// word places up to 8 bytes. Unlike C, the second half of a pair may go to the
// stack while the first is in a register.
func (a *rustABI) word(size int64) Piece {
	if len(a.sysv.regs) > 0 {
		r := a.sysv.regs[0]
		a.sysv.regs = a.sysv.regs[1:]
		return Piece{Kind: InReg, Reg: r, Size: size}
	}
	p := Piece{Kind: InMem, Reg: regRSP, Off: a.sysv.stack, Size: size}
	a.sysv.stack += 8
	return p
}

// hiddenResult reports whether a result of type t is written where a hidden
// first argument points.
func (a *rustABI) hiddenResult(t *Type) (bool, error) {
	loc, err := rustResult(t, a.known)
	if errors.Is(err, ErrUnsupportedClass) && !errors.Is(err, errUnknownABI) {
		return false, nil
	}
	return err == nil && loc.Memory(), err
}

// rustResult returns where a result of type t is at a RET. known is
// rustLayout's.
func rustResult(t *Type, known bool) (Loc, error) {
	l := rustLayout{known: known}
	r, err := l.of(t, 0)
	if err != nil {
		return Loc{}, err
	}
	loc, err := placeRustResult(t, r, known)
	if r.unsure != nil {
		inMemory, err2 := placeRustResult(t, rustRepr{kind: reprMemory}, known)
		if !slices.Equal(loc.Pieces, inMemory.Pieces) || (err == nil) != (err2 == nil) {
			return Loc{}, r.unsure
		}
	}
	return loc, err
}

func placeRustResult(t *Type, r rustRepr, known bool) (Loc, error) {
	memory := r.kind == reprMemory && t.Size > 8
	switch {
	case memory && t.Size <= 16 && !known, r.kind == reprPair && t.Size > 16 && !known:
		return Loc{}, fmt.Errorf("%s: %w", t.Name, errOldRustc)
	case memory, t.Size > 16:
		return memLoc(regRAX, 0, t.Size), nil
	}
	a := &rustABI{sysv: sysv{regs: sysvRets, sse: 2}}
	return a.place(t, r)
}

// rustResult returns where the function's result is. A function with a mangled
// name may be extern "C" all the same, so what C returns elsewhere has no
// certain place if the function contradicts rustc's convention, or if it is a
// struct that can be one of C's.
func (fn *function) rustResult() (Loc, error) {
	t := fn.result
	loc, err := rustResult(t, rustcVersion(fn.unit.producer) >= rustcKnown)
	if errors.Is(err, errUnknownABI) {
		return Loc{}, fmt.Errorf("%w: %w", ErrUnsupportedClass, err)
	}
	foreign := t.Kind == KindStruct && !t.std && !strings.HasPrefix(t.Name, "(") && !reordered(t)
	if !foreign && !fn.otherABI {
		return loc, err
	}
	if c, cErr := sysvResult(t); !samePlace(loc, err, c, cErr) {
		return Loc{}, fmt.Errorf("%w: %s: %w", ErrUnsupportedClass, t.Name, errMaybeC)
	}
	return loc, err
}

var errMaybeC = fmt.Errorf("%w: the function may be extern \"C\"", errUnknownABI)

// reordered reports whether a struct's fields do not lie in the order of the
// source, so that it is not #[repr(C)].
func reordered(t *Type) bool {
	fields, err := t.Fields()
	if err != nil {
		return false
	}
	return !slices.IsSortedFunc(substantial(fields), func(a, b Field) int { return cmp.Compare(a.Offset, b.Offset) })
}
