package launch

import "golang.org/x/sys/unix"

// breakpoint is BRK #0; the program counter then stands on it.
var breakpoint = []byte{0x00, 0x00, 0x20, 0xd4}

const trapAdvance = 0

// ntPrstatus is NT_PRSTATUS of linux/elf.h: the general registers.
const ntPrstatus = 1

func programCounter(pid int) (uintptr, error) {
	var regs unix.PtraceRegsArm64
	err := unix.PtraceGetRegSetArm64(pid, ntPrstatus, &regs)
	return uintptr(regs.Pc), err
}

func setProgramCounter(pid int, pc uintptr) error {
	var regs unix.PtraceRegsArm64
	if err := unix.PtraceGetRegSetArm64(pid, ntPrstatus, &regs); err != nil {
		return err
	}
	regs.Pc = uint64(pc)
	return unix.PtraceSetRegSetArm64(pid, ntPrstatus, &regs)
}
