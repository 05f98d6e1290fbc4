package fetch

import (
	"go/ast"
	"go/constant"
	"go/token"

	"github.com/latchprof/latch/elfsym"
)

// maxConstBits bounds constants while they are calculated with, as Go's
// compiler does.
const maxConstBits = 512

// durations are the constants of Go's package time, in nanoseconds.
var durations = map[string]int64{
	"Nanosecond": 1, "Microsecond": 1e3, "Millisecond": 1e6, "Second": 1e9, "Minute": 60e9, "Hour": 3600e9,
}

func (r *resolver) literal(n *ast.BasicLit) (*operand, error) {
	v := constant.MakeFromLiteral(n.Value, n.Kind, 0)
	if v.Kind() == constant.Unknown || n.Kind == token.IMAG {
		return nil, r.errorf(n, nil, "%s is not a number, a character or a string", n.Value)
	}
	return r.checked(&operand{node: n, cst: v})
}

// checked refuses constants that grow beyond what anybody means.
func (r *resolver) checked(o *operand) (*operand, error) {
	v := o.cst
	if v.Kind() == constant.Int && constant.BitLen(v) > maxConstBits || v.Kind() == constant.Unknown {
		return nil, r.errorf(o.node, nil, "this constant is too large")
	}
	if o.typ != nil {
		if _, err := r.constant(o, o.typ); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// constant returns o's constant as a word of type t; nil means whatever of
// int64 and uint64 holds it.
func (r *resolver) constant(o *operand, t *elfsym.Type) (*node, error) {
	cst := whole(o.cst)
	switch cst.Kind() {
	case constant.Bool:
		if t != nil && t.Kind != elfsym.KindBool {
			return nil, r.errorf(o.node, nil, "%s is not a number", cst)
		}
		if constant.BoolVal(cst) {
			return number(1), nil
		}
		return number(0), nil
	case constant.String:
		return nil, r.errorf(o.node, nil, "%s is text, not a number", r.source(o.node))
	case constant.Float:
		return nil, r.errorf(o.node, nil, "%s is not a whole number", r.source(o.node))
	}
	if t == nil {
		if v, ok := constant.Int64Val(cst); ok {
			return number(uint64(v)), nil
		}
		t = typeUint64
	}
	if t.Kind == elfsym.KindBool {
		return nil, r.errorf(o.node, nil, "%s is neither true nor false", r.source(o.node))
	}
	bits := uint(8 * t.Size)
	if isSigned(t) {
		if v, ok := constant.Int64Val(cst); ok && v<<(64-bits)>>(64-bits) == v {
			return number(uint64(v)), nil
		}
	} else if v, ok := constant.Uint64Val(cst); ok && v<<(64-bits)>>(64-bits) == v {
		return number(v), nil
	}
	return nil, r.errorf(o.node, nil, "%s does not fit %s", cst.ExactString(), describe(t))
}

// whole is v as an integer, if it is one: 1e3 is.
func whole(v constant.Value) constant.Value {
	if v.Kind() == constant.Float {
		if i := constant.ToInt(v); i.Kind() == constant.Int {
			return i
		}
	}
	return v
}

// literalType is the type of a constant that gets none from its context.
func literalType(v constant.Value) *elfsym.Type {
	if v.Kind() == constant.Bool {
		return typeBool
	}
	if v = whole(v); v.Kind() == constant.Int {
		if _, ok := constant.Int64Val(v); !ok {
			return typeUint64
		}
	}
	return typeInt64
}

// fold calculates with two constants.
func (r *resolver) fold(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	out := &operand{node: n, typ: x.typ}
	if out.typ == nil {
		out.typ = y.typ
	}
	kx, ky := x.cst.Kind(), y.cst.Kind()
	numeric := kx != constant.Bool && kx != constant.String
	switch {
	case (kx == constant.Bool) != (ky == constant.Bool) || (kx == constant.String) != (ky == constant.String):
		return nil, r.errorf(n, nil, "%s and %s cannot be combined", x.cst, y.cst)
	case n.Op == token.LAND, n.Op == token.LOR:
		if kx != constant.Bool {
			return nil, r.errorf(n, nil, "%s is neither true nor false", x.cst)
		}
	case comparison(n.Op):
		if kx == constant.Bool && n.Op != token.EQL && n.Op != token.NEQ {
			return nil, r.opError(n, "truth values")
		}
		out.cst, out.typ = constant.MakeBool(constant.Compare(x.cst, n.Op, y.cst)), typeBool
		return out, nil
	case kx == constant.Bool || kx == constant.String && n.Op != token.ADD:
		return nil, r.errorf(n, nil, "%s cannot be applied to %s", n.Op, x.cst)
	case numeric && (n.Op == token.QUO || n.Op == token.REM) && constant.Sign(y.cst) == 0:
		return nil, r.errorf(n.Y, nil, "division by zero")
	}
	how := n.Op
	if kx == constant.Int && ky == constant.Int && how == token.QUO {
		how = token.QUO_ASSIGN // whole numbers
	} else if numeric && (kx != constant.Int || ky != constant.Int) {
		switch how {
		case token.ADD, token.SUB, token.MUL, token.QUO:
		default:
			return nil, r.errorf(n, nil, "%s needs whole numbers", n.Op)
		}
	}
	out.cst = constant.BinaryOp(x.cst, how, y.cst)
	if kx == constant.String && len(constant.StringVal(out.cst)) > maxText {
		return nil, r.errorf(n, nil, "this text is too long")
	}
	return r.checked(out)
}

// foldShift shifts a constant by a constant.
func (r *resolver) foldShift(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	by := whole(y.cst)
	if by.Kind() != constant.Int {
		return nil, r.errorf(n.Y, nil, "%s is not a whole number", r.source(n.Y))
	}
	count, ok := constant.Uint64Val(by)
	if !ok || count > maxConstBits {
		return nil, r.errorf(n.Y, nil, "%s is not a shift count", r.source(n.Y))
	}
	v := whole(x.cst)
	if v.Kind() != constant.Int {
		return nil, r.errorf(n.X, nil, "%s is not a whole number", r.source(n.X))
	}
	return r.checked(&operand{node: n, typ: x.typ, cst: constant.Shift(v, n.Op, uint(count))})
}
