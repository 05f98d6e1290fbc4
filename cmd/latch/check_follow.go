package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/launch"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/uprobe"
)

// A follower puts probes into the programs that a command starts and that
// --exe selects, before they run.
type follower struct {
	ctx   context.Context
	g     *gauge
	execs *launch.Execs
	// seen has the files that were looked at, by device and inode.
	seen map[[2]uint64]bool
}

// follow starts the command and lets it go.
func (c *checker) follow(ctx context.Context, g *gauge, command []string) (*launched, error) {
	cmd, err := launch.Start(command, &launch.Options{Execs: true})
	if err != nil {
		return nil, err
	}
	child := &launched{Cmd: cmd, argv: command}
	c.signals.passTo(child)
	f := &follower{ctx: ctx, g: g, seen: make(map[[2]uint64]bool)}
	ready := make(chan struct{})
	f.execs, err = cmd.Execs(func(e *launch.Exec) {
		<-ready
		f.program(e.PID, e.Path, e.File)
	})
	if err != nil {
		child.kill()
		return nil, err
	}
	g.execs = f.execs
	if err = f.command(cmd.PID()); err == nil {
		err = cmd.Continue()
	}
	close(ready)
	if err != nil {
		child.kill()
		return nil, err
	}
	return child, nil
}

// command looks at the command itself, which has started already.
func (f *follower) command(pid int) error {
	link := fmt.Sprintf("/proc/%d/exe", pid)
	path, err := os.Readlink(link)
	if err != nil {
		return fmt.Errorf("find program of process %d: %w", pid, err)
	}
	file, err := os.Open(link)
	if err != nil {
		return fmt.Errorf("open program of process %d: %w", pid, err)
	}
	defer file.Close()
	f.program(pid, path, file)
	return nil
}

// program puts probes into the program that a process is about to run, if it is
// wanted. Why it gets none is kept for the end: the process is let run anyhow.
func (f *follower) program(pid int, path string, file *os.File) {
	c := f.g.c
	magic := make([]byte, 4)
	if _, err := file.ReadAt(magic, 0); err != nil || string(magic) != "\x7fELF" || !matchProgram(c.o.programs, path) {
		return
	}
	var st, named unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return
	}
	id := [2]uint64{st.Dev, st.Ino}
	target := latency.Target{PID: pid, Exe: path}
	if f.seen[id] {
		f.g.joined(target)
		return
	}
	f.seen[id] = true
	req := c.req
	req.Exe, req.Mounts = path, f.execs.Mounts
	if unix.Stat(path, &named) != nil || named.Dev != st.Dev || named.Ino != st.Ino {
		req.Exe = fmt.Sprintf("/proc/self/fd/%d", file.Fd()) // another root directory
	}
	err := f.g.place(f.ctx, &req, target)
	if err != nil {
		f.g.fail(path, err)
	}
}

// joined notes a further process of a program that has its probes.
func (g *gauge) joined(target latency.Target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.parts {
		if p.plan.exe == target.Exe && len(p.targets) < maxTargets {
			target.BuildID = p.plan.buildID()
			p.targets = append(p.targets, target)
		}
	}
}

// maxTargets is how many processes of one program are named.
const maxTargets = 100

// fail notes why a program is not measured.
func (g *gauge) fail(path string, why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := why
	if !strings.HasPrefix(err.Error(), path) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	var none *uprobe.NoProbesError
	if errors.As(why, &none) || errors.Is(why, uprobe.ErrSelf) {
		g.idle = errors.Join(g.idle, err)
	} else {
		g.failed = errors.Join(g.failed, err)
	}
}

// missed returns why nothing is measured of the programs that a command has
// started, or of some, which is incomplete then. Lenient says that what is not
// there need not be.
func (g *gauge) missed(lenient bool) (nothing, incomplete error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case len(g.parts) > 0:
		return nil, g.failed
	case g.failed != nil || lenient:
		return g.failed, nil
	case g.idle != nil:
		return fmt.Errorf("nothing that the command has started could be measured: %w", g.idle), nil
	}
	return fmt.Errorf("the command has started no program that --exe %q selects", g.c.o.programs), nil
}
