package fetch

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"github.com/latchprof/latch/elfsym"
)

// Offsets in struct call (bpf/layout.h) of the key's status word and data.
// A test of package uprobe, which knows both, compares them.
const (
	KeyStatusOffset = 64 + 4
	KeyDataOffset   = 64 + 8
)

// Registers that hold the same thing through a whole fetch function.
const (
	regCtx  = asm.R6 // struct pt_regs
	regCall = asm.R7 // struct call
	regPtr  = asm.R8 // address being read
	regLen  = asm.R9 // length being read
)

// scratch is a word on the stack that reads go through.
const scratch = -8

// emitter writes one fetch function. Values that cannot be read leave zeros
// and a status; the function always goes on to the next part.
type emitter struct {
	arch   elfsym.Arch
	name   string
	insns  asm.Instructions
	labels int
}

func newEmitter(arch elfsym.Arch, name string) *emitter {
	return &emitter{arch: arch, name: name}
}

func (e *emitter) add(ins ...asm.Instruction) { e.insns = append(e.insns, ins...) }

func (e *emitter) label(what string) string {
	e.labels++
	return fmt.Sprintf("%s_%s_%d", e.name, what, e.labels)
}

// finish returns the whole function, or nil if it reads nothing.
func (e *emitter) finish() asm.Instructions {
	if len(e.insns) == 0 {
		return nil
	}
	out := asm.Instructions{
		asm.Mov.Reg(regCtx, asm.R1),
		asm.Mov.Reg(regCall, asm.R2),
	}
	out = append(out, e.insns...)
	return reachable(append(out, asm.Mov.Imm(asm.R0, 0), asm.Return()))
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

// part reads the value v into part i of the key.
func (e *emitter) part(i int, p *Part, v *value, strLen int) {
	unreadable, done := e.label("unreadable"), e.label("done")
	data := int32(KeyDataOffset + p.Offset)
	switch {
	case !v.text:
		e.word(asm.R1, v.loc.Pieces[0], v.typ.Size, signed(v.typ), unreadable)
		e.add(asm.StoreMem(regCall, int16(data), asm.R1, asm.DWord))
	case v.hasLen:
		e.counted(i, data, v, strLen, unreadable, done)
	default:
		e.terminated(i, data, v, strLen, unreadable, done)
	}
	e.add(asm.Ja.Label(done))
	e.add(e.status(i, Unreadable, unreadable)...)
	// A no-op that carries the label: the next part may start with anything.
	e.add(asm.Mov.Imm(asm.R0, 0).WithSymbol(done))
}

func signed(t *elfsym.Type) bool {
	return t.Kind == elfsym.KindInt || t.Kind == elfsym.KindEnum && t.Signed
}

// status ors a part's status into the key's status word.
func (e *emitter) status(i int, s Status, label string) asm.Instructions {
	first := asm.LoadMem(asm.R1, regCall, KeyStatusOffset, asm.Word)
	if label != "" {
		first = first.WithSymbol(label)
	}
	return asm.Instructions{
		first,
		asm.LoadImm(asm.R2, int64(uint32(s)<<(2*i)), asm.DWord),
		asm.Or.Reg(asm.R1, asm.R2),
		asm.StoreMem(regCall, KeyStatusOffset, asm.R1, asm.Word),
	}
}

// word brings the low size bytes of a piece into dst, extended to 64 bits.
func (e *emitter) word(dst asm.Register, p elfsym.Piece, size int64, signed bool, unreadable string) {
	switch p.Kind {
	case elfsym.InReg:
		offset, ok := regOffset(e.arch, p.Reg)
		if !ok {
			e.add(asm.Ja.Label(unreadable))
			return
		}
		e.add(asm.LoadMem(dst, regCtx, offset, asm.DWord))
	case elfsym.Const:
		e.add(asm.LoadImm(dst, int64(p.Value), asm.DWord))
	case elfsym.InMem:
		offset, ok := regOffset(e.arch, p.Reg)
		if !ok {
			e.add(asm.Ja.Label(unreadable))
			return
		}
		e.add(
			asm.LoadMem(regPtr, regCtx, offset, asm.DWord),
			asm.LoadImm(asm.R1, p.Off, asm.DWord),
			asm.Add.Reg(regPtr, asm.R1),
			asm.Mov.Imm(asm.R1, 0),
			asm.StoreMem(asm.RFP, scratch, asm.R1, asm.DWord),
		)
		e.read(asm.RFP, scratch, int32(size), unreadable)
		e.add(asm.LoadMem(dst, asm.RFP, scratch, asm.DWord))
	default:
		e.add(asm.Ja.Label(unreadable))
		return
	}
	if shift := int32(64 - 8*size); shift > 0 {
		e.add(asm.LSh.Imm(dst, shift))
		if signed {
			e.add(asm.ArSh.Imm(dst, shift))
		} else {
			e.add(asm.RSh.Imm(dst, shift))
		}
	}
}

// read copies size bytes at regPtr to base+offset, faulting the page in if it
// is not there yet.
func (e *emitter) read(base asm.Register, offset int32, size int32, unreadable string) {
	done := e.label("read")
	args := func() {
		e.add(
			asm.Mov.Reg(asm.R1, base),
			asm.Add.Imm(asm.R1, offset),
			asm.Mov.Imm(asm.R2, size),
			asm.Mov.Reg(asm.R3, regPtr),
		)
	}
	args()
	e.add(asm.FnProbeReadUser.Call(), asm.JEq.Imm(asm.R0, 0, done))
	args()
	e.add(
		asm.FnCopyFromUser.Call(),
		asm.JNE.Imm(asm.R0, 0, unreadable),
		asm.Mov.Imm(asm.R0, 0).WithSymbol(done),
	)
}

// counted reads a text whose length is known: at most strLen bytes of it.
func (e *emitter) counted(i int, data int32, v *value, strLen int, unreadable, done string) {
	pointer, length := v.loc.Pieces[0], v.loc.Pieces[1]
	size := int64(8)
	if length.Kind == elfsym.InReg || length.Kind == elfsym.InMem {
		size = min(8, length.Size)
	}
	e.word(regLen, length, size, v.signedLen, unreadable)
	e.word(asm.R1, pointer, 8, false, unreadable)
	e.add(asm.Mov.Reg(regPtr, asm.R1))
	fits := e.label("fits")
	e.add(
		asm.JEq.Imm(regLen, 0, done), // whatever the pointer is
		asm.LoadImm(asm.R1, 1<<40, asm.DWord),
		asm.JGT.Reg(regLen, asm.R1, unreadable), // also negative ones
		asm.JLE.Imm(regLen, int32(strLen), fits),
		asm.Mov.Imm(regLen, int32(strLen)),
	)
	e.add(e.status(i, Truncated, "")...)
	e.add(asm.Mov.Reg(asm.R1, regCall).WithSymbol(fits))
	read := e.label("read")
	args := asm.Instructions{
		asm.Mov.Reg(asm.R1, regCall),
		asm.Add.Imm(asm.R1, data+textHeader),
		asm.Mov.Reg(asm.R2, regLen),
		asm.Mov.Reg(asm.R3, regPtr),
	}
	failed := e.label("failed")
	e.add(args...)
	e.add(asm.FnProbeReadUser.Call(), asm.JEq.Imm(asm.R0, 0, read))
	e.add(args...)
	e.add(
		asm.FnCopyFromUser.Call(),
		asm.JNE.Imm(asm.R0, 0, failed),
		asm.StoreMem(regCall, int16(data), regLen, asm.Word).WithSymbol(read),
		asm.Ja.Label(done),
	)
	e.clearStatus(i, failed)
	e.add(asm.Ja.Label(unreadable))
}

// clearStatus takes part i's status back to OK.
func (e *emitter) clearStatus(i int, label string) {
	e.add(
		asm.LoadMem(asm.R1, regCall, KeyStatusOffset, asm.Word).WithSymbol(label),
		asm.LoadImm(asm.R2, int64(^(uint32(3)<<(2*i))), asm.DWord),
		asm.And.Reg(asm.R1, asm.R2),
		asm.StoreMem(regCall, KeyStatusOffset, asm.R1, asm.Word),
	)
}

// terminated reads a C string: at most strLen bytes of it.
func (e *emitter) terminated(i int, data int32, v *value, strLen int, unreadable, done string) {
	e.word(asm.R1, v.loc.Pieces[0], 8, false, unreadable)
	e.add(asm.Mov.Reg(regPtr, asm.R1))
	null, have := e.label("null"), e.label("have")
	e.add(asm.JEq.Imm(regPtr, 0, null))
	read := asm.Instructions{
		asm.Mov.Reg(asm.R1, regCall),
		asm.Add.Imm(asm.R1, data+textHeader),
		asm.Mov.Imm(asm.R2, int32(strLen)+2),
		asm.Mov.Reg(asm.R3, regPtr),
		asm.FnProbeReadUserStr.Call(),
		asm.JSGT.Imm(asm.R0, 0, have),
	}
	touch := func(offset int32) {
		e.add(
			asm.Mov.Reg(asm.R1, asm.RFP),
			asm.Add.Imm(asm.R1, scratch),
			asm.Mov.Imm(asm.R2, 1),
			asm.Mov.Reg(asm.R3, regPtr),
			asm.Add.Imm(asm.R3, offset),
			asm.FnCopyFromUser.Call(),
		)
	}
	e.add(read...)
	// The string's pages may not be there yet: fault them in, the last one
	// only if it exists, and read again.
	e.add(asm.Mov.Imm(asm.R1, 0), asm.StoreMem(asm.RFP, scratch, asm.R1, asm.DWord))
	touch(0)
	e.add(asm.JNE.Imm(asm.R0, 0, unreadable))
	for offset := int32(4096); offset < int32(strLen)+2; offset += 4096 {
		touch(offset)
	}
	touch(int32(strLen) + 1)
	e.add(read...)
	e.add(asm.Ja.Label(unreadable))
	e.add(e.status(i, None, null)...)
	e.add(asm.Ja.Label(done))
	whole := e.label("whole")
	e.add(
		asm.Mov.Reg(regLen, asm.R0).WithSymbol(have),
		asm.Sub.Imm(regLen, 1), // the NUL
		asm.JLE.Imm(regLen, int32(strLen), whole),
		asm.Mov.Imm(regLen, int32(strLen)),
		asm.StoreImm(regCall, int16(data)+textHeader+int16(strLen), 0, asm.Byte),
	)
	e.add(e.status(i, Truncated, "")...)
	e.add(asm.StoreMem(regCall, int16(data), regLen, asm.Word).WithSymbol(whole))
}
