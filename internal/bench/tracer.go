package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tracer is a tool that measures a process until it is interrupted.
type tracer struct {
	name string
	// args is the command that measures the process.
	args func(pid int) []string
	// counted reads from the tool's output how many calls it saw.
	counted func(out []byte) (uint64, error)
}

// patience bounds the wait for a tool to attach or to end.
const patience = time.Minute

// attached is a tracer at work.
type attached struct {
	*tracer
	cmd         *exec.Cmd
	out, errOut buffer
	exited      chan error
}

// attach starts the tool and returns when its probes are in.
func (b *bench) attach(tr *tracer, pid int) (*attached, error) {
	args := tr.args(pid)
	a := &attached{tracer: tr, cmd: b.command("", args[0], args[1:]...), exited: make(chan error, 1)}
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.errOut
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { a.exited <- a.cmd.Wait() }()
	deadline := time.After(patience)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !a.settled() {
		select {
		case err := <-a.exited:
			return nil, fmt.Errorf("%s ended: %w\n%s%s", a.name, errors.Join(err, errEarly), &a.out, &a.errOut)
		case <-deadline:
			return nil, fmt.Errorf("%s did not attach within %v", a.name, patience)
		case <-poll.C:
		}
	}
	return a, nil
}

var errEarly = errors.New("before it was told to")

// waits are the system calls in which bpftrace and funclatency spend the time
// after the last attach: nanosleep, epoll_wait, clock_nanosleep, epoll_pwait.
var waits = []string{"35", "232", "230", "281"}

// settled reports whether the tool's probes are in. latch says so. The others
// do not, or into a buffer that they keep.
func (a *attached) settled() bool {
	if a.name == latchName {
		return strings.Contains(a.errOut.String(), "latch: attached")
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", a.cmd.Process.Pid))
	if err != nil {
		return false
	}
	number, _, _ := strings.Cut(string(text), " ")
	return slices.Contains(waits, number)
}

// stop ends the tool by a Ctrl-C and returns how many calls it saw. bpftrace
// 0.17 now and then forgets one, so that it is asked again.
func (a *attached) stop() (uint64, error) {
	again := time.NewTicker(10 * time.Second)
	defer again.Stop()
	deadline := time.After(patience)
	for ended := false; !ended; {
		if err := a.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return 0, err
		}
		select {
		case err := <-a.exited:
			if err != nil {
				return 0, fmt.Errorf("%s: %w\n%s", a.name, err, &a.errOut)
			}
			ended = true
		case <-again.C:
		case <-deadline:
			return 0, errors.Join(fmt.Errorf("%s did not end within %v", a.name, patience), a.cmd.Process.Kill())
		}
	}
	n, err := a.counted([]byte(a.out.String()))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", a.name, err)
	}
	return n, nil
}

const latchName = "latch"

// record is latch with one series for each value of an argument.
func (b *bench) record(function, by string) *tracer {
	return &tracer{latchName, func(pid int) []string {
		return []string{b.latch, "record", "--json", "-p", strconv.Itoa(pid), function, "--by", by}
	}, func(out []byte) (uint64, error) {
		var rec struct {
			Functions []struct {
				Balance struct{ Entries, Returns uint64 }
			}
		}
		if err := json.Unmarshal(out, &rec); err != nil {
			return 0, err
		}
		if len(rec.Functions) != 1 || rec.Functions[0].Balance.Entries != rec.Functions[0].Balance.Returns {
			return 0, fmt.Errorf("the balance is %+v", rec.Functions)
		}
		return rec.Functions[0].Balance.Returns, nil
	}}
}

// bpftrace runs a script. It takes addresses that it cannot check only if it
// is told that this is unsafe.
func bpftrace(script string) *tracer {
	return &tracer{"bpftrace", func(pid int) []string {
		return []string{"bpftrace", "--unsafe", "-p", strconv.Itoa(pid), "-e", script}
	}, histogram}
}

// funclatency has no arguments to tell calls apart by.
func funclatency(function string) *tracer {
	path := "funclatency"
	if _, err := exec.LookPath(path); err != nil {
		path = "/usr/sbin/funclatency" // not in every root's PATH
	}
	return &tracer{"funclatency", func(pid int) []string {
		return []string{path, "-p", strconv.Itoa(pid), ":" + function}
	}, histogram}
}

var histogramLine = regexp.MustCompile(`(?m)(\d+)\s*\|[@* ]*\|\s*$`)

// histogram adds up the rows of the histograms that both tools draw.
func histogram(out []byte) (n uint64, err error) {
	for _, m := range histogramLine.FindAllSubmatch(out, -1) {
		rows, err := strconv.ParseUint(string(m[1]), 10, 64)
		if err != nil {
			return 0, err
		}
		n += rows
	}
	return n, nil
}

// buffer is a buffer that may be read while the command still writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
