package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/launch"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// setBackend restricts the ways of attaching to the one called name, unless it
// is empty.
func setBackend(opts *uprobe.Options, name string) error {
	if name == "" {
		return nil
	}
	for _, b := range []uprobe.Backend{uprobe.Sessions, uprobe.Multi, uprobe.PerfEvents} {
		if b.String() == name {
			opts.Backends = []uprobe.Backend{b}
			return nil
		}
	}
	return fmt.Errorf("--backend %s: session, uprobe_multi or perf", name)
}

// A launched command is started by latch and waits until the probes are in.
// It is nil where there is none.
type launched struct {
	*launch.Cmd
	argv   []string
	status int
}

// launch starts the command, if there is one, and makes it the request's
// target.
func (t *targetFlags) launch(req *uprobe.Request, command []string) (*launched, error) {
	if len(command) == 0 {
		return nil, nil
	}
	cmd, err := launch.Start(command, nil)
	if err != nil {
		return nil, err
	}
	l := &launched{Cmd: cmd, argv: command}
	if t.exe != "" {
		return l, nil
	}
	req.PIDs = []int{cmd.PID()}
	if needsLibraries(req) {
		if err := cmd.ContinueToEntry(); err != nil {
			l.kill()
			return nil, fmt.Errorf("start %s: %w", command[0], err)
		}
	}
	return l, nil
}

// needsLibraries says that a pattern names a library, which the loader has
// mapped only when the program's own code starts.
func needsLibraries(req *uprobe.Request) bool {
	patterns := slices.Clone(req.Patterns)
	for i := range req.Each {
		patterns = append(patterns, req.Each[i].Pattern)
	}
	for _, p := range patterns {
		if pattern, err := elfsym.ParsePattern(p); err == nil && pattern.Lib != "" {
			return true
		}
	}
	return false
}

func (l *launched) cmd() *launch.Cmd {
	if l == nil {
		return nil
	}
	return l.Cmd
}

func (l *launched) kill() {
	if l != nil {
		l.Kill()
	}
}

// terminate asks the command to end. Where that fails, it has ended, or is no
// business of this user's any more.
func (l *launched) terminate() {
	if l != nil {
		_ = l.Signal(syscall.SIGTERM)
	}
}

// wait waits for the command's end. Its failure, which is said, becomes
// latch's own exit status.
func (l *launched) wait(s streams) error {
	if l == nil {
		return nil
	}
	if l.status = l.Wait().ExitCode(); l.status == 0 {
		return nil
	}
	fmt.Fprintf(s.err, "latch: %s exited with %d\n", report.Escape(l.argv[0]), l.status)
	return &exitError{code: l.status}
}

// exitPipe is what a shell says of a program whose output was closed.
const exitPipe = 128 + int(syscall.SIGPIPE)

// keepOnPipe lets a run go on where the output is closed: what is in the kernel and
// beside the output must still be taken away. The function that it returns ends that.
func keepOnPipe() (end func()) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return func() { signal.Stop(pipe) }
}

// outcome is what a recording says of the command.
func (l *launched) outcome() *latency.Command {
	if l == nil {
		return nil
	}
	return &latency.Command{Argv: l.argv, Exit: l.status}
}

// attachedLine is what every command says when its probes are in.
func attachedLine(probes int, pids []int, exe string, took time.Duration) string {
	where := fmt.Sprintf("%d processes", len(pids))
	switch {
	case len(pids) == 1:
		where = "1 process"
	case len(pids) == 0 && exe == "":
		where = "every process"
	case len(pids) == 0:
		where = "every process of " + report.Escape(exe)
	}
	noun := "probes"
	if probes == 1 {
		noun = "probe"
	}
	return fmt.Sprintf("latch: attached %d %s to %s in %s", probes, noun, where, took.Round(time.Millisecond))
}

// openProcesses opens the processes that are measured, before it is said that they
// are: they may execute something else from then on. Those that have ended are nil.
func openProcesses(pids []int) []*procfs.Process {
	out := make([]*procfs.Process, len(pids))
	for i, pid := range pids {
		if p, err := procfs.Find(pid); err == nil {
			out[i] = p
		}
	}
	return out
}

// watch returns a channel that is closed when the last measured process has
// ended. In a measurement by file only a launched command ends it.
func watch(ctx context.Context, processes []*procfs.Process, child *launch.Cmd) (<-chan struct{}, error) {
	ended := make(chan struct{})
	if child != nil {
		if err := child.Continue(); err != nil {
			return nil, fmt.Errorf("continue command: %w", err)
		}
		go func() {
			child.Wait()
			close(ended)
		}()
		return ended, nil
	}
	if len(processes) == 0 {
		return ended, nil
	}
	go func() {
		for _, p := range processes {
			if p != nil && p.WaitExit(ctx) != nil {
				return
			}
		}
		close(ended)
	}()
	return ended, nil
}

// limited ends the context after d, unless it is 0.
func limited(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
