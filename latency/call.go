package latency

import "time"

// A Call is one traced call that has ended.
type Call struct {
	// Time is when the call began.
	Time time.Time
	PID  int
	TID  int
	// Goid is the goroutine's id; 0 outside Go and on Go's system stacks.
	Goid uint64
	// Comm is the thread's name as the kernel has it.
	Comm string
	Func string
	// Args and Results are the values that were asked for, in that order:
	// results are those that need a result of the call.
	Args, Results []Value
	// Latency is how long the call took; it means nothing where Untimed.
	Latency time.Duration
	// Untimed says that the call's end cannot be caught: it was seen to begin.
	Untimed bool
	// Stack are the callers, the nearest first; nil where it was not asked for.
	Stack []Frame
	// StackCut says that there are, or may be, more callers: too many, or
	// frame pointers do not lead to them.
	StackCut bool
}

// A Value is a named value of a call.
type Value struct {
	Name, Text string
	Kind       ValueKind
}

// ValueKind says what a value's text is.
type ValueKind uint8

const (
	// ValueOther is the text of a composite value, an enumerator, an address,
	// or what stands for a value that is not there.
	ValueOther ValueKind = iota
	// ValueText is text of the program itself.
	ValueText
	// ValueNumber is a number in decimal notation.
	ValueNumber
	// ValueBool is true or false.
	ValueBool
)

// A Frame is one level of source on a call's stack.
type Frame struct {
	// Addr is the return address in the process; 0 for a level that was
	// inlined into the next one.
	Addr uint64
	// Func is "" where no symbol is known.
	Func string
	// Binary is the path of the ELF file, "" where the address is in none.
	Binary string
	File   string // "" where unknown
	Line   int
	// Inlined says that the level has no frame of its own.
	Inlined bool
}
