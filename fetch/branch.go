package fetch

import "github.com/cilium/ebpf/asm"

// branch jumps to target if the truth value n is when, and goes on if not.
// What need not be known is not read.
func (e *emitter) branch(n *node, target string, when bool) {
	if e.full() {
		return
	}
	switch n.op {
	case opNot:
		e.branch(n.kids[0], target, !when)
	case opBoth, opEither:
		skip, first, outer := e.label("skip"), target, e.none
		same := when == (n.op == opEither)
		if !same {
			first = skip
		}
		second := e.label("second")
		if n.op == opEither {
			e.none = second // what is not there leaves it to the other side
		}
		e.branch(n.kids[0], first, same == when)
		e.none = outer
		e.mark(second)
		e.branch(n.kids[1], target, when)
		if !same {
			e.mark(skip)
		}
	case opLess, opEqual:
		e.both(n)
		e.compare(n, target, when)
	case opFloatLess, opFloatEqual:
		e.branchFloat(n, target, when)
	case opMatches:
		no := target
		if when {
			no = e.label("differs")
		}
		e.match(n, no)
		if when {
			e.jump(target)
			e.mark(no)
		}
	default:
		e.eval(n)
		if when {
			e.add(asm.JNE.Imm(regAcc, 0, target))
		} else {
			e.add(asm.JEq.Imm(regAcc, 0, target))
		}
	}
}

// compare jumps by the accumulator and R1. Between a signed number and an
// unsigned one a negative number is the smaller, whatever its bits.
func (e *emitter) compare(n *node, target string, when bool) {
	less, other := asm.JLT, asm.JGE
	if n.signed && n.signed1 {
		less, other = asm.JSLT, asm.JSGE
	}
	if n.op == opEqual {
		less, other = asm.JEq, asm.JNE
	}
	if !when {
		less = other
	}
	if n.signed == n.signed1 {
		e.add(less.Reg(regAcc, asm.R1, target))
		return
	}
	reg, result := regAcc, n.op == opLess // of a negative kid 0
	if n.signed1 {
		reg, result = asm.R1, false
	}
	done := e.label("compared")
	negative := done
	if result == when {
		negative = target
	}
	e.add(asm.JSLT.Imm(reg, 0, negative), less.Reg(regAcc, asm.R1, target))
	e.mark(done)
}
