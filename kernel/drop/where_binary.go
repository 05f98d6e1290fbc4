package drop

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// binary reads comparisons, arithmetic, && and ||.
func (p *whereParser) binary(n *ast.BinaryExpr) (operand, error) {
	x, err := p.operand(n.X)
	if err != nil {
		return operand{}, err
	}
	y, err := p.operand(n.Y)
	if err != nil {
		return operand{}, err
	}
	result, takes := ofTruth, []whereKind{ofTruth}
	switch n.Op {
	case token.LAND, token.LOR:
		for _, side := range []operand{x, y} {
			if side.kind != ofTruth {
				return operand{}, p.errorf(side.node, "%s joins conditions, and this is %s", n.Op, side.kind)
			}
		}
	case token.EQL, token.NEQ:
		takes = []whereKind{ofText, ofNumber, ofTruth}
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		takes = []whereKind{ofText, ofNumber}
	case token.ADD:
		result, takes = x.kind, []whereKind{ofText, ofNumber}
	case token.SUB, token.MUL, token.QUO, token.REM:
		result, takes = ofNumber, []whereKind{ofNumber}
	default:
		return operand{}, p.errorAt(int(n.OpPos)-1, "%s is not understood here", n.Op)
	}
	if x.kind != y.kind {
		return operand{}, p.errorAt(int(n.OpPos)-1, "%s takes like and like, and here are %s and %s", n.Op, x.kind, y.kind)
	}
	if !slices.Contains(takes, x.kind) {
		return operand{}, p.errorAt(int(n.OpPos)-1, "%s does not take %s", n.Op, x.kind)
	}
	if n.Op == token.EQL || n.Op == token.NEQ {
		if err := p.checkLiteral(&x, &y); err != nil {
			return operand{}, err
		}
		if err := p.checkLiteral(&y, &x); err != nil {
			return operand{}, err
		}
	}
	return operand{kind: result, node: n, value: binaryValue(n.Op, x, y)}, nil
}

// checkLiteral refuses comparisons of a name with what it never is, and writes
// addresses as they are reported.
func (p *whereParser) checkLiteral(name, lit *operand) error {
	if name.name == "" || lit.known == nil {
		return nil
	}
	written := lit.known
	switch name.name {
	case "src", "dst":
		addr, err := netip.ParseAddr(constant.StringVal(written))
		if err != nil && constant.StringVal(written) != "" {
			return p.errorf(lit.node, `%s is no address; for a network write within(%s, "10.0.0.0/8")`, written, name.name)
		}
		if err == nil {
			*lit = literal(lit.node, ofText, constant.MakeString(addr.Unmap().String()))
		}
	case "cause":
		if !slices.Contains(Classes(), constant.StringVal(written)) {
			return p.errorf(lit.node, "no cause %s: there are %s", written, strings.Join(Classes(), " "))
		}
	case "proto":
		if s := constant.StringVal(written); s != strings.ToLower(s) {
			return p.errorf(lit.node, "protocols are in lower case: write %q", strings.ToLower(s))
		}
	}
	return nil
}

// maxValueBits bounds numbers while they are calculated with.
const maxValueBits = 4096

func binaryValue(op token.Token, x, y operand) func(func(string) any) constant.Value {
	switch op {
	case token.LAND, token.LOR: // the right side only where the left does not decide
		return func(get func(string) any) constant.Value {
			v := x.value(get)
			if v == nil || constant.BoolVal(v) == (op == token.LOR) {
				return v
			}
			return y.value(get)
		}
	}
	return func(get func(string) any) constant.Value {
		a, b := x.value(get), y.value(get)
		if a == nil || b == nil {
			return nil
		}
		switch op {
		case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			return constant.MakeBool(constant.Compare(a, op, b))
		case token.QUO, token.REM:
			if constant.Sign(b) == 0 {
				return nil
			}
			if op == token.QUO {
				return constant.BinaryOp(a, token.QUO_ASSIGN, b) // cuts, as integers do
			}
		}
		v := constant.BinaryOp(a, op, b)
		if v.Kind() == constant.Int && constant.BitLen(v) > maxValueBits {
			return nil
		}
		return v
	}
}

// valueOf is what get told, as the kind that the name has.
func valueOf(v any, k whereKind) constant.Value {
	if k == ofText {
		if v == nil {
			return constant.MakeString("")
		}
		return constant.MakeString(fmt.Sprint(v))
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return constant.MakeInt64(r.Int())
	case r.CanUint():
		return constant.MakeUint64(r.Uint())
	}
	return constant.MakeInt64(0)
}
