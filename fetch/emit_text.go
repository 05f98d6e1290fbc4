package fetch

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"
)

// maxTextLen is the length from which on a string is taken for garbage.
const maxTextLen = 1 << 40

// commLen is the size of a thread's name, TASK_COMM_LEN.
const commLen = 16

// locate brings a text's address into the accumulator, and its length, if it
// is known, into regLen.
func (e *emitter) locate(t *text) {
	switch {
	case t.header != nil:
		e.eval(t.header)
		e.copy(asm.RFP, slotHeader, 16)
		e.add(
			asm.LoadMem(regLen, asm.RFP, slotScratch, asm.DWord),
			asm.LoadMem(regAcc, asm.RFP, slotHeader, asm.DWord),
		)
	case t.len == nil:
		e.eval(t.ptr)
	case t.ptr.op == opMissing:
		// Of an empty text nothing more need be known.
		e.eval(t.len)
		e.add(asm.Mov.Reg(regLen, regAcc), asm.JNE.Imm(regLen, 0, e.fail))
	default:
		e.eval(t.len)
		if e.simple(t.ptr) {
			e.add(asm.Mov.Reg(regLen, regAcc))
			e.into(regAcc, t.ptr)
			return
		}
		at := e.spill()
		e.eval(t.ptr)
		e.unspill(regLen, at)
	}
}

// checkLen refuses lengths that no text has, negative ones too.
func (e *emitter) checkLen() {
	e.add(asm.LoadImm(asm.R1, maxTextLen, asm.DWord), asm.JGT.Reg(regLen, asm.R1, e.fail))
}

// textCell reads a text or a list into cell i of the key, at data in struct
// call.
func (e *emitter) textCell(i int, data int32, c *cell, strLen int, done string) {
	switch t := c.text; {
	case t.comm:
		e.add(
			asm.Mov.Reg(asm.R1, regCall),
			asm.Add.Imm(asm.R1, data+textHeader),
			asm.Mov.Imm(asm.R2, commLen),
			asm.FnGetCurrentComm.Call(),
			asm.StoreImm(regCall, int16(data), commLen, asm.Word),
		)
	case t.header != nil || t.len != nil:
		e.locate(t)
		e.counted(i, data, c, strLen, done)
	default:
		e.locate(t)
		e.terminated(i, data, t, strLen, done)
	}
}

// counted reads a text whose length is known, at most strLen bytes of it, or as
// many elements of a list.
func (e *emitter) counted(i int, data int32, c *cell, strLen int, done string) {
	fits, read, failed := e.label("fits"), e.label("read"), e.label("failed")
	e.add(asm.JEq.Imm(regLen, 0, done)) // whatever the pointer is
	e.checkLen()
	most := int32(strLen)
	if c.unit > 0 {
		most = int32(max(1, int64(strLen)/c.unit))
	}
	e.add(asm.JLE.Imm(regLen, most, fits), asm.Mov.Imm(regLen, most))
	e.status(i, Truncated)
	e.mark(fits)
	if c.unit > 1 {
		e.add(asm.Mul.Imm(regLen, int32(c.unit)))
	}
	args := asm.Instructions{
		asm.Mov.Reg(asm.R1, regCall),
		asm.Add.Imm(asm.R1, data+textHeader),
		asm.Mov.Reg(asm.R2, regLen),
		asm.Mov.Reg(asm.R3, regAcc),
	}
	e.add(append(asm.Instructions(nil), args...)...)
	e.add(asm.FnProbeReadUser.Call(), asm.JEq.Imm(asm.R0, 0, read))
	e.add(args...)
	e.add(asm.FnCopyFromUser.Call(), asm.JNE.Imm(asm.R0, 0, failed))
	e.mark(read)
	e.add(asm.StoreMem(regCall, int16(data), regLen, asm.Word))
	e.jump(done)
	e.mark(failed)
	e.clearStatus(i)
	e.jump(e.fail)
}

// terminated reads a C string: at most strLen bytes of it.
func (e *emitter) terminated(i int, data int32, t *text, strLen int, done string) {
	null, have, whole := e.label("null"), e.label("have"), e.label("whole")
	e.add(asm.JEq.Imm(regAcc, 0, null))
	// Two bytes more than are kept tell a cut string from one that just
	// fits; an array's text needs no NUL behind it.
	size := int32(strLen) + 2
	if t.max > 0 && t.max+1 < int64(size) {
		size = int32(t.max) + 1
	}
	read := func() {
		e.add(
			asm.Mov.Reg(asm.R1, regCall),
			asm.Add.Imm(asm.R1, data+textHeader),
			asm.Mov.Imm(asm.R2, size),
			asm.Mov.Reg(asm.R3, regAcc),
			asm.FnProbeReadUserStr.Call(),
			asm.JSGT.Imm(asm.R0, 0, have),
		)
	}
	read()
	// The string's pages may not be there yet: fault them in, the last one
	// only if it exists, and read again.
	e.touch(0)
	e.add(asm.JNE.Imm(asm.R0, 0, e.fail))
	for offset := int32(4096); offset < size; offset += 4096 {
		e.touch(offset)
	}
	e.touch(size - 1)
	read()
	e.jump(e.fail)
	e.mark(null)
	e.status(i, None)
	e.jump(done)
	e.mark(have)
	e.add(
		asm.Mov.Reg(regLen, asm.R0),
		asm.Sub.Imm(regLen, 1), // the NUL
		asm.JLE.Imm(regLen, int32(strLen), whole),
		asm.Mov.Imm(regLen, int32(strLen)),
		asm.StoreImm(regCall, int16(data)+textHeader+int16(strLen), 0, asm.Byte),
	)
	e.status(i, Truncated)
	e.mark(whole)
	e.add(asm.StoreMem(regCall, int16(data), regLen, asm.Word))
}

// touch faults in the page offset bytes behind the accumulator.
func (e *emitter) touch(offset int32) {
	e.add(
		asm.Mov.Reg(asm.R1, asm.RFP),
		asm.Add.Imm(asm.R1, slotScratch),
		asm.Mov.Imm(asm.R2, 1),
		asm.Mov.Reg(asm.R3, regAcc),
		asm.Add.Imm(asm.R3, offset),
		asm.FnCopyFromUser.Call(),
	)
}

// match goes to differs unless the text is n.want or begins with it.
func (e *emitter) match(n *node, differs string) {
	switch t := n.text; {
	case t.comm:
		e.matchComm(n, differs)
	case t.header != nil || t.len != nil:
		e.locate(t)
		e.checkLen()
		if n.prefix {
			e.add(asm.JLT.Imm(regLen, int32(len(n.want)), differs))
		} else {
			e.add(asm.JNE.Imm(regLen, int32(len(n.want)), differs))
		}
		for rest := n.want; rest != ""; {
			chunk := rest[:min(len(rest), bufferLen)]
			e.copy(asm.RFP, slotBuffer, int32(len(chunk)))
			e.same(chunk, differs)
			e.add(asm.Add.Imm(regAcc, int32(len(chunk))))
			rest = rest[len(chunk):]
		}
	default:
		e.locate(t)
		e.add(asm.JEq.Imm(regAcc, 0, differs)) // no text at all
		e.matchTerminated(n, differs)
	}
}

// matchTerminated compares a C string, of which nothing behind its NUL is
// read.
func (e *emitter) matchTerminated(n *node, differs string) {
	want := n.want
	if !n.prefix && (n.text.max == 0 || int64(len(want)) < n.text.max) {
		want += "\x00"
	}
	if n.text.max > 0 && int64(len(want)) > n.text.max {
		e.jump(differs)
		return
	}
	for want != "" {
		chunk := want[:min(len(want), bufferLen)]
		// An unaligned word at a time would be quicker to compare, but a
		// string may end at the end of its page.
		have := e.label("have")
		read := func() {
			e.add(
				asm.Mov.Reg(asm.R1, asm.RFP),
				asm.Add.Imm(asm.R1, slotBuffer),
				asm.Mov.Imm(asm.R2, int32(len(chunk))),
				asm.Mov.Reg(asm.R3, regAcc),
				asm.FnProbeReadUserStr.Call(),
				asm.JSGT.Imm(asm.R0, 0, have),
			)
		}
		// The helper ends what it copies by a NUL, so the last byte of the
		// chunk is read by itself, if the bytes before it are no shorter
		// text.
		if len(chunk) > 1 {
			read()
			e.touch(0)
			e.add(asm.JNE.Imm(asm.R0, 0, e.fail))
			e.touch(int32(len(chunk)) - 1)
			read()
			e.jump(e.fail)
			e.mark(have)
			e.add(asm.JNE.Imm(asm.R0, int32(len(chunk)), differs))
			e.same(chunk[:len(chunk)-1], differs)
			e.add(asm.Add.Imm(regAcc, int32(len(chunk))-1))
		}
		e.copy(asm.RFP, slotBuffer, 1)
		e.same(chunk[len(chunk)-1:], differs)
		e.add(asm.Add.Imm(regAcc, 1))
		want = want[len(chunk):]
	}
}

// matchComm compares the thread's name, which the kernel pads by zeros.
func (e *emitter) matchComm(n *node, differs string) {
	if len(n.want) >= commLen {
		e.jump(differs)
		return
	}
	e.add(
		asm.Mov.Reg(asm.R1, asm.RFP),
		asm.Add.Imm(asm.R1, slotBuffer),
		asm.Mov.Imm(asm.R2, commLen),
		asm.FnGetCurrentComm.Call(),
	)
	want := n.want
	if !n.prefix {
		want += "\x00"
	}
	e.same(want, differs)
}

// same compares the buffer with a constant.
func (e *emitter) same(want string, differs string) {
	for at := 0; at < len(want); {
		rest := []byte(want[at:])
		var v uint64
		width, n := asm.Byte, 1
		switch {
		case len(rest) >= 8:
			width, n, v = asm.DWord, 8, binary.NativeEndian.Uint64(rest)
		case len(rest) >= 4:
			width, n, v = asm.Word, 4, uint64(binary.NativeEndian.Uint32(rest))
		case len(rest) >= 2:
			width, n, v = asm.Half, 2, uint64(binary.NativeEndian.Uint16(rest))
		default:
			v = uint64(rest[0])
		}
		e.add(asm.LoadMem(asm.R1, asm.RFP, int16(slotBuffer+at), width))
		if n < 4 {
			e.add(asm.JNE.Imm(asm.R1, int32(v), differs))
		} else {
			e.add(asm.LoadImm(asm.R2, int64(v), asm.DWord), asm.JNE.Reg(asm.R1, asm.R2, differs))
		}
		at += n
	}
}
