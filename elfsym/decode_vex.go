package elfsym

// vector decodes what follows the first byte of a VEX (c4, c5) or EVEX (62)
// prefix. In 64-bit mode these bytes are nothing else.
func (d *x86) vector(first uint8) {
	in := &d.in
	if in.has(pfxOpSize|pfxLock|pfxRep|pfxRepne) || in.rex != 0 {
		d.fail("a prefix that VEX and EVEX forbid")
		return
	}
	in.enc, in.space = vex, 1
	switch first {
	case 0xc5:
		d.next()
	case 0xc4:
		in.space = d.next() & 0x1f
		d.next()
	case 0x62:
		in.enc = evex
		p0, p1 := d.next(), d.next()
		d.next()
		in.space = p0 & 7
		// Bits that are fixed without APX (Intel SDM 2.7.1).
		if p0&8 != 0 || p1&4 == 0 {
			d.fail("no such EVEX prefix")
			return
		}
	}
	in.op = d.next()
	if d.bad != "" {
		return
	}
	if !d.vectorOp() {
		d.fail("no such opcode")
		return
	}
	if in.enc == vex && in.space == 1 && in.op == 0x77 {
		return // vzeroupper, vzeroall
	}
	d.modRM()
	if in.space == 3 || in.space == 1 && vectorImm(in.op) {
		in.imm = d.number(1)
	}
}

func (d *x86) vectorOp() bool {
	set := (*opcodes)(nil)
	if d.in.enc == vex {
		switch d.in.space {
		case 1:
			set = &vex1
		case 2:
			set = &vex2
		case 3:
			set = &vex3
		}
	} else {
		switch d.in.space {
		case 1:
			set = &evex1
		case 2:
			set = &evex2
		case 3:
			set = &evex3
		case 5:
			set = &evex5
		case 6:
			set = &evex6
		}
	}
	return set != nil && set.has(d.in.op)
}

// vectorImm reports whether a vector instruction of the 0f map takes an imm8.
func vectorImm(op uint8) bool {
	return op >= 0x70 && op <= 0x73 || op == 0xc2 || op >= 0xc4 && op <= 0xc6
}

// xop decodes what follows the 8f of AMD's XOP prefix, which libcrypto's
// assembly uses.
func (d *x86) xop() {
	in := &d.in
	if in.has(pfxOpSize|pfxLock|pfxRep|pfxRepne) || in.rex != 0 {
		d.fail("a prefix that XOP forbids")
		return
	}
	in.enc = xop
	in.space = d.next() & 0x1f
	d.next()
	in.op = d.next()
	known := false
	switch in.space {
	case 8:
		known = xop8.has(in.op)
	case 9:
		known = xop9.has(in.op)
	case 10:
		known = xopA.has(in.op)
	}
	if d.bad == "" && !known {
		d.fail("no such opcode")
		return
	}
	d.modRM()
	switch in.space {
	case 8:
		in.imm = d.number(1)
	case 10:
		in.imm = d.number(4)
	}
}
