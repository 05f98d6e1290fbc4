package elfsym

import "encoding/binary"

// maxX86 is the longest instruction the processor accepts (Intel SDM 2.3.11).
const maxX86 = 15

// x86 is the state of decoding one instruction.
type x86 struct {
	in  inst
	b   []byte // at most maxX86 bytes
	n   int    // bytes consumed
	bad string // why it is no instruction
}

// decodeX86 decodes an instruction of 64-bit mode: its exact length, where it
// goes, and its parts.
func decodeX86(b []byte, pc VAddr) (inst, error) {
	d := x86{b: b[:min(len(b), maxX86)]}
	d.in.pc = pc
	d.run()
	if d.bad != "" {
		return inst{}, undecodable(pc, b, d.bad)
	}
	d.in.len = uint8(d.n)
	d.classify()
	if d.bad != "" {
		return inst{}, undecodable(pc, b, d.bad)
	}
	return d.in, nil
}

func (d *x86) fail(why string) {
	if d.bad == "" {
		d.bad = why
	}
}

// next consumes a byte.
func (d *x86) next() uint8 {
	if d.n >= len(d.b) {
		d.fail("it is cut short")
		return 0
	}
	d.n++
	return d.b[d.n-1]
}

// number consumes a little-endian number of n bytes and extends its sign.
func (d *x86) number(n int) int64 {
	if len(d.b)-d.n < n {
		d.fail("it is cut short")
		return 0
	}
	var buf [8]byte
	copy(buf[:], d.b[d.n:d.n+n])
	d.n += n
	shift := 64 - 8*n
	return int64(binary.LittleEndian.Uint64(buf[:])) << shift >> shift
}

func (d *x86) run() {
	op := d.prefixes()
	switch op {
	case 0xc4, 0xc5, 0x62:
		d.vector(op)
		return
	case 0x8f:
		// Map numbers from 8 on make it XOP (AMD64 manual volume 6); pop has
		// the ModRM reg field 0, which reads as a map below 8.
		if d.n < len(d.b) && d.b[d.n]&0x1f >= 8 {
			d.xop()
			return
		}
	case 0x0f:
		d.in.space = 1
		op = d.next()
		switch op {
		case 0x38:
			d.in.space, op = 2, d.next()
		case 0x3a:
			d.in.space, op = 3, d.next()
		}
	}
	d.in.op = op
	form := formOf(d.in.space, op)
	if form == 'X' {
		d.fail("no such opcode")
		return
	}
	d.operands(form)
}

// prefixes consumes legacy prefixes and REX and returns the byte after them.
func (d *x86) prefixes() uint8 {
	for d.bad == "" {
		c := d.next()
		switch c {
		case 0x66:
			d.in.pfx |= pfxOpSize
		case 0x67:
			d.in.pfx |= pfxAddrSize
		case 0xf0:
			d.in.pfx |= pfxLock
		case 0xf2:
			d.in.pfx |= pfxRepne
		case 0xf3:
			d.in.pfx |= pfxRep
		case 0x26, 0x2e, 0x36:
			d.in.pfx |= pfxOldSeg
		case 0x3e:
			d.in.pfx |= pfxDS
		case 0x64, 0x65:
			d.in.pfx |= pfxFSGS
		default:
			if c&0xf0 == 0x40 {
				// Only a REX right before the opcode counts.
				d.in.rex = c
				continue
			}
			return c
		}
		d.in.rex = 0
	}
	return 0
}

// operands consumes what the form (see formOf) says follows the opcode.
func (d *x86) operands(form byte) {
	z := 4
	if d.in.has(pfxOpSize) && d.in.rex&8 == 0 {
		z = 2
	}
	switch form {
	case '.':
	case 'M':
		d.modRM()
	case 'C': // mov to and from control and debug registers ignores mod
		d.in.modrm = d.next() | 0xc0
		d.in.pfx |= hasModRM
	case '1':
		d.in.imm = d.number(1)
	case '2':
		d.in.imm = d.number(2)
	case 'z':
		d.in.imm = d.number(z)
	case 'j':
		if z == 2 {
			// AMD reads 2 bytes, Intel ignores the prefix and reads 4.
			d.fail("its length depends on the processor's maker")
			return
		}
		d.in.imm = d.number(4)
	case 'v':
		if d.in.rex&8 != 0 {
			z = 8
		}
		d.in.imm = d.number(z)
	case 'a':
		n := 8
		if d.in.has(pfxAddrSize) {
			n = 4
		}
		d.in.imm = d.number(n)
	case 'e':
		d.number(2)
		d.number(1)
	case 'm':
		d.modRM()
		d.in.imm = d.number(1)
	case 'n':
		d.modRM()
		d.in.imm = d.number(z)
	case 'f': // group 3: test takes an immediate
		d.modRM()
		if d.in.regField() < 2 && d.bad == "" {
			if d.in.op == 0xf6 {
				z = 1
			}
			d.in.imm = d.number(z)
		}
	}
	if d.bad == "" && d.in.enc == legacy && !validGroup(&d.in) {
		d.fail("no such opcode")
	}
}

// modRM consumes the ModRM byte, SIB and displacement.
func (d *x86) modRM() {
	m := d.next()
	d.in.modrm = m
	d.in.pfx |= hasModRM
	mod, rm := m>>6, m&7
	if mod == 3 {
		return
	}
	wide := mod == 2 || mod == 0 && rm == 5
	if rm == 4 {
		d.in.sib = d.next()
		wide = wide || mod == 0 && d.in.sib&7 == 5
	}
	switch {
	case wide:
		d.in.disp = int32(d.number(4))
	case mod == 1:
		d.in.disp = int32(d.number(1))
	}
}

// classify fills in flow and target, once the length is known.
func (d *x86) classify() {
	in := &d.in
	if in.ripRelative() {
		in.target = in.end() + VAddr(int64(in.disp))
	}
	if in.enc != legacy {
		return
	}
	rel := in.end() + VAddr(in.imm)
	switch in.space {
	case 0:
		switch op := in.op; {
		case op >= 0x70 && op <= 0x7f, op >= 0xe0 && op <= 0xe3:
			in.flow, in.target = flowCond, rel
		case op == 0xe8:
			in.flow, in.target = flowCall, rel
		case op == 0xe9, op == 0xeb:
			in.flow, in.target = flowJump, rel
		case op == 0xc2, op == 0xc3, op == 0xca, op == 0xcb:
			in.flow = flowRet
		case op == 0xcc, op == 0xf1, op == 0xf4, op == 0xcf:
			in.flow = flowStop
		case op == 0xcd:
			in.flow = flowSystem
		case op == 0xc7 && in.modrm == 0xf8:
			in.flow, in.target = flowCond, rel // xbegin: target on abort
		case op == 0xff && (in.regField() == 2 || in.regField() == 3):
			in.flow = flowCallInd
		case op == 0xff && (in.regField() == 4 || in.regField() == 5):
			in.flow = flowJumpInd
		}
		if in.has(pfxOpSize) && in.rex&8 == 0 && in.flow != flowNext && in.flow != flowStop {
			// Intel and AMD disagree on 16-bit branches in 64-bit mode; the
			// kernel refuses them too (branch_setup_xol_ops).
			d.fail("a 16-bit branch")
		}
	case 1:
		switch op := in.op; {
		case op >= 0x80 && op <= 0x8f:
			in.flow, in.target = flowCond, rel
		case op == 0x05, op == 0x34:
			in.flow = flowSystem
		case op == 0x0b, op == 0xb9, op == 0xff, op == 0x07, op == 0x35:
			in.flow = flowStop
		}
	}
}
