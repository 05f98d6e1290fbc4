package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchprof/latch/internal/launch"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/kernel/firewall"
	"github.com/latchprof/latch/report"
)

// dropWatch is one run of drops.
type dropWatch struct {
	options *dropsOptions
	where   *drop.Where
	inside  []kernel.NetNS
	s       streams

	tracer *drop.Tracer
	spaces *namespaces
	rules  *rules
	buffer *bufio.Writer
	out    *report.DropWriter
	groups map[groupKey]*group
	sum    dropSum
}

// A groupKey is what drops have in common that are told in one line.
type groupKey struct {
	reason, location, caller string
	flow                     drop.Flow
	merged                   bool
}

// A group is drops of one kind: those not told yet, and when to tell them.
type group struct {
	waiting *drop.Drop
	cause   drop.Cause
	pause   time.Duration
	next    time.Time
}

// How often drops are read, and how often a line about the same kind of drop
// comes at least and at most.
const (
	dropTick = 250 * time.Millisecond
	minPause = time.Second
	maxPause = 16 * time.Second
)

func (w *dropWatch) run(ctx context.Context, signals *interrupts, command []string) (err error) {
	began := time.Now()
	if w.spaces, err = newNamespaces(); err != nil {
		return err
	}
	if w.rules, err = newRules(w.spaces); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.rules.Close()) }()
	opts := &drop.Options{Brackets: w.rules.brackets.Map()}
	for _, ns := range w.inside {
		opts.NetNS = append(opts.NetNS, ns.Inode)
		w.rules.watch(ns)
	}
	if own, ok := w.spaces.find(w.spaces.self); ok && len(w.inside) == 0 {
		w.rules.watch(own)
	}
	if w.tracer, err = drop.Start(opts); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.tracer.Close()) }()
	child, err := startDrops(command)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.s.err, "latch: attached %d probes to the kernel in %s\n", w.tracer.Attached(), time.Since(began).Round(time.Millisecond))

	columns, color := terminal(w.s.out)
	w.buffer = bufio.NewWriterSize(w.s.out, 64<<10)
	w.out = report.NewDropWriter(w.buffer, &report.DropOptions{Width: columns, Color: color, JSON: w.options.json, Verbose: w.options.verbose})
	w.groups = make(map[groupKey]*group)
	w.sum.start()
	if err := w.follow(ctx, child); err != nil {
		child.kill()
		return err
	}
	if err := w.finish(); err != nil {
		child.kill()
		return err
	}
	return cmp.Or(w.verdict(), child.wait(w.s))
}

// startDrops starts the command, which waits.
func startDrops(command []string) (*launched, error) {
	if len(command) == 0 {
		return nil, nil
	}
	cmd, err := launch.Start(command, nil)
	if err != nil {
		return nil, err
	}
	return &launched{Cmd: cmd, argv: command}, nil
}

// follow reads and tells until something ends it.
func (w *dropWatch) follow(ctx context.Context, child *launched) error {
	ctx, cancel := limited(ctx, w.options.duration)
	defer cancel()
	ended := make(chan struct{})
	if child != nil {
		if err := child.Continue(); err != nil {
			return fmt.Errorf("continue command: %w", err)
		}
		go func() {
			child.Wait()
			close(ended)
		}()
	}
	tick := time.NewTicker(dropTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case <-tick.C:
		}
		if err := w.take(); err != nil {
			return err
		}
		if err := w.tell(false); err != nil {
			return err
		}
		if w.options.untilClean > 0 && time.Since(w.sum.last) >= w.options.untilClean {
			w.sum.clean = true
			return nil
		}
	}
}

// finish detaches and tells what is left.
func (w *dropWatch) finish() error {
	if err := w.tracer.Stop(); err != nil {
		return err
	}
	if err := w.take(); err != nil {
		return err
	}
	return w.tell(true)
}

// take reads the drops since the last time, and keeps those that are wanted.
func (w *dropWatch) take() error {
	drops, err := w.tracer.Read()
	if err != nil {
		return err
	}
	for i := range drops {
		d := &drops[i]
		ns, _ := w.spaces.find(d.Flow.NetNS)
		if ns.Inode == w.spaces.self {
			ns = kernel.NetNS{} // commands need not enter it
		}
		cause := drop.Classify(d, ns)
		if cause.Quiet && !w.options.all {
			w.sum.hide(&cause, d.Count)
			continue
		}
		if !w.isWanted(d, &cause) {
			continue
		}
		if cause.Class == "firewall" {
			w.rules.count(d)
		}
		w.keep(d, cause)
	}
	return nil
}

func (w *dropWatch) isWanted(d *drop.Drop, cause *drop.Cause) bool {
	if pids := w.options.target.pids; len(pids) > 0 && (d.Owner == nil || !slices.Contains(pids, d.Owner.PID)) {
		return false
	}
	return len(w.options.causes) == 0 || slices.Contains(w.options.causes, cause.Class)
}

// keep adds a drop to its group.
func (w *dropWatch) keep(d *drop.Drop, cause drop.Cause) {
	key := groupKey{reason: d.Reason, location: d.Location, flow: d.Flow, merged: d.Merged}
	key.caller = caller(d.Stack)
	g := w.groups[key]
	if g == nil {
		g = &group{}
		w.groups[key] = g
	}
	g.cause = cause
	if g.waiting == nil {
		g.waiting = d
		return
	}
	g.waiting.Count += d.Count
	g.waiting.Last = d.Last
	g.waiting.Times = append(g.waiting.Times, d.Times...)
	g.waiting.Packet = cmp.Or(g.waiting.Packet, d.Packet)
	g.waiting.Owner = cmp.Or(g.waiting.Owner, d.Owner)
}

// tell writes the lines that are due, or all of them, in the order of time.
func (w *dropWatch) tell(all bool) error {
	var due []*group
	now := time.Now()
	for _, g := range w.groups {
		if g.waiting == nil || !all && (now.Before(g.next) || g.cause.Class == "firewall" && !w.rules.ready(g.waiting)) {
			continue
		}
		due = append(due, g)
	}
	slices.SortFunc(due, func(a, b *group) int { return a.waiting.First.Compare(b.waiting.First) })
	for _, g := range due {
		var answer *firewall.Answer
		if g.cause.Class == "firewall" {
			a := w.rules.explain(g.waiting)
			answer = &a
		}
		told := g.waiting
		line := w.line(told, &g.cause, answer)
		g.waiting = nil
		g.pause = min(max(2*g.pause, minPause), maxPause)
		g.next = now.Add(g.pause)
		if w.where != nil && !w.where.Match(func(name string) any { return value(told, line, name) }) {
			continue
		}
		w.sum.add(line)
		if err := w.out.Write(line); err != nil {
			return err
		}
	}
	if err := w.buffer.Flush(); err != nil {
		return fmt.Errorf("write drops: %w", err)
	}
	return nil
}
