package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/internal/launch"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// recordOptions are the flags of record.
type recordOptions struct {
	target   targetFlags
	duration time.Duration
	interval time.Duration
	outputs  []string
	json     bool
	strict   bool
	top      int
	maxKeys  int
	drops    bool
	backend  string
}

func newRecord(s streams) *cobra.Command {
	o := &recordOptions{}
	c := &cobra.Command{
		Use:   "record [-p PID | -e FILE] FUNC... [flags] [-- COMMAND ARG...]",
		Short: "Measure the latency of functions, by the values of their arguments",
		Example: `  latch record -p $(pidof shop) 'main.(*Cart).Price' --by 'item.SKU' -d 10s
  latch record -p 4242 pg_parse_query --by 'sql=str(arg0)' -o slow.pb.gz
  latch record -e /usr/lib/x86_64-linux-gnu/libc.so.6 getaddrinfo --by 'str(arg0)'
  latch record main.work -- ./worker --once`,
		RunE: func(c *cobra.Command, args []string) error {
			patterns, command := split(c, args)
			return record(c.Context(), s, o, patterns, command)
		},
	}
	flags := c.Flags()
	o.target.register(flags)
	o.target.registerBy(flags)
	flags.DurationVarP(&o.duration, "duration", "d", 0, "stop after this long (default: until Ctrl-C or the target ends)")
	flags.DurationVarP(&o.interval, "interval", "i", 0, "print what came in each interval, and keep it in the files")
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, outputUsage)
	flags.BoolVar(&o.json, "json", false, "print the recording as JSON")
	flags.BoolVar(&o.strict, "strict", false, "exit with 3 if any call was lost")
	flags.IntVar(&o.top, "top", 20, "rows printed for each function")
	flags.IntVar(&o.maxKeys, "max-keys", 4096, "series with a key of their own; the rest becomes (other)")
	flags.BoolVar(&o.drops, "drops", false, "tell calls in which packets were dropped from the others, with the time that they lost to it")
	flags.StringVar(&o.backend, "backend", "", "only this way of attaching: session, uprobe_multi or perf")
	return c
}

// check refuses what cannot work before anything is touched.
func (o *recordOptions) check(patterns []string) (*uprobe.Options, error) {
	switch {
	case len(patterns) == 0:
		return nil, usage(errors.New("name at least one function (latch list shows them)"))
	case o.duration < 0 || o.interval < 0:
		return nil, usage(errors.New("durations cannot be negative"))
	case o.maxKeys < 1 || o.maxKeys > 1<<20:
		return nil, usage(fmt.Errorf("--max-keys %d: 1 to %d series can be kept", o.maxKeys, 1<<20))
	case o.top < 0:
		return nil, usage(errors.New("--top cannot be negative"))
	}
	if err := writable(o.outputs, report.CheckOutput); err != nil {
		return nil, err
	}
	opts := &uprobe.Options{MaxKeys: o.maxKeys}
	return opts, usage(setBackend(opts, o.backend))
}

// record measures until something ends it, then reports.
func record(ctx context.Context, s streams, o *recordOptions, patterns, command []string) (err error) {
	opts, err := o.check(patterns)
	if err != nil {
		return err
	}
	req, err := o.target.request(patterns, command)
	if err != nil {
		return err
	}
	req.SplitDrops = o.drops
	ctx, signals := interruptible(ctx)
	defer signals.stop()

	child, err := o.target.launch(req, command)
	if err != nil {
		return err
	}
	signals.passTo(child)
	rec, err := measure(ctx, signals, s, o, req, opts, child.cmd())
	if err != nil {
		child.kill()
		return err
	}
	failed := child.wait(s)
	rec.Command = child.outcome()
	return cmp.Or(o.finish(s, rec), failed)
}

// measure attaches, waits, and detaches.
func measure(ctx context.Context, signals *interrupts, s streams, o *recordOptions, req *uprobe.Request, opts *uprobe.Options, child *launch.Cmd) (_ *latency.Recording, err error) {
	began := time.Now()
	plan, err := newPlan(req)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	processes := openProcesses(plan.pids)
	session, err := signals.place(ctx, plan, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, signals.close(session)) }()
	marks, err := o.markDrops(session)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, marks.Close()) }()
	if err := session.Enable(); err != nil {
		return nil, err
	}
	fmt.Fprintln(s.err, session.attachedLine(time.Since(began)))

	ctx, cancel := limited(ctx, o.duration)
	defer cancel()
	ended, err := watch(ctx, processes, child)
	if err != nil {
		return nil, err
	}
	var line latency.Timeline
	if err := o.wait(ctx, s, session, ended, &line); err != nil {
		return nil, err
	}
	if err := signals.detach(session); err != nil {
		return nil, err
	}
	if err := marks.stop(); err != nil {
		return nil, err
	}
	rec, err := session.Read()
	if err != nil {
		return nil, err
	}
	if err := marks.explain(s.err, rec); err != nil {
		return nil, err
	}
	session.Explain(rec)
	if err := session.Overhead(rec); err != nil {
		rec.Warnings = append(rec.Warnings, "the probes' cost is unknown: "+err.Error())
	}
	if o.sliced() {
		line.Finish(rec)
	}
	return rec, nil
}

// sliced says whether the files are to show how the measurement went.
func (o *recordOptions) sliced() bool { return o.interval > 0 && len(o.outputs) > 0 }

// wait returns when the measurement is over, printing intervals meanwhile, which
// become slices of the timeline where files want them.
func (o *recordOptions) wait(ctx context.Context, s streams, session *measurement, ended <-chan struct{}, line *latency.Timeline) error {
	if o.interval == 0 {
		select {
		case <-ctx.Done():
		case <-ended:
		}
		return nil
	}
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	var last *latency.Recording
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case <-tick.C:
		}
		now, err := session.Read()
		if err != nil {
			return err
		}
		shown := now.Since(last)
		last = now
		if o.sliced() {
			line.Add(shown)
		}
		if err := o.print(s.out, shown); err != nil {
			return err
		}
	}
}

// print writes one recording to stdout.
func (o *recordOptions) print(w io.Writer, rec *latency.Recording) error {
	if o.json {
		return report.JSON(w, rec)
	}
	return report.Text(w, rec, textOptions(w, o.top))
}

// finish prints the whole recording and writes the files.
func (o *recordOptions) finish(s streams, rec *latency.Recording) error {
	defer keepOnPipe()()
	err, gone := unread(o.print(s.out, rec))
	if err := errors.Join(err, s.writeAll(o.outputs, func(path string) error { return report.WriteFile(path, rec) })); err != nil {
		return err
	}
	if o.strict {
		return cmp.Or(noneLost(rec), gone)
	}
	return gone
}

// noneLost returns an error if calls of a function were lost.
func noneLost(rec *latency.Recording) error {
	for i := range rec.Functions {
		if lost := rec.Functions[i].Balance.TotalLost(); lost > 0 {
			return fmt.Errorf("%d calls of %s were lost", lost, rec.Functions[i].Name)
		}
	}
	return nil
}
