package elfsym

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// goParams are the receiver, parameters and results of a Go function, and what
// it has captured. Go's calling convention, which the compiler never departs
// from, tells where they are, provided that the debug information lists them
// all. That agrees on the places it knows, and the function table on the size of
// the area that the caller leaves for them.
func (fn *function) goParams() ([]Param, error) {
	fn.markCaptured()
	params := fn.mergeGo(fn.placeGo())
	if slices.ContainsFunc(params, func(p Param) bool { return p.Captured }) {
		return params, nil // A literal that is called where it stands has no context.
	}
	captured, err := fn.captured()
	return append(params, captured...), err
}

var (
	errContradicts = errors.New("the calling convention contradicts the debug information")
	errUnlisted    = errors.New("the debug information leaves out a parameter")
)

// placeGo assigns places to the parameters and results. The error says why the
// assignment is not to be trusted.
func (fn *function) placeGo() (goAssignment, error) {
	abi0 := fn.f.Has(ABI0)
	var tries []goAssignment
	dicts := fn.dictPlaces()
	for _, dict := range dicts {
		a := fn.assignGo(dict, abi0)
		a.guess = dict >= 0 && dicts[0] < 0
		tries = append(tries, a)
	}
	if !abi0 {
		// Functions that assembly calls are compiled for ABI0, too.
		tries = append(tries, fn.assignGo(-1, true))
	}
	width, known := fn.argWidth()
	var best *goAssignment
	for i := range tries {
		a := &tries[i]
		if !known {
			a.differ += a.homes
		}
		// Without evidence it is not the exception from the rule.
		exception := i > 0 && i == len(tries)-1 && !abi0
		if a.err != nil || known && a.width != width || exception && a.agree <= a.differ {
			continue
		}
		if best == nil || a.agree-a.differ > best.agree-best.differ {
			best = a
		}
	}
	switch first := tries[0]; {
	case best == nil && first.err != nil:
		return goAssignment{}, first.err
	case best == nil:
		return first, errUnlisted
	case best.differ > 0 && (!known || best.agree <= best.differ):
		return goAssignment{}, errContradicts
	}
	// Where the size proves that all is listed, another place is a mistake of
	// the debug information: where code is reached with either of two values,
	// it may put one into the other's register even at the entry (seen in
	// net.newTCPConn of Go 1.26).
	return *best, nil
}

// goAssignment is where the convention puts parameters, then results.
type goAssignment struct {
	places []Param
	// agree and differ count the parameters for which the debug information
	// says the same or something else, homes those of which it gives only the
	// place on the stack where the registers are stored later.
	agree, differ, homes int
	// width is the size in bytes of the area that the caller leaves.
	width int64
	// guess tells that a dictionary is passed in an unusual place, so that
	// nothing can be said of what the debug information does not place.
	guess bool
	err   error
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
		// Closures take it from what they have captured, unless they are
		// called where they stand: then it is passed behind that.
		places := []int{-1}
		for n := range min(len(fn.args)+1, maxDictPlaces) {
			places = append(places, n)
		}
		return places
	}
	if minor := fn.unit.goMinor(); minor > 0 && minor < 20 {
		return []int{0, 1, -1}
	}
	return []int{1, 0, -1} // behind a method's receiver
}

// maxDictPlaces bounds how many places are tried.
const maxDictPlaces = 32

// goMinor returns the x of the compiler's version go1.x, 0 if unknown.
func (u *dwarfUnit) goMinor() int {
	_, after, found := strings.Cut(u.producer, "go1.")
	if !found {
		return 0
	}
	minor, err := strconv.Atoi(after[:len(after)-len(strings.TrimLeft(after, "0123456789"))])
	if err != nil {
		return 0
	}
	return minor
}

// argWidth returns the size in bytes of the area that the function's callers
// leave for its arguments, as the function table has it.
func (fn *function) argWidth() (int64, bool) {
	if fn.d.image == nil {
		return 0, false
	}
	t, err := fn.d.image.pcln()
	if err != nil {
		return 0, false
	}
	f := t.at(fn.f.Addr)
	if f == nil || f.addr != fn.f.Addr {
		return 0, false
	}
	width := int64(int32(t.u32(uint64(f.off) + 8)))
	return width, width >= 0
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
		case a.loc.Memory() && !p.Loc.Memory():
			out.homes++
		default:
			out.differ++
		}
		out.places = append(out.places, p)
	}
	if n == dict {
		place(uint64Type())
	}
	spill := abi.spill
	abi.reset(abi0)
	for _, a := range fn.args {
		if a.result {
			out.places = append(out.places, place(a.t))
		}
	}
	out.width = abi.width(spill)
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

// mergeGo combines what the debug information and the convention say. Where the
// assignment is not sound, a parameter is where the debug information says, if
// that is a register; and without all parameters none has a known index.
func (fn *function) mergeGo(byABI goAssignment, sound error) []Param {
	args := slices.DeleteFunc(slices.Clone(fn.args), func(a argument) bool { return a.result })
	registers := slices.ContainsFunc(args, func(a argument) bool { return a.err == nil && inRegister(a.loc) })
	args = append(args, slices.DeleteFunc(slices.Clone(fn.args), func(a argument) bool { return !a.result })...)
	var params, results, captured []Param
	for i, a := range args {
		if a.implicit {
			continue
		}
		p := Param{Name: goParamName(a.name), Result: a.result, Captured: a.captured, Type: a.t, Loc: a.loc, Err: a.err}
		switch {
		case sound == nil && byABI.guess && !a.result && a.err != nil:
		case sound == nil:
			p.Loc, p.Err = byABI.places[i].Loc, byABI.places[i].Err
		case a.result && sound == errUnlisted && registers && !byABI.places[i].Loc.Memory():
			// Results are placed as if there were no parameters, except on
			// the stack.
			p.Loc, p.Err = byABI.places[i].Loc, byABI.places[i].Err
		case a.result, p.Err == nil && p.Loc.Memory():
			// A place on the stack may be the one where a register is
			// stored later.
			p.Err = fmt.Errorf("%w: %w", ErrOptimizedOut, sound)
		}
		if p.Err != nil {
			p.Loc = Loc{}
		}
		switch {
		case a.result:
			p.Index = len(results)
			results = append(results, p)
		case a.captured:
			p.Index = len(captured)
			p.Name, p.ByRef = strings.CutPrefix(p.Name, "&")
			captured = append(captured, p)
		default:
			if p.Index = len(params); sound == errUnlisted {
				p.Index = -1
			}
			params = append(params, p)
		}
	}
	return slices.Concat(params, results, captured)
}

func inRegister(l Loc) bool {
	return slices.ContainsFunc(l.Pieces, func(p Piece) bool { return p.Kind == InReg })
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
