package latency

import (
	"errors"
	"fmt"
	"slices"
)

// Concat puts the slices of one measurement, in order, as Recording.Since returns
// them, back together: the calls are those of all of them, and how they are
// spread over time is kept. The least and the greatest duration are as exact as
// the slices know them.
func Concat(parts ...*Recording) (*Recording, error) {
	if len(parts) == 0 {
		return nil, errors.New("concatenate: no slices")
	}
	whole := *parts[0]
	whole.Functions, whole.Warnings, whole.SlicesNS = nil, nil, nil
	whole.DurationNS, whole.Overhead = 0, Overhead{}
	c := concat{whole: &whole, functions: make(map[functionID]int)}
	for _, part := range parts {
		c.add(part)
	}
	c.line.Finish(&whole)
	if err := whole.Check(); err != nil {
		return nil, fmt.Errorf("concatenate %d slices: %w", len(parts), err)
	}
	return &whole, nil
}

// concat is a recording that grows by slices.
type concat struct {
	whole     *Recording
	line      Timeline
	functions map[functionID]int // in whole
	series    []map[string]int   // in each function
}

func (c *concat) add(part *Recording) {
	c.line.Add(part)
	w := c.whole
	busy := w.Overhead.CPUShare*float64(w.DurationNS) + part.Overhead.CPUShare*float64(part.DurationNS)
	hits := w.Overhead.Hits + part.Overhead.Hits
	w.DurationNS += part.DurationNS
	w.Overhead = part.Overhead
	w.Overhead.Hits = hits
	if w.DurationNS > 0 {
		w.Overhead.CPUShare = busy / float64(w.DurationNS)
	}
	w.Targets = part.Targets
	if part.Command != nil {
		w.Command = part.Command
	}
	for _, warning := range part.Warnings {
		if !slices.Contains(w.Warnings, warning) {
			w.Warnings = append(w.Warnings, warning)
		}
	}
	for i := range part.Functions {
		c.function(&part.Functions[i])
	}
}

// function adds a function's calls. Those in flight when the slice began were
// counted as entries of it, and of the one before.
func (c *concat) function(f *Function) {
	at, ok := c.functions[f.id()]
	if !ok {
		at = len(c.whole.Functions)
		c.functions[f.id()] = at
		empty := *f
		empty.Series, empty.Balance = nil, Balance{}
		c.whole.Functions = append(c.whole.Functions, empty)
		c.series = append(c.series, make(map[string]int))
	}
	to := &c.whole.Functions[at]
	before := to.Balance.InFlight
	to.Balance.Add(&f.Balance)
	to.Balance.Entries = less(to.Balance.Entries, before)
	to.Balance.InFlight = f.Balance.InFlight
	for i := range f.Series {
		s := &f.Series[i]
		id := s.id(f.By)
		j, ok := c.series[at][id]
		if !ok {
			j = len(to.Series)
			c.series[at][id] = j
			to.Series = append(to.Series, Series{Key: s.Key})
		}
		to.Series[j].Merge(s)
	}
}
