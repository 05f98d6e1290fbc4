package elfsym

import "encoding/binary"

// decodeA64 decodes an arm64 instruction. Every word is one instruction, so
// only those that change the flow are told apart (Arm ARM, C4.1.65).
func decodeA64(b []byte, pc VAddr) (inst, error) {
	if len(b) < 4 {
		return inst{}, undecodable(pc, b, "it is cut short")
	}
	if pc&3 != 0 {
		return inst{}, undecodable(pc, b, "it is not aligned")
	}
	w := binary.LittleEndian.Uint32(b)
	in := inst{pc: pc, len: 4, word: w}
	switch {
	case w>>16 == 0:
		// udf marks data and code that is never reached; with an immediate
		// other than 0 only data looks like it.
		in.flow = flowStop
	case w>>26 == 0b000101:
		in.flow, in.target = flowJump, pc+a64Offset(w, 0, 26)
	case w>>26 == 0b100101:
		in.flow, in.target = flowCall, pc+a64Offset(w, 0, 26)
	case w>>24 == 0x54: // b.cond, bc.cond
		in.flow, in.target = flowCond, pc+a64Offset(w, 5, 19)
	case w>>25&0x3f == 0b011010: // cbz, cbnz
		in.flow, in.target = flowCond, pc+a64Offset(w, 5, 19)
	case w>>25&0x3f == 0b011011: // tbz, tbnz
		in.flow, in.target = flowCond, pc+a64Offset(w, 5, 14)
	case w>>25 == 0b1101011: // unconditional branch (register)
		switch w >> 21 & 7 { // opc without the bit that selects a modifier
		case 0:
			in.flow = flowJumpInd
		case 1:
			in.flow = flowCallInd
		case 2:
			in.flow = flowRet
		default:
			in.flow = flowStop // eret, drps
		}
	case w>>24 == 0xd4: // svc, hvc, smc, brk, hlt
		in.flow = flowStop
		if w&0xffe0001f == 0xd4000001 {
			in.flow = flowSystem
		}
	}
	return in, nil
}

// a64Offset returns the signed word offset of n bits at bit lo, in bytes.
func a64Offset(w uint32, lo, n uint) VAddr {
	return VAddr(int64(uint64(w)>>lo<<(64-n)) >> (64 - n) << 2)
}
