// Package ledger prepares the eBPF programs that count calls, whatever calls they
// are, and reads what they have counted: counters, series and events, which have
// one layout for user functions and for system calls (bpf/layout.h).
package ledger

import (
	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/latency"
)

// MaxLimits is how many limits calls of one function can be counted above.
const MaxLimits = len(bpf.CallHist{}.Over)

// A Func is what reading takes to know of a function whose calls are counted.
type Func struct {
	Name string
	// Program reads its key, and what is shown of a call; nil where neither
	// is wanted.
	Program *fetch.Program
	// By names all parts of its key, in their order.
	By []string
	// Untimed says that its calls are counted and not timed.
	Untimed bool
	// LimitsNS are those that its calls are counted above, ascending.
	LimitsNS []uint64
	// Beside reads the parts of the key that Program does not, from the
	// whole key, and returns them by name; nil where there are none.
	Beside func(key []byte) map[string]string
}

// HasKey reports whether a program reads parts of a key.
func HasKey(p *fetch.Program) bool { return p != nil && len(p.Parts) > 0 }

func (f *Func) keyed() bool { return HasKey(f.Program) || f.Beside != nil }

// Show adds to a call what a key's status word and data say of it.
func Show(call *latency.Call, p *fetch.Program, status uint64, data []byte) {
	if !HasKey(p) {
		return
	}
	values := p.Decode(status, data)
	for i, part := range p.Parts {
		v := latency.Value{Name: part.Name, Text: values[i].Text, Kind: valueKinds[values[i].Kind]}
		if part.Result {
			call.Results = append(call.Results, v)
		} else {
			call.Args = append(call.Args, v)
		}
	}
}

// valueKinds are the kinds of values as reports know them.
var valueKinds = map[fetch.ValueKind]latency.ValueKind{
	fetch.ValueOther: latency.ValueOther, fetch.ValueText: latency.ValueText,
	fetch.ValueNumber: latency.ValueNumber, fetch.ValueBool: latency.ValueBool,
}
