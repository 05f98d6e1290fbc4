// Package launch starts a command that is held before its first instruction,
// so that probes can be put into it, and lets it run afterwards as if nobody
// had been there.
//
// While it is held the command is traced with ptrace(2). Once [Cmd.Continue]
// has returned it is an ordinary child: nothing traces it, and it lives on if
// the caller dies. Before that, it dies with the caller.
package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Options change how a command is started. A nil *Options is valid.
type Options struct {
	// Dir is the working directory; "" is the caller's.
	Dir string
	// Env are the environment's "KEY=value" strings; nil is the caller's.
	Env []string
	// Stdin, Stdout and Stderr are what the command inherits; nil is the
	// caller's own. They are not closed.
	Stdin, Stdout, Stderr *os.File
	// Execs prepares for Cmd.Execs: the command gets a copy of the caller's
	// mounts, what is mounted later included, for which CAP_SYS_ADMIN is needed.
	Execs bool
}

// ErrReleased says that the command no longer is held: it was continued or
// killed before.
var ErrReleased = errors.New("the command is no longer held")

// Cmd is a command that was started. Its methods may be called from any
// goroutine.
type Cmd struct {
	name string
	pid  int

	// ops carries what must be done on the one thread that traces the
	// command: ptrace requests from any other are refused with ESRCH.
	ops     chan op
	release sync.Once
	gone    chan struct{} // closed by release

	mu     sync.Mutex // held while a signal is sent or the exit collected
	ended  bool
	status Status
	done   chan struct{} // closed when ended
}

type op struct {
	do    func() error
	reply chan error
}

// Start starts argv and returns once it stands, held, at the first
// instruction of its new image: the loader's for a dynamic program. The
// caller must let go of it with Continue or Kill.
//
// argv[0] is looked up in PATH. The error matches exec.ErrNotFound when there
// is no such command, and fs.ErrPermission when it may not be executed.
func Start(argv []string, opts *Options) (*Cmd, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("start command: no command given")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], bare(err))
	}
	attr := opts.attr()
	c := &Cmd{name: argv[0], ops: make(chan op), gone: make(chan struct{}), done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Only the thread that forked traces. Were the goroutine to end
		// locked, its thread would end too and PTRACE_O_EXITKILL strike.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.fork(path, argv, attr)
		started <- err
		if err != nil {
			return
		}
		for {
			select {
			case o := <-c.ops:
				o.reply <- o.do()
			case <-c.gone:
				return
			}
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	return c, nil
}

// bare takes the command's name out of an error that will be given it anyway.
func bare(err error) error {
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return err
}

func (o *Options) attr() *syscall.ProcAttr {
	if o == nil {
		o = &Options{}
	}
	attr := &syscall.ProcAttr{Dir: o.Dir, Env: o.Env, Sys: &syscall.SysProcAttr{Ptrace: true}}
	if o.Execs {
		attr.Sys.Cloneflags = syscall.CLONE_NEWNS // and what is mounted goes on to be shared as before
	}
	if attr.Env == nil {
		attr.Env = os.Environ()
	}
	for i, f := range []*os.File{o.Stdin, o.Stdout, o.Stderr} {
		fd := uintptr(i)
		if f != nil {
			fd = f.Fd()
		}
		attr.Files = append(attr.Files, fd)
	}
	return attr
}

// holdOptions make the command die with us as long as it is held.
const holdOptions = unix.PTRACE_O_EXITKILL

// fork runs on the tracing thread. It returns when the command has stopped
// with the SIGTRAP that follows a traced execve(2).
func (c *Cmd) fork(path string, argv []string, attr *syscall.ProcAttr) error {
	pid, err := syscall.ForkExec(path, argv, attr)
	if err == unix.EPERM && attr.Sys.Cloneflags != 0 {
		return fmt.Errorf("%w: %w", ErrNoExecs, err)
	}
	if err != nil {
		return err
	}
	c.pid = pid
	ws, err := c.wait()
	if err != nil {
		return err
	}
	if !ws.Stopped() {
		return fmt.Errorf("it ended before its first instruction: %v", statusOf(ws))
	}
	if err := unix.PtraceSetOptions(pid, holdOptions); err != nil {
		unix.Kill(pid, unix.SIGKILL)
		c.reap()
		return fmt.Errorf("trace process %d: %w", pid, err)
	}
	return nil
}

// PID returns the process ID of the command.
func (c *Cmd) PID() int { return c.pid }

// run executes f on the tracing thread.
func (c *Cmd) run(f func() error) error {
	o := op{f, make(chan error, 1)}
	select {
	case c.ops <- o:
		return <-o.reply
	case <-c.gone:
		return fmt.Errorf("process %d: %w", c.pid, ErrReleased)
	}
}

// Continue lets the command run and stops tracing it. If the command has been
// killed meanwhile, Continue returns nil and Wait says so.
func (c *Cmd) Continue() error {
	err := c.run(func() error {
		err := unix.PtraceDetach(c.pid)
		if err == unix.ESRCH {
			return nil // killed while held; Wait reports it
		}
		if err != nil {
			return fmt.Errorf("let process %d run: %w", c.pid, err)
		}
		return nil
	})
	if err == nil {
		c.letGo()
	}
	return err
}

// Kill kills the command, held or not. It is no error if it has ended before.
func (c *Cmd) Kill() error {
	err := c.Signal(syscall.SIGKILL)
	c.letGo()
	return err
}

// letGo ends the tracing goroutine and starts the one that collects the exit.
// The two are never at work together by plan: a wait for a traced child takes
// its ptrace stops too.
func (c *Cmd) letGo() {
	c.release.Do(func() {
		close(c.gone)
		go c.reap()
	})
}

// Signal sends a signal to the command. It does nothing, without an error,
// once the command has ended. A signal from the terminal (Ctrl-C) reaches the
// command without help, since it stays in the caller's process group.
func (c *Cmd) Signal(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	if err := unix.Kill(c.pid, sig); err != nil {
		return fmt.Errorf("send %v to process %d: %w", sig, c.pid, err)
	}
	return nil
}

// Done returns a channel that is closed when the command has ended.
func (c *Cmd) Done() <-chan struct{} { return c.done }

// Wait waits until the command has ended, for which it must have been let go.
func (c *Cmd) Wait() Status {
	<-c.done
	return c.status
}
