package main

import (
	"time"

	"github.com/latchprof/latch/latency"
)

// A slicer keeps the states by which one run is cut into slices. Nil keeps
// only the last one.
type slicer struct {
	want int
	// every is the time between states. Where the end is not known beforehand
	// it begins with fine ones, and doubles as they become too many.
	every  time.Duration
	known  bool
	states []*latency.Recording
}

// fineness is how many states there are at least for each slice, where the end
// is not known: slices then differ in length by no more than its inverse.
const fineness = 4

// newSlicer cuts a run of the duration, or of one not known if it is 0.
func newSlicer(want int, duration time.Duration) *slicer {
	if want < 2 {
		return nil
	}
	if duration > 0 {
		return &slicer{want: want, every: duration / time.Duration(want), known: true}
	}
	return &slicer{want: want, every: sampleTick}
}

// due says that it is time for a state, this long after the beginning.
func (s *slicer) due(elapsed time.Duration) bool {
	return s != nil && elapsed >= time.Duration(len(s.states)+1)*s.every
}

// add keeps a state.
func (s *slicer) add(rec *latency.Recording) {
	if s.known && len(s.states) == s.want-1 {
		return // the last one is the end
	}
	s.states = append(s.states, rec)
	if s.known || len(s.states) < 2*fineness*s.want {
		return
	}
	for i := range len(s.states) / 2 {
		s.states[i] = s.states[2*i+1]
	}
	s.states = s.states[:len(s.states)/2]
	s.every *= 2
}

// finish returns the states at the ends of the slices, of which final is the
// last one. Where a run was short there are fewer than were wanted.
func (s *slicer) finish(final *latency.Recording) []*latency.Recording {
	if s == nil {
		return []*latency.Recording{final}
	}
	for _, rec := range s.states {
		charge(rec, &final.Overhead)
	}
	all := append(s.states, final)
	n := min(s.want, len(all))
	states := make([]*latency.Recording, n)
	for i := range n {
		states[i] = all[(i+1)*len(all)/n-1]
	}
	return states
}

// charge fills in what the probes had cost by then, which is measured at the
// end.
func charge(rec *latency.Recording, final *latency.Overhead) {
	o := &rec.Overhead
	o.EntryNS, o.ExitNS = final.EntryNS, final.ExitNS
	var busy float64
	for i := range rec.Functions {
		f := &rec.Functions[i]
		exits := f.Balance.Returns
		if f.Exit == latency.ExitNone {
			exits = 0
		}
		o.Hits += f.Balance.Entries + exits
		busy += float64(f.Balance.Entries)*o.EntryNS + float64(exits)*o.ExitNS
	}
	if rec.DurationNS > 0 {
		o.CPUShare = busy / float64(rec.DurationNS)
	}
}
