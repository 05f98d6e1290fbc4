package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchprof/latch/internal/launch"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// callWatch knows the calls in flight of the functions given by --during. It
// is nil where none are.
type callWatch struct {
	plan    *uprobe.Plan
	session *uprobe.Session
	signals *interrupts
}

// watchCalls attaches to the functions of --during.
func (o *dropsOptions) watchCalls(ctx context.Context, signals *interrupts, s streams, req *uprobe.Request) (_ *callWatch, err error) {
	plan, err := uprobe.NewPlan(req)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, plan.Close())
		}
	}()
	session, err := signals.attach(ctx, plan, &uprobe.Options{})
	if err != nil {
		return nil, err
	}
	for _, text := range append(plan.Warnings, session.Calls().Blind...) {
		fmt.Fprintf(s.err, "latch: %s\n", report.Escape(text))
	}
	return &callWatch{plan: plan, session: session, signals: signals}, nil
}

// probes is how many functions are watched.
func (c *callWatch) probes() int {
	if c == nil {
		return 0
	}
	return c.session.Attached()
}

// where is what the probes are in.
func (c *callWatch) where() string {
	switch {
	case c == nil:
		return "the kernel"
	case len(c.plan.PIDs) == 1:
		return "the kernel and 1 process"
	}
	return fmt.Sprintf("the kernel and %d processes", len(c.plan.PIDs))
}

// options are what the drop program needs to find the calls.
func (c *callWatch) options() *drop.Calls {
	if c == nil {
		return nil
	}
	calls := c.session.Calls()
	return &drop.Calls{Maps: calls.Maps, KeySize: calls.KeySize}
}

// during says which call d's packet was dropped in, nil if none is known.
func (c *callWatch) during(d *drop.Drop) (*report.DropDuring, error) {
	if c == nil || d.Call == nil {
		return nil, nil
	}
	call, err := c.session.Decode(d.Call.Key)
	if err != nil {
		return nil, err
	}
	return &report.DropDuring{Func: call.Func, Args: call.Args, Elapsed: d.First.Sub(d.Call.Began)}, nil
}

// Close takes the probes out.
func (c *callWatch) Close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.signals.close(c.session), c.plan.Close())
}

// request is what --during asks of the target, nil without it.
func (o *dropsOptions) request(command []string) (*uprobe.Request, error) {
	if len(o.during) == 0 {
		return nil, nil
	}
	req, err := o.target.request(o.during, command)
	if err != nil {
		return nil, err
	}
	show, err := parseExprs("--show", o.show)
	req.Watch = &uprobe.Watch{Show: show}
	return req, err
}

// start starts the command, if there is one; it waits. With --during it is the
// target of the request.
func (o *dropsOptions) start(req *uprobe.Request, command []string) (*launched, error) {
	switch {
	case len(command) == 0:
		return nil, nil
	case req != nil:
		return o.target.launch(req, command)
	}
	cmd, err := launch.Start(command, nil)
	if err != nil {
		return nil, err
	}
	return &launched{Cmd: cmd, argv: command}, nil
}

// ended returns a channel that is closed when the command, or else the last of
// the processes given by -p, has ended.
func (o *dropsOptions) ended(ctx context.Context, child *launched) (<-chan struct{}, error) {
	ended := make(chan struct{})
	switch {
	case child != nil:
		if err := child.Continue(); err != nil {
			return nil, fmt.Errorf("continue command: %w", err)
		}
		go func() {
			child.Wait()
			close(ended)
		}()
	case len(o.target.pids) > 0:
		var procs []*procfs.Process
		for _, pid := range o.target.pids {
			if proc, err := procfs.Open(pid); err == nil { // else it ended since it was looked for
				procs = append(procs, proc)
			}
		}
		go func() {
			for _, proc := range procs {
				if proc.WaitExit(ctx) != nil {
					return
				}
			}
			close(ended)
		}()
	}
	return ended, nil
}
