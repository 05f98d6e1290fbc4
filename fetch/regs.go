package fetch

import "github.com/latchprof/latch/elfsym"

// amd64Regs are the byte offsets in struct pt_regs (arch/x86/include/asm/
// ptrace.h) of the registers in DWARF order: rax rdx rcx rbx rsi rdi rbp rsp
// r8-r15.
var amd64Regs = [16]int16{80, 96, 88, 40, 104, 112, 32, 152, 72, 64, 56, 48, 24, 16, 8, 0}

// regOffset returns where an eBPF program finds a register in its context.
func (e *emitter) regOffset(r elfsym.Reg) (int16, bool) {
	arch := e.arch
	switch {
	case e.words:
		return int16(r) * 8, true
	case arch == elfsym.AMD64 && int(r) < len(amd64Regs):
		return amd64Regs[r], true
	case arch == elfsym.ARM64 && r <= 31: // x0-x30, sp: struct user_pt_regs
		return int16(r) * 8, true
	}
	return 0, false
}
