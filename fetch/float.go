package fetch

import (
	"go/ast"
	"go/constant"
	"go/token"
	"math"

	"github.com/cilium/ebpf/asm"

	"github.com/latchprof/latch/elfsym"
)

func isFloat(o *operand) bool {
	return o.typ != nil && o.typ.Kind == elfsym.KindFloat && (o.typ.Size == 4 || o.typ.Size == 8)
}

// compareFloat compares a floating-point number with a constant or another of
// its size. eBPF has no such numbers, but their bits can be put in order.
func (r *resolver) compareFloat(n *ast.BinaryExpr, x, y *operand) (*operand, error) {
	t := x.typ
	if !isFloat(x) {
		t = y.typ
	}
	a, err := r.floatBits(x, t)
	if err != nil {
		return nil, err
	}
	b, err := r.floatBits(y, t)
	if err != nil {
		return nil, err
	}
	with := func(o op, a, b *node) *node {
		one := combine(o, a, b)
		one.size = t.Size
		return one
	}
	var val *node
	switch n.Op {
	case token.EQL:
		val = with(opFloatEqual, a, b)
	case token.NEQ:
		val = combine(opNot, with(opFloatEqual, a, b))
	case token.LSS:
		val = with(opFloatLess, a, b)
	case token.GTR:
		val = with(opFloatLess, b, a)
	case token.LEQ: // not !(b < a), which holds for what is no number
		val = combine(opEither, with(opFloatLess, a, b), with(opFloatEqual, a, b))
	case token.GEQ:
		val = combine(opEither, with(opFloatLess, b, a), with(opFloatEqual, a, b))
	}
	return computed(n, typeBool, val), nil
}

// floatBits is the bits of o, which is of type t or a constant.
func (r *resolver) floatBits(o *operand, t *elfsym.Type) (*node, error) {
	switch {
	case isFloat(o) && o.typ.Size == t.Size:
		return r.word(o, 0, t.Size, false)
	case o.cst == nil || o.typ != nil || o.cst.Kind() != constant.Int && o.cst.Kind() != constant.Float:
		return nil, r.errorf(o.node, nil, "%s is %s, which cannot be compared with %s", r.source(o.node), describe(o.typ), describe(t))
	}
	v, _ := constant.Float64Val(o.cst)
	if t.Size == 4 {
		return number(uint64(math.Float32bits(float32(v)))), nil
	}
	return number(math.Float64bits(v)), nil
}

// branchFloat jumps to target if the comparison n is when.
func (e *emitter) branchFloat(n *node, target string, when bool) {
	e.both(n)
	done := e.label("compared")
	isFalse := target // where what is no number leads
	if when {
		isFalse = done
	}
	e.orderFloat(regAcc, n.size, isFalse)
	e.orderFloat(asm.R1, n.size, isFalse)
	op := map[bool]asm.JumpOp{true: asm.JEq, false: asm.JNE}[when]
	if n.op == opFloatLess {
		op = map[bool]asm.JumpOp{true: asm.JSLT, false: asm.JSGE}[when]
	}
	e.add(op.Reg(regAcc, asm.R1, target))
	e.mark(done)
}

// orderFloat turns the bits of a number (IEEE 754) in reg into an integer that
// is ordered as the number is, or goes to nan. The two zeros become one.
func (e *emitter) orderFloat(reg asm.Register, size int64, nan string) {
	infinity := int64(math.Float64bits(math.Inf(1)))
	if size == 4 {
		infinity = int64(math.Float32bits(float32(math.Inf(1)))) << 32
		e.add(asm.LSh.Imm(reg, 32))
	}
	nonzero := e.label("nonzero")
	e.add(
		asm.Mov.Reg(asm.R2, reg),
		asm.LSh.Imm(asm.R2, 1), // without the sign
		asm.LoadImm(asm.R3, infinity<<1, asm.DWord),
		asm.JGT.Reg(asm.R2, asm.R3, nan),
		asm.JNE.Imm(asm.R2, 0, nonzero),
		asm.Mov.Imm(reg, 0),
	)
	e.mark(nonzero)
	// Of a negative number all bits but the sign are turned around.
	e.add(
		asm.Mov.Reg(asm.R2, reg),
		asm.ArSh.Imm(asm.R2, 63),
		asm.RSh.Imm(asm.R2, 1),
		asm.Xor.Reg(reg, asm.R2),
	)
}
