package elfsym

import (
	"errors"
	"fmt"
)

var (
	sysvArgs = []Reg{regRDI, regRSI, regRDX, regRCX, 8, 9}
	sysvRets = []Reg{regRAX, regRDX}
	goArgs   = []Reg{regRAX, regRBX, regRCX, regRDI, regRSI, 8, 9, 10, 11}
	// AAPCS64, section 6.4: x0 to x7. Go: internal/abi/abi_arm64.go.
	a64Args   = []Reg{0, 1, 2, 3, 4, 5, 6, 7}
	a64GoArgs = []Reg{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
)

// errABI says that a convention has no such word.
var errABI = errors.New("not passed in an integer register")

// uint64Type is the type of arguments known only by the convention.
func uint64Type() *Type { return &Type{Kind: KindUint, Name: "uint64", Size: 8} }

// ABIArg returns the n-th integer-class argument word of a function without
// debug information, counted from 0: in C, C++ and Rust by the platform's
// convention, in Go by ABIInternal. Floating-point arguments are not counted,
// and a struct or string counts as the words it is passed in.
func ABIArg(arch Arch, lang Lang, n int) (Param, error) {
	regs, err := abiRegs(arch, lang)
	if err != nil {
		return Param{}, fmt.Errorf("argument %d: %w", n, err)
	}
	p := Param{Index: n, Type: uint64Type()}
	switch {
	case n < 0 || n >= maxParams:
		return Param{}, fmt.Errorf("argument %d: %w", n, errABI)
	case n < len(regs):
		p.Loc = regLoc(regs[n], 8)
	case lang == LangGo:
		// The stack holds whole values there, so the word depends on types.
		return Param{}, fmt.Errorf("argument %d of a Go function without debug information: %w", n, ErrUnsupportedClass)
	default:
		sp, cfa := stackPointer(arch)
		p.Loc = memLoc(sp, cfa+8*int64(n-len(regs)), 8)
	}
	return p, nil
}

// ABI0Arg returns the n-th argument word of a Go assembly function, all of
// which lie on the stack.
func ABI0Arg(n int) (Param, error) {
	if n < 0 || n >= maxParams {
		return Param{}, fmt.Errorf("argument %d: %w", n, errABI)
	}
	return Param{Index: n, Type: uint64Type(), Loc: memLoc(regRSP, 8+8*int64(n), 8)}, nil
}

// ABIRet returns the n-th integer-class result word of a function without
// debug information, as it is at a RET.
func ABIRet(arch Arch, lang Lang, n int) (Param, error) {
	var regs []Reg
	var err error
	switch {
	case lang == LangGo:
		regs, err = abiRegs(arch, lang)
	case arch == AMD64:
		regs = sysvRets[:1]
	case arch == ARM64:
		regs = a64Args[:1]
	default:
		err = ErrMachine
	}
	if err == nil && (n < 0 || n >= len(regs)) {
		err = errABI
	}
	if err != nil {
		return Param{}, fmt.Errorf("result %d: %w", n, err)
	}
	return Param{Index: n, Result: true, Type: uint64Type(), Loc: regLoc(regs[n], 8)}, nil
}

func abiRegs(arch Arch, lang Lang) ([]Reg, error) {
	switch {
	case arch == AMD64 && lang == LangGo:
		return goArgs, nil
	case arch == AMD64:
		return sysvArgs, nil
	case arch == ARM64 && lang == LangGo:
		return a64GoArgs, nil
	case arch == ARM64:
		return a64Args, nil
	}
	return nil, ErrMachine
}

func regLoc(r Reg, size int64) Loc {
	return Loc{Pieces: []Piece{{Kind: InReg, Reg: r, Size: size}}}
}

func memLoc(r Reg, off, size int64) Loc {
	return Loc{Pieces: []Piece{{Kind: InMem, Reg: r, Off: off, Size: size}}}
}

// maxLeaves bounds the fields one classification looks at.
const maxLeaves = 1 << 12

// leaf is a scalar inside a value.
type leaf struct {
	off int64
	t   *Type
}

// leaves lists the scalars inside t in order. An array's elements are given
// one by one.
func leaves(t *Type) ([]leaf, error) {
	w := leafWalk{}
	if err := w.add(t, 0, 0); err != nil {
		return nil, err
	}
	return w.out, nil
}

type leafWalk struct {
	out  []leaf
	seen int
}

func (w *leafWalk) add(t *Type, off int64, depth int) error {
	if w.seen++; w.seen > maxLeaves || depth > 32 {
		return fmt.Errorf("type %s: %w", t.Name, errDeep)
	}
	switch t.Kind {
	case KindStruct, KindUnion:
		fields, err := t.Fields()
		if err != nil {
			return err
		}
		for _, f := range fields {
			if f.Type == nil || f.Type.Size == 0 {
				continue
			}
			if err := w.add(f.Type, off+f.Offset, depth+1); err != nil {
				return err
			}
		}
		return nil
	case KindArray:
		elem, err := t.Elem()
		if err != nil {
			return err
		}
		if elem == nil || elem.Size <= 0 || t.Len < 0 {
			return nil
		}
		for i := range t.Len {
			if err := w.add(elem, off+i*elem.Size, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	w.out = append(w.out, leaf{off, t})
	return nil
}

// align returns the natural alignment of t.
func align(t *Type) int64 {
	if t.Kind == KindStruct || t.Kind == KindUnion || t.Kind == KindArray {
		ls, err := leaves(t)
		n := int64(1)
		for _, l := range ls {
			n = max(n, align(l.t))
		}
		if err != nil {
			n = 8
		}
		return n
	}
	size := t.Size
	if t.Kind == KindComplex {
		size /= 2
	}
	for _, n := range []int64{1, 2, 4, 8} {
		if size <= n {
			return n
		}
	}
	switch t.Kind {
	case KindInt, KindUint, KindFloat, KindEnum, KindComplex:
		return 16
	}
	return 8
}

// stackAlign returns what t is aligned to where it is passed on the stack: to
// more than is natural where the source says so (alignas, aligned).
func stackAlign(t *Type) (int64, error) {
	w := alignWalk{align: max(8, align(t))}
	return w.align, w.add(t, 0)
}

// alignWalk is the largest alignment seen in a type.
type alignWalk struct {
	align int64
	seen  int
}

func (w *alignWalk) add(t *Type, depth int) error {
	if w.seen++; w.seen > maxLeaves || depth > 32 {
		return fmt.Errorf("type %s: %w", t.Name, errDeep)
	}
	w.align = max(w.align, t.align)
	switch t.Kind {
	case KindStruct, KindUnion:
		fields, err := t.Fields()
		if err != nil {
			return err
		}
		for _, f := range fields {
			w.align = max(w.align, f.align)
			if f.Type == nil {
				continue
			}
			if err := w.add(f.Type, depth+1); err != nil {
				return err
			}
		}
	case KindArray:
		elem, err := t.Elem()
		if err != nil || elem == nil {
			return err
		}
		return w.add(elem, depth+1)
	}
	return nil
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }
