package main

import (
	"slices"
	"time"

	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// read returns what was counted so far.
func (g *gauge) read() (*latency.Recording, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.join((*gaugePart).read)
}

// finish takes the probes out and returns all that was counted.
func (g *gauge) finish() (*latency.Recording, error) {
	if err := g.unfollow(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	for _, p := range g.parts {
		if p.warm != nil {
			p.warm.Stop()
		}
		if err := g.c.signals.detach(p.session); err != nil {
			return nil, err
		}
	}
	return g.join(func(p *gaugePart) (*latency.Recording, error) {
		rec, err := p.read()
		if err != nil {
			return nil, err
		}
		p.session.Explain(rec)
		if err := p.session.Overhead(rec); err != nil {
			rec.Warnings = append(rec.Warnings, "the probes' cost is unknown: "+err.Error())
		}
		return rec, nil
	})
}

// read returns what one session has counted: nothing before its warm-up is over.
func (p *gaugePart) read() (*latency.Recording, error) {
	rec, err := p.session.Read()
	if err != nil {
		return nil, err
	}
	if !p.counts {
		rec.Start, rec.DurationNS = time.Now(), 0
	}
	rec.Targets = append(rec.Targets, p.targets...)
	return rec, nil
}

// join makes one recording of those of all sessions.
func (g *gauge) join(read func(*gaugePart) (*latency.Recording, error)) (*latency.Recording, error) {
	all := &latency.Recording{
		Schema: latency.Schema, Start: g.started,
		Machine: procfs.Machine(), Latch: ledger.Version(), Warnings: []string{},
	}
	if g.started.IsZero() { // nothing is measured
		all.Start = time.Now()
	}
	var entry, exit, busy float64
	o := &all.Overhead
	for _, p := range g.parts {
		rec, err := read(p)
		if err != nil || len(g.parts) == 1 {
			return rec, err
		}
		all.Kernel = rec.Kernel
		all.DurationNS = max(all.DurationNS, rec.Start.Sub(all.Start).Nanoseconds()+rec.DurationNS)
		all.Targets = append(all.Targets, rec.Targets...)
		all.Functions = append(all.Functions, rec.Functions...)
		for _, w := range rec.Warnings {
			if !slices.Contains(all.Warnings, w) {
				all.Warnings = append(all.Warnings, w)
			}
		}
		hits := float64(rec.Overhead.Hits)
		entry += rec.Overhead.EntryNS * hits
		exit += rec.Overhead.ExitNS * hits
		busy += rec.Overhead.CPUShare * float64(rec.DurationNS)
		o.Hits += rec.Overhead.Hits
	}
	if o.Hits > 0 {
		o.EntryNS, o.ExitNS = entry/float64(o.Hits), exit/float64(o.Hits)
	}
	if all.DurationNS > 0 {
		o.CPUShare = busy / float64(all.DurationNS)
	}
	return all, nil
}
