package realtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// limit bounds every wait. Nothing is measured by it: on a busy machine a
// server may need a minute to start.
const limit = 2 * time.Minute

// lines collects a program's output and lets a test wait for a line of it.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed at the next write
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// find returns the first whole line behind offset that contains what, and
// where it ends; or else a channel that is closed when there is more to see.
func (l *lines) find(what string, offset int) (line string, end int, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := l.text.String()[offset:]; ; {
		line, next, whole := strings.Cut(rest, "\n")
		if !whole {
			break
		}
		offset += len(line) + 1
		if strings.Contains(line, what) {
			return line, offset, nil
		}
		rest = next
	}
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return "", 0, l.grown
}

// process is a program that runs beside the test. It is ended with the test,
// by its own ID, if it still runs then.
type process struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr lines
	exited         chan struct{}
	err            error // of Wait; read after exited is closed
}

// start runs cmd with pipes for all three streams. At the end of the test its
// stdin is closed and, if that is not enough for it, it gets SIGINT, then
// SIGKILL.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, exited: make(chan struct{})}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin, cmd.Stdout, cmd.Stderr = stdin, &p.stdout, &p.stderr
	cmd.WaitDelay = limit // a child may hold on to its output
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Path, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.end)
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) end() {
	p.stdin.Close()
	for _, sig := range []os.Signal{os.Interrupt, os.Kill} {
		if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.t.Errorf("end %s: %v", p.cmd.Path, err)
		}
		select {
		case <-p.exited:
			return
		case <-time.After(limit):
		}
	}
	p.t.Errorf("%s did not end", p.cmd.Path)
}

// await waits for a line of l, one of p's streams, that contains what, behind
// offset. It returns the line and where it ends.
func (p *process) await(l *lines, what string, offset int) (line string, end int) {
	p.t.Helper()
	timeout := time.After(limit)
	for ended := false; ; {
		line, end, more := l.find(what, offset)
		if more == nil {
			return line, end
		}
		if ended {
			p.t.Fatalf("%s ended without saying %q: %v\n%s%s", p.cmd, what, p.err, &p.stdout, &p.stderr)
		}
		select {
		case <-more:
		case <-p.exited:
			ended = true // its last words are in l by now
		case <-timeout:
			p.t.Fatalf("%s did not say %q within %v\n%s%s", p.cmd, what, limit, &p.stdout, &p.stderr)
		}
	}
}

// alive asserts that the process has not ended.
func (p *process) alive() {
	p.t.Helper()
	select {
	case <-p.exited:
		p.t.Fatalf("%s has died: %v\n%s%s", p.cmd, p.err, &p.stdout, &p.stderr)
	default:
	}
	if err := p.cmd.Process.Signal(syscall.Signal(0)); err != nil {
		p.t.Fatalf("%s: %v", p.cmd, err)
	}
}

// exit waits for the process to end and asserts that it exited with 0.
func (p *process) exit() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(limit):
		p.t.Fatalf("%s did not end within %v\n%s", p.cmd, limit, &p.stderr)
	}
	if p.err != nil {
		p.t.Fatalf("%s: %v\n%s%s", p.cmd, p.err, &p.stdout, &p.stderr)
	}
}

// output runs cmd to its end and returns its stdout.
func output(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	p := start(t, cmd)
	p.stdin.Close()
	p.exit()
	return p.stdout.String()
}
