package fetch

import (
	"bytes"
	"fmt"

	"github.com/cilium/ebpf/asm"

	"github.com/latchprof/latch/elfsym"
)

// MaxKey is the most bytes the values of one key may take, and MaxCells the
// most words and texts it may be made of: two status bits each in 64.
const (
	MaxKey   = 4096
	MaxCells = 32
)

// A Status says how reading a part went.
type Status uint8

// The statuses, as the eBPF side numbers them (enum key_status).
const (
	OK Status = iota
	Unreadable
	Truncated
	None
)

// The verdicts on a call, as the eBPF side numbers them (enum verdict).
const (
	Rejected = iota
	Wanted
	Undecided // something could not be read
)

// A Part is one expression's share of a key.
type Part struct {
	Name string // the alias
	// Result says that the expression needs a result of the call.
	Result bool
	form   form
}

// A Program reads the values of one function's key.
type Program struct {
	Parts []Part
	cells []cell
	// Entry and Exit are the bodies of the fetch functions that run at the
	// entry and at the exit; nil where there is nothing to read. They take
	// the context in R1, the open call in R2 and, at the exit, its latency in
	// nanoseconds in R3.
	Entry, Exit asm.Instructions
	// Where and WhereExit decide whether a call is wanted, at the entry and,
	// where it takes more than is known there, at the exit; nil where there
	// is nothing to decide. They return one of the verdicts. Where runs
	// before there is an open call and takes the goroutine's id in R2;
	// WhereExit takes what Exit takes, and runs before it.
	Where, WhereExit asm.Instructions
	// Uses are the names of the parameters that are read.
	Uses map[string]bool
	// Reads and ReadsMemory say what the entry side needs unchanged.
	Reads       elfsym.RegSet
	ReadsMemory bool
	// Sleepable says that a program holding this one must be able to fault
	// pages in.
	Sleepable bool
	// Size is the length of the key's data in bytes.
	Size int
	// Hidden is the length of what follows the key's data: values of the
	// entry that the exit needs. Exit zeroes it before the key is used.
	Hidden int
}

// Filters reports whether the program rejects calls.
func (p *Program) Filters() bool { return p != nil && (p.Where != nil || p.WhereExit != nil) }

// AtExit reports whether the program needs to see calls return.
func (p *Program) AtExit() bool { return p != nil && (p.Exit != nil || p.WhereExit != nil) }

// WithoutSleep returns the instructions for a program that must not fault
// pages in: what is not in memory is unreadable there.
func WithoutSleep(insns asm.Instructions) asm.Instructions {
	out := append(asm.Instructions(nil), insns...)
	for i := range out {
		if out[i].IsBuiltinCall() && asm.BuiltinFunc(out[i].Constant) == asm.FnCopyFromUser {
			out[i] = asm.Mov.Imm(asm.R0, -14).WithSymbol(out[i].Symbol()) // -EFAULT
		}
	}
	return out
}

// inKernel makes instructions that read a process's memory read the kernel's.
// What that does not have is looked for in the process's, as far as it is in
// memory: bpf_copy_from_user takes what bpf_probe_read_user does.
func inKernel(insns asm.Instructions) asm.Instructions {
	for i := range insns {
		if !insns[i].IsBuiltinCall() {
			continue
		}
		switch asm.BuiltinFunc(insns[i].Constant) {
		case asm.FnProbeReadUser:
			insns[i].Constant = int64(asm.FnProbeReadKernel)
		case asm.FnProbeReadUserStr:
			insns[i].Constant = int64(asm.FnProbeReadKernelStr)
		case asm.FnCopyFromUser:
			insns[i].Constant = int64(asm.FnProbeReadUser)
		}
	}
	return insns
}

// Same reports whether p and o read the same values in the same way, so that
// one eBPF program can serve both functions.
func (p *Program) Same(o *Program) bool { return p.Fingerprint() == o.Fingerprint() }

// Fingerprint is equal for programs that read the same values in the same way.
func (p *Program) Fingerprint() string {
	if p == nil {
		return ""
	}
	var b bytes.Buffer
	for _, insns := range []asm.Instructions{p.Entry, p.Exit, p.Where, p.WhereExit} {
		fmt.Fprintf(&b, "%d\n", len(insns))
		for _, ins := range insns {
			fmt.Fprintf(&b, "%v %d %s\n", ins, ins.Constant, ins.Reference())
		}
	}
	return b.String()
}

// Decode turns a key's status word and data into one value for each part.
func (p *Program) Decode(status uint64, data []byte) []Value {
	values := make([]Value, len(p.Parts))
	for i, part := range p.Parts {
		if len(data) < p.Size {
			values[i] = valueUnreadable
			continue
		}
		values[i] = part.form.value(&contents{p.cells, status, data})
	}
	return values
}
