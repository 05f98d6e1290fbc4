package fetch

import (
	"github.com/cilium/ebpf/asm"

	"github.com/latchprof/latch/elfsym"
)

// eval computes n into the accumulator, or goes to e.fail.
func (e *emitter) eval(n *node) {
	if e.full() {
		return
	}
	if e.simple(n) {
		e.into(regAcc, n)
		return
	}
	switch n.op {
	case opPiece:
		offset, ok := e.regOffset(n.piece.Reg)
		if !ok {
			e.jump(e.fail)
			return
		}
		e.add(asm.LoadMem(regAcc, regCtx, offset, asm.DWord))
		e.displace(uint64(n.piece.Off))
		e.read(n.size, n.signed)
	case opLoad:
		e.eval(n.kids[0])
		e.displace(n.num)
		e.read(n.size, n.signed)
	case opCount:
		null := e.label("nil")
		e.eval(n.kids[0])
		e.add(asm.JEq.Imm(regAcc, 0, null))
		e.displace(n.num)
		e.read(n.size, n.signed)
		e.mark(null)
	case opWhen:
		e.branch(n.kids[1], e.none, false)
		e.eval(n.kids[0])
	case opBuiltin:
		e.builtin(n.what)
	case opExtend:
		e.eval(n.kids[0])
		e.extend(regAcc, n.size, n.signed)
	case opBounded:
		e.both(n)
		e.add(asm.JGE.Reg(regAcc, asm.R1, e.fail))
	case opAdd, opSub, opMul, opDiv, opMod, opAnd, opOr, opXor, opShl, opShr:
		e.both(n)
		e.alu(n)
	case opLog2:
		e.eval(n.kids[0])
		e.log2(n.signed)
	case opLess, opEqual, opFloatLess, opFloatEqual, opNot, opBoth, opEither, opMatches:
		no, done := e.label("no"), e.label("done")
		e.branch(n, no, false)
		e.add(asm.Mov.Imm(regAcc, 1), asm.Ja.Label(done))
		e.mark(no)
		e.add(asm.Mov.Imm(regAcc, 0))
		e.mark(done)
	default: // opMissing
		e.jump(e.fail)
	}
}

// simple reports whether n can be brought into a register without touching
// another that holds a value.
func (e *emitter) simple(n *node) bool {
	switch n.op {
	case opConst, opSaved:
		return true
	case opPiece:
		_, ok := e.regOffset(n.piece.Reg)
		return n.piece.Kind == elfsym.Const || n.piece.Kind == elfsym.InReg && ok
	case opExtend:
		return e.simple(n.kids[0])
	}
	return false
}

// into brings a simple node into dst.
func (e *emitter) into(dst asm.Register, n *node) {
	switch {
	case n.op == opConst:
		e.add(asm.LoadImm(dst, int64(n.num), asm.DWord))
	case n.op == opSaved:
		e.saved(dst, n.num)
	case n.op == opExtend:
		e.into(dst, n.kids[0])
		e.extend(dst, n.size, n.signed)
	case n.piece.Kind == elfsym.Const:
		e.add(asm.LoadImm(dst, int64(n.piece.Value), asm.DWord))
		e.extend(dst, n.size, n.signed)
	default:
		offset, _ := e.regOffset(n.piece.Reg)
		e.add(asm.LoadMem(dst, regCtx, offset, asm.DWord))
		e.extend(dst, n.size, n.signed)
	}
}

func (e *emitter) extend(dst asm.Register, size int64, signed bool) {
	shift := int32(64 - 8*size)
	if shift <= 0 {
		return
	}
	e.add(asm.LSh.Imm(dst, shift))
	if signed {
		e.add(asm.ArSh.Imm(dst, shift))
	} else {
		e.add(asm.RSh.Imm(dst, shift))
	}
}

// displace adds a constant to the accumulator.
func (e *emitter) displace(off uint64) {
	switch v := int64(off); {
	case v == 0:
	case v == int64(int32(v)):
		e.add(asm.Add.Imm(regAcc, int32(v)))
	default:
		e.add(asm.LoadImm(asm.R1, v, asm.DWord), asm.Add.Reg(regAcc, asm.R1))
	}
}

// both computes n's kids into the accumulator and R1.
func (e *emitter) both(n *node) {
	a, b := n.kids[0], n.kids[1]
	e.eval(a)
	if e.simple(b) {
		e.into(asm.R1, b)
		return
	}
	at := e.spill()
	e.eval(b)
	e.add(asm.Mov.Reg(asm.R1, regAcc))
	e.unspill(regAcc, at)
}

// read replaces the address in the accumulator by the size bytes there.
func (e *emitter) read(size int64, signed bool) {
	width, whole := map[int64]asm.Size{1: asm.Byte, 2: asm.Half, 4: asm.Word, 8: asm.DWord}[size]
	if !whole {
		width = asm.DWord
		// cilium/ebpf has no store of 8 constant bytes.
		e.add(asm.StoreImm(asm.RFP, slotScratch, 0, asm.Word), asm.StoreImm(asm.RFP, slotScratch+4, 0, asm.Word))
	}
	e.copy(asm.RFP, slotScratch, int32(size))
	e.add(asm.LoadMem(regAcc, asm.RFP, slotScratch, width))
	if signed || !whole {
		e.extend(regAcc, size, signed)
	}
}

// copy copies size bytes at the accumulator to base+offset, faulting the page
// in if it is not there yet.
func (e *emitter) copy(base asm.Register, offset int32, size int32) {
	done := e.label("read")
	args := asm.Instructions{
		asm.Mov.Reg(asm.R1, base),
		asm.Add.Imm(asm.R1, offset),
		asm.Mov.Imm(asm.R2, size),
		asm.Mov.Reg(asm.R3, regAcc),
	}
	e.add(args...)
	e.add(asm.FnProbeReadUser.Call(), asm.JEq.Imm(asm.R0, 0, done))
	e.add(args...)
	e.add(asm.FnCopyFromUser.Call(), asm.JNE.Imm(asm.R0, 0, e.fail))
	e.mark(done)
}

// alu combines the accumulator with R1.
func (e *emitter) alu(n *node) {
	switch n.op {
	case opAdd:
		e.add(asm.Add.Reg(regAcc, asm.R1))
	case opSub:
		e.add(asm.Sub.Reg(regAcc, asm.R1))
	case opMul:
		e.add(asm.Mul.Reg(regAcc, asm.R1))
	case opAnd:
		e.add(asm.And.Reg(regAcc, asm.R1))
	case opOr:
		e.add(asm.Or.Reg(regAcc, asm.R1))
	case opXor:
		e.add(asm.Xor.Reg(regAcc, asm.R1))
	case opDiv, opMod:
		e.divide(n)
	case opShl, opShr:
		e.shift(n)
	}
}

// divide rounds towards zero, as Go and C do; eBPF itself divides unsigned
// numbers only (before Linux 6.6) and has no fault for a zero.
func (e *emitter) divide(n *node) {
	how := asm.Div
	if n.op == opMod {
		how = asm.Mod
	}
	if b := n.kids[1]; b.op != opConst {
		e.add(asm.JEq.Imm(asm.R1, 0, e.fail))
	}
	if !n.signed {
		e.add(how.Reg(regAcc, asm.R1))
		return
	}
	a, b, out := e.label("dividend"), e.label("divisor"), e.label("quotient")
	e.add(asm.Mov.Reg(asm.R2, regAcc))
	if n.op == opDiv {
		e.add(asm.Xor.Reg(asm.R2, asm.R1))
	}
	e.add(asm.JSGE.Imm(regAcc, 0, a), asm.Neg.Imm(regAcc, 0))
	e.mark(a)
	e.add(asm.JSGE.Imm(asm.R1, 0, b), asm.Neg.Imm(asm.R1, 0))
	e.mark(b)
	e.add(how.Reg(regAcc, asm.R1), asm.JSGE.Imm(asm.R2, 0, out), asm.Neg.Imm(regAcc, 0))
	e.mark(out)
}

// shift shifts as Go does: a count beyond the width shifts everything out.
func (e *emitter) shift(n *node) {
	within, done := e.label("within"), e.label("shifted")
	how := asm.LSh
	switch {
	case n.op == opShr && n.signed:
		how = asm.ArSh
	case n.op == opShr:
		how = asm.RSh
	}
	if b := n.kids[1]; b.op == opConst && b.num < 64 {
		e.add(how.Imm(regAcc, int32(b.num)))
		return
	}
	e.add(asm.JLT.Imm(asm.R1, 64, within))
	if how == asm.ArSh {
		e.add(asm.ArSh.Imm(regAcc, 63))
	} else {
		e.add(asm.Mov.Imm(regAcc, 0))
	}
	e.jump(done)
	e.mark(within)
	e.add(how.Reg(regAcc, asm.R1))
	e.mark(done)
}

// log2 leaves the highest set bit of the accumulator.
func (e *emitter) log2(signed bool) {
	positive := e.label("positive")
	if signed {
		e.add(asm.JSGE.Imm(regAcc, 0, positive), asm.Mov.Imm(regAcc, 0))
		e.mark(positive)
	}
	for shift := int32(1); shift < 64; shift *= 2 {
		e.add(asm.Mov.Reg(asm.R1, regAcc), asm.RSh.Imm(asm.R1, shift), asm.Or.Reg(regAcc, asm.R1))
	}
	e.add(asm.Mov.Reg(asm.R1, regAcc), asm.RSh.Imm(asm.R1, 1), asm.Sub.Reg(regAcc, asm.R1))
}

func (e *emitter) builtin(what builtin) {
	switch what {
	case biPID, biTID:
		e.add(asm.FnGetCurrentPidTgid.Call(), asm.Mov.Reg(regAcc, asm.R0))
		if what == biPID {
			e.add(asm.RSh.Imm(regAcc, 32))
		} else {
			e.extend(regAcc, 4, false)
		}
	case biUID:
		e.add(asm.FnGetCurrentUidGid.Call(), asm.Mov.Reg(regAcc, asm.R0))
		e.extend(regAcc, 4, false)
	case biCPU:
		e.add(asm.FnGetSmpProcessorId.Call(), asm.Mov.Reg(regAcc, asm.R0))
	case biCgroup:
		e.add(asm.FnGetCurrentCgroupId.Call(), asm.Mov.Reg(regAcc, asm.R0))
	case biGoid:
		if !e.where {
			e.add(asm.LoadMem(regAcc, regCall, GoidOffset, asm.DWord))
			return
		}
		fallthrough
	case biLatency:
		e.third = true
		e.add(asm.LoadMem(regAcc, asm.RFP, slotThird, asm.DWord))
	}
}
