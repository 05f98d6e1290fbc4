package elfsym

import (
	"errors"
	"fmt"
	"strings"
)

// class is the class of an eightbyte (System V psABI for amd64, section
// 3.2.3).
type class uint8

const (
	classNone class = iota
	classInteger
	classSSE
	classMemory
	classX87 // long double: in memory as an argument, in st0 as a result
)

// errUnknownABI says that nothing after a value can be placed either.
var errUnknownABI = errors.New("the compiler's calling convention for it is not stable")

// classify returns the classes of t's eightbytes; one classMemory or classX87
// stands for the whole value.
func classify(t *Type) ([]class, error) {
	by, err := t.passes()
	switch {
	case err != nil:
		return nil, err
	case by == byReference:
		return []class{classMemory}, nil
	case t.Kind == KindComplex && t.Size > 16, t.Kind == KindFloat && strings.Contains(t.Name, "long double"):
		return []class{classX87}, nil
	case t.vector && (t.Size == 8 || t.Size == 16 || t.Size == 32 || t.Size == 64):
		return []class{classSSE}, nil
	case t.Kind == KindFloat && t.Size == 16:
		return []class{classSSE}, nil // __float128
	case t.Size > 16:
		return []class{classMemory}, nil
	case t.Size == 0:
		return nil, nil
	}
	ls, err := leaves(t)
	if err != nil {
		return nil, err
	}
	out := make([]class, (t.Size+7)/8)
	for _, l := range ls {
		if err := addLeaf(out, l); err != nil {
			return nil, err
		}
		if out[0] == classMemory {
			return out[:1], nil
		}
	}
	return out, nil
}

// addLeaf merges a scalar's class into the eightbytes it touches.
func addLeaf(out []class, l leaf) error {
	c := classInteger
	switch {
	case l.t.Kind == KindFloat && l.t.Size > 8 && strings.Contains(l.t.Name, "long double"):
		c = classMemory
	case l.t.Kind == KindFloat || l.t.Kind == KindComplex || l.t.vector:
		c = classSSE
	}
	if l.off < 0 || l.t.Size <= 0 || l.off+l.t.Size > 8*int64(len(out)) {
		return fmt.Errorf("%w: field of type %s lies outside its struct", ErrMalformed, l.t.Name)
	}
	if l.off%align(l.t) != 0 {
		c = classMemory // packed
	}
	for i := l.off / 8; i <= (l.off+l.t.Size-1)/8; i++ {
		switch {
		case c == classMemory:
			out[0] = classMemory
		case out[i] == classNone, c == classInteger:
			out[i] = c
		}
	}
	return nil
}

// maxAlign bounds alignments: gcc and clang take none above 2^28.
const maxAlign = 1 << 28

// sysv hands out the places of arguments on amd64.
type sysv struct {
	regs  []Reg // integer registers left
	sse   int   // vector registers left
	stack int64 // offset of the next stack argument from rsp at the entry
}

func newSysV() *sysv { return &sysv{regs: sysvArgs, sse: 8, stack: 8} }

// next places an argument.
func (a *sysv) next(t *Type) (Loc, error) {
	if by, err := t.passes(); err != nil || by == byReference {
		if err != nil {
			return Loc{}, err
		}
		return a.hidden(t.Size)
	}
	if t.Kind == KindVariant || t.Kind == KindUnknown {
		return Loc{}, errUnknownABI
	}
	cs, err := classify(t)
	if err != nil {
		return Loc{}, err
	}
	ints, sses := 0, 0
	memory := false
	for _, c := range cs {
		switch c {
		case classInteger:
			ints++
		case classSSE:
			sses++
		case classMemory, classX87:
			memory = true
		}
	}
	if memory || ints > len(a.regs) || sses > a.sse {
		return a.onStack(t)
	}
	if len(cs) == 0 {
		return Loc{}, nil
	}
	var loc Loc
	for i, c := range cs {
		size := min(8, t.Size-8*int64(i))
		switch c {
		case classInteger:
			loc.Pieces = append(loc.Pieces, Piece{Kind: InReg, Reg: a.regs[0], Size: size})
			a.regs = a.regs[1:]
		default:
			if c == classSSE {
				a.sse--
			}
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: size})
		}
	}
	if ints == 0 {
		return Loc{}, fmt.Errorf("%w: %s is passed in a vector register", ErrUnsupportedClass, t.Name)
	}
	return loc, nil
}

// hidden places a value that is passed by the address of a copy.
func (a *sysv) hidden(size int64) (Loc, error) {
	if len(a.regs) == 0 {
		a.stack += 8
		return Loc{}, fmt.Errorf("%w: its address is passed on the stack", ErrUnsupportedClass)
	}
	loc := memLoc(a.regs[0], 0, size)
	a.regs = a.regs[1:]
	return loc, nil
}

func (a *sysv) onStack(t *Type) (Loc, error) {
	to, err := stackAlign(t)
	if err != nil {
		return Loc{}, err
	}
	if to > maxAlign {
		return Loc{}, fmt.Errorf("%w: %s is aligned to %d bytes", ErrMalformed, t.Name, to)
	}
	a.stack = roundUp(a.stack-8, to) + 8
	loc := memLoc(regRSP, a.stack, t.Size)
	a.stack += roundUp(t.Size, 8)
	return loc, nil
}

// returnsInMemory reports whether a result of type t is written where a hidden
// first argument points.
func returnsInMemory(t *Type) (bool, error) {
	cs, err := classify(t)
	return len(cs) == 1 && cs[0] == classMemory, err
}

// sysvResult returns where a result of type t is at a RET.
func sysvResult(t *Type) (Loc, error) {
	if t.Kind == KindVariant || t.Kind == KindUnknown {
		return Loc{}, fmt.Errorf("%w: %w", ErrUnsupportedClass, errUnknownABI)
	}
	cs, err := classify(t)
	if err != nil {
		return Loc{}, err
	}
	if len(cs) == 1 && cs[0] == classMemory {
		return memLoc(regRAX, 0, t.Size), nil
	}
	var loc Loc
	ints := 0
	for i, c := range cs {
		size := min(8, t.Size-8*int64(i))
		if c == classInteger {
			loc.Pieces = append(loc.Pieces, Piece{Kind: InReg, Reg: sysvRets[ints], Size: size})
			ints++
		} else {
			loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: size})
		}
	}
	if ints == 0 && len(cs) > 0 {
		return Loc{}, fmt.Errorf("%w: %s is returned in a floating-point register", ErrUnsupportedClass, t.Name)
	}
	return loc, nil
}
