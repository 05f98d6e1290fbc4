package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchprof/latch/internal/launch"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/uprobe"
)

// A gauge holds the probes of one run: one session, or one for each program that
// a command has started.
type gauge struct {
	c *checker
	// counting is closed when the first probes count.
	counting chan struct{}
	// execs tells of what the command starts; nil if that is not followed.
	execs *launch.Execs

	mu      sync.Mutex
	parts   []*gaugePart
	started time.Time // when the first of them began to count; zero before
	stopped bool
	// reasons are why patterns select nothing, until they do.
	reasons map[string]error
	matched map[string]bool
	// idle and failed are why programs that --exe selects are not measured:
	// for want of a function, or against expectation.
	idle, failed error
}

// A gaugePart is a session with what is known of it alone.
type gaugePart struct {
	plan    *measurePlan
	session *measurement
	targets []latency.Target // beside those of the plan
	warm    *time.Timer      // runs in the warm-up; nil without
	counts  bool
}

func (c *checker) newGauge() *gauge {
	return &gauge{c: c, counting: make(chan struct{}), reasons: make(map[string]error), matched: make(map[string]bool)}
}

// place puts the probes of a request in, and lets them count, at once or after
// the warm-up.
func (g *gauge) place(ctx context.Context, req *uprobe.Request, targets ...latency.Target) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return nil
	}
	began := time.Now()
	plan, err := newPlan(req)
	var none *uprobe.NoProbesError
	if errors.As(err, &none) {
		g.note(req, none.Unmatched)
	}
	if err != nil {
		return err
	}
	opts := *g.c.opts
	if g.execs != nil { // there may be many programs, of which each has room of its own
		opts.MaxOpenCalls = 1 << 16
	}
	session, err := g.c.signals.place(ctx, plan, &opts)
	if err != nil {
		return errors.Join(err, plan.Close())
	}
	for i := range targets {
		targets[i].BuildID = plan.buildID()
	}
	part := &gaugePart{plan: plan, session: session, targets: targets}
	g.parts = append(g.parts, part)
	g.note(req, plan.unmatched)
	if g.c.o.warmup == 0 {
		if err := g.count(part); err != nil {
			return err
		}
	}
	fmt.Fprintln(g.c.s.err, session.attachedLine(time.Since(began)))
	if g.c.o.warmup > 0 {
		part.warm = time.AfterFunc(g.c.o.warmup, func() { g.warmedUp(part) })
	}
	return nil
}

// note keeps which patterns select nothing.
func (g *gauge) note(req *uprobe.Request, unmatched []uprobe.Unmatched) {
	missing := make(map[string]error)
	for _, u := range unmatched {
		missing[u.Pattern] = u.Reason
	}
	for _, e := range req.Each {
		if why := missing[e.Pattern]; why == nil {
			g.matched[e.Pattern] = true
		} else if g.reasons[e.Pattern] == nil {
			g.reasons[e.Pattern] = why
		}
	}
}

// warmedUp lets the probes of one session count when its warm-up is over.
func (g *gauge) warmedUp(part *gaugePart) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return
	}
	if err := g.count(part); err != nil {
		g.failed = errors.Join(g.failed, err)
	}
	fmt.Fprintln(g.c.s.err, "latch: the warm-up is over")
}

// count lets the probes of one session count.
func (g *gauge) count(part *gaugePart) error {
	if g.started.IsZero() {
		g.started = time.Now()
		close(g.counting)
	}
	part.counts = true
	return part.session.Enable()
}

// elapsed is how long it has been counting.
func (g *gauge) elapsed() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.started.IsZero() {
		return 0
	}
	return time.Since(g.started)
}

// unmatched are the patterns that select nothing in any program, with reasons.
func (g *gauge) unmatched() map[string]error {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make(map[string]error)
	for pattern, why := range g.reasons {
		if !g.matched[pattern] {
			out[pattern] = why
		}
	}
	return out
}

// unfollow lets the command start what it likes. The lock must be free: a
// program may be waiting for its probes.
func (g *gauge) unfollow() error {
	if g.execs == nil {
		return nil
	}
	return g.execs.Close()
}

// close takes out what is still in and frees everything.
func (g *gauge) close() error {
	err := g.unfollow()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	for _, p := range g.parts {
		err = errors.Join(err, g.c.signals.close(p.session), p.plan.Close())
	}
	g.parts = nil
	return err
}
