package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/uprobe"
)

// A tracedCall is a line of latch trace --json.
type tracedCall struct {
	Time    time.Time
	PID     int
	TID     int
	Goid    uint64
	Comm    string
	Func    string
	Args    map[string]any
	Ret     map[string]any
	Latency *int64 `json:"latency_ns"`
	Stack   []struct {
		Func, File string
		Line       int
		Inlined    bool
	}
}

// calls decodes what latch trace --json printed.
func (l *tool) calls() []tracedCall {
	l.t.Helper()
	var out []tracedCall
	dec := json.NewDecoder(strings.NewReader(l.stdout.String()))
	dec.UseNumber()
	for dec.More() {
		var call tracedCall
		if err := dec.Decode(&call); err != nil {
			l.t.Fatalf("latch %q: %v in\n%s", l.cmd.Args[1:], err, l.stdout.String())
		}
		out = append(out, call)
	}
	return out
}

// text is the call without what differs from run to run: f(a=1 b=x) ret=2.
func (c *tracedCall) text() string {
	values := func(m map[string]any) string {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(m)) {
			parts = append(parts, fmt.Sprintf("%s=%v", name, m[name]))
		}
		return strings.Join(parts, " ")
	}
	text := c.Func + "(" + values(c.Args) + ")"
	if len(c.Ret) > 0 {
		text += " " + values(c.Ret)
	}
	return text
}

// follow is observe for latch trace: it returns the calls, and latch itself.
func follow(t testing.TB, p prog, args ...string) ([]tracedCall, *tool) {
	t.Helper()
	target, exe := begin(t, p)
	l := startLatch(t, slices.Concat([]string{"trace", "--json", "-p", target.pid()}, args)...)
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch %q ended with %d\n%s", l.cmd.Args[1:], code, l.said())
	}
	unharmed(t, p, exe, target.Prog)
	return l.calls(), l
}

func tally(calls []tracedCall) map[string]uint64 {
	out := map[string]uint64{}
	for i := range calls {
		out[calls[i].text()]++
	}
	return out
}

// rustValues are functions of the Rust program values, which return what they
// take, and rustCalls their calls.
var (
	rustValues = []string{"values::opt_i32", "values::opt_str", "values::opt_string", "values::event", "values::shape", "values::color", "values::vec", "values::letter", "values::opt_opt_bool", "values::two", "--show", "v", "--show", "ret"}
	rustCalls  = counts(
		"values::opt_i32(v=Some(-7)) ret=Some(-7)", 1, "values::opt_i32(v=None) ret=None", 1,
		"values::opt_str(v=Some(\"abc\")) ret=Some(\"abc\")", 1, "values::opt_str(v=None) ret=None", 1,
		"values::opt_string(v=Some(\"abcd\")) ret=Some(\"abcd\")", 1, "values::opt_string(v=None) ret=None", 1,
		"values::event(v=Key(65)) ret=Key(65)", 1, "values::event(v=Move{x:1 y:-2}) ret=Move{x:1 y:-2}", 1,
		"values::event(v=Text(\"hi\")) ret=Text(\"hi\")", 1, "values::event(v=Quit) ret=Quit", 1,
		"values::shape(v=Dot) ret=Dot", 1, "values::shape(v=Line(3)) ret=Line(3)", 1, "values::shape(v=Rect{w:4 h:5}) ret=Rect{w:4 h:5}", 1,
		"values::color(v=Red) ret=Red", 1, "values::color(v=Green) ret=Green", 1, "values::color(v=Blue) ret=Blue", 1,
		"values::vec(v=[42 43]) ret=[42 43]", 1, "values::letter(v=é) ret=é", 1,
		"values::opt_opt_bool(v=Some(Some(true))) ret=Some(Some(true))", 1, "values::opt_opt_bool(v=Some(None)) ret=Some(None)", 1, "values::opt_opt_bool(v=None) ret=None", 1,
		"values::two(v=(16 -17)) ret=(16 -17)", 1)
)

// TestTrace holds that each call has its line, with its values, to the call.
func TestTrace(t *testing.T) {
	fib := map[string]uint64{}
	for n, times := range []uint64{34, 55, 34, 21, 13, 8, 5, 3, 2, 1, 1} {
		fib[fmt.Sprintf("fib(n=%d) ret=%d", n, []int{0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55}[n])] = times
	}
	for _, c := range []struct {
		label string
		prog
		latch []string
		want  map[string]uint64
		said  []string // parts of what latch says on stderr
	}{
		{"default", c("fib"), []string{"fib"}, fib, []string{"latch: fib: 177 entries = 177 returns + 0 in flight + 0 unwound + 0 filtered + 0 lost"}},
		{"perf", c("fib"), []string{"fib", "--backend", "perf"}, fib, nil},
		{"multi", c("fib"), []string{"fib", "--backend", "uprobe_multi"}, fib, nil},
		{"where", c("fib"), []string{"fib", "--where", "n > 8", "--show", "twice=n*2"}, counts("fib(twice=18)", 1, "fib(twice=20)", 1), []string{"177 entries = 2 returns + 0 in flight + 0 unwound + 175 filtered"}},
		{"min", c("sleep"), []string{"nap", "--min", "150ms", "--show", "ms"}, counts("nap(ms=200)", 2, "nap(ms=1200)", 1), []string{"6 entries = 3 returns + 0 in flight + 0 unwound + 3 filtered"}},
		{"min-and-where", c("sleep"), []string{"nap", "--min", "150ms", "--where", "ms < 1000", "--show", "ms"}, counts("nap(ms=200)", 2), nil},
		{"no-debug-info", c("fib").with("strip-debug"), []string{"fib"}, counts("fib()", 177), nil},
		{"raw", c("fib").with("strip-debug"), []string{"fib", "--where", "int32(arg0) == 10", "--show", "n=int32(arg0)", "--show", "ret"}, counts("fib(n=10) ret=55", 1), nil},
		{"struct", c("structs"), []string{"pair", "small"}, counts("pair(id=37 s={x:4 y:5}) ret=46", 7, "small(id=31 s={a:1 b:2 c:3}) ret=37", 5), nil},
		{"go-text", golang("route"), []string{"main.handle", "--show", "route", "--show", "len(route)"},
			counts("main.handle(len(route)=4 route=/api)", 7, "main.handle(len(route)=7 route=/health)", 5, "main.handle(len(route)=0 route=)", 3, "main.handle(len(route)=8 route=/größe)", 2), nil},
		{"some-functions", golang("route"), []string{"main.handle", "main.query", "--show", "route", "--show", "table"},
			counts("main.handle(route=/api)", 7, "main.handle(route=/health)", 5, "main.handle(route=)", 3, "main.handle(route=/größe)", 2, "main.query(table=orders)", 7, "main.query(table=größe)", 2),
			[]string{`latch: main.query: route is not shown: no parameter "route"`, `latch: main.handle: table is not shown: no parameter "table"`}},
		{"counted", golang("never"), []string{"main.Spin", "main.Forever"}, counts("main.Spin(n=1)", 1, "main.Spin(n=2)", 1, "main.Spin(n=3)", 1, "main.Forever(n=1)", 5),
			[]string{"is counted, not timed"}},
		{"interfaces", golang("dynamic"), []string{"main.Area", "--show", "s", "--show", "side=s.(main.Square).Side", "--show", "label=s.(*main.Circle).Label", "--show", "all=s.(main.Square)"},
			counts("main.Area(all={Side:3} label=(none) s=main.Square side=3)", 7, "main.Area(all=(none) label=round s=*main.Circle side=(none))", 5, "main.Area(all=(none) label=(none) s=nil side=(none))", 2), nil},
		{"any", golang("dynamic").with("-N -l"), []string{"main.Print", "--show", "v", "--show", "i=v.(int)", "--show", "t=v.(string)"},
			counts("main.Print(i=42 t=(none) v=int)", 11, "main.Print(i=(none) t=text v=string)", 3, "main.Print(i=(none) t=(none) v=main.Square)", 2), nil},
		{"errors", golang("dynamic"), []string{"main.Fail", "--show", "ret", "--show", "code=ret.(*main.codeError).Code"},
			counts("main.Fail() code=(none) ret=nil", 2, "main.Fail() code=(none) ret=*errors.errorString: negative", 3, "main.Fail() code=(none) ret=*fmt.wrapError: call 2: negative", 5, "main.Fail() code=7 ret=*main.codeError", 7), nil},
		{"errors-stripped", golang("dynamic").with("-s -w"), []string{"main.Fail", "--where", "arg0 > 1", "--show", "arg0"},
			counts("main.Fail(arg0=2)", 5, "main.Fail(arg0=3)", 7), nil},
		{"errors-pie", golang("dynamic").with("pie"), []string{"main.Fail", "--show", "ret", "--where", "ret.(*main.codeError).Code == 7 || n == 2"},
			counts("main.Fail() ret=*fmt.wrapError: call 2: negative", 5, "main.Fail() ret=*main.codeError", 7), []string{"17 entries = 12 returns + 0 in flight + 0 unwound + 5 filtered + 0 lost"}},
		{"captured", golang("dynamic"), []string{"main.counter.func1"}, counts(
			"main.counter.func1(n=1 step=10 total=0) ret=10", 1, "main.counter.func1(n=1 step=10 total=10) ret=20", 1, "main.counter.func1(n=1 step=10 total=20) ret=30", 1,
			"main.counter.func1(n=1 step=10 total=30) ret=40", 1, "main.counter.func1(n=1 step=10 total=40) ret=50", 1), nil},
		{"rust-debug", rust("values").with("debug"), rustValues, rustCalls, nil},
		{"rust-release", rust("values"), rustValues, rustCalls, nil},
		{"goes-on", c("tail"), []string{"--ret-only", "indirect", "leaf2", "--where", "n > 15", "--show", "n", "--show", "ret", "--show", "long=latency > 1*time.Hour"}, counts("indirect(long=false n=16)", 1, "leaf2(long=false n=16) ret=18", 1),
			[]string{"latch: indirect: ret is not shown: ret cannot be read: it may leave by a jump to code that is not followed"}},
		{"not-called", c("fib"), []string{"main"}, map[string]uint64{}, []string{"latch: main was not called while latch measured"}},
	} {
		t.Run(c.label, func(t *testing.T) {
			calls, l := follow(t, c.prog, c.latch...)
			if diff := cmp.Diff(c.want, tally(calls)); diff != "" {
				t.Errorf("calls (-stated +traced):\n%s", diff)
			}
			for _, want := range c.said {
				if !strings.Contains(l.said(), want) {
					t.Errorf("no %q in\n%s", want, l.said())
				}
			}
			if want := map[bool]int{true: 0, false: len(calls)}[c.label == "counted"]; timed(calls) != want {
				t.Errorf("%d of %d calls have a latency, not %d", timed(calls), len(calls), want)
			}
		})
	}
}

func timed(calls []tracedCall) (n int) {
	for _, c := range calls {
		if c.Latency != nil && *c.Latency > 0 {
			n++
		}
	}
	return n
}

// TestTraceFields holds who called, when, and for how long.
func TestTraceFields(t *testing.T) {
	before := time.Now()
	calls, _ := follow(t, golang("route"), "main.handle", "main.query")
	after := time.Now()
	var handled []tracedCall
	for _, c := range calls {
		if c.Comm != "route" || c.PID == 0 || c.TID == 0 || c.Goid != 1 {
			t.Errorf("%s by %q pid %d tid %d goroutine %d", c.text(), c.Comm, c.PID, c.TID, c.Goid)
		}
		least := 2 * time.Millisecond
		if c.Func == "main.query" {
			least = 3 * time.Millisecond
		}
		took := time.Duration(*c.Latency)
		if took < least {
			t.Errorf("%s took %v, less than it sleeps", c.text(), took)
		}
		// The clocks are read one after the other: a millisecond is left.
		if c.Time.Before(before.Add(-time.Millisecond)) || c.Time.Add(took).After(after.Add(time.Millisecond)) {
			t.Errorf("%s at %v for %v, not between %v and %v", c.text(), c.Time, took, before, after)
		}
		if c.Func == "main.query" {
			continue
		}
		handled = append(handled, c)
	}
	if !slices.IsSortedFunc(handled, func(a, b tracedCall) int { return a.Time.Compare(b.Time) }) {
		t.Error("calls of one goroutine are not in order")
	}
}

// TestTraceNumber holds that -n ends the trace at so many lines, with the
// target running.
func TestTraceNumber(t *testing.T) {
	target, exe := begin(t, c("fib"))
	l := startLatch(t, "trace", "--json", "-n", "5", "-p", target.pid(), "fib")
	l.waitAttached()
	target.Go()
	if code := l.wait(); code != 0 || len(l.calls()) != 5 {
		t.Errorf("ended with %d after %d calls\n%s", code, len(l.calls()), l.said())
	}
	target.WaitDone()
	unharmed(t, c("fib"), exe, target.Prog)
}

// TestTraceLoss holds that calls which find no room in the buffer are counted.
func TestTraceLoss(t *testing.T) {
	p := c("keys", "20000")
	target, exe := begin(t, p)
	l := startLatch(t, "trace", "--json", "--stack", "--buffer", "1", "-p", target.pid(), "keyed")
	l.waitAttached()
	// A reader that does not read is a slow one.
	if err := l.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	target.Go()
	target.WaitDone()
	if err := l.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	const all = 20200
	shown := len(l.calls())
	lost := all - shown
	if shown == 0 || lost == 0 {
		t.Errorf("%d calls shown of %d", shown, all)
	}
	for _, want := range []string{
		fmt.Sprintf("latch: %d calls are not shown", lost),
		fmt.Sprintf("= %s returns", grouped(shown)), fmt.Sprintf("%s lost (%s events_full)", grouped(lost), grouped(lost)),
	} {
		if !strings.Contains(l.said(), want) {
			t.Errorf("no %q in\n%s", want, l.said())
		}
	}
	unharmed(t, p, exe, target.Prog)
}

// grouped writes a number as reports do.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// TestTraceColumns holds the table that people see.
func TestTraceColumns(t *testing.T) {
	target, _ := begin(t, c("fib"))
	l := startLatch(t, "trace", "-p", target.pid(), "fib", "--where", "n == 10")
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	want := regexp.MustCompile(`^TIME +LATENCY +TID  CALL\n\d\d:\d\d:\d\d\.\d{6} +[0-9.]+(ns|µs|ms|s) +` + target.pid() + `  fib\(n=10\) = 55\n$`)
	if !want.MatchString(l.stdout.String()) {
		t.Errorf("printed\n%s", l.stdout.String())
	}
}

// TestTraceLaunched traces a command from its first call, and passes its
// failure on.
func TestTraceLaunched(t *testing.T) {
	_, exe := begin(t, c("fib"))
	l := startTool(t, withStdin(exec.Command(latchPath(t), "trace", "--json", "fib", "--", exe), "go\n"))
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	var lines []string
	for line := range strings.Lines(l.stdout.String()) {
		if strings.HasPrefix(line, "{") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 177 {
		t.Errorf("%d calls traced, not 177\n%s", len(lines), l.said())
	}
	l = startLatch(t, "trace", "libc:exit", "--", "/bin/sh", "-c", "exit 7")
	if code := l.wait(); code != 7 {
		t.Errorf("ended with %d, not with the command's 7\n%s", code, l.said())
	}
}

func withStdin(cmd *exec.Cmd, text string) *exec.Cmd {
	cmd.Stdin = strings.NewReader(text)
	return cmd
}

// TestTraceErrors holds what is refused before anything is touched.
func TestTraceErrors(t *testing.T) {
	target, _ := begin(t, c("fib"))
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{2, []string{"-p", target.pid()}, "name at least one function"},
		{2, []string{"fib"}, "say what to measure"},
		{2, []string{"-p", target.pid(), "fib", "--show", "nope"}, "no parameter \"nope\": there are n, ret\nlatch:     nope"},
		{2, []string{"-p", target.pid(), "fib", "--show", "n +"}, "expected operand"},
		{2, []string{"-p", target.pid(), "fib", "--show", "n", "--show", "n"}, `two expressions are called "n"`},
		{2, []string{"-p", target.pid(), "fib", "-n", "-1"}, "-n cannot be negative"},
		{2, []string{"-p", target.pid(), "fib", "--min", "-1s"}, "durations cannot be negative"},
		{2, []string{"-p", target.pid(), "fib", "--buffer", "3"}, "a power of two from 1 to 1024"},
		{2, []string{"-p", target.pid(), "fib", "--by", "n"}, "unknown flag: --by"},
		{3, []string{"-p", target.pid(), "nothing"}, "no such function"},
	} {
		l := startLatch(t, append([]string{"trace"}, c.args...)...)
		if code := l.wait(); code != c.code || !strings.Contains(strings.ReplaceAll(l.said(), "\n    ", "\nlatch:     "), c.want) {
			t.Errorf("trace %q: %d, want %d and %q\n%s", c.args, code, c.code, c.want, l.said())
		}
	}
}

// TestTraceStack holds the callers of a call: the nearest one by the return
// address, the others by frame pointers, and those that were inlined.
func TestTraceStack(t *testing.T) {
	for _, c := range []struct {
		label string
		prog
		function string
		want     []string // the first frames; a function, its file and line
	}{
		{"c", c("callers"), "leaf", []string{"helper callers.c:27 inlined", "middle callers.c:35", "outer callers.c:42", "main callers.c:54"}},
		{"c-O0", c("callers").with("-O0"), "leaf", []string{"helper callers.c:27 inlined", "middle callers.c:35", "outer callers.c:42", "main callers.c:54"}},
		{"clang", c("callers").with("clang"), "leaf", []string{"helper callers.c:27 inlined", "middle callers.c:35", "outer callers.c:42", "main callers.c:54"}},
		{"c-no-frame-pointers", c("callers").with("-fomit-frame-pointer"), "leaf", []string{"helper callers.c:27 inlined", "middle callers.c:35"}},
		{"c-no-debug-info", c("callers").with("strip-debug"), "leaf", []string{"middle", "outer", "main"}},
		{"go", golang("callers"), "main.leaf", []string{"main.helper callers.go:27 inlined", "main.middle callers.go:31", "main.outer callers.go:36", "main.main callers.go:42", "runtime.main proc.go"}},
		{"go-stripped", golang("callers").with("-s -w"), "main.leaf", []string{"main.helper callers.go:27 inlined", "main.middle callers.go:31", "main.outer callers.go:36", "main.main callers.go:42", "runtime.main proc.go"}},
		{"go-pie", golang("callers").with("pie"), "main.leaf", []string{"main.helper callers.go:27 inlined", "main.middle callers.go:31", "main.outer callers.go:36", "main.main callers.go:42"}},
	} {
		t.Run(c.label, func(t *testing.T) {
			calls, _ := follow(t, c.prog, c.function, "--stack")
			if len(calls) != 5 {
				t.Errorf("%d calls, not 5", len(calls))
			}
			for _, call := range calls {
				var got []string
				for _, f := range call.Stack[:min(len(call.Stack), len(c.want))] {
					text := f.Func
					if f.File != "" {
						text += " " + filepath.Base(f.File)
					}
					if f.Line > 0 && filepath.Base(f.File) != "proc.go" {
						text += fmt.Sprintf(":%d", f.Line)
					}
					if f.Inlined {
						text += " inlined"
					}
					got = append(got, text)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Fatalf("stack (-stated +traced):\n%s", diff)
				}
			}
		})
	}
}

// TestAttachCanceled holds that attaching gives up when it is told to, with
// nothing left in the target.
func TestAttachCanceled(t *testing.T) {
	p := c("fib")
	target, exe := begin(t, p)
	plan, err := uprobe.NewPlan(&uprobe.Request{PIDs: []int{target.PID()}, Patterns: []string{"fib"}, Trace: &uprobe.Trace{}})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	told := make(chan struct{})
	close(told)
	if _, err := uprobe.Attach(plan, &uprobe.Options{Cancel: told}); !errors.Is(err, uprobe.ErrCanceled) {
		t.Errorf("attaching ended with %v, not %v", err, uprobe.ErrCanceled)
	}
	target.Go()
	target.WaitDone()
	unharmed(t, p, exe, target.Prog)
}
