package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel/unlink"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// unlinkWatch is one run of unlinks.
type unlinkWatch struct {
	options *unlinksOptions
	paths   []string
	s       streams

	calls      *callWatch
	watcher    *unlink.Watcher
	events     chan *unlink.Event
	ended      error // why there are no more events
	buffer     *bufio.Writer
	out        *report.RemovalWriter
	verdicts   unlink.Verdicts
	began      time.Time
	removed    int
	incomplete error
}

// run watches until something ends it, and reports.
func (w *unlinkWatch) run(ctx context.Context, signals *interrupts, command []string) error {
	watch := func(req *uprobe.Request, child *launched) error { return w.watch(ctx, signals, req, child) }
	return w.options.callFlags.run(w.s, command, watch, func() error { return w.incomplete }, w.close)
}

// watch attaches, follows, and detaches.
func (w *unlinkWatch) watch(ctx context.Context, signals *interrupts, req *uprobe.Request, child *launched) (err error) {
	began := time.Now()
	signals.passTo(child)
	if req != nil {
		if w.calls, err = w.options.watch(ctx, signals, w.s, req); err != nil {
			return err
		}
	}
	w.watcher, err = unlink.Watch(w.paths, &unlink.Options{Failed: w.options.failed, Calls: w.calls.calls(), Backend: w.options.backend})
	switch {
	case errors.Is(err, unlink.ErrTooWide), errors.Is(err, filepath.ErrBadPattern):
		return usage(err)
	case errors.Is(err, unix.EPERM) && w.options.backend != unlink.BackendFanotify:
		return fmt.Errorf("watch removals: %w", ledger.Permission(err))
	case err != nil:
		return err
	}
	for _, doubt := range w.watcher.Doubts() {
		fmt.Fprintf(w.s.err, "latch: %s\n", report.Escape(doubt))
	}
	fmt.Fprintf(w.s.err, "latch: attached %d probes to %s in %s\n", w.calls.probes()+w.watcher.Attached(), w.calls.where(), time.Since(began).Round(time.Millisecond))
	w.began = time.Now()
	columns, color := terminal(w.s.out)
	w.buffer = bufio.NewWriterSize(w.s.out, 64<<10)
	w.out = report.NewRemovalWriter(w.buffer, &report.DropOptions{Width: columns, Color: color, JSON: w.options.json, Verbose: w.options.verbose})
	w.events = make(chan *unlink.Event, 256)
	go w.read()
	if err := w.follow(ctx, child); err != nil {
		return err
	}
	if err := w.watcher.Stop(); err != nil {
		return err
	}
	for e := range w.events {
		if err := w.tell(e); err != nil {
			return err
		}
	}
	if !errors.Is(w.ended, os.ErrClosed) {
		return w.ended
	}
	return w.summarize()
}

// read passes events on until there are no more.
func (w *unlinkWatch) read() {
	defer close(w.events)
	for {
		e, err := w.watcher.Next()
		if err != nil {
			w.ended = err
			return
		}
		w.events <- e
	}
}

// follow tells of events until something ends it.
func (w *unlinkWatch) follow(ctx context.Context, child *launched) error {
	ctx, cancel := limited(ctx, w.options.duration)
	defer cancel()
	ended, err := w.options.ended(ctx, child)
	if err != nil {
		return err
	}
	for !w.enough() {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case e, ok := <-w.events:
			if !ok {
				return nil
			}
			if err := w.tell(e); err != nil {
				return err
			}
			if len(w.events) > 0 {
				continue
			}
			if err := w.buffer.Flush(); err != nil {
				return fmt.Errorf("write removals: %w", err)
			}
		}
	}
	return nil
}

// enough says whether --until holds.
func (w *unlinkWatch) enough() bool { return w.options.until > 0 && w.removed >= w.options.until }

// tell writes an event, unless enough were written.
func (w *unlinkWatch) tell(e *unlink.Event) error {
	if w.enough() {
		return nil
	}
	during, err := w.calls.during(e.InFlight, e.Time)
	if err != nil {
		return err
	}
	if e.Err == nil {
		w.removed++
	}
	w.verdicts.Add(e)
	r := &report.Removal{
		Time: e.Time, Path: e.Path, Kind: string(e.Kind), PID: e.PID, TID: e.TID, Comm: e.Comm, Exe: e.Exe, Argv: e.Argv, ArgvCut: e.ArgvCut,
		UID: e.UID, Cgroup: e.Cgroup.Path, Container: e.Container, During: during, Call: e.Call, Other: e.Other, Size: e.Size, Dir: e.Dir, Note: e.Note,
	}
	if e.Watched != e.Path {
		r.Watched = e.Watched
	}
	if e.Err != nil {
		r.Error = e.Err.Error()
		if errno := unix.Errno(0); errors.As(e.Err, &errno) {
			r.Error = cmp.Or(unix.ErrnoName(errno), r.Error)
		}
	}
	for i := range e.Parents {
		p := &e.Parents[i]
		r.Parents = append(r.Parents, report.RemovalBegan{PID: p.PID, Comm: p.Comm, Argv: p.Argv, Text: p.Text()})
	}
	return w.out.Write(r)
}

// summarize says what the run came to.
func (w *unlinkWatch) summarize() error {
	losses, err := w.watcher.Losses()
	if err != nil {
		return err
	}
	s := &report.RemovalSummary{Elapsed: time.Since(w.began), Removed: w.removed, Cost: w.cost(), Lost: map[string]uint64{
		"attempts that found no room":                     losses.NoRoom,
		"attempts whose path could not be read":           losses.Unreadable,
		"system calls that were not looked at":            losses.Missed,
		"requests of io_uring that could not be followed": losses.Unfollowed,
	}}
	if losses.NoRoom+losses.Unreadable+losses.Unfollowed+losses.Missed > 0 && w.options.strict {
		w.incomplete = errors.New("attempts to remove files were lost")
	}
	for _, v := range w.verdicts.List() {
		s.Verdicts = append(s.Verdicts, report.RemovalVerdict{Path: v.Watched, Kind: string(v.Kind), Failed: v.Failed, Origin: v.Origin, Chain: v.Chain,
			Count: v.Count, Runs: v.Runs, Period: v.Period, Spread: v.Spread, Next: v.Next})
	}
	out := w.out
	if w.options.json { // whose lines are events alone
		out = report.NewRemovalWriter(w.s.err, nil)
	}
	return errors.Join(out.Summary(s), w.buffer.Flush())
}

// cost says what the watching took.
func (w *unlinkWatch) cost() string {
	if w.watcher.Backend() == unlink.BackendFanotify {
		return ""
	}
	return "0.1µs for each system call of this machine"
}

// close takes everything out of the kernel that is still in it.
func (w *unlinkWatch) close() error {
	var err error
	if w.watcher != nil {
		err = w.watcher.Close()
	}
	return errors.Join(err, w.calls.Close())
}
