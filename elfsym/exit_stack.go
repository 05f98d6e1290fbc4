package elfsym

// A frame is what is known of the stack at an instruction: the stack pointer
// and the frame pointer, relative to the stack pointer at the function's
// entry, and so 0 where the return address is at the top of the stack.
type frame struct {
	sp, bp  int64
	spKnown bool
	bpKnown bool
	seen    bool
	guessed bool // derived from a jump of unknown target
	held    held
}

// framed reports whether something is known to lie on the stack, so that the
// function cannot be left but by a call.
func (f *frame) framed() bool { return f.spKnown && f.sp != 0 }

// join merges what two paths to an instruction know, and reports whether that
// is less than f.
func (f *frame) join(g frame) bool {
	if !f.seen {
		*f = g
		f.seen = true
		return true
	}
	old := *f
	f.guessed = f.guessed || g.guessed
	if f.spKnown && (!g.spKnown || g.sp != f.sp) {
		f.spKnown, f.sp = false, 0
	}
	if f.bpKnown && (!g.bpKnown || g.bp != f.bp) {
		f.bpKnown, f.bp = false, 0
	}
	f.held.join(g.held)
	return *f != old
}

// after returns the frame behind an amd64 instruction.
func (f frame) after(in *inst) frame {
	g := f.moved(in)
	g.held = f.held.after(in, &f)
	return g
}

// moved is after without what is held. Calls leave the stack as it is: the
// System V ABI has the caller remove arguments.
func (f frame) moved(in *inst) frame {
	if in.flow == flowCall || in.flow == flowCallInd || in.flow == flowSystem {
		return f
	}
	if in.enc == legacy && in.space == 0 {
		if g, ok := f.explicit(in); ok {
			return g
		}
	}
	e := effectX86(in)
	// What is unknown are rare instructions; none of those that compilers
	// emit moves rsp or rbp (enter is handled above).
	if e.writes&hw(hwRSP) != 0 {
		f.spKnown, f.sp = false, 0
	}
	if e.writes&hw(hwRBP) != 0 {
		f.bpKnown, f.bp = false, 0
	}
	return f
}

// explicit covers the instructions that move rsp or rbp by known amounts.
func (f frame) explicit(in *inst) (frame, bool) {
	word := int64(8)
	if in.has(pfxOpSize) {
		word = 2
	}
	wide := in.rex&8 != 0
	direct := in.has(hasModRM) && !in.isMem()
	switch op := in.op; {
	case op >= 0x50 && op <= 0x57, op == 0x68, op == 0x6a, op == 0x9c, op == 0xff && in.regField() == 6:
		f.sp -= word
	case op >= 0x58 && op <= 0x5f:
		f.sp += word
		switch op&7 | in.rex<<3&8 {
		case hwRBP:
			f.bpKnown, f.bp = false, 0
		case hwRSP:
			f.spKnown = false
		}
	case op == 0x9d:
		f.sp += word
	case op == 0x8f:
		f.sp += word
		if direct && in.rm() == hwRSP {
			f.spKnown = false
		}
	case op == 0xc8: // enter, which no compiler emits
		f.spKnown, f.bpKnown = false, false
	case op == 0xc9: // leave
		f.sp, f.spKnown = f.bp+8, f.bpKnown
		f.bpKnown, f.bp = false, 0
	case (op == 0x81 || op == 0x83) && direct && wide && in.rm() == hwRSP:
		switch in.regField() {
		case 0:
			f.sp += in.imm
		case 5:
			f.sp -= in.imm
		case 7:
			return f, true
		default: // and: alignment of the stack
			f.spKnown = false
		}
	case op == 0x89 && direct && wide && in.rm() == hwRBP && in.reg() == hwRSP,
		op == 0x8b && direct && wide && in.reg() == hwRBP && in.rm() == hwRSP:
		f.bp, f.bpKnown = f.sp, f.spKnown
	case op == 0x89 && direct && wide && in.rm() == hwRSP && in.reg() == hwRBP,
		op == 0x8b && direct && wide && in.reg() == hwRSP && in.rm() == hwRBP:
		f.sp, f.spKnown = f.bp, f.bpKnown
	case op == 0x8d && wide && (in.reg() == hwRSP || in.reg() == hwRBP):
		v, known := f.address(in)
		if in.reg() == hwRSP {
			f.sp, f.spKnown = v, known
		} else {
			f.bp, f.bpKnown = v, known
		}
	default:
		return f, false
	}
	if !f.spKnown {
		f.sp = 0
	}
	if !f.bpKnown {
		f.bp = 0
	}
	return f, true
}

// address evaluates the memory operand disp(%rsp) or disp(%rbp).
func (f *frame) address(in *inst) (int64, bool) {
	disp := int64(in.disp)
	switch {
	case in.has(pfxAddrSize) || in.mod() == 0 && in.modrm&7 == 5:
	case in.modrm&7 == 4:
		noIndex := in.sib>>3&7 == 4 && in.rex&2 == 0
		base := in.sib&7 | in.rex<<3&8
		if noIndex && base == hwRSP {
			return f.sp + disp, f.spKnown
		}
		if noIndex && base == hwRBP && in.mod() != 0 {
			return f.bp + disp, f.bpKnown
		}
	case in.rm() == hwRBP:
		return f.bp + disp, f.bpKnown
	}
	return 0, false
}
