package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/netlab"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// waitLimit bounds every wait for latch. It measures nothing.
const waitLimit = 2 * time.Minute

var buildDir string

// built is the latch that the tests run, built as it is shipped.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "latch")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build latch: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	netlab.Program()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "latch-accept-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		// Tests run latch as another user too.
		if err := os.Chmod(dir, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		buildDir = dir
		return m.Run()
	}())
}

// latchPath returns the built latch.
func latchPath(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A tool is a running latch.
type tool struct {
	t        testing.TB
	cmd      *exec.Cmd
	stdout   bytes.Buffer
	mu       sync.Mutex
	stderr   []string
	attached chan struct{} // closed when latch says so
	exited   chan struct{}
}

// startLatch runs latch with an empty stdin. It is killed at the test's end
// if it still runs then.
func startLatch(t testing.TB, args ...string) *tool {
	t.Helper()
	return startTool(t, exec.Command(latchPath(t), args...))
}

func startTool(t testing.TB, cmd *exec.Cmd) *tool {
	t.Helper()
	l := &tool{t: t, cmd: cmd, attached: make(chan struct{}), exited: make(chan struct{})}
	l.startTo(&l.stdout)
	return l
}

// startTo starts latch with its stdout going to out.
func (l *tool) startTo(out io.Writer) {
	t, cmd := l.t, l.cmd
	t.Helper()
	cmd.Stdout = out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(l.exited)
		lines := bufio.NewScanner(stderr)
		for said := false; lines.Scan(); {
			l.mu.Lock()
			l.stderr = append(l.stderr, lines.Text())
			l.mu.Unlock()
			if !said && strings.HasPrefix(lines.Text(), "latch: attached ") {
				said = true
				close(l.attached)
			}
		}
		cmd.Wait() // ProcessState says how it ended
	}()
	t.Cleanup(func() {
		select {
		case <-l.exited:
		default:
			cmd.Process.Kill()
			<-l.exited
		}
	})
}

// said returns what latch wrote to stderr so far.
func (l *tool) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.stderr, "\n")
}

// waitAttached waits for the line that says that all probes are in.
func (l *tool) waitAttached() {
	l.t.Helper()
	select {
	case <-l.attached:
		return
	case <-l.exited:
		select {
		case <-l.attached:
			return
		default:
		}
		l.t.Fatalf("latch %q did not attach: %v\n%s", l.cmd.Args[1:], l.cmd.ProcessState, l.said())
	case <-time.After(waitLimit):
		l.t.Fatalf("latch %q did not attach within %v\n%s", l.cmd.Args[1:], waitLimit, l.said())
	}
}

// interrupt is a Ctrl-C.
func (l *tool) interrupt() {
	l.t.Helper()
	if err := l.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		l.t.Fatal(err)
	}
}

// wait waits for latch's end and returns its exit code, 128 plus the signal
// if one ended it.
func (l *tool) wait() int {
	l.t.Helper()
	select {
	case <-l.exited:
	case <-time.After(waitLimit):
		l.t.Fatalf("latch %q did not end within %v\n%s", l.cmd.Args[1:], waitLimit, l.said())
	}
	status := l.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// recording waits for latch's end, which must be a good one, and returns the
// recording on its stdout, whose balance must hold.
func (l *tool) recording() *latency.Recording {
	l.t.Helper()
	if code := l.wait(); code != 0 {
		l.t.Fatalf("latch %q ended with %d\n%s", l.cmd.Args[1:], code, l.said())
	}
	return l.load()
}

func (l *tool) load() *latency.Recording {
	l.t.Helper()
	rec, err := latency.Load(bytes.NewReader(l.stdout.Bytes()))
	if err != nil {
		l.t.Fatalf("latch %q: %v\n%s\n%s", l.cmd.Args[1:], err, l.said(), l.stdout.String())
	}
	if err := rec.Check(); err != nil {
		l.t.Fatalf("latch %q: %v", l.cmd.Args[1:], err)
	}
	return rec
}

// A prog is a test program in one build, run with arguments.
type prog struct {
	lang, name string
	flags      []string // of the build
	args       []string // of the program
}

// observe runs a test program under latch from its first call to its last,
// and returns the recording. The program must live, exit with 0, print what
// its header states, and have its text back when latch has gone.
func observe(t testing.TB, p prog, args ...string) *latency.Recording {
	t.Helper()
	target, exe := begin(t, p)
	l := startLatch(t, slices.Concat([]string{"record", "--json", "-p", target.pid()}, args)...)
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	rec := l.recording()
	unharmed(t, p, exe, target.Prog)
	return rec
}

// unharmed asserts that latch left no trace in a program that is done.
func unharmed(t testing.TB, p prog, exe string, target *testutil.Prog) {
	t.Helper()
	testutil.TextUnchanged(t, target.PID(), exe)
	want, ok := testutil.ReadHeader(t, p.lang, p.name).Prints[strings.Join(p.args, " ")]
	got := testutil.Stated(target.Finish())
	if diff := cmp.Diff(want, got); ok && diff != "" {
		t.Errorf("%s printed (-stated +printed):\n%s", p.name, diff)
	}
}

// function returns the one function of that name.
func function(t testing.TB, rec *latency.Recording, name string) *latency.Function {
	t.Helper()
	var found *latency.Function
	for i := range rec.Functions {
		if rec.Functions[i].Name != name {
			continue
		}
		if found != nil {
			t.Fatalf("two functions called %s", name)
		}
		found = &rec.Functions[i]
	}
	if found == nil {
		t.Fatalf("no function %s, only %q", name, balances(rec))
	}
	return found
}

// balances renders each function's balance without its zero terms:
// "53 calls: 18 returned, 35 unwound". Functions of one name are added up.
func balances(rec *latency.Recording) map[string]string {
	sums := map[string]*latency.Balance{}
	for i := range rec.Functions {
		f := &rec.Functions[i]
		if sums[f.Name] == nil {
			sums[f.Name] = &latency.Balance{}
		}
		sums[f.Name].Add(&f.Balance)
	}
	out := map[string]string{}
	for name, b := range sums {
		terms := []string{}
		add := func(n uint64, what string) {
			if n > 0 {
				terms = append(terms, fmt.Sprintf("%d %s", n, what))
			}
		}
		add(b.Returns, "returned")
		add(b.InFlight, "in flight")
		add(b.Unwound, "unwound")
		add(b.Filtered, "filtered")
		for _, why := range sortedKeys(b.Lost) {
			add(b.Lost[why], "lost to "+why)
		}
		out[name] = fmt.Sprintf("%d calls: %s", b.Entries, strings.Join(terms, ", "))
	}
	return out
}

func sortedKeys(m map[string]uint64) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// allReturned is the balance of n calls that all returned.
func allReturned(n int) string { return fmt.Sprintf("%d calls: %d returned", n, n) }

// unwoundOf is the balance of calls of which some were unwound.
func unwoundOf(calls, unwound int) string {
	if calls == unwound {
		return fmt.Sprintf("%d calls: %d unwound", calls, unwound)
	}
	return fmt.Sprintf("%d calls: %d returned, %d unwound", calls, calls-unwound, unwound)
}

// keyed returns the counts of a name's series by key, its parts joined by a
// space.
func keyed(rec *latency.Recording, name string) map[string]uint64 {
	counts := map[string]uint64{}
	for _, f := range rec.Functions {
		if f.Name != name {
			continue
		}
		for _, s := range f.Series {
			var parts []string
			for _, by := range f.By {
				parts = append(parts, s.Key[by])
			}
			counts[strings.Join(parts, " ")] += s.Count
		}
	}
	return counts
}

// An acceptance is a program, what is measured of it, and what must come out,
// to the call.
type acceptance struct {
	label string // where the program's name does not tell rows apart
	prog
	latch []string
	want  map[string]string // balances
	keys  map[string]map[string]uint64
}

func accept(t *testing.T, rows []acceptance) {
	for _, r := range rows {
		name := r.name
		if r.label != "" {
			name += "/" + r.label
		}
		t.Run(name, func(t *testing.T) {
			rec := observe(t, r.prog, r.latch...)
			r.compare(t, rec)
		})
	}
}

func (r *acceptance) compare(t *testing.T, rec *latency.Recording) {
	t.Helper()
	if r.want != nil {
		if diff := cmp.Diff(r.want, balances(rec)); diff != "" {
			t.Errorf("balances (-stated +recorded):\n%s", diff)
		}
	}
	for name, want := range r.keys {
		if diff := cmp.Diff(want, keyed(rec, name)); diff != "" {
			t.Errorf("keys of %s (-stated +recorded):\n%s", name, diff)
		}
	}
	if t.Failed() {
		for _, f := range rec.Functions {
			t.Logf("%s: exit %s, entry %s at %#x", f.Name, f.Exit, f.Entry.Cost, f.Entry.Offset)
		}
		t.Logf("warnings: %q", rec.Warnings)
	}
}

// A waiting is a test program that waits for its first line.
type waiting struct{ *testutil.Prog }

func (w waiting) pid() string { return fmt.Sprint(w.PID()) }

// begin starts a test program and returns it with its executable.
func begin(t testing.TB, p prog) (waiting, string) {
	t.Helper()
	testutil.NeedRoot(t)
	exe := testutil.Build(t, p.lang, p.name, p.flags...)
	return waiting{testutil.Start(t, exe, p.args...)}, exe
}
