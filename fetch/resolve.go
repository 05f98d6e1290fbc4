package fetch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/latchprof/latch/elfsym"
)

// An Env is the function an expression is compiled for.
type Env struct {
	Arch elfsym.Arch
	Lang elfsym.Lang
	// Params are the function's parameters and results from its debug
	// information; nil where there is none.
	Params []elfsym.Param
	// NoParams says why Params is nil.
	NoParams error
	// StrLen is how many bytes of a string are kept. 0 means 64.
	StrLen int
}

// phase is when a value can be read.
type phase uint8

const (
	atEntry phase = iota
	atExit
)

// A value is a typed operand and where it is.
type value struct {
	typ  *elfsym.Type
	loc  elfsym.Loc
	when phase
	// text says that the value is to be read as a string: ptr and, where
	// hasLen is set, length words in loc.
	text      bool
	hasLen    bool
	signedLen bool
}

var word = &elfsym.Type{Kind: elfsym.KindUint, Name: "uint64", Size: 8}

// resolver types one expression for one function.
type resolver struct {
	expr *Expr
	env  *Env
}

func (r *resolver) resolve(n ast.Expr) (value, error) {
	switch n := n.(type) {
	case *ast.ParenExpr:
		return r.resolve(n.X)
	case *ast.Ident:
		return r.name(n)
	case *ast.CallExpr:
		return r.call(n)
	case *ast.BasicLit:
		return r.literal(n)
	}
	return value{}, r.expr.nodeError(n, nil, "only a parameter, argN, retN and str() can be read here")
}

func (r *resolver) literal(n *ast.BasicLit) (value, error) {
	if n.Kind != token.INT {
		return value{}, r.expr.nodeError(n, nil, "%s is not a parameter", n.Value)
	}
	v, err := strconv.ParseUint(n.Value, 0, 64)
	if err != nil {
		return value{}, r.expr.nodeError(n, nil, "%s does not fit 64 bits", n.Value)
	}
	loc := elfsym.Loc{Pieces: []elfsym.Piece{{Kind: elfsym.Const, Value: v, Size: 8}}}
	return value{typ: word, loc: loc}, nil
}

// name finds a parameter by its name, then argN and ret.
func (r *resolver) name(n *ast.Ident) (value, error) {
	for i := range r.env.Params {
		if p := &r.env.Params[i]; p.Name == n.Name {
			return r.param(n, p)
		}
	}
	if index, ok := numbered(n.Name, "arg"); ok {
		return r.positional(n, index, false)
	}
	if n.Name == "ret" {
		return r.positional(n, 0, true)
	}
	if index, ok := numbered(n.Name, "ret"); ok {
		return r.positional(n, index, true)
	}
	if r.env.Params == nil {
		why := r.env.NoParams
		if why == nil {
			why = elfsym.ErrNoDebugInfo
		}
		return value{}, r.expr.nodeError(n, why, "no parameter names are known here (%v): use arg0, arg1, … or ret", why)
	}
	return value{}, r.expr.nodeError(n, nil, "no parameter %q: there %s", n.Name, r.known())
}

// numbered splits "arg3" into 3.
func numbered(name, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok || digits == "" || len(digits) > 2 {
		return 0, false
	}
	index, err := strconv.Atoi(digits)
	return index, err == nil && index >= 0
}

// positional finds argN or retN: by the debug information where there is some,
// as an ordinal is not a register, or else by the platform's ABI.
func (r *resolver) positional(n *ast.Ident, index int, result bool) (value, error) {
	if r.env.Params != nil {
		for i := range r.env.Params {
			if p := &r.env.Params[i]; p.Result == result && p.Index == index {
				return r.param(n, p)
			}
		}
		return value{}, r.expr.nodeError(n, nil, "no %s: there %s", n.Name, r.known())
	}
	find := elfsym.ABIArg
	if result {
		find = elfsym.ABIRet
	}
	p, err := find(r.env.Arch, r.env.Lang, index)
	if err != nil {
		return value{}, r.expr.nodeError(n, err, "%s: %v", n.Name, err)
	}
	p.Result = result
	return r.param(n, &p)
}

func (r *resolver) param(n *ast.Ident, p *elfsym.Param) (value, error) {
	if p.Err != nil {
		return value{}, r.expr.nodeError(n, p.Err, "%s cannot be read: %v", n.Name, p.Err)
	}
	v := value{typ: p.Type, loc: p.Loc}
	if v.typ == nil {
		v.typ = word
	}
	if p.Result {
		v.when = atExit
	}
	for _, piece := range p.Loc.Pieces {
		if piece.Kind == elfsym.Missing && !isString(v.typ) {
			return value{}, r.expr.nodeError(n, elfsym.ErrOptimizedOut, "%s cannot be read: %v", n.Name, elfsym.ErrOptimizedOut)
		}
	}
	return v, nil
}

// known lists the names that exist, for messages.
func (r *resolver) known() string {
	var names []string
	for i := range r.env.Params {
		p := &r.env.Params[i]
		switch {
		case p.Result && p.Index == 0 && p.Name == "":
			names = append(names, "ret")
		case p.Name != "" && p.Name != "_":
			names = append(names, p.Name)
		case !p.Result:
			names = append(names, fmt.Sprintf("arg%d", p.Index))
		}
	}
	names = slices.Compact(names)
	switch len(names) {
	case 0:
		return "are none"
	case 1:
		return "is only " + names[0]
	}
	return "are " + strings.Join(names, ", ")
}

func isString(t *elfsym.Type) bool {
	return t.Kind == elfsym.KindString || t.Kind == elfsym.KindStr
}

// call resolves str(p) and str(p, n).
func (r *resolver) call(n *ast.CallExpr) (value, error) {
	fun, ok := n.Fun.(*ast.Ident)
	if !ok || fun.Name != "str" {
		return value{}, r.expr.nodeError(n, nil, "no such function: str(p) and str(p, n) read text")
	}
	if len(n.Args) != 1 && len(n.Args) != 2 {
		return value{}, r.expr.nodeError(n, nil, "str takes a pointer and perhaps a length, not %d arguments", len(n.Args))
	}
	p, err := r.resolve(n.Args[0])
	if err != nil {
		return value{}, err
	}
	if isString(p.typ) && len(n.Args) == 1 {
		return p, nil
	}
	switch p.typ.Kind {
	case elfsym.KindPointer, elfsym.KindUint, elfsym.KindInt:
		if p.typ.Size != 8 {
			return value{}, r.expr.nodeError(n.Args[0], nil, "str needs a pointer: %s has %d bytes", p.typ.Name, p.typ.Size)
		}
	default:
		return value{}, r.expr.nodeError(n.Args[0], nil, "str needs a pointer, not %s", describe(p.typ))
	}
	out := value{typ: p.typ, loc: p.loc, when: p.when, text: true}
	if len(n.Args) == 2 {
		length, err := r.resolve(n.Args[1])
		if err != nil {
			return value{}, err
		}
		if !isInteger(length.typ) {
			return value{}, r.expr.nodeError(n.Args[1], nil, "a length must be an integer, not %s", describe(length.typ))
		}
		if length.when != p.when && !isConst(length.loc) {
			return value{}, r.expr.nodeError(n.Args[1], nil, "the pointer and the length are read at different times: one is an argument, the other a result")
		}
		if len(p.loc.Pieces) != 1 || len(length.loc.Pieces) != 1 {
			return value{}, r.expr.nodeError(n, nil, "str needs a pointer and a length that are each in one place")
		}
		piece := length.loc.Pieces[0]
		piece.Size = min(piece.Size, length.typ.Size)
		out.loc = elfsym.Loc{Pieces: []elfsym.Piece{p.loc.Pieces[0], piece}}
		out.hasLen = true
		out.signedLen = length.typ.Kind == elfsym.KindInt
	}
	return out, nil
}

func isInteger(t *elfsym.Type) bool {
	switch t.Kind {
	case elfsym.KindInt, elfsym.KindUint, elfsym.KindBool, elfsym.KindEnum:
		return true
	}
	return false
}

func isConst(l elfsym.Loc) bool {
	return len(l.Pieces) == 1 && l.Pieces[0].Kind == elfsym.Const
}

func describe(t *elfsym.Type) string {
	if t.Name != "" {
		return t.Name
	}
	return "this type"
}

// errTooLarge says that the values together exceed what a key can hold.
var errTooLarge = errors.New("key too large")
