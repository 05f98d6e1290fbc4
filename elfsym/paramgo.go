package elfsym

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// goParams are the receiver, parameters and results of a Go function. The
// places come from the debug information; what it leaves out (blank and
// unused parameters, results) is filled in by Go's calling convention, which
// the compiler never departs from, provided that it agrees with the debug
// information on all the others.
func (fn *function) goParams() ([]Param, error) {
	abi0 := fn.f.Has(ABI0)
	tries := []goAssignment{}
	for _, dict := range fn.dictPlaces() {
		tries = append(tries, fn.assignGo(dict, abi0))
	}
	// Functions that assembly calls are compiled for ABI0, too.
	tries = append(tries, fn.assignGo(-1, true))
	for _, a := range tries {
		if a.err == nil && a.differ == 0 {
			return fn.mergeGo(a.places, nil), nil
		}
	}
	first := tries[0]
	if first.err == nil {
		first.err = errors.New("the calling convention contradicts the debug information")
	}
	return fn.mergeGo(nil, first.err), nil
}

// goAssignment is where the convention puts parameters, then results.
type goAssignment struct {
	places []Param
	// agree and differ count the parameters for which the debug information
	// says the same or something else.
	agree, differ int
	err           error
}

// dictPlaces lists before which parameter a generic function's dictionary may
// be passed, the likeliest first; -1 for none. Optimised code has no entry for
// the dictionary.
func (fn *function) dictPlaces() []int {
	name := fn.f.Symbol
	if !strings.Contains(name, "[go.shape.") || fn.hasDict() {
		return []int{-1}
	}
	switch method := behindBrackets(name); {
	case method == "":
		return []int{0, -1}
	case strings.Contains("."+method, ".func"), strings.ContainsAny(method, "-·"), strings.Contains(method, "wrap"):
		// Closures take it from what they have captured.
		return []int{-1, 0, 1}
	}
	return []int{1, 0, -1} // behind a method's receiver
}

// assignGo places all parameters, then all results. Dict is the parameter in
// front of which a dictionary is passed, or -1.
func (fn *function) assignGo(dict int, abi0 bool) (out goAssignment) {
	abi := newGoABI(fn.d.arch, abi0)
	place := func(t *Type) (p Param) {
		if out.err == nil {
			if p.Loc, p.Err = abi.next(t); !errors.Is(p.Err, ErrUnsupportedClass) {
				out.err = p.Err
			}
		}
		return p
	}
	n := 0
	for i, a := range fn.args {
		if a.result {
			continue
		}
		if n == dict {
			place(uint64Type())
		}
		n++
		p := place(a.t)
		switch {
		case a.err != nil || len(a.loc.Pieces) == 0:
		case sameLoc(a.loc, p.Loc):
			out.agree++
		case p.Err == nil && fn.sharesPlace(i):
		default:
			out.differ++
		}
		out.places = append(out.places, p)
	}
	if n == dict {
		place(uint64Type())
	}
	abi.reset(abi0)
	for _, a := range fn.args {
		if a.result {
			out.places = append(out.places, place(a.t))
		}
	}
	return out
}

// sharesPlace reports whether the debug information puts another parameter
// where it puts the i-th. Where code knows that two parameters are equal, as
// behind x == y in math/big.(*Int).And, the compiler (seen in Go 1.26) gives
// one the other's place even at the entry.
func (fn *function) sharesPlace(i int) bool {
	for j, a := range fn.args {
		if j != i && !a.result && a.err == nil && len(a.loc.Pieces) > 0 && slices.Equal(a.loc.Pieces, fn.args[i].loc.Pieces) {
			return true
		}
	}
	return false
}

// mergeGo combines what the debug information and the convention say. byABI
// has the parameters, then the results.
func (fn *function) mergeGo(byABI []Param, sound error) []Param {
	args := slices.Clone(fn.args)
	slices.SortStableFunc(args, func(a, b argument) int {
		switch {
		case a.result == b.result:
			return 0
		case b.result:
			return -1
		}
		return 1
	})
	var out []Param
	params, results := 0, 0
	for i, a := range args {
		if a.implicit {
			continue
		}
		p := Param{Name: goParamName(a.name), Result: a.result, Type: a.t, Loc: a.loc, Err: a.err}
		if a.result {
			p.Index = results
			results++
		} else {
			p.Index = params
			params++
		}
		switch {
		case sound == nil:
			p.Loc, p.Err = byABI[i].Loc, byABI[i].Err
		case a.result, p.Err == nil && p.Loc.Memory():
			// A place on the stack may be the one where a register is
			// stored later.
			p.Err = fmt.Errorf("%w: %w", ErrOptimizedOut, sound)
		}
		if p.Err != nil {
			p.Loc = Loc{}
		}
		out = append(out, p)
	}
	return out
}

// goParamName returns the source's name: the compiler calls what has none ~p0,
// ~r0, or ~b0 and _ where it is blank.
func goParamName(name string) string {
	if name == "_" || strings.HasPrefix(name, "~") {
		return ""
	}
	return name
}

func (fn *function) hasDict() bool {
	return slices.ContainsFunc(fn.args, func(a argument) bool { return a.name == ".dict" })
}

// behindBrackets returns what follows the type arguments in a generic
// function's name: "" for a function main.F[go.shape.int], "M" for a method
// main.(*T[go.shape.int]).M.
func behindBrackets(name string) string {
	depth := 0
	for i := strings.Index(name, "[go.shape."); i < len(name); i++ {
		switch name[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return strings.TrimLeft(name[i+1:], ").")
			}
		}
	}
	return ""
}

// sameLoc reports whether the debug information's place for a value agrees
// with the convention's.
func sameLoc(info, abi Loc) bool {
	if len(abi.Pieces) == 0 {
		return true // a value of no size, or in vector registers
	}
	return sameOffsets(info, abi) || sameOrder(info, abi)
}

// sameOffsets compares the pieces at the same bytes.
func sameOffsets(info, abi Loc) bool {
	off := int64(0)
	for _, p := range info.Pieces {
		if p.Kind == InReg || p.Kind == InMem {
			q, ok := pieceAt(abi, off)
			if !ok || q.Kind != p.Kind || q.Reg != p.Reg || q.Off != p.Off {
				return false
			}
		}
		off += p.Size
	}
	return true
}

// sameOrder compares the pieces that can be read, one by one: the compiler
// leaves padding out of its lists (cmd/compile/internal/ssa/debug.go).
func sameOrder(info, abi Loc) bool {
	readable := func(l Loc) []Piece {
		return slices.DeleteFunc(slices.Clone(l.Pieces), func(p Piece) bool { return p.Kind == Missing })
	}
	return slices.Equal(readable(info), readable(abi))
}

// pieceAt returns what l has at byte off, as a piece that begins there.
func pieceAt(l Loc, off int64) (Piece, bool) {
	for _, p := range l.Pieces {
		if off < p.Size {
			if p.Kind == InReg && off != 0 {
				return Piece{}, false
			}
			if p.Kind == InMem {
				p.Off += off
			}
			return p, true
		}
		off -= p.Size
	}
	return Piece{}, false
}
