package launch

import "golang.org/x/sys/unix"

// breakpoint is INT3; the program counter then stands behind it.
var breakpoint = []byte{0xcc}

const trapAdvance = 1

func programCounter(pid int) (uintptr, error) {
	var regs unix.PtraceRegs
	err := unix.PtraceGetRegs(pid, &regs)
	return uintptr(regs.Rip), err
}

func setProgramCounter(pid int, pc uintptr) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	regs.Rip = uint64(pc)
	return unix.PtraceSetRegs(pid, &regs)
}
