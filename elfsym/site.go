package elfsym

// Cost is what the kernel does at a probed instruction, cheapest first.
type Cost uint8

const (
	// Nop5 is a 5-byte nop that is the function's first instruction: the
	// kernel rewrites it to a call (Linux 6.18, arch/x86/kernel/uprobes.c).
	Nop5 Cost = iota
	// Emulated instructions (push reg, relative jumps and calls, 1-byte nop)
	// take one trap.
	Emulated
	// Stepped instructions take two: they are single-stepped out of line.
	Stepped
)

// String returns the name used in recordings.
func (c Cost) String() string {
	return [...]string{"nop5", "emulated", "stepped"}[c]
}

// Site is a place for a probe, proved to be the start of an instruction in an
// executable segment.
type Site struct {
	Addr   VAddr
	Offset FileOffset
	Cost   Cost
}

// Sites are the places that measure one function.
type Sites struct {
	// Entry is hit exactly once by each call, with the return address at the
	// top of the stack and the registers of SitesOptions.Reads as at the
	// call.
	Entry Site
	// Exits are the instructions by which calls leave: RETs of the function,
	// its .cold parts and the functions it tail-calls, ascending. They are
	// empty when NoExit is set.
	Exits []Site
	// NoExit says why the function can be counted but not timed.
	NoExit error
	// TailCalls says that the function may leave by jumping to another one,
	// which then stands at the same place of the stack.
	TailCalls bool
	// TailRecursive says that a tail-called function may jump back to it.
	TailRecursive bool
	// LeavesEarly says that some of Exits are jumps to code that is not
	// followed, where the call goes on and its result is not known yet.
	LeavesEarly bool
	// Recursive says that the function calls itself directly.
	Recursive bool
	// Warnings are facts that make the numbers mean something else, such as
	// an indirect tail jump that ends the measurement.
	Warnings []string
}

// SitesOptions says what the probes at the sites will read. Nil means nothing.
type SitesOptions struct {
	// Reads are the registers the entry probe reads besides the stack
	// pointer (and, in Go, the goroutine's register).
	Reads RegSet
	// ReadsMemory says that it also reads memory.
	ReadsMemory bool
}
