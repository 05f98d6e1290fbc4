package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/report"
)

// dropSum is what a run of drops comes to.
type dropSum struct {
	report.DropSummary
	began time.Time
	// last is when the last packet was lost, or when the run began.
	last   time.Time
	clean  bool
	unseen uint64 // drops that are in no line
}

func (s *dropSum) start() { s.began = time.Now(); s.last = s.began }

func (s *dropSum) add(line *report.Drop) {
	s.DropSummary.Add(line)
	if !line.Quiet && line.Last.After(s.last) {
		s.last = line.Last
	}
}

// hide counts routine frees.
func (s *dropSum) hide(cause *drop.Cause, packets uint64) {
	s.DropSummary.Add(&report.Drop{Words: cause.Words, Count: packets, Quiet: true})
}

// summarize says what the run came to.
func (w *dropWatch) summarize() error {
	totals, err := w.tracer.Totals()
	if err != nil {
		return err
	}
	s := &w.sum
	unread, err := w.failures.lost()
	if err != nil {
		return err
	}
	s.unseen = totals.Lost
	s.Lost = map[string]uint64{
		"drops that were not seen or not counted":                            totals.Lost,
		"drops counted without their flow, as there were too many":           totals.Merged,
		"socket calls that failed and are not shown":                         unread,
		"packets that were counted but not shown, as the buffer had no room": totals.EventsLost,
	}
	s.Cost = w.costs(&totals)
	for _, note := range w.rules.said() {
		fmt.Fprintf(w.s.err, "latch: %s\n", report.Escape(note))
	}
	out := w.out
	if w.options.json { // whose lines are events alone
		out = report.NewDropWriter(w.s.err, nil)
	}
	return errors.Join(out.Summary(&s.DropSummary), w.buffer.Flush())
}

// verdict says how the run ends: what was asked to be an error, and what could
// not be counted.
func (w *dropWatch) verdict() error {
	s := &w.sum
	if s.unseen > 0 && w.options.strict {
		return fmt.Errorf("%d drops were lost", s.unseen)
	}
	var broken []string
	for class, n := range s.Causes() {
		if slices.Contains(w.options.failOn, class) || slices.Contains(w.options.failOn, "any") {
			broken = append(broken, fmt.Sprintf("%s: %d", class, n))
		}
	}
	slices.Sort(broken)
	switch {
	case len(broken) > 0:
		return &exitError{code: exitBroken, err: fmt.Errorf("packets were dropped that must not be (--fail-on): %s", strings.Join(broken, ", "))}
	case w.options.untilClean > 0 && !s.clean:
		return &exitError{code: exitBroken, err: errors.New("packets were dropped until the end (--until-clean)")}
	}
	return nil
}

// costs says what the watching took, as far as it was measured.
func (w *dropWatch) costs(totals *drop.Totals) string {
	var parts []string
	if totals.Runs > 0 {
		parts = append(parts, fmt.Sprintf("%s for each freed packet (of %d)", totals.Time/time.Duration(totals.Runs), totals.Runs))
	}
	for _, where := range w.rules.bracketed() {
		parts = append(parts, "0.1µs for each packet in "+where+", whose chains are told apart")
	}
	if !w.options.packets {
		parts = append(parts, "0.1µs for each system call of this machine (--packets-only avoids it)")
	}
	return strings.Join(parts, "; ")
}
