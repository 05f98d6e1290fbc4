package procfs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// WaitExit returns nil when p has exited, or ctx.Err() when ctx ends first.
func (p *Process) WaitExit(ctx context.Context) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err == unix.ESRCH || p.replaced() {
		// The check comes after the open: from here on the descriptor stands
		// for the process that was asked about, or for none.
		if err == nil {
			unix.Close(fd)
		}
		return nil
	}
	if err != nil { // a seccomp filter around latch itself may deny it
		return p.pollExit(ctx)
	}
	defer unix.Close(fd)
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("wait for process %d: %w", p.PID, err)
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() {
			<-woken
		}
		unix.Close(wake)
	}()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	for ended := false; ; {
		switch _, err := unix.Poll(fds, -1); {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("wait for process %d: %w", p.PID, err)
		case fds[1].Revents != 0:
			return ctx.Err()
		case ended:
			return nil
		}
		ended = !p.goesOn()
		// If not, a thread executes a program and is about to take the place
		// of the process's first one, whose end the descriptor tells of; /proc
		// may have neither of the two for a moment.
		if _, err := unix.Poll(fds[1:], recheckMS); err != nil && err != unix.EINTR {
			return fmt.Errorf("wait for process %d: %w", p.PID, err)
		}
	}
}

// recheckMS is how long an execve by another thread is given, in milliseconds,
// before it is looked at again.
const recheckMS = 5

// replaced reports whether p's number is another process's by now.
func (p *Process) replaced() bool {
	st, err := p.stat()
	return err == nil && st.Starttime != p.StartTime
}

// goesOn reports whether p has a thread that has not exited, its first one or not.
func (p *Process) goesOn() bool {
	st, err := p.stat()
	if err != nil || st.Starttime != p.StartTime {
		return false
	}
	return slices.ContainsFunc(p.Threads(), p.ThreadAlive)
}

// pollExit is WaitExit without a pidfd.
func (p *Process) pollExit(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for p.goesOn() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
