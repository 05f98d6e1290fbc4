package fetch

import (
	"go/ast"
	"go/constant"
	"go/token"

	"github.com/latchprof/latch/elfsym"
)

// binary resolves x op y.
func (r *resolver) binary(n *ast.BinaryExpr) (*operand, error) {
	x, y, err := r.pair(n)
	if err != nil {
		return nil, err
	}
	if x.cst != nil && y.cst != nil {
		if n.Op == token.SHL || n.Op == token.SHR {
			return r.foldShift(n, x, y)
		}
		return r.fold(n, x, y)
	}
	switch {
	case n.Op == token.LAND || n.Op == token.LOR:
		return r.logic(n, x, y)
	case comparison(n.Op):
		return r.compare(n, x, y)
	case n.Op == token.SHL || n.Op == token.SHR:
		return r.shift(n, x, y)
	}
	return r.arithmetic(n, x, y)
}

// pair resolves both sides. A name that means nothing by itself may be one of
// the other side's enumerators.
func (r *resolver) pair(n *ast.BinaryExpr) (x, y *operand, err error) {
	xName, xFree := r.free(n.X)
	yName, yFree := r.free(n.Y)
	if !xFree || yFree {
		if x, err = r.resolve(n.X); err != nil {
			return nil, nil, err
		}
	}
	if !yFree {
		if y, err = r.resolve(n.Y); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case yFree:
		y, err = r.enumerator(yName, x)
	case xFree:
		x, err = r.enumerator(xName, y)
	}
	return x, y, err
}

// free reports whether e is a name that means nothing by itself.
func (r *resolver) free(e ast.Expr) (*ast.Ident, bool) {
	for {
		p, ok := e.(*ast.ParenExpr)
		if !ok {
			break
		}
		e = p.X
	}
	id, ok := e.(*ast.Ident)
	return id, ok && !r.isName(id.Name)
}

// enumerator finds a name among those of the type of what it is combined with.
func (r *resolver) enumerator(id *ast.Ident, with *operand) (*operand, error) {
	if with.typ == nil || with.typ.Kind != elfsym.KindEnum {
		return r.name(id) // which says what there is
	}
	var names []string
	for _, e := range with.typ.Enum {
		if e.Name == id.Name {
			return &operand{node: id, typ: with.typ, cst: constant.MakeInt64(e.Value)}, nil
		}
		names = append(names, e.Name)
	}
	return nil, r.errorf(id, nil, "%s has no value %q: there %s", describe(with.typ), id.Name, listed(names))
}

func (r *resolver) logic(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	a, err := r.truth(x)
	if err != nil {
		return nil, err
	}
	b, err := r.truth(y)
	if err != nil {
		return nil, err
	}
	how := opBoth
	if n.Op == token.LOR {
		how = opEither
	}
	return computed(n, typeBool, combine(how, a, b)), nil
}

// numbers returns both sides as words, and the type they are calculated in.
func (r *resolver) numbers(x, y *operand) (a, b *node, t *elfsym.Type, err error) {
	if x.typ == nil && y.typ != nil {
		b, a, t, err = r.numbers(y, x)
		return a, b, t, err
	}
	if a, t, err = r.integer(x); err != nil {
		return nil, nil, nil, err
	}
	if y.cst != nil && y.typ == nil {
		t = counting(t)
		b, err = r.constant(y, t)
		return a, b, t, err
	}
	b, other, err := r.integer(y)
	if err != nil {
		return nil, nil, nil, err
	}
	return a, b, joint(t, other), nil
}

var arithmetic = map[token.Token]op{
	token.ADD: opAdd, token.SUB: opSub, token.MUL: opMul, token.QUO: opDiv, token.REM: opMod,
	token.AND: opAnd, token.OR: opOr, token.XOR: opXor, token.AND_NOT: opAnd,
}

func (r *resolver) arithmetic(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	how, ok := arithmetic[n.Op]
	if !ok {
		return nil, r.opError(n, "numbers")
	}
	a, b, t, err := r.numbers(x, y)
	if err != nil {
		return nil, err
	}
	switch {
	case n.Op == token.AND_NOT:
		b = combine(opXor, b, number(^uint64(0)))
	case (how == opDiv || how == opMod) && b.op == opConst && b.num == 0:
		return nil, r.errorf(n.Y, nil, "division by zero")
	}
	val := combine(how, a, b)
	val.signed = isSigned(t)
	return computed(n, t, extended(val, t.Size, isSigned(t))), nil
}

func (r *resolver) opError(n *ast.BinaryExpr, what string) error {
	return &SyntaxError{
		Source: r.expr.source, Column: r.expr.column + int(n.OpPos) - 1,
		Msg: n.Op.String() + " cannot be applied to " + what,
	}
}

// shift resolves x << y and x >> y: the result has x's type, and a count
// beyond its width shifts everything out.
func (r *resolver) shift(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	if x.cst != nil && x.typ == nil {
		typed := *x
		typed.typ = literalType(x.cst)
		x = &typed
	}
	a, t, err := r.integer(x)
	if err != nil {
		return nil, err
	}
	t = counting(t)
	var count *node
	if y.cst != nil {
		if count, err = r.constant(y, typeUint64); err != nil {
			return nil, err
		}
	} else {
		var ct *elfsym.Type
		if count, ct, err = r.integer(y); err != nil {
			return nil, err
		}
		if isSigned(ct) { // a negative count has no result
			count = combine(opBounded, count, number(1<<63))
		}
	}
	how := opShl
	if n.Op == token.SHR {
		how = opShr
	}
	val := combine(how, a, count)
	val.signed = isSigned(t)
	return computed(n, t, extended(val, t.Size, isSigned(t))), nil
}

// unary resolves -x, +x, ^x and !x.
func (r *resolver) unary(n *ast.UnaryExpr) (*operand, error) {
	x, err := r.resolve(n.X)
	if err != nil {
		return nil, err
	}
	switch n.Op {
	case token.NOT:
		if x.cst != nil && x.cst.Kind() == constant.Bool {
			return &operand{node: n, cst: constant.MakeBool(!constant.BoolVal(x.cst))}, nil
		}
		t, err := r.truth(x)
		if err != nil {
			return nil, err
		}
		return computed(n, typeBool, combine(opNot, t)), nil
	case token.SUB, token.ADD, token.XOR:
	default:
		return nil, r.errorf(n, nil, "%s cannot be used here", n.Op)
	}
	if x.cst != nil {
		return r.foldUnary(n, x)
	}
	a, t, err := r.integer(x)
	if err != nil {
		return nil, err
	}
	t = counting(t)
	switch n.Op {
	case token.SUB:
		a = combine(opSub, number(0), a)
	case token.XOR:
		a = combine(opXor, a, number(^uint64(0)))
	}
	return computed(n, t, extended(a, t.Size, isSigned(t))), nil
}

func (r *resolver) foldUnary(n *ast.UnaryExpr, x *operand) (*operand, error) {
	kind := x.cst.Kind()
	if kind != constant.Int && (kind != constant.Float || n.Op == token.XOR) {
		return nil, r.errorf(n, nil, "%s cannot be applied to %s", n.Op, x.cst)
	}
	var bits uint
	if n.Op == token.XOR && x.typ != nil && !isSigned(x.typ) {
		bits = uint(8 * x.typ.Size)
	}
	return r.checked(&operand{node: n, typ: x.typ, cst: constant.UnaryOp(n.Op, x.cst, bits)})
}
