package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/latency"
)

// dropMarks tells the calls in which packets were dropped from the others. It is
// nil without --drops.
type dropMarks struct {
	tracer *drop.Tracer
	blind  []string

	stopped sync.Once
	done    chan struct{} // closed when drops are to be read no more
	reading sync.WaitGroup
	packets uint64
	err     error
}

// markDrops begins to count drops with the session's calls in flight, of which
// there must be none yet: a call has all of its drops then.
func (o *recordOptions) markDrops(session *measurement) (*dropMarks, error) {
	if !o.drops {
		return nil, nil
	}
	if session.user == nil {
		return nil, usage(errors.New("--drops tells calls of functions apart, and system calls alone are measured: name a function"))
	}
	calls := session.user.Calls()
	tracer, err := drop.Start(&drop.Options{CountOnly: true, Calls: &drop.Calls{Calls: kernel.Calls{Maps: calls.Maps, KeySize: calls.KeySize}, Mark: true}})
	if err != nil {
		return nil, fmt.Errorf("watch dropped packets: %w", err)
	}
	m := &dropMarks{tracer: tracer, blind: calls.Blind, done: make(chan struct{})}
	m.reading.Go(m.read)
	return m, nil
}

// read makes room for what is dropped next.
func (m *dropMarks) read() {
	tick := time.NewTicker(dropTick)
	defer tick.Stop()
	for last := false; m.err == nil && !last; {
		select {
		case <-m.done:
			last = true
		case <-tick.C:
		}
		var drops []drop.Drop
		drops, m.err = m.tracer.Read()
		for i := range drops {
			m.packets += drops[i].Count
		}
	}
}

// stop detaches.
func (m *dropMarks) stop() error {
	if m == nil {
		return nil
	}
	m.stopped.Do(func() {
		err := m.tracer.Stop()
		close(m.done)
		m.reading.Wait()
		m.err = errors.Join(m.err, err)
	})
	return m.err
}

// explain adds to the recording's warnings what is not known of drops, and says
// what knowing the rest took.
func (m *dropMarks) explain(w io.Writer, rec *latency.Recording) error {
	if m == nil {
		return nil
	}
	totals, err := m.tracer.Totals()
	if err != nil {
		return err
	}
	for _, text := range m.blind {
		rec.Warnings = append(rec.Warnings, text+": whether packets were dropped in its calls is not known")
	}
	rec.Warnings = append(rec.Warnings, m.tracer.Doubts()...)
	if totals.Lost > 0 {
		rec.Warnings = append(rec.Warnings, fmt.Sprintf("%d dropped packets were not seen: their calls may count as without drops", totals.Lost))
	}
	cost := "0.5µs"
	if totals.Runs > 0 { // the kernel times its programs
		cost = (totals.Time / time.Duration(totals.Runs)).String()
	}
	fmt.Fprintf(w, "latch: --drops took %s of each packet that the kernel freed (%d), and up to 0.5µs of each send and receive of this machine\n", cost, m.packets)
	return nil
}

// Close detaches, unless stop did, and frees what is in the kernel.
func (m *dropMarks) Close() error {
	if m == nil {
		return nil
	}
	return errors.Join(m.stop(), m.tracer.Close())
}
