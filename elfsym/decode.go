package elfsym

import "fmt"

// flow says where execution goes after an instruction.
type flow uint8

const (
	flowNext    flow = iota // to the next instruction
	flowCond                // to target or to the next instruction
	flowJump                // to target
	flowJumpInd             // to a place only known at run time
	flowCall                // to target, and usually back
	flowCallInd             // to a place only known at run time, and usually back
	flowRet                 // to the caller
	flowSystem              // into the kernel, and usually back
	flowStop                // nowhere: ud2, hlt, int3, brk
)

// inst is a decoded instruction. The lower half holds the parts of an amd64
// encoding; on arm64 only word is set.
type inst struct {
	pc     VAddr
	target VAddr // of a direct branch, or of a rip-relative memory operand
	imm    int64 // immediate, sign-extended
	disp   int32 // displacement of the memory operand
	len    uint8
	flow   flow

	enc   encoding
	space uint8 // opcode map: 0 one byte, 1 0f, 2 0f38, 3 0f3a, 5 and 6 EVEX, 8 to 10 XOP
	op    uint8
	modrm uint8
	sib   uint8
	rex   uint8
	pfx   prefixes

	word uint32 // arm64
}

// encoding is the scheme an amd64 instruction is written in.
type encoding uint8

const (
	legacy encoding = iota
	vex
	evex
	xop
)

// prefixes are the amd64 legacy prefixes in front of an instruction, and
// whether it has a ModRM byte.
type prefixes uint16

const (
	pfxOpSize   prefixes = 1 << iota // 66
	pfxAddrSize                      // 67
	pfxLock                          // f0
	pfxRepne                         // f2
	pfxRep                           // f3
	pfxOldSeg                        // 26, 2e, 36: segments without a meaning in 64-bit mode
	pfxDS                            // 3e, also "notrack"
	pfxFSGS                          // 64, 65
	hasModRM
)

func (in *inst) end() VAddr            { return in.pc + VAddr(in.len) }
func (in *inst) has(p prefixes) bool   { return in.pfx&p != 0 }
func (in *inst) mod() uint8            { return in.modrm >> 6 }
func (in *inst) regField() uint8       { return in.modrm >> 3 & 7 }
func (in *inst) isMem() bool           { return in.has(hasModRM) && in.mod() != 3 }
func (in *inst) ripRelative() bool     { return in.isMem() && in.mod() == 0 && in.modrm&7 == 5 }
func (in *inst) legacyOp(o uint8) bool { return in.enc == legacy && in.space == 0 && in.op == o }

// decodeError says which bytes are no instruction that latch knows.
type decodeError struct {
	pc    VAddr
	bytes []byte
	why   string
}

func (e *decodeError) Error() string {
	return fmt.Sprintf("cannot decode the instruction at %#x (% x): %s", uint64(e.pc), e.bytes, e.why)
}

func undecodable(pc VAddr, b []byte, why string) error {
	return &decodeError{pc: pc, bytes: append([]byte(nil), b[:min(len(b), 8)]...), why: why}
}

// decode reads the instruction at the start of b, which lies at pc.
func decode(arch Arch, b []byte, pc VAddr) (inst, error) {
	if arch == ARM64 {
		return decodeA64(b, pc)
	}
	return decodeX86(b, pc)
}
