package testutil

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// waitLimit bounds every wait for a test program. It is not a measure of
// anything: under probes on a slow machine a program may run a thousand
// times longer than alone.
const waitLimit = 2 * time.Minute

// Prog is a running test program. All of them follow one protocol: print
// "ready PID", wait for a line, work, print results, print "done", wait for a
// line or the end of stdin, exit with 0. Its methods belong to the test's
// own goroutine, except Alive and PID.
type Prog struct {
	t      testing.TB
	path   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr syncBuffer

	lines  chan string // closed at the end of stdout
	exited chan struct{}
	err    error // of Wait; read after exited is closed

	results []string
	done    bool
}

// Start runs a test program and returns when it is ready and waits. It is
// killed at the end of the test if it still runs then.
func Start(t testing.TB, path string, args ...string) *Prog {
	t.Helper()
	return StartCmd(t, exec.Command(path, args...))
}

// StartCmd is like Start for a command that the caller has prepared (with
// another user, environment or working directory). Its stdin, stdout and
// stderr are replaced.
func StartCmd(t testing.TB, cmd *exec.Cmd) *Prog {
	t.Helper()
	p := &Prog{t: t, path: cmd.Path, cmd: cmd, lines: make(chan string, 1024), exited: make(chan struct{})}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Not StdoutPipe: Wait closes that one under the reader's hands.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin, cmd.Stdout, cmd.Stderr = stdin, w, &p.stderr
	cmd.WaitDelay = waitLimit // a child may hold on to stderr
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		t.Fatalf("start %s: %v", p.path, err)
	}
	go p.read(r)
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	if got, want := p.next(), fmt.Sprintf("ready %d", p.PID()); got != want {
		t.Fatalf("%s began with %q, not %q", p.path, got, want)
	}
	return p
}

func (p *Prog) read(r io.ReadCloser) {
	defer r.Close()
	defer close(p.lines)
	br := bufio.NewReader(r)
	for {
		line, err := br.ReadString('\n')
		if line != "" {
			p.lines <- strings.TrimSuffix(line, "\n")
		}
		if err != nil {
			return
		}
	}
}

func (p *Prog) kill() {
	p.stdin.Close()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("kill %d: %v", p.PID(), err)
	}
	for deadline := time.After(waitLimit); ; {
		select {
		case _, ok := <-p.lines: // let the reader end
			if !ok {
				<-p.exited
				return
			}
		case <-deadline:
			p.t.Errorf("%s was killed, but a child of its own holds its stdout", p.path)
			return
		}
	}
}

// next returns the next line of output.
func (p *Prog) next() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if ok {
			return line
		}
		<-p.exited
		p.t.Fatalf("%s ended too early: %v\n%s%s", p.path, p.cmd.ProcessState, p.output(), p.stderr.String())
	case <-time.After(waitLimit):
		p.t.Fatalf("%s said nothing for %v\n%s%s", p.path, waitLimit, p.output(), p.stderr.String())
	}
	return ""
}

func (p *Prog) output() string { return strings.Join(append(slices.Clone(p.results), ""), "\n") }

// PID returns the process's id.
func (p *Prog) PID() int { return p.cmd.Process.Pid }

// Go lets the program start its work.
func (p *Prog) Go() { p.t.Helper(); p.line("go\n") }

// Stop ends the work of a program that was started in a mode that loops until
// it is told to stop.
func (p *Prog) Stop() { p.t.Helper(); p.line("stop\n") }

func (p *Prog) line(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, s); err != nil {
		p.t.Fatalf("write to %s: %v\n%s", p.path, err, p.stderr.String())
	}
}

// NextLine returns the program's next line of output, for programs that
// report progress. The line stays among the results.
func (p *Prog) NextLine() string {
	p.t.Helper()
	line := p.next()
	if line == "done" {
		p.t.Fatalf("%s is done\n%s", p.path, p.output())
	}
	p.results = append(p.results, line)
	return line
}

// WaitDone waits for "done" and returns the lines between "ready" and it. The
// program then waits, so that probes may be taken off while it is alive.
func (p *Prog) WaitDone() []string {
	p.t.Helper()
	for !p.done {
		line := p.next()
		if line == "done" {
			p.done = true
		} else {
			p.results = append(p.results, line)
		}
	}
	return p.results
}

// Alive reports whether the process is running: not ended, not a zombie.
func (p *Prog) Alive() bool {
	select {
	case <-p.exited:
		return false
	default:
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return false
	}
	// The command's name is in parentheses and may hold some itself (proc(5)).
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	fields := bytes.Fields(rest)
	return len(fields) > 0 && fields[0][0] != 'Z' && fields[0][0] != 'X'
}

// Finish asserts that the program is alive, lets it end, asserts that it
// exits with 0, and returns its results.
func (p *Prog) Finish() []string {
	p.t.Helper()
	p.WaitDone()
	if !p.Alive() {
		p.t.Fatalf("%s died before its end: %v\n%s%s", p.path, p.cmd.ProcessState, p.output(), p.stderr.String())
	}
	p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(waitLimit):
		p.t.Fatalf("%s did not end within %v", p.path, waitLimit)
	}
	if p.err != nil {
		p.t.Fatalf("%s: %v\n%s%s", p.path, p.err, p.output(), p.stderr.String())
	}
	return p.results
}

// Run runs a test program from ready to its end and returns its results.
func Run(t testing.TB, path string, args ...string) []string {
	t.Helper()
	p := Start(t, path, args...)
	p.Go()
	return p.Finish()
}

func parseCount(t testing.TB, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// syncBuffer is a buffer that may be read while the command still writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
