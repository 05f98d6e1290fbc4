package main

import (
	"errors"
	"slices"
	"time"

	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/uprobe"
)

// read returns what was counted so far.
func (g *gauge) read() (*latency.Recording, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.join(func(p *gaugePart) (*latency.Recording, error) { return p.session.Read() })
}

// finish takes the probes out and returns all that was counted.
func (g *gauge) finish() (*latency.Recording, error) {
	if err := errors.Join(g.enable(), g.unfollow()); err != nil { // enabled late where all was over within the warm-up
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	for _, p := range g.parts {
		if err := g.c.signals.detach(p.session); err != nil {
			return nil, err
		}
	}
	return g.join(func(p *gaugePart) (*latency.Recording, error) {
		rec, err := p.session.Read()
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

// join makes one recording of those of all sessions.
func (g *gauge) join(read func(*gaugePart) (*latency.Recording, error)) (*latency.Recording, error) {
	all := &latency.Recording{
		Schema: latency.Schema, Start: g.started,
		Machine: procfs.Machine(), Latch: uprobe.Version(), Warnings: []string{},
	}
	if g.started.IsZero() { // nothing is measured
		all.Start = time.Now()
	} else {
		all.DurationNS = time.Since(g.started).Nanoseconds()
	}
	o := &all.Overhead
	var entry, exit float64
	for i := range g.parts {
		rec, err := read(&g.parts[i])
		if err != nil {
			return nil, err
		}
		rec.Targets = append(rec.Targets, g.parts[i].targets...)
		if len(g.parts) == 1 {
			return rec, nil
		}
		all.Kernel = rec.Kernel
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
		o.Hits += rec.Overhead.Hits
		o.CPUShare += rec.Overhead.CPUShare * float64(rec.DurationNS) / float64(all.DurationNS)
	}
	if o.Hits > 0 {
		o.EntryNS, o.ExitNS = entry/float64(o.Hits), exit/float64(o.Hits)
	}
	return all, nil
}
