package fetch

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"github.com/latchprof/latch/elfsym"
)

// Offsets in struct call (bpf/layout.h) of the goroutine, and of the key's
// status word and data. A test of package uprobe, which knows both, compares
// them.
const (
	GoidOffset      = 16
	KeyStatusOffset = 96 + 8
	KeyDataOffset   = 96 + 16
)

// Registers that hold the same thing through a whole fetch function. R0 to R5
// are lost at every read.
const (
	regCtx  = asm.R6 // struct pt_regs
	regCall = asm.R7 // struct call; in fetch_where nothing
	regAcc  = asm.R8 // the value being computed; an address being read
	regLen  = asm.R9 // length of the text being read
)

// The frame, below the frame pointer, in bytes. It stays within 200: what
// calls a fetch function needs the rest of the 512 there are.
const (
	slotScratch = -8              // a word that is read
	slotHeader  = -16             // a pointer, and its length in slotScratch
	slotBuffer  = -16 - bufferLen // a text that is compared
	slotThird   = slotBuffer - 8  // the function's third argument
	slotSpill   = slotThird - 8   // the first of the words kept during reads
	bufferLen   = 64
	maxSpills   = 13
)

// maxInsns bounds one fetch function: jumps reach 32,767 instructions.
const maxInsns = 8000

// emitter writes one fetch function.
type emitter struct {
	arch   elfsym.Arch
	words  bool // Env.Words
	name   string
	insns  asm.Instructions
	labels int
	// pending is the label that the next instruction carries.
	pending string
	// fail is where to go when a value cannot be read, none where there is
	// none.
	fail, none string
	spills     int
	expr       *Expr // that is being written
	err        error // the first that asked for too much
	// third says that the third argument is needed: the call's latency at
	// the exit; the second in fetch_where, the goroutine.
	third bool
	// where says that this is fetch_where, which has no call yet.
	where bool
	// hidden is the offset of the hidden slots in struct call.
	hidden int32
}

func (e *emitter) add(ins ...asm.Instruction) {
	if e.pending != "" && len(ins) > 0 {
		ins[0] = ins[0].WithSymbol(e.pending)
		e.pending = ""
	}
	e.insns = append(e.insns, ins...)
}

func (e *emitter) label(what string) string {
	e.labels++
	return fmt.Sprintf("%s_%s_%d", e.name, what, e.labels)
}

// mark puts a label on what comes next.
func (e *emitter) mark(label string) {
	if e.pending != "" {
		e.add(asm.Mov.Imm(asm.R0, 0))
	}
	e.pending = label
}

func (e *emitter) jump(to string) { e.add(asm.Ja.Label(to)) }

// finish returns the whole function, or nil if it does nothing.
func (e *emitter) finish() (asm.Instructions, error) {
	if len(e.insns) == 0 {
		return nil, nil
	}
	out := asm.Instructions{
		asm.Mov.Reg(regCtx, asm.R1),
		asm.Mov.Reg(regCall, asm.R2),
	}
	switch {
	case e.third && e.where:
		out = append(out, asm.StoreMem(asm.RFP, slotThird, asm.R2, asm.DWord))
	case e.third:
		out = append(out, asm.StoreMem(asm.RFP, slotThird, asm.R3, asm.DWord))
	}
	e.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	return reachable(append(out, e.insns...)), e.err
}

// reachable drops the instructions that no path leads to: the verifier refuses
// a program that has any (check_cfg in kernel/bpf/cfg.c).
func reachable(insns asm.Instructions) asm.Instructions {
	at := make(map[string]int)
	for i, ins := range insns {
		if s := ins.Symbol(); s != "" {
			at[s] = i
		}
	}
	seen := make([]bool, len(insns))
	work := []int{0}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		op := insns[i].OpCode.JumpOp()
		if target, ok := at[insns[i].Reference()]; ok && op != asm.InvalidJumpOp {
			work = append(work, target)
		}
		if op != asm.Ja && op != asm.Exit && i+1 < len(insns) {
			work = append(work, i+1)
		}
	}
	var out asm.Instructions
	for i, ins := range insns {
		if seen[i] {
			out = append(out, ins)
		}
	}
	return out
}

// verdict writes the function that says whether a call is wanted: 1 yes, 0
// no, 2 not known because something could not be read.
func (e *emitter) verdict(n *node) {
	reject := e.label("reject")
	e.fail, e.none = e.label("unreadable"), reject
	e.branch(n, reject, false)
	e.add(asm.Mov.Imm(asm.R0, 1), asm.Return())
	e.mark(reject)
	e.add(asm.Mov.Imm(asm.R0, 0), asm.Return())
	e.mark(e.fail)
	e.add(asm.Mov.Imm(asm.R0, 2), asm.Return())
}

// cell reads the i-th cell of the key. What cannot be read leaves zeros and a
// status.
func (e *emitter) cell(i int, c *cell, strLen int) {
	done := e.label("done")
	e.fail, e.none = e.label("unreadable"), e.label("none")
	if c.text != nil {
		e.textCell(i, int32(KeyDataOffset+c.offset), c, strLen, done)
	} else {
		e.eval(c.node)
		e.add(asm.StoreMem(regCall, int16(KeyDataOffset+c.offset), regAcc, asm.DWord))
	}
	e.jump(done)
	e.mark(e.none)
	e.status(i, None)
	e.jump(done)
	e.mark(e.fail)
	e.status(i, Unreadable)
	e.mark(done)
}

// status ors a cell's status into the key's status word.
func (e *emitter) status(i int, s Status) {
	e.add(
		asm.LoadMem(asm.R1, regCall, KeyStatusOffset, asm.DWord),
		asm.LoadImm(asm.R2, int64(uint64(s)<<(2*i)), asm.DWord),
		asm.Or.Reg(asm.R1, asm.R2),
		asm.StoreMem(regCall, KeyStatusOffset, asm.R1, asm.DWord),
	)
}

// clearStatus takes cell i's status back to OK.
func (e *emitter) clearStatus(i int) {
	e.add(
		asm.LoadMem(asm.R1, regCall, KeyStatusOffset, asm.DWord),
		asm.LoadImm(asm.R2, int64(^(uint64(3)<<(2*i))), asm.DWord),
		asm.And.Reg(asm.R1, asm.R2),
		asm.StoreMem(regCall, KeyStatusOffset, asm.R1, asm.DWord),
	)
}

// save computes a hidden slot at the entry. The first hidden word has a bit
// for each slot that could be read.
func (e *emitter) save(slot int, n *node) {
	e.fail = e.label("unsaved")
	e.none = e.fail
	e.eval(n)
	e.add(
		asm.StoreMem(regCall, int16(e.hidden)+8*int16(slot+1), regAcc, asm.DWord),
		asm.LoadMem(asm.R1, regCall, int16(e.hidden), asm.DWord),
		asm.LoadImm(asm.R2, int64(uint64(1)<<slot), asm.DWord),
		asm.Or.Reg(asm.R1, asm.R2),
		asm.StoreMem(regCall, int16(e.hidden), asm.R1, asm.DWord),
	)
	e.mark(e.fail)
}

// saved brings a hidden slot into dst.
func (e *emitter) saved(dst asm.Register, slot uint64) {
	e.add(
		asm.LoadMem(asm.R2, regCall, int16(e.hidden), asm.DWord),
		asm.RSh.Imm(asm.R2, int32(slot)),
		asm.And.Imm(asm.R2, 1),
		asm.JEq.Imm(asm.R2, 0, e.fail),
		asm.LoadMem(dst, regCall, int16(e.hidden)+8*int16(slot+1), asm.DWord),
	)
}

// forget zeroes the hidden slots, which are no part of the series' key but
// may lie where another function's key has data.
func (e *emitter) forget(slots int) {
	e.add(asm.Mov.Imm(asm.R1, 0))
	for i := 0; i <= slots; i++ {
		e.add(asm.StoreMem(regCall, int16(e.hidden)+8*int16(i), asm.R1, asm.DWord))
	}
}

// refuse gives the function up.
func (e *emitter) refuse(why string) {
	if e.err == nil {
		e.err = e.expr.nodeError(e.expr.node, nil, "%s", why)
	}
}

// full reports whether the function was given up, or is as long as it may be.
func (e *emitter) full() bool {
	if len(e.insns) > maxInsns {
		e.refuse("the expressions take too many instructions")
	}
	return e.err != nil
}

// spill keeps the accumulator while something else is computed.
func (e *emitter) spill() int16 {
	if e.spills == maxSpills {
		e.refuse("the expression is nested too deep")
		return slotSpill
	}
	at := int16(slotSpill - 8*e.spills)
	e.spills++
	e.add(asm.StoreMem(asm.RFP, at, regAcc, asm.DWord))
	return at
}

// unspill brings a kept word into dst and frees its place, the last taken.
func (e *emitter) unspill(dst asm.Register, at int16) {
	e.spills = max(0, e.spills-1)
	e.add(asm.LoadMem(dst, asm.RFP, at, asm.DWord))
}
