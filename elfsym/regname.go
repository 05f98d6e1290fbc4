package elfsym

import (
	"fmt"
	"strings"
)

// DWARF numbers of the registers with a part in the rules (System V psABI,
// figure 3.36).
const (
	regRAX Reg = 0
	regRDX Reg = 1
	regRCX Reg = 2
	regRBX Reg = 3
	regRSI Reg = 4
	regRDI Reg = 5
	regRBP Reg = 6
	regRSP Reg = 7
	regR12 Reg = 12
	regR13 Reg = 13
	regR14 Reg = 14
	regX28 Reg = 28
	regSPA Reg = 31 // arm64's sp
)

var amd64Names = [...]string{
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
}

// Name returns the register's name in the machine's assembly.
func (r Reg) Name(arch Arch) string {
	switch {
	case arch == AMD64 && int(r) < len(amd64Names):
		return amd64Names[r]
	case arch == AMD64 && r >= 17 && r <= 32:
		return fmt.Sprintf("xmm%d", r-17)
	case arch == ARM64 && r == 31:
		return "sp"
	case arch == ARM64 && r < 31:
		return fmt.Sprintf("x%d", r)
	case arch == ARM64 && r >= 64 && r <= 95:
		return fmt.Sprintf("v%d", r-64)
	}
	return fmt.Sprintf("r#%d", r)
}

// Describe writes the location as assembly would: "rbx", "[rsp+8]",
// "rax:rbx" for a value in two registers.
func (l Loc) Describe(arch Arch) string {
	var parts []string
	for _, p := range l.Pieces {
		switch p.Kind {
		case InReg:
			name := p.Reg.Name(arch)
			if p.Off > 0 {
				name += fmt.Sprintf(">>%d", 8*p.Off)
			}
			parts = append(parts, name)
		case InMem:
			parts = append(parts, fmt.Sprintf("[%s%+d]", p.Reg.Name(arch), p.Off))
		case Const:
			parts = append(parts, fmt.Sprintf("=%d", int64(p.Value)))
		default:
			parts = append(parts, "?")
		}
	}
	return strings.Join(parts, ":")
}
