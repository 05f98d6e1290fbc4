package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/kernel/firewall"
	"github.com/latchprof/latch/kernel/netfail"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// dropWatch is one run of drops.
type dropWatch struct {
	options *dropsOptions
	where   *drop.Where
	inside  []kernel.NetNS
	gone    map[uint32]bool // of inside
	s       streams

	tracer   *drop.Tracer
	calls    *callWatch
	failures *failures
	spaces   *namespaces
	rules    *rules
	pcap     *pcapFile
	buffer   *bufio.Writer
	out      *report.DropWriter
	folder   *folder
	causes   causes
	groups   map[groupKey]*group
	sent     map[sending]*group // of the last packet dropped in a send
	alone    []*netfail.Failure // that may belong to a drop which was not read yet
	swept    time.Time          // when groups were last forgotten
	sum      dropSum
}

// dropTick is how often drops are read.
const dropTick = 250 * time.Millisecond

// run watches until something ends it, and reports.
func (w *dropWatch) run(ctx context.Context, signals *interrupts, command []string) error {
	watch := func(req *uprobe.Request, child *launched) error { return w.measure(ctx, signals, req, child) }
	return w.options.run(w.s, command, watch, w.verdict, w.close)
}

// measure attaches, watches, and detaches.
func (w *dropWatch) measure(ctx context.Context, signals *interrupts, req *uprobe.Request, child *launched) (err error) {
	began := time.Now()
	signals.passTo(child)
	if req != nil {
		if w.calls, err = w.options.watch(ctx, signals, w.s, req); err != nil {
			return err
		}
	}
	if err := w.attach(); errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return fmt.Errorf("drops needs root: %w", err)
	} else if err != nil {
		return err
	}
	fmt.Fprintf(w.s.err, "latch: attached %d probes to %s in %s\n", w.calls.probes()+w.tracer.Attached()+w.failures.attached(), w.calls.where(), time.Since(began).Round(time.Millisecond))
	if err := w.follow(ctx, child); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	return w.summarize()
}

// attach makes everything that watches, and what it is written to.
func (w *dropWatch) attach() (err error) {
	undone, err := firewall.Sweep()
	for _, what := range undone {
		fmt.Fprintf(w.s.err, "latch: took away %s\n", report.Escape(what))
	}
	if err != nil && os.Geteuid() == 0 { // it is no reason not to help with what is wrong now
		fmt.Fprintf(w.s.err, "latch: %s\n", escapeLines(err.Error()))
	}
	if w.pcap, err = createPcap(w.options.pcap); err != nil {
		return err
	}
	if w.spaces, err = newNamespaces(); err != nil {
		return err
	}
	if w.rules, err = newRules(w.spaces, w.options.traceRules); err != nil {
		return err
	}
	opts := &drop.Options{Brackets: w.rules.brackets.Map(), Every: w.pcap != nil}
	if calls := w.calls.calls(); calls != nil {
		opts.Calls = &drop.Calls{Calls: *calls}
	}
	if w.pcap != nil {
		opts.Data = packetBytes
	}
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
	// Only while drops are seen can it be said of a call that it failed without
	// one: this comes behind, and ends before.
	if w.failures, err = watchFailures(w.inside, w.spaces, !w.options.packets); err != nil {
		return err
	}
	columns, color := terminal(w.s.out)
	w.buffer = bufio.NewWriterSize(w.s.out, 64<<10)
	w.out = report.NewDropWriter(w.buffer, &report.DropOptions{Width: columns, Color: color, JSON: w.options.json, Verbose: w.options.verbose})
	w.folder, w.gone = newFolder(), make(map[uint32]bool)
	w.groups, w.sent = make(map[groupKey]*group), make(map[sending]*group)
	w.causes = make(causes)
	w.sum.start()
	return nil
}

// close takes everything out of the kernel that is still in it.
func (w *dropWatch) close() error {
	var errs []error
	if w.tracer != nil {
		errs = append(errs, w.tracer.Close())
	}
	if w.failures != nil {
		errs = append(errs, w.failures.Close())
	}
	if w.rules != nil {
		errs = append(errs, w.rules.Close())
	}
	return errors.Join(append(errs, w.calls.Close(), w.pcap.abandon())...)
}

// follow reads and tells until something ends it.
func (w *dropWatch) follow(ctx context.Context, child *launched) error {
	ctx, cancel := limited(ctx, w.options.duration)
	defer cancel()
	ended, err := w.options.ended(ctx, child)
	if err != nil {
		return err
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
		if err := w.take(false); err != nil {
			return err
		}
		if err := w.tell(false); err != nil {
			return err
		}
		w.forget()
		if w.deserted() {
			return nil
		}
		if clean, err := w.isClean(); clean || err != nil {
			return err
		}
	}
}

// deserted says whether all namespaces that were given are gone, and says of
// each that it is.
func (w *dropWatch) deserted() bool {
	for i, ns := range w.inside {
		if w.gone[ns.Inode] || ns.Here() {
			continue
		}
		// Its process ended, or its name was taken away: others may be in it.
		if now, ok := w.spaces.find(ns.Inode); ok && now.Here() && (now.Name == "" || now.Name == ns.Name) {
			w.inside[i] = now
			continue
		}
		w.gone[ns.Inode] = true
		fmt.Fprintf(w.s.err, "latch: network namespace %s is gone\n", report.Escape(ns.String()))
	}
	return len(w.inside) > 0 && len(w.gone) == len(w.inside)
}

// isClean says whether nothing was dropped for as long as is wanted. What waits
// for its line is told first: it may be of a moment ago.
func (w *dropWatch) isClean() (bool, error) {
	quiet := func() bool {
		return w.options.untilClean > 0 && time.Since(w.sum.last) >= w.options.untilClean
	}
	if !quiet() {
		return false, nil
	}
	if err := w.tell(true); err != nil {
		return false, err
	}
	w.sum.clean = quiet()
	return w.sum.clean, nil
}

// finish detaches, and tells what is left.
func (w *dropWatch) finish() error {
	if err := errors.Join(w.failures.stop(), w.tracer.Stop()); err != nil {
		return err
	}
	w.sum.Elapsed = time.Since(w.sum.began)
	w.sum.Moved = w.failures.moved(w.spaces)
	w.failures.looked = time.Time{}
	if err := w.take(true); err != nil {
		return err
	}
	w.rules.settled()
	if err := w.tell(true); err != nil {
		return err
	}
	return w.pcap.complete()
}

// take reads what was dropped or failed since the last time, and keeps what is
// wanted of it.
func (w *dropWatch) take(last bool) error {
	failed, err := w.failures.take() // first: what they failed by is read behind them
	if err != nil {
		return err
	}
	drops, err := w.tracer.Read()
	if err != nil {
		return err
	}
	for i := range drops {
		d := &drops[i]
		if w.gone[d.Flow.NetNS] {
			continue // it is of a namespace that got the number of one that was meant
		}
		ns, _ := w.spaces.find(d.Flow.NetNS)
		if ns.Inode == w.spaces.self {
			ns = kernel.NetNS{} // commands need not enter it
		}
		w.keep(d, w.causes.of(d, ns), "")
	}
	failed = append(w.alone, failed...)
	w.alone = nil
	for _, f := range failed {
		switch {
		case w.pair(f):
		case !last && byDrop(f) && time.Since(f.Time) < 2*dropTick:
			w.alone = append(w.alone, f) // its drop may come with the next ones
		default:
			d, cause := w.failures.refused(f, w.spaces)
			w.keep(&d, cause, f.Call)
		}
	}
	if time.Since(w.failures.looked) >= lookEvery {
		for _, d := range w.failures.overflowing() {
			w.keep(&d, overflow, "")
		}
	}
	return nil
}
