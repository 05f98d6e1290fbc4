package elfsym

// effect is what an instruction changes besides the flags and the vector
// registers, neither of which a probe reads.
type effect struct {
	writes  RegSet
	stores  bool // to memory
	unknown bool // it may write any register and memory
}

// dwarfReg maps the hardware's numbers of the general registers to DWARF's
// (System V psABI, figure 3.36).
var dwarfReg = [16]Reg{0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15}

// Registers by their hardware number.
const (
	hwRAX = 0
	hwRDX = 2
	hwRSP = 4
	hwRBP = 5
)

func hw(n uint8) RegSet { return RegSet(0).Add(dwarfReg[n&15]) }

// rm and reg return the register operands' hardware numbers, for operands of
// more than 8 bits.
func (in *inst) rm() uint8  { return in.modrm&7 | in.rex<<3&8 }
func (in *inst) reg() uint8 { return in.regField() | in.rex<<1&8 }

// byteReg corrects the number of an 8-bit register: without REX, 4 to 7 are
// ah, ch, dh and bh.
func (in *inst) byteReg(n uint8) uint8 {
	if in.rex == 0 && n >= 4 && n < 8 {
		return n - 4
	}
	return n
}

// toRM is the effect of writing the r/m operand.
func (in *inst) toRM(isByte bool) effect {
	if in.isMem() {
		return effect{stores: true}
	}
	n := in.rm()
	if isByte {
		n = in.byteReg(n)
	}
	return effect{writes: hw(n)}
}

// toReg is the effect of writing the register operand.
func (in *inst) toReg(isByte bool) effect {
	n := in.reg()
	if isByte {
		n = in.byteReg(n)
	}
	return effect{writes: hw(n)}
}

var (
	nothing = effect{}
	unknown = effect{unknown: true, stores: true}
)

// effectX86 returns what an amd64 instruction changes. Rare instructions are
// unknown; none is said to change less than it does.
func effectX86(in *inst) effect {
	switch {
	case in.enc == legacy && in.space == 0:
		return in.effect1()
	case in.enc == legacy && in.space == 1:
		return in.effect0F()
	case (in.enc == vex || in.enc == evex) && in.space == 1:
		return in.effectVex()
	case (in.enc == vex || in.enc == evex) && in.space == 2 && broadcasts.has(in.op):
		return nothing
	}
	return unknown
}

// broadcasts are the VEX and EVEX opcodes of the 0f38 map that fill a vector
// register from memory or another register.
var broadcasts = ops(rg{0x18, 0x1a}, rg{0x58, 0x5a}, rg{0x78, 0x7c})

// effect1 covers the one-byte opcodes.
func (in *inst) effect1() effect {
	op, isByte := in.op, in.op&1 == 0
	switch {
	case in.flow == flowCond && op != 0xc7:
		if op >= 0xe0 && op <= 0xe2 { // loop
			return effect{writes: RegSet(0).Add(regRCX)}
		}
		return nothing
	case op < 0x40:
		switch {
		case op>>3 == 7: // cmp
			return nothing
		case op&7 < 2:
			return in.toRM(isByte)
		case op&7 < 4:
			return in.toReg(isByte)
		}
		return effect{writes: hw(hwRAX)}
	case op >= 0x50 && op <= 0x57, op == 0x68, op == 0x6a:
		return effect{writes: hw(hwRSP), stores: true}
	case op >= 0x58 && op <= 0x5f:
		return effect{writes: hw(hwRSP) | hw(op&7|in.rex<<3&8)}
	case op == 0x63, op == 0x69, op == 0x6b, op == 0x8d:
		return in.toReg(false)
	case op >= 0x80 && op <= 0x83:
		if in.regField() == 7 {
			return nothing
		}
		return in.toRM(isByte)
	case op == 0x84, op == 0x85, op == 0xa8, op == 0xa9:
		return nothing
	case op == 0x88, op == 0x89:
		return in.toRM(isByte)
	case op == 0x8a, op == 0x8b:
		return in.toReg(isByte)
	case op == 0x90 && in.rex&1 == 0:
		return nothing
	case op >= 0x90 && op <= 0x97:
		return effect{writes: hw(hwRAX) | hw(op&7|in.rex<<3&8)}
	case op == 0x98:
		return effect{writes: hw(hwRAX)}
	case op == 0x99:
		return effect{writes: hw(hwRDX)}
	case op >= 0xb0 && op <= 0xb7:
		return effect{writes: hw(in.byteReg(op&7 | in.rex<<3&8))}
	case op >= 0xb8 && op <= 0xbf:
		return effect{writes: hw(op&7 | in.rex<<3&8)}
	case op == 0xc0, op == 0xc1, op >= 0xd0 && op <= 0xd3:
		return in.toRM(isByte)
	case (op == 0xc6 || op == 0xc7) && in.modrm != 0xf8:
		return in.toRM(isByte)
	case op == 0xf6, op == 0xf7:
		switch in.regField() {
		case 0, 1:
			return nothing
		case 2, 3:
			return in.toRM(isByte)
		}
		return effect{writes: hw(hwRAX) | hw(hwRDX)}
	case (op == 0xfe || op == 0xff) && in.regField() < 2:
		return in.toRM(isByte)
	case op == 0xff && in.regField() == 6:
		return effect{writes: hw(hwRSP), stores: true}
	}
	return unknown
}

// effect0F covers the 0f opcodes.
func (in *inst) effect0F() effect {
	switch op := in.op; {
	case in.flow == flowCond:
		return nothing
	case op == 0x0d, op >= 0x18 && op <= 0x1f:
		// Prefetches and hints; rdssp is a hint that writes its operand.
		if op == 0x1e && in.has(pfxRep) && !in.isMem() && in.regField() == 1 {
			return in.toRM(false)
		}
		if op >= 0x1a && op <= 0x1c { // MPX and cldemote
			return unknown
		}
		return nothing
	case op == 0x10, op == 0x12, op == 0x14, op == 0x15, op == 0x16, op == 0x28,
		op == 0x2a, op == 0x2e, op == 0x2f, op == 0x51, op >= 0x54 && op <= 0x70,
		op >= 0x74 && op <= 0x76, op == 0xc2, op == 0xc6:
		return nothing
	case op == 0x11, op == 0x13, op == 0x17, op == 0x29, op == 0x2b, op == 0x7f, op == 0xd6, op == 0xe7:
		return effect{stores: in.isMem()}
	case op == 0x2c, op == 0x2d, op == 0x50, op == 0xc5, op == 0xd7:
		return in.toReg(false)
	case op == 0x7e:
		if in.has(pfxRep) {
			return nothing
		}
		return in.toRM(false)
	case op >= 0x40 && op <= 0x4f:
		return in.toReg(false)
	case op >= 0x90 && op <= 0x9f:
		return in.toRM(true)
	case op == 0xa3, op == 0xba && in.regField() == 4:
		return nothing
	case op == 0xa4, op == 0xa5, op == 0xac, op == 0xad, op == 0xab, op == 0xb3, op == 0xbb, op == 0xba:
		return in.toRM(false)
	case op == 0xaf, op == 0xb6, op == 0xb7, op == 0xb8, op >= 0xbc && op <= 0xbf:
		return in.toReg(false)
	case op >= 0xc8 && op <= 0xcf:
		return effect{writes: hw(op&7 | in.rex<<3&8)}
	case op == 0xd4, op == 0xef, op == 0xeb, op == 0xdb, op == 0xdf, op == 0xfa, op == 0xfb, op >= 0xfc && op <= 0xfe:
		return nothing
	}
	return unknown
}

// effectVex covers the VEX and EVEX instructions of the 0f map that compilers put at the start of a
// function.
func (in *inst) effectVex() effect {
	switch op := in.op; {
	case op == 0x77, op == 0x10, op == 0x12, op == 0x14, op == 0x15, op == 0x16, op == 0x28,
		op == 0x2e, op == 0x2f, op == 0x51, op >= 0x54 && op <= 0x6f, op == 0xef, op == 0xeb, op == 0xd4, op == 0xfe:
		return nothing
	case op == 0x11, op == 0x13, op == 0x17, op == 0x29, op == 0x2b, op == 0x7f, op == 0xd6, op == 0xe7:
		return effect{stores: in.isMem()}
	}
	return unknown
}

// vectorSize returns how many bytes a move from a vector register to memory
// stores, 0 for other instructions.
func (in *inst) vectorSize() int64 {
	if in.enc != legacy {
		return 0
	}
	switch in.op {
	case 0x11:
		switch {
		case in.has(pfxRep):
			return 4
		case in.has(pfxRepne):
			return 8
		}
		return 16
	case 0x13, 0x17, 0xd6:
		return 8
	case 0x29, 0x2b, 0x7f, 0xe7:
		return 16
	case 0x7e:
		if in.rex&8 != 0 {
			return 8
		}
		return 4
	}
	return 0
}
