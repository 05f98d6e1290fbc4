package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/launch"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// callFlags are the flags that say in which calls of a program things happen, the
// same in every command that watches the kernel.
type callFlags struct {
	target targetFlags
	during []string
	show   []string
}

// register adds the flags. That of the processes is for the caller to add: what
// it means besides differs.
func (o *callFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.during, "during", nil, "say which call of this `FUNC` of the target was in flight (repeatable)")
	flags.StringArrayVar(&o.show, "show", nil, "of the call in flight show this `[NAME=]EXPR` (repeatable; default: all parameters that can be read)")
	flags.IntVar(&o.target.strLen, "str-len", 64, "bytes kept of each string")
}

// check refuses what cannot work.
func (o *callFlags) check(command []string) error {
	switch {
	case len(o.show) > 0 && len(o.during) == 0:
		return errors.New("--show needs --during FUNC: it shows of the call in flight")
	case len(o.during) > 0 && len(o.target.pids) == 0 && len(command) == 0:
		return errors.New("--during needs the process whose calls are meant: -p PID, or -- COMMAND")
	case len(command) > 0 && len(o.target.pids) > 0:
		return errors.New("-p and -- COMMAND exclude each other")
	case o.target.strLen < 1 || o.target.strLen > 1024:
		return fmt.Errorf("--str-len %d: 1 to 1024 bytes of a string can be kept", o.target.strLen)
	}
	return nil
}

// callWatch knows the calls in flight of the functions given by --during. It
// is nil where none are.
type callWatch struct {
	plan    *uprobe.Plan
	session *uprobe.Session
	placed  *measurement // the session
	signals *interrupts
}

// watch attaches to the functions of --during.
func (o *callFlags) watch(ctx context.Context, signals *interrupts, s streams, req *uprobe.Request) (_ *callWatch, err error) {
	plan, err := uprobe.NewPlan(req)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, plan.Close())
		}
	}()
	probes, err := signals.attach(ctx, &measurePlan{user: plan, pids: plan.PIDs}, &uprobe.Options{})
	if err != nil {
		return nil, err
	}
	session := probes.user
	for _, text := range append(plan.Warnings, session.Calls().Blind...) {
		fmt.Fprintf(s.err, "latch: %s\n", report.Escape(text))
	}
	return &callWatch{plan: plan, session: session, placed: probes, signals: signals}, nil
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

// calls are those in flight, as eBPF programs look them up.
func (c *callWatch) calls() *kernel.Calls {
	if c == nil {
		return nil
	}
	calls := c.session.Calls()
	return &kernel.Calls{Maps: calls.Maps, KeySize: calls.KeySize}
}

// during says which call something happened in, nil if none is known.
func (c *callWatch) during(call *kernel.Call, at time.Time) (*report.During, error) {
	if c == nil || call == nil {
		return nil, nil
	}
	known, err := c.session.Decode(call.Key)
	if err != nil {
		return nil, err
	}
	return &report.During{Func: known.Func, Args: known.Args, Elapsed: at.Sub(call.Began)}, nil
}

// Close takes the probes out.
func (c *callWatch) Close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.signals.close(c.placed), c.plan.Close())
}

// request is what --during asks of the target, nil without it.
func (o *callFlags) request(command []string) (*uprobe.Request, error) {
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
func (o *callFlags) start(req *uprobe.Request, command []string) (*launched, error) {
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

// run starts the command, if there is one, and watches while it runs.
func (o *callFlags) run(s streams, command []string, watch func(*uprobe.Request, *launched) error, verdict, end func() error) (err error) {
	req, err := o.request(command)
	if err != nil {
		return err
	}
	child, err := o.start(req, command)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	err = watch(req, child)
	if errors.Is(err, unix.EPIPE) { // who read the lines has gone: the command goes on
		_ = child.wait(s)
		return &exitError{code: exitPipe}
	}
	if err != nil {
		child.kill()
		return err
	}
	failed := child.wait(s)
	return cmp.Or(verdict(), failed)
}

// ended returns a channel that is closed when the command, or else the last of
// the processes given by -p, has ended.
func (o *callFlags) ended(ctx context.Context, child *launched) (<-chan struct{}, error) {
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
