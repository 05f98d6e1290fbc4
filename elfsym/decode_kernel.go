package elfsym

import "errors"

// Why an instruction cannot hold a probe.
var (
	errKernelRefuses = errors.New("the kernel places no probe on this instruction")
	errStepHarms     = errors.New("single-stepping this instruction disturbs the program")
)

// goodX86 are the opcodes of which the kernel accepts a probe, whichever map
// they are of (good_insns_64 in arch/x86/kernel/uprobes.c), without pushf,
// which would store the trap flag of the single step.
var goodX86 = ops(rg{0x00, 0x05}, rg{0x08, 0x0d}, rg{0x0f, 0x15}, rg{0x18, 0x1d}, rg{0x20, 0x26}, rg{0x28, 0x2e},
	rg{0x30, 0x36}, rg{0x38, 0x3e}, rg{0x40, 0x5f}, rg{0x63, 0x6b}, rg{0x70, 0x81}, rg{0x83, 0x99}, rg{0x9b, 0x9b},
	rg{0x9e, 0xcb}, rg{0xd0, 0xd3}, rg{0xd7, 0xe3}, rg{0xe8, 0xe9}, rg{0xeb, 0xeb}, rg{0xf0, 0xf0}, rg{0xf2, 0xf3},
	rg{0xf5, 0xf9}, rg{0xfc, 0xff})

// bad0F are the opcodes of the 0f map outside the kernel's good_2byte_insns.
// The kernel's test of the first byte lets them pass; latch does not, since
// they enter the kernel, trap, or are privileged.
var bad0F = ops(rg{0x00, 0x01}, rg{0x05, 0x09}, rg{0x0b, 0x0b}, rg{0x30, 0x30}, rg{0x34, 0x35}, rg{0x37, 0x37},
	rg{0x78, 0x79}, rg{0xae, 0xae}, rg{0xb9, 0xb9}, rg{0xff, 0xff})

// mistakenVector are the opcodes of VEX and EVEX instructions that the kernel
// takes for the one-byte instruction of that number, since it does not look at
// the map: it "emulates" a jump (70 to 7f, e9, eb), a call (e8) or a nop (90)
// instead of running the instruction, or does not correct rip as if behind a
// return (c2, c3, ca, cb) (arch_uprobe_analyze_insn in
// arch/x86/kernel/uprobes.c, Linux 6.18). Probed so, libc's strchrnul for
// AVX-512 finds nothing, because its vpbroadcastb is skipped.
var mistakenVector = ops(rg{0x50, 0x57}, rg{0x70, 0x7f}, rg{0x90, 0x90}, rg{0xc2, 0xc3}, rg{0xca, 0xcb},
	rg{0xe8, 0xe9}, rg{0xeb, 0xeb}, rg{0xff, 0xff})

// probeCost returns what a probe on in costs, or why it cannot hold one.
func probeCost(arch Arch, in *inst) (Cost, error) {
	if arch == ARM64 {
		return probeCostA64(in.word)
	}
	return probeCostX86(in)
}

// probeCostX86 answers for any place but a function's first instruction; see
// nop5.
func probeCostX86(in *inst) (Cost, error) {
	// is_prefix_bad in arch/x86/kernel/uprobes.c.
	if in.has(pfxLock | pfxDS | pfxOldSeg) {
		return Stepped, errKernelRefuses
	}
	if in.enc == xop || in.enc != legacy && !goodX86.has(in.op) {
		return Stepped, errKernelRefuses
	}
	if in.enc != legacy {
		if mistakenVector.has(in.op) {
			return Stepped, errStepHarms
		}
		return Stepped, nil
	}
	switch in.space {
	case 0:
		return costOneByte(in)
	case 1:
		if in.op >= 0x80 && in.op <= 0x8f {
			return Emulated, nil
		}
		if bad0F.has(in.op) {
			return Stepped, errKernelRefuses
		}
	}
	return Stepped, nil
}

func costOneByte(in *inst) (Cost, error) {
	op := in.op
	switch {
	case !goodX86.has(op):
		return Stepped, errKernelRefuses
	case op >= 0x50 && op <= 0x57:
		// push_setup_xol_ops: no prefix but REX 41.
		if in.len == 1 || in.len == 2 && in.rex == 0x41 {
			return Emulated, nil
		}
	case op == 0x90:
		// branch_setup_xol_ops takes any prefix + 90 for a nop, also the
		// xchg that REX.B makes of it.
		if in.rex&1 != 0 {
			return Stepped, errStepHarms
		}
		return Emulated, nil
	case op >= 0x70 && op <= 0x7f, op == 0xe8, op == 0xe9, op == 0xeb:
		if in.has(pfxOpSize) {
			return Stepped, errKernelRefuses
		}
		return Emulated, nil
	case op >= 0xa4 && op <= 0xa7, op >= 0xaa && op <= 0xaf:
		// The trap flag interrupts a repeated instruction after each
		// round, and it starts again at the probe.
		if in.has(pfxRep | pfxRepne) {
			return Stepped, errStepHarms
		}
	case op == 0x8e && in.regField() == 2:
		return Stepped, errKernelRefuses // mov to ss masks the single step
	case in.modrm == 0xf8 && (op == 0xc6 || op == 0xc7):
		return Stepped, errStepHarms // xabort, xbegin
	}
	return Stepped, nil
}

// isNop5 reports whether Linux 6.18 rewrites a probed in to a call
// (can_optimize in arch/x86/kernel/uprobes.c): a nop of 5 bytes.
func isNop5(in *inst) bool {
	if in.len != 5 || in.enc != legacy {
		return false
	}
	return in.space == 0 && in.op == 0x90 && in.rex&1 == 0 ||
		in.space == 1 && in.op == 0x1f && in.regField() == 0
}

// crossesPage reports whether in lies in two pages, which keeps the kernel
// from rewriting it at once.
func crossesPage(in *inst) bool { return in.pc&0xfff > 0x1000-5 }

// probeCostA64 follows arm_probe_decode_insn in
// arch/arm64/kernel/probes/decode-insn.c: some instructions are simulated,
// branches that are not and everything that enters the kernel are refused.
func probeCostA64(w uint32) (Cost, error) {
	switch {
	case w == 0xd503201f, // nop
		w>>26&0x1f == 0b00101,             // b, bl
		w>>24 == 0x54 && w&0x10 == 0,      // b.cond
		w>>25&0x3f == 0b011010,            // cbz, cbnz
		w>>25&0x3f == 0b011011,            // tbz, tbnz
		w>>24&0x1f == 0b10000,             // adr, adrp
		w>>24&0xbf == 0x18, w>>24 == 0x98, // ldr (literal), ldrsw (literal)
		w&0xfffffc1f == 0xd61f0000, // br
		w&0xfffffc1f == 0xd63f0000, // blr
		w&0xfffffc1f == 0xd65f0000: // ret
		return Emulated, nil
	case w>>16 == 0, // udf
		w>>25 == 0b1101011,     // retaa, braa, eret and their like
		w>>24 == 0xd4,          // exceptions
		w>>24 == 0xd8,          // prfm (literal)
		w>>24&0x3b == 0x18,     // literal loads of vector registers
		w>>24&0x3f == 0b001000: // exclusives, which a trap always breaks
		return Stepped, errKernelRefuses
	case w>>22 == 0b1101010100:
		// System: only hints that do nothing, pointer authentication and
		// branch targets are steppable (aarch64_insn_is_steppable).
		if w&0xfffff01f == 0xd503201f && steppableHint(w>>5&0x7f) {
			return Stepped, nil
		}
		return Stepped, errKernelRefuses
	}
	return Stepped, nil
}

func steppableHint(n uint32) bool {
	switch n {
	case 0, 7, 8, 10, 12, 14: // nop, xpaclri, pacia1716, pacib1716, autia1716, autib1716
		return true
	case 24, 25, 26, 27, 28, 29, 30, 31: // paciaz to autibsp
		return true
	case 32, 34, 36, 38: // bti
		return true
	}
	return false
}
