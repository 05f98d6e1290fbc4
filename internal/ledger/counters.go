package ledger

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/latency"
)

// Counters sums a function's counters over the processors.
func Counters(m *ebpf.Map, id uint32) (*bpf.CallCounters, error) {
	var perCPU []bpf.CallCounters
	if err := m.Lookup(id, &perCPU); err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	sum := new(bpf.CallCounters)
	for i := range perCPU {
		c := &perCPU[i]
		sum.Entries += c.Entries
		sum.Returns += c.Returns
		sum.Unwound += c.Unwound
		sum.Filtered += c.Filtered
		sum.Cut += c.Cut
		sum.Strays += c.Strays
		sum.Merged += c.Merged
		for j := range c.Lost {
			sum.Lost[j] += c.Lost[j]
		}
	}
	return sum, nil
}

// LostEvents is the name of the loss of traced calls that found no room in the
// buffer.
const LostEvents = "events_full"

// lossNames are what reports call the kinds of loss.
var lossNames = [bpf.CallLossNUM_LOSSES]string{
	bpf.CallLossLOSS_OPEN_CALLS_FULL:  "open_calls_full",
	bpf.CallLossLOSS_NO_GOROUTINE:     "no_goroutine",
	bpf.CallLossLOSS_RETURN_DEPTH:     "return_probe_nesting",
	bpf.CallLossLOSS_TAIL_RECURSION:   "tail_recursion",
	bpf.CallLossLOSS_SERIES:           "series",
	bpf.CallLossLOSS_WHERE_UNREADABLE: "where_unreadable",
	bpf.CallLossLOSS_EVENTS:           LostEvents,
}

// Open is how many calls of a function have begun and not returned: some are
// under way, some left in a way that no probe sees.
type Open struct{ InFlight, Unwound uint64 }

// Balance accounts for a function's calls.
func Balance(c *bpf.CallCounters, open Open) latency.Balance {
	b := latency.Balance{
		Entries: c.Entries, Returns: c.Returns, Filtered: c.Filtered,
		Unwound: c.Unwound + open.Unwound, InFlight: c.Cut + open.InFlight,
		Lost: make(map[string]uint64),
	}
	for i, n := range c.Lost {
		if n > 0 {
			b.Lost[lossNames[i]] = n
		}
	}
	return b
}

// Settle makes the balance of a function hold that was called while it was
// read. Where there are series, the returns are those of them, and of two readings none of the
// terms but the calls in flight ever falls, so that their differences hold too:
// whether an open call can still return is judged at the end alone.
func Settle(f *latency.Function, c *bpf.CallCounters, hasSeries bool) {
	b := &f.Balance
	b.Unwound, b.InFlight = c.Unwound, 0
	if hasSeries {
		b.Returns = 0
	}
	for i := range f.Series {
		b.Returns += f.Series[i].Count
		f.Series[i].Reconcile()
		f.Series[i].Fill()
	}
	b.Entries = max(b.Entries, b.Accounted())
	b.InFlight = b.Entries - b.Accounted()
}
