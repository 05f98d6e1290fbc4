package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// A trial is one run of the measurement.
type trial struct {
	// states are what was counted until then, the last one at the end.
	states    []*latency.Recording
	unmatched map[string]error
	// incomplete says why it ended before it should have; "" if it did not.
	incomplete string
	warnings   []string
	status     int // of the command
}

// trial measures once.
func (c *checker) trial(ctx context.Context, command []string, cut *slicer) (_ *trial, err error) {
	g := c.newGauge()
	defer func() { err = errors.Join(err, g.close()) }()
	t := &trial{}
	child, ended, err := c.begin(ctx, g, command, t)
	if err != nil {
		return nil, err
	}
	final, err := c.watch(ctx, g, ended, cut, t)
	if err != nil {
		child.kill()
		return nil, err
	}
	t.unmatched = g.unmatched()
	t.states = cut.finish(final)
	if child == nil {
		return t, nil
	}
	first := isClosed(ended)
	if !isClosed(child.Done()) {
		fmt.Fprintf(c.s.err, "latch: measured; waiting until %s ends\n", report.Escape(command[0]))
	}
	end := child.Wait()
	if failed := child.wait(c.s); failed != nil && first && end.Signal != 0 {
		t.incomplete = fmt.Sprintf("%s was %s", command[0], end)
	}
	t.status = child.status
	for _, rec := range t.states {
		rec.Command = child.outcome()
	}
	if c.o.programs == "" {
		return t, nil
	}
	nothing, incomplete := g.missed(c.lenient)
	if incomplete != nil && t.incomplete == "" {
		t.incomplete = incomplete.Error()
	}
	return t, nothing
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// begin puts the probes in and lets the command go, if there is one. Ended is
// closed when nothing more can come.
func (c *checker) begin(ctx context.Context, g *gauge, command []string, t *trial) (child *launched, ended <-chan struct{}, err error) {
	if c.o.programs != "" {
		child, err = c.follow(ctx, g, command)
		if err != nil {
			return nil, nil, err
		}
		return child, child.Done(), nil
	}
	req := c.req
	if child, err = c.o.target.launch(&req, command); err != nil {
		return nil, nil, err
	}
	c.signals.passTo(child)
	processes := openProcesses(req.PIDs)
	err = g.place(ctx, &req)
	var none *uprobe.NoProbesError
	if errors.As(err, &none) && c.lenient {
		t.warnings = append(t.warnings, "nothing is measured: "+err.Error())
		err = nil
		if child == nil {
			now := make(chan struct{})
			close(now)
			return nil, now, nil
		}
	}
	if errors.As(err, &none) && len(none.Unmatched) > 0 && child != nil {
		err = fmt.Errorf("%w (with --exe NAME, programs are measured that the command starts)", err)
	}
	if err == nil {
		ended, err = watch(ctx, processes, child.cmd())
	}
	if err != nil {
		child.kill()
		return nil, nil, err
	}
	return child, ended, nil
}

// watch lets calls be counted until something ends that.
func (c *checker) watch(ctx context.Context, g *gauge, ended <-chan struct{}, cut *slicer, t *trial) (*latency.Recording, error) {
	select {
	case <-ctx.Done():
	case <-ended:
	case <-g.counting:
	}
	within, cancel := limited(ctx, c.o.duration)
	defer cancel()
	enough, err := c.sample(within, g, ended, cut)
	if err != nil {
		return nil, err
	}
	took := g.elapsed().Round(time.Millisecond)
	asked := c.o.duration > 0 || c.o.untilCalls > 0
	switch {
	case enough:
	case ctx.Err() != nil && asked:
		t.incomplete = fmt.Sprintf("interrupted after %s", took)
	case isClosed(ended) && within.Err() == nil && c.o.duration > 0:
		t.warnings = append(t.warnings, fmt.Sprintf("the target ended after %s of %s", took, c.o.duration))
	}
	if !enough && c.o.untilCalls > 0 && t.incomplete == "" {
		t.warnings = append(t.warnings, fmt.Sprintf("not everything had %d calls within %s", c.o.untilCalls, took))
	}
	return g.finish()
}

const (
	// sampleTick is how often is looked whether there are enough calls, at
	// most.
	sampleTick = 50 * time.Millisecond
	// sampleRest is how much longer than to look is to wait before the next
	// time, so that it takes no more than 2 % of a processor.
	sampleRest = 50
)

// sample waits for the end, and cuts slices meanwhile. It is true when there
// are enough calls.
func (c *checker) sample(ctx context.Context, g *gauge, ended <-chan struct{}, cut *slicer) (enough bool, err error) {
	var ticks <-chan time.Time
	if c.o.untilCalls > 0 || cut != nil {
		tick := time.NewTicker(sampleTick)
		defer tick.Stop()
		ticks = tick.C
	}
	var rested time.Time
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case <-ended:
			return false, nil
		case <-ticks:
		}
		began := time.Now()
		due := cut.due(g.elapsed())
		if !due && (c.o.untilCalls == 0 || began.Before(rested)) {
			continue
		}
		now, err := g.read()
		if err != nil {
			return false, err
		}
		if due {
			cut.add(now)
		}
		if c.o.untilCalls > 0 && c.enough(now) {
			return true, nil
		}
		rested = time.Now().Add(sampleRest * time.Since(began))
	}
}

// enough says that everything that is judged, of the functions that are there,
// has the calls that --until-calls wants.
func (c *checker) enough(now *latency.Recording) bool {
	judged := false
	for _, v := range budget.Judge(budget.RunsOf(now), c.budgets, nil) {
		if slices.ContainsFunc(now.Functions, func(f latency.Function) bool { return budget.Means(v.Func, &f) }) {
			judged = true
			if v.Calls < c.o.untilCalls {
				return false
			}
		}
	}
	return judged
}
