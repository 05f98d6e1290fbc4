package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// traceOptions are the flags of trace.
type traceOptions struct {
	target   targetFlags
	show     []string
	stack    bool
	min      time.Duration
	number   int
	duration time.Duration
	json     bool
	strict   bool
	backend  string
	buffer   int // MiB
}

func newTrace(s streams) *cobra.Command {
	o := &traceOptions{target: targetFlags{events: true}}
	c := &cobra.Command{
		Use:   "trace [-p PID | -e FILE] FUNC... [flags] [-- COMMAND ARG...]",
		Short: "Show the calls of functions, one line each, with arguments, result and latency",
		Example: `  latch trace -p $(pidof shop) 'main.(*Cart).Price'
  latch trace -p 4242 pg_parse_query --show 'sql=str(arg0)' --min 5ms
  latch trace -p $(pidof shop) main.handle --show req.URL.Path --show ret --stack -n 10
  latch trace -e /usr/lib/x86_64-linux-gnu/libc.so.6 getaddrinfo --show 'str(arg0)' --json`,
		RunE: func(c *cobra.Command, args []string) error {
			patterns, command := split(c, args)
			return trace(c.Context(), s, o, patterns, command)
		},
	}
	flags := c.Flags()
	o.target.register(flags)
	flags.StringArrayVar(&o.show, "show", nil, "show this `[NAME=]EXPR` of each call (repeatable; default: all parameters and results that can be read)")
	o.target.registerWhere(flags)
	flags.BoolVar(&o.stack, "stack", false, "show the callers, found by frame pointers")
	flags.DurationVar(&o.min, "min", 0, "show only calls that took at least this long")
	flags.IntVarP(&o.number, "number", "n", 0, "stop after this many calls")
	flags.DurationVarP(&o.duration, "duration", "d", 0, "stop after this long (default: until Ctrl-C or the target ends)")
	flags.BoolVar(&o.json, "json", false, "print JSON Lines")
	flags.BoolVar(&o.strict, "strict", false, "exit with 3 if any call was lost")
	flags.StringVar(&o.backend, "backend", "", "only this way of attaching: session, uprobe_multi or perf")
	flags.IntVar(&o.buffer, "buffer", 8, "size of the buffer between the kernel and latch, in `MiB`, a power of two")
	return c
}

// request checks the flags and builds the request.
func (o *traceOptions) request(patterns, command []string) (*uprobe.Request, *uprobe.Options, error) {
	switch {
	case len(patterns) == 0:
		return nil, nil, usage(errors.New("name at least one function (latch list shows them)"))
	case o.duration < 0 || o.min < 0:
		return nil, nil, usage(errors.New("durations cannot be negative"))
	case o.number < 0:
		return nil, nil, usage(errors.New("-n cannot be negative"))
	case o.buffer < 1 || o.buffer > 1024 || o.buffer&(o.buffer-1) != 0:
		return nil, nil, usage(fmt.Errorf("--buffer %d: a power of two from 1 to 1024", o.buffer))
	}
	opts := &uprobe.Options{EventBytes: o.buffer << 20}
	if err := setBackend(opts, o.backend); err != nil {
		return nil, nil, usage(err)
	}
	req, err := o.target.request(patterns, command)
	if err != nil {
		return nil, nil, err
	}
	req.Trace = &uprobe.Trace{Stack: o.stack}
	if req.Trace.Show, err = parseExprs("--show", o.show); err != nil {
		return nil, nil, err
	}
	if o.min > 0 {
		req.Where = fetch.Slower(req.Where, o.min.Nanoseconds())
	}
	return req, opts, nil
}

// trace shows calls until something ends it.
func trace(ctx context.Context, s streams, o *traceOptions, patterns, command []string) error {
	req, opts, err := o.request(patterns, command)
	if err != nil {
		return err
	}
	ctx, signals := interruptible(ctx)
	defer signals.stop()
	child, err := o.target.launch(req, command)
	if err != nil {
		return err
	}
	signals.passTo(child)
	if err := o.follow(ctx, signals, s, req, opts, child); err != nil {
		child.kill()
		return err
	}
	return child.wait(s)
}

// follow attaches, prints what comes, and detaches.
func (o *traceOptions) follow(ctx context.Context, signals *interrupts, s streams, req *uprobe.Request, opts *uprobe.Options, child *launched) (err error) {
	began := time.Now()
	plan, err := newPlan(req)
	if err != nil {
		return err
	}
	defer plan.Close()
	processes := openProcesses(plan.pids)
	session, err := signals.attach(ctx, plan, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, signals.close(session)) }()
	for _, w := range plan.warnings {
		fmt.Fprintf(s.err, "latch: %s\n", report.Escape(w))
	}
	fmt.Fprintln(s.err, session.attachedLine(time.Since(began)))
	ctx, cancel := limited(ctx, o.duration)
	defer cancel()
	ended, err := watch(ctx, processes, child.cmd())
	if err != nil {
		return err
	}
	printed := make(chan printedCalls, 1)
	go func() { printed <- o.print(s, plan, session) }()
	var result printedCalls
	early := false
	select {
	case <-ctx.Done():
	case <-ended:
	case result = <-printed:
		early = true
	}
	if err := signals.detach(session); err != nil {
		return err
	}
	if !early {
		if err := session.Drain(); err != nil {
			return err
		}
		result = <-printed
	}
	return cmp.Or(result.err, o.sum(s, session, plan.warnings, result.calls))
}

// printedCalls is how many calls were printed, and what ended it.
type printedCalls struct {
	calls int
	err   error
}

// print writes the calls as they come, until there are no more or enough.
func (o *traceOptions) print(s streams, plan *measurePlan, session *measurement) (done printedCalls) {
	columns, color := terminal(s.out)
	out := bufio.NewWriterSize(s.out, 64<<10)
	defer func() { done.err = cmp.Or(done.err, out.Flush()) }()
	w := report.NewCallWriter(out, &report.TraceOptions{
		Width: columns, Color: color, JSON: o.json, PIDs: len(plan.pids) != 1, Comms: len(plan.pids) == 0 && plan.exe == "",
		Goids: plan.hasGo(),
	})
	for o.number == 0 || done.calls < o.number {
		if !session.Waiting() {
			if err := out.Flush(); err != nil {
				return printedCalls{done.calls, fmt.Errorf("write calls: %w", err)}
			}
		}
		call, err := session.NextCall()
		if errors.Is(err, os.ErrClosed) {
			break
		}
		if err == nil {
			err = w.Write(call)
		}
		if err != nil {
			return printedCalls{done.calls, err}
		}
		done.calls++
	}
	return done
}

// sum says what became of all calls, shown or not, and what was not warned of.
func (o *traceOptions) sum(s streams, session *measurement, warned []string, shown int) error {
	rec, err := session.Read()
	if err != nil {
		return err
	}
	session.Explain(rec)
	var returned, lost uint64
	for i := range rec.Functions {
		f := &rec.Functions[i]
		returned += f.Balance.Returns
		lost += f.Balance.TotalLost()
		if f.Balance.Entries > 0 || len(rec.Functions) <= 3 {
			fmt.Fprintf(s.err, "latch: %s: %s\n", report.Escape(f.Name), strings.TrimPrefix(report.Balance(&f.Balance), "balance: "))
		}
	}
	for _, w := range rec.Warnings[len(warned):] {
		fmt.Fprintf(s.err, "latch: %s\n", report.Escape(w))
	}
	if uint64(shown) < returned {
		fmt.Fprintf(s.err, "latch: stopped after %d calls; %d more returned meanwhile\n", shown, returned-uint64(shown))
	}
	if n := eventsLost(rec); n > 0 {
		fmt.Fprintf(s.err, "latch: %d calls are not shown, as they came faster than they could be written: narrow them by --where, or give a larger --buffer\n", n)
	}
	if o.strict && lost > 0 {
		return fmt.Errorf("%d calls were lost", lost)
	}
	return nil
}

func eventsLost(rec *latency.Recording) (n uint64) {
	for i := range rec.Functions {
		n += rec.Functions[i].Balance.Lost[ledger.LostEvents]
	}
	return n
}
