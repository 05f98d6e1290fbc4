package fetch

import (
	"fmt"
	"go/ast"
	"go/constant"
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
	// Binary holds the function, and the types that interfaces may hold; nil
	// where none is to be had.
	Binary *elfsym.Binary
	// NoResults says why results cannot be read; nil where they can.
	NoResults error
	// Words says that the context of the program is an array of words, and
	// register n of a Loc the n-th of them, instead of the registers of the
	// machine.
	Words bool
	// Kernel says that addresses are the kernel's, except for those that are
	// the process's: the two never meet.
	Kernel bool
	// Located are the parameters that are text in a record, whose address is
	// word 0 of the context: the lower half of a parameter's word says how many
	// bytes behind the record's beginning, and this many more, the text begins.
	Located map[string]int64
	// StrLen is how many bytes of a string are kept. 0 means 64.
	StrLen int
}

// maxNesting bounds the depth of an expression's tree.
const maxNesting = 100

// resolver types one expression for one function.
type resolver struct {
	expr  *Expr
	env   *Env
	depth int
	// result says that a result of the call was named.
	result bool
	// uses are the parameters that were named.
	uses map[string]bool
}

func (r *resolver) errorf(n ast.Node, cause error, format string, args ...any) error {
	return r.expr.nodeError(n, cause, format, args...)
}

// source is the text of a part of the expression.
func (r *resolver) source(n ast.Node) string {
	from, to := int(n.Pos())-1, int(n.End())-1
	if from < 0 || to > len(r.expr.Text) || from > to {
		return "this"
	}
	return r.expr.Text[from:to]
}

func (r *resolver) resolve(n ast.Expr) (*operand, error) {
	if r.depth++; r.depth > maxNesting {
		return nil, r.errorf(n, nil, "the expression is nested too deep")
	}
	defer func() { r.depth-- }()
	switch n := n.(type) {
	case *ast.ParenExpr:
		return r.resolve(n.X)
	case *ast.Ident:
		return r.name(n)
	case *ast.BasicLit:
		return r.literal(n)
	case *ast.SelectorExpr:
		return r.selector(n)
	case *ast.StarExpr:
		return r.deref(n)
	case *ast.IndexExpr:
		return r.index(n)
	case *ast.CallExpr:
		return r.call(n)
	case *ast.UnaryExpr:
		return r.unary(n)
	case *ast.BinaryExpr:
		return r.binary(n)
	case *ast.TypeAssertExpr:
		return r.assertion(n)
	case *ast.SliceExpr:
		return nil, r.errorf(n.X, elfsym.ErrUnsupportedClass, "x[i:j] cannot be read: str(p, n) reads part of a text")
	}
	return nil, r.errorf(n, nil, "this is not something latch can read")
}

// name finds a parameter by its name, then argN and ret, then what exists in
// every function.
func (r *resolver) name(n *ast.Ident) (*operand, error) {
	if p := r.param(n.Name); p != nil {
		return r.place(n, p)
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
	switch n.Name {
	case "true", "false":
		return &operand{node: n, cst: constant.MakeBool(n.Name == "true")}, nil
	case "nil", "NULL", "nullptr":
		return &operand{node: n, null: true}, nil
	}
	if b, ok := r.builtin(n); ok {
		return b, nil
	}
	if b, ok := builtins[n.Name]; ok {
		return r.builtinWord(n, b)
	}
	if r.env.Params == nil {
		why := r.env.NoParams
		if why == nil {
			why = elfsym.ErrNoDebugInfo
		}
		return nil, r.errorf(n, why, "no parameter names are known here (%v): use arg0, arg1, … or ret", why)
	}
	return nil, r.errorf(n, nil, "no parameter %q: there %s", n.Name, r.known())
}

func (r *resolver) param(name string) *elfsym.Param {
	if name == "_" {
		return nil
	}
	for i := range r.env.Params {
		if p := &r.env.Params[i]; p.Name == name {
			return p
		}
	}
	return nil
}

// isName reports whether name means something without a context.
func (r *resolver) isName(name string) bool {
	_, arg := numbered(name, "arg")
	_, ret := numbered(name, "ret")
	_, word := builtins[name]
	return r.param(name) != nil || arg || ret || word ||
		slices.Contains([]string{"ret", "true", "false", "nil", "NULL", "nullptr", "comm"}, name)
}

// builtins are the words that exist in every function.
var builtins = map[string]struct {
	what builtin
	when phase
	typ  *elfsym.Type
}{
	"pid":     {biPID, anytime, integerType("uint32", 4, false)},
	"tid":     {biTID, anytime, integerType("uint32", 4, false)},
	"uid":     {biUID, anytime, integerType("uint32", 4, false)},
	"cgroup":  {biCgroup, anytime, typeUint64},
	"goid":    {biGoid, anytime, typeUint64},
	"cpu":     {biCPU, atEntry, integerType("uint32", 4, false)},
	"latency": {biLatency, atExit, typeInt64},
}

// builtin returns the builtins that are not words.
func (r *resolver) builtin(n *ast.Ident) (*operand, bool) {
	if n.Name != "comm" {
		return nil, false
	}
	return &operand{node: n, typ: typeText, text: &text{comm: true}}, true
}

func (r *resolver) builtinWord(n *ast.Ident, b struct {
	what builtin
	when phase
	typ  *elfsym.Type
}) (*operand, error) {
	if b.what == biGoid && r.env.Lang != elfsym.LangGo {
		return nil, r.errorf(n, nil, "goid: only Go functions run on goroutines")
	}
	return computed(n, b.typ, &node{op: opBuiltin, what: b.what, when: b.when}), nil
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
func (r *resolver) positional(n *ast.Ident, index int, result bool) (*operand, error) {
	if r.env.Params != nil {
		for i := range r.env.Params {
			if p := &r.env.Params[i]; p.Result == result && p.Index == index && !p.Captured {
				return r.place(n, p)
			}
		}
		return nil, r.errorf(n, nil, "no %s: there %s", n.Name, r.known())
	}
	find := elfsym.ABIArg
	if result {
		find = elfsym.ABIRet
	}
	p, err := find(r.env.Arch, r.env.Lang, index)
	if err != nil {
		return nil, r.errorf(n, err, "%s: %v", n.Name, err)
	}
	p.Result = result
	return r.place(n, &p)
}

// place is where a parameter is.
func (r *resolver) place(n *ast.Ident, p *elfsym.Param) (*operand, error) {
	if p.Err != nil {
		return nil, r.errorf(n, p.Err, "%s cannot be read: %v", n.Name, p.Err)
	}
	if p.Result && r.env.NoResults != nil {
		return nil, r.errorf(n, r.env.NoResults, "%s cannot be read: %v", n.Name, r.env.NoResults)
	}
	o := &operand{node: n, typ: p.Type, loc: &p.Loc, when: atEntry}
	if o.typ == nil {
		o.typ = typeUint64
	}
	if p.Result {
		o.when = atExit
		r.result = true
	} else if r.uses != nil {
		r.uses[p.Name] = true
	}
	if behind, ok := r.env.Located[p.Name]; ok {
		return r.located(o, behind)
	}
	if p.ByRef {
		return r.pointee(n, o)
	}
	return r.referred(o)
}

// located is the text in a record that the word of o leads to.
func (r *resolver) located(o *operand, behind int64) (*operand, error) {
	word, err := r.word(o, 0, 4, false)
	if err != nil {
		return nil, err
	}
	record := &node{op: opPiece, piece: elfsym.Piece{Kind: elfsym.InReg, Size: 8}, size: 8, when: atEntry}
	at := combine(opAdd, plus(record, behind), combine(opAnd, word, number(0xffff)))
	return &operand{node: o.node, typ: typeText, text: &text{ptr: at}}, nil
}

// referred follows a C++ reference to what it stands for.
func (r *resolver) referred(o *operand) (*operand, error) {
	if o.typ == nil || !isReference(o.typ) {
		return o, nil
	}
	return r.pointee(o.node, o)
}

// known lists the names that exist, for messages.
func (r *resolver) known() string {
	var names []string
	for i := range r.env.Params {
		if name := r.env.nameOf(&r.env.Params[i]); name != "" {
			names = append(names, name)
		}
	}
	return listed(slices.Compact(names))
}

// nameOf is what a parameter or result is called in expressions: its own name,
// or else argN, ret where there is one result, retN where there are several.
// It is "" for what cannot be named.
func (env *Env) nameOf(p *elfsym.Param) string {
	switch {
	case p.Name != "" && p.Name != "_":
		return p.Name
	case p.Captured || p.Index < 0:
		return ""
	case !p.Result:
		return fmt.Sprintf("arg%d", p.Index)
	}
	for i := range env.Params {
		if o := &env.Params[i]; o.Result && o.Index != p.Index {
			return fmt.Sprintf("ret%d", p.Index)
		}
	}
	return "ret"
}

// listed names what there is.
func listed(names []string) string {
	const most = 30
	switch {
	case len(names) == 0:
		return "are none"
	case len(names) == 1:
		return "is only " + names[0]
	case len(names) > most:
		return fmt.Sprintf("are %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "are " + strings.Join(names, ", ")
}

// comparison reports whether the operator compares.
func comparison(op token.Token) bool {
	switch op {
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
		return true
	}
	return false
}
