package launch

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Status is how a command ended.
type Status struct {
	// Code is what the command gave to exit(2), or -1 if a signal killed it.
	Code int
	// Signal is the signal that killed it, or 0.
	Signal syscall.Signal
}

// ExitCode returns the status as a shell gives it: the command's own code,
// or 128 and the number of the signal.
func (s Status) ExitCode() int {
	if s.Signal != 0 {
		return 128 + int(s.Signal)
	}
	return s.Code
}

// String returns "exit status 3", or "killed by SIGTERM".
func (s Status) String() string {
	if s.Signal == 0 {
		return fmt.Sprintf("exit status %d", s.Code)
	}
	if name := unix.SignalName(s.Signal); name != "" {
		return "killed by " + name
	}
	return fmt.Sprintf("killed by signal %d", int(s.Signal))
}

func statusOf(ws unix.WaitStatus) Status {
	if ws.Signaled() {
		return Status{Code: -1, Signal: ws.Signal()}
	}
	return Status{Code: ws.ExitStatus()}
}

// wait waits for the command's next stop or end, and collects it.
//
// It first waits without collecting: between that and the end being recorded
// under mu, the PID stays the command's, so that Signal cannot hit another.
func (c *Cmd) wait() (unix.WaitStatus, error) {
	for {
		err := unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait for process %d: %w", c.pid, err)
		}
		if ws, ok, err := c.collect(); ok || err != nil {
			return ws, err
		}
	}
}

// collect takes what wait has seen. It is not ok when another wait was first.
func (c *Cmd) collect() (ws unix.WaitStatus, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := unix.Wait4(c.pid, &ws, unix.WNOHANG|unix.WALL, nil)
	if err != nil && err != unix.EINTR {
		return 0, false, fmt.Errorf("wait for process %d: %w", c.pid, err)
	}
	if pid != c.pid {
		return 0, false, nil
	}
	if !ws.Stopped() && !c.ended {
		c.ended, c.status = true, statusOf(ws)
		close(c.done)
	}
	return ws, true, nil
}

// reap collects the command's end, unless the tracing thread did.
func (c *Cmd) reap() {
	for {
		ws, err := c.wait()
		if err != nil || !ws.Stopped() {
			break
		}
		// A stop from before SIGKILL took effect.
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended { // not our child any more: somebody ignores SIGCHLD
		c.ended, c.status = true, Status{Code: -1}
		close(c.done)
	}
}
