package launch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ContinueToEntry lets a held command run until its own entry point, where
// the loader has mapped all libraries and run their constructors, and holds
// it there. A static program already stands there: for it nothing happens.
// If the command ends on the way, ContinueToEntry returns nil and Wait says
// how.
//
// It stops the command with a breakpoint instruction, which is gone again
// when it returns, also from children that constructors have forked. (Debug
// registers would leave the text alone, but some virtual machines accept and
// then ignore them.)
func (c *Cmd) ContinueToEntry() error { return c.run(c.toEntry) }

// traceWay are the events seen between the start and the entry point.
const traceWay = holdOptions | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACEFORK |
	unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE

// toEntry runs on the tracing thread.
func (c *Cmd) toEntry() error {
	err := c.walk()
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ECHILD) {
		return nil // killed by somebody; whoever waits next is told
	}
	if err != nil {
		return fmt.Errorf("run process %d to its entry point: %w", c.pid, err)
	}
	return nil
}

// walk runs the command to its entry point, or its end.
func (c *Cmd) walk() error {
	if err := unix.PtraceSetOptions(c.pid, traceWay); err != nil {
		return err
	}
	trap, err := c.plant()
	for sig := 0; err == nil && trap != nil; {
		if err := unix.PtraceCont(c.pid, sig); err != nil {
			return err
		}
		ws, err := c.wait()
		if err != nil || !ws.Stopped() {
			return err
		}
		sig = 0
		switch ws.TrapCause() {
		case unix.PTRACE_EVENT_EXEC:
			// A constructor ran another program: new text, new entry point.
			if trap, err = c.plant(); err != nil {
				return err
			}
		case unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK, unix.PTRACE_EVENT_CLONE:
			if err := trap.release(c.pid); err != nil {
				return err
			}
		default:
			hit, err := trap.hit(c.pid, ws.StopSignal())
			if err != nil {
				return err
			}
			if hit {
				return unix.PtraceSetOptions(c.pid, holdOptions)
			}
			sig = int(ws.StopSignal()) // on its way to the command: deliver it
		}
	}
	return err
}

// A trap is a breakpoint instruction at the entry point.
type trap struct {
	addr uintptr
	text []byte // what belongs there
}

// plant puts a trap at the entry point of the image that the command has just
// begun. It returns nil for a static program.
func (c *Cmd) plant() (*trap, error) {
	entry, base, err := c.auxv()
	if err != nil || base == 0 {
		return nil, err
	}
	t := &trap{addr: entry, text: make([]byte, len(breakpoint))}
	if _, err := unix.PtracePeekText(c.pid, t.addr, t.text); err != nil {
		return nil, err
	}
	_, err = unix.PtracePokeText(c.pid, t.addr, breakpoint)
	return t, err
}

// hit reports whether the stop with this signal is the trap's. The trap then
// is gone and the process stands at the entry point.
func (t *trap) hit(pid int, sig unix.Signal) (bool, error) {
	if sig != unix.SIGTRAP {
		return false, nil
	}
	at, err := programCounter(pid)
	if err != nil || at != t.addr+trapAdvance {
		return false, err
	}
	if _, err := unix.PtracePokeText(pid, t.addr, t.text); err != nil {
		return false, err
	}
	return true, setProgramCounter(pid, t.addr)
}

// release lets go of the new process or thread whose making has stopped pid,
// without the trap if it has memory of its own.
func (t *trap) release(pid int) error {
	msg, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		return err
	}
	child := int(msg)
	for {
		_, err := unix.Wait4(child, nil, unix.WALL, nil)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return nil // it was killed
		}
	}
	if _, err := unix.PtracePokeText(child, t.addr, t.text); err == nil {
		// Both stand still, so what pid has there now tells whether the two
		// share their memory, as threads and vfork(2) do.
		have := make([]byte, len(t.text))
		if _, err := unix.PtracePeekText(pid, t.addr, have); err != nil {
			return err
		}
		if !bytes.Equal(have, breakpoint) {
			if _, err := unix.PtracePokeText(pid, t.addr, breakpoint); err != nil {
				return err
			}
		}
	}
	if err := unix.PtraceDetach(child); err != nil && err != unix.ESRCH {
		return err
	}
	return nil
}

// auxv returns AT_ENTRY, the program's entry point, and AT_BASE, where the
// loader is, 0 for static programs. The tags are those of linux/auxvec.h.
func (c *Cmd) auxv() (entry, base uintptr, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", c.pid))
	if err != nil {
		return 0, 0, err
	}
	if len(data) == 0 { // it has no memory any more
		return 0, 0, unix.ESRCH
	}
	for ; len(data) >= 16; data = data[16:] {
		value := uintptr(binary.NativeEndian.Uint64(data[8:]))
		switch binary.NativeEndian.Uint64(data) {
		case 7:
			base = value
		case 9:
			entry = value
		}
	}
	if entry == 0 {
		return 0, 0, errors.New("the auxiliary vector names none")
	}
	return entry, base, nil
}
