package main

import (
	"fmt"
	"time"

	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/uprobe"
)

// dropMarks tells the calls in which packets were dropped from the others. It is
// nil without --drops.
type dropMarks struct {
	tracer *drop.Tracer
	blind  []string
}

// markDrops begins to count drops with the session's calls in flight, of which
// there must be none yet: a call has all of its drops then.
func (o *recordOptions) markDrops(session *uprobe.Session) (*dropMarks, error) {
	if !o.drops {
		return nil, nil
	}
	calls := session.Calls()
	tracer, err := drop.Start(&drop.Options{CountOnly: true, Calls: &drop.Calls{Maps: calls.Maps, KeySize: calls.KeySize, Mark: true}})
	if err != nil {
		return nil, fmt.Errorf("watch dropped packets: %w", err)
	}
	return &dropMarks{tracer: tracer, blind: calls.Blind}, nil
}

// stop detaches, and adds to the recording's warnings what is not known of drops
// and what knowing the rest took.
func (m *dropMarks) stop(rec *latency.Recording) error {
	if m == nil {
		return nil
	}
	if err := m.tracer.Stop(); err != nil {
		return err
	}
	totals, err := m.tracer.Totals()
	if err != nil {
		return err
	}
	for _, text := range m.blind {
		rec.Warnings = append(rec.Warnings, text+": all its calls are said to be without drops")
	}
	if totals.Lost > 0 {
		rec.Warnings = append(rec.Warnings, fmt.Sprintf("%d dropped packets were not seen: their calls may be among those without drops", totals.Lost))
	}
	if totals.Runs > 0 {
		rec.Warnings = append(rec.Warnings, fmt.Sprintf("looking for drops took %s each time the kernel freed a packet, %d times", totals.Time/time.Duration(totals.Runs), totals.Runs))
	}
	return nil
}

// Close detaches, unless stop did, and frees what is in the kernel.
func (m *dropMarks) Close() error {
	if m == nil {
		return nil
	}
	return m.tracer.Close()
}
