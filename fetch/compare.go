package fetch

import (
	"go/ast"
	"go/constant"
	"go/token"

	"github.com/latchprof/latch/elfsym"
)

// compare resolves the comparisons of texts, addresses, truth values and
// numbers.
func (r *resolver) compare(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	switch {
	case x.cst != nil && x.cst.Kind() == constant.String:
		return r.compareText(n, y, constant.StringVal(x.cst))
	case y.cst != nil && y.cst.Kind() == constant.String:
		return r.compareText(n, x, constant.StringVal(y.cst))
	case x.text != nil || y.text != nil || x.typ != nil && isString(x.typ) || y.typ != nil && isString(y.typ):
		return nil, r.errorf(n, elfsym.ErrUnsupportedClass, "text can be compared with a constant only, as in x == \"a\"")
	case x.null || y.null:
		return r.compareNil(n, x, y)
	case isTruth(x) || isTruth(y):
		return r.compareTruth(n, x, y)
	case isFloat(x) || isFloat(y):
		return r.compareFloat(n, x, y)
	}
	a, b, _, err := r.numbers(x, y)
	if err != nil {
		return nil, err
	}
	return computed(n, typeBool, ordered(n.Op, a, b, r.signedness(x, y), r.signedness(y, x))), nil
}

// signedness is how x's word is signed; a constant goes by the other side, as
// whose type it was made.
func (r *resolver) signedness(x, other *operand) bool {
	if x.typ == nil {
		x = other
	}
	return x.typ != nil && isSigned(x.typ)
}

func isTruth(o *operand) bool {
	return o.typ != nil && o.typ.Kind == elfsym.KindBool || o.cst != nil && o.cst.Kind() == constant.Bool
}

// ordered builds a comparison from < and ==.
func ordered(op token.Token, a, b *node, signedA, signedB bool) *node {
	less := func(a, b *node, sa, sb bool) *node {
		n := combine(opLess, a, b)
		n.signed, n.signed1 = sa, sb
		return n
	}
	equal := func() *node {
		n := combine(opEqual, a, b)
		n.signed, n.signed1 = signedA, signedB
		return n
	}
	switch op {
	case token.EQL:
		return equal()
	case token.NEQ:
		return combine(opNot, equal())
	case token.LSS:
		return less(a, b, signedA, signedB)
	case token.GEQ:
		return combine(opNot, less(a, b, signedA, signedB))
	case token.GTR:
		return less(b, a, signedB, signedA)
	}
	return combine(opNot, less(b, a, signedB, signedA))
}

func (r *resolver) equality(n *ast.BinaryExpr, what string) error {
	if n.Op == token.EQL || n.Op == token.NEQ {
		return nil
	}
	return r.opError(n, what)
}

func (r *resolver) compareTruth(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	if err := r.equality(n, "truth values"); err != nil {
		return nil, err
	}
	a, err := r.truth(x)
	if err != nil {
		return nil, err
	}
	b, err := r.truth(y)
	if err != nil {
		return nil, err
	}
	return computed(n, typeBool, ordered(n.Op, a, b, false, false)), nil
}

// compareNil compares with nil: of slices, interfaces and the like the first
// word tells.
func (r *resolver) compareNil(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	if err := r.equality(n, "nil"); err != nil {
		return nil, err
	}
	if x.null {
		x, y = y, x
	}
	var a *node
	var err error
	switch {
	case x.null:
		return &operand{node: n, typ: typeBool, cst: constant.MakeBool(n.Op == token.EQL)}, nil
	case x.typ == nil:
		return nil, r.errorf(n, nil, "%s cannot be nil", r.source(x.node))
	case isAddress(x.typ), x.typ == typeUint64, x.typ == typeUintptr:
		a, err = r.scalar(x)
	case x.typ.Kind == elfsym.KindSlice, x.typ.Kind == elfsym.KindInterface:
		a, err = r.word(x, 0, 8, false)
	default:
		return nil, r.errorf(n, nil, "%s is %s, which cannot be nil", r.source(x.node), describe(x.typ))
	}
	if err != nil {
		return nil, err
	}
	return computed(n, typeBool, ordered(n.Op, a, number(0), false, false)), nil
}

// maxWant bounds the constants that texts are compared with, in bytes.
const maxWant = 256

func (r *resolver) compareText(n *ast.BinaryExpr, x *operand, want string) (*operand, error) {
	if err := r.equality(n, "text"); err != nil {
		return nil, err
	}
	o, err := r.matches(n, x, want, false)
	if err == nil && n.Op == token.NEQ {
		o.val = combine(opNot, o.val)
	}
	return o, err
}

// matches tells whether x is want, or begins with it.
func (r *resolver) matches(n ast.Expr, x *operand, want string, prefix bool) (*operand, error) {
	t, ok, err := r.textOf(x)
	if err != nil {
		return nil, err
	}
	switch {
	case !ok:
		return nil, r.errorf(n, nil, "%s is %s, not text: str(p) reads text at an address", r.source(x.node), describe(x.typ))
	case len(want) > maxWant:
		return nil, r.errorf(n, nil, "a constant of %d bytes: text can be compared with at most %d", len(want), maxWant)
	}
	val := &node{op: opMatches, text: t, want: want, prefix: prefix, when: max(atEntry, t.when())}
	return computed(n, typeBool, val), nil
}
