package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/uprobe"
)

// TestBackends holds every way of attaching to the same counts.
func TestBackends(t *testing.T) {
	for _, backend := range []string{"session", "uprobe_multi", "perf"} {
		t.Run(backend, func(t *testing.T) {
			accept(t, []acceptance{
				{prog: c("fib"), latch: []string{"--backend", backend, "fib", "--by", "n"},
					want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
				{prog: c("deep"), latch: []string{"--backend", backend, "descend"}, want: map[string]string{"descend": allReturned(500)}},
				{prog: c("threads"), latch: []string{"--backend", backend, "handle", "--by", "kind"},
					want: map[string]string{"handle": allReturned(8072)},
					keys: keysOf("handle", "0", 1616, "1", 1616, "2", 1616, "3", 1616, "4", 1608)},
				{prog: golang("rec"), latch: []string{"--backend", backend, "main.Deep"}, want: map[string]string{"main.Deep": allReturned(4020)}},
				{prog: cxx("exception"), latch: []string{"--backend", backend, "shop::middle", "shop::inner"},
					want: map[string]string{"shop::middle(int, bool)": unwoundOf(103, 35), "shop::inner(int, bool)": unwoundOf(114, 46)}},
			})
		})
	}
}

// TestCommand measures a program that latch starts, from its very first call,
// and hands its exit status on.
func TestCommand(t *testing.T) {
	testutil.NeedRoot(t)
	fib := testutil.Build(t, "c", "fib")
	for _, row := range []struct {
		name    string
		command []string
		code    int
	}{
		{"fib", []string{fib}, 0},
		{"status", []string{"sh", "-c", `"$0"; exit 7`, fib}, 7},
	} {
		t.Run(row.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.json")
			args := []string{"record", "fib", "--by", "n", "-o", out}
			if row.command[0] != fib {
				args = append(args, "-e", fib)
			}
			cmd := exec.Command(latchPath(t), slices.Concat(args, []string{"--"}, row.command)...)
			cmd.Stdin = strings.NewReader("go\n")
			l := startTool(t, cmd)
			if code := l.wait(); code != row.code {
				t.Fatalf("latch ended with %d, not %d\n%s", code, row.code, l.said())
			}
			if !strings.Contains(l.stdout.String(), "calls fib = 177") {
				t.Errorf("the command did not print what it should:\n%s", l.stdout.String())
			}
			rec := readRecording(t, out)
			if diff := cmp.Diff(fibCounts, keyed(rec, "fib")); diff != "" {
				t.Errorf("keys (-stated +recorded):\n%s", diff)
			}
			if rec.Command == nil || rec.Command.Exit != row.code || !slices.Equal(rec.Command.Argv, row.command) {
				t.Errorf("command %+v", rec.Command)
			}
		})
	}
}

// TestCommandFirstCall counts a call that the loader makes before main.
func TestCommandFirstCall(t *testing.T) {
	testutil.NeedRoot(t)
	exe := compile(t, `#include <unistd.h>
static int calls;
__attribute__((noinline, used)) int early(int n) { calls += n; __asm__ volatile("" : : : "memory"); return calls; }
__attribute__((constructor)) static void before(void) { early(1); }
int main(void) { early(2); return calls; }
`)
	l := startLatch(t, "record", "--json", "early", "--by", "n", "--", exe)
	if code := l.wait(); code != 3 {
		t.Fatalf("latch ended with %d, not with the command's 3\n%s", code, l.said())
	}
	if diff := cmp.Diff(counts("1", 1, "2", 1), keyed(l.load(), "early")); diff != "" {
		t.Errorf("keys (-stated +recorded):\n%s", diff)
	}
}

// compile makes a program of one C file.
func compile(t *testing.T, text string) string {
	t.Helper()
	testutil.Need(t, "gcc")
	exe := filepath.Join(t.TempDir(), "prog")
	if err := os.WriteFile(exe+".c", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-O2", "-g", "-o", exe, exe+".c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

func readRecording(t testing.TB, path string) *latency.Recording {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rec, err := latency.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestByFile measures processes that run before and after latch attaches.
func TestByFile(t *testing.T) {
	p := c("fib")
	before, exe := begin(t, p)
	other, _ := begin(t, p)
	l := startLatch(t, "record", "--json", "-e", exe, "fib", "--by", "n")
	l.waitAttached()
	after, _ := begin(t, p)
	for _, target := range []waiting{before, other, after} {
		target.Go()
		target.WaitDone()
	}
	l.interrupt()
	rec := l.recording()
	want := map[string]uint64{}
	for n, calls := range fibCounts {
		want[n] = 3 * calls
	}
	if got, want := balances(rec)["fib"], allReturned(3*177); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if diff := cmp.Diff(want, keyed(rec, "fib")); diff != "" {
		t.Errorf("keys (-stated +recorded):\n%s", diff)
	}
	for _, target := range []waiting{before, other, after} {
		unharmed(t, p, exe, target.Prog)
	}
}

// TestTwoPIDs measures two of three processes of one program, and ends by
// itself when both have ended.
func TestTwoPIDs(t *testing.T) {
	p := c("fib")
	one, exe := begin(t, p)
	two, _ := begin(t, p)
	third, _ := begin(t, p)
	l := startLatch(t, "record", "--json", "-p", one.pid(), "-p", two.pid(), "fib")
	l.waitAttached()
	for _, target := range []waiting{one, two, third} {
		target.Go()
		target.WaitDone()
	}
	unharmed(t, p, exe, third.Prog) // while the others still are measured
	one.Finish()
	two.Finish()
	rec := l.recording()
	if got, want := balances(rec)["fib"], allReturned(2*177); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if len(rec.Targets) != 2 {
		t.Errorf("targets %+v", rec.Targets)
	}
}

// TestLibrary names a function by its library, which the program maps only
// after latch has attached to it by file.
func TestLibrary(t *testing.T) {
	p := c("dlopen")
	target, exe := begin(t, p)
	lib := filepath.Join(filepath.Dir(exe), "libplugin.so")
	l := startLatch(t, "record", "--json", "-e", lib, "plugin_work")
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	if got, want := balances(l.recording())["plugin_work"], allReturned(24); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	unharmed(t, p, exe, target.Prog)
}

// TestMappedLibrary names a function of a library that is mapped.
func TestMappedLibrary(t *testing.T) {
	accept(t, []acceptance{
		{prog: c("sleep"), latch: []string{"libc:clock_nanosleep", "nap"}, want: map[string]string{"clock_nanosleep": allReturned(6), "nap": allReturned(6)}},
	})
}

// TestAttachUnderLoad attaches and detaches many times while the target
// works, which must neither harm it nor change what it counts. It calls the
// package rather than the program, so that the rounds follow each other as
// fast as the kernel lets them.
func TestAttachUnderLoad(t *testing.T) {
	for _, row := range []struct {
		prog
		funcs   []string
		returns string // of these, the one that always returns
	}{
		{c("threads", "loop"), []string{"handle"}, "handle"},
		{golang("load", "loop"), []string{"main.Handle", "main.Grow", "main.Boom", "main.Quit"}, "main.Grow"},
	} {
		t.Run(row.lang, func(t *testing.T) {
			testutil.NeedRoot(t)
			exe := testutil.Build(t, row.lang, row.name)
			// Nice, or a machine of few processors leaves nothing to attach with.
			target := testutil.StartCmd(t, exec.Command("nice", "-n", "15", exe, "loop"))
			target.Go()
			plan, err := uprobe.NewPlan(&uprobe.Request{PIDs: []int{target.PID()}, Patterns: row.funcs})
			if err != nil {
				t.Fatal(err)
			}
			defer plan.Close()
			var seen uint64
			for range 200 {
				rec := attachOnce(t, plan)
				seen += function(t, rec, row.funcs[0]).Balance.Entries
				// What is under way at the end must not look as if it had left.
				if b := function(t, rec, row.returns).Balance; b.Unwound > 0 {
					t.Fatalf("%s always returns: %+v", row.returns, b)
				}
				if !target.Alive() {
					t.Fatal("the target died")
				}
			}
			testutil.TextUnchanged(t, target.PID(), exe)
			target.Stop()
			lines := target.Finish()
			if worked := testutil.Tally(t, lines, "calls")[row.funcs[0]]; worked < seen {
				t.Errorf("%d calls seen, of %d made", seen, worked)
			}
			sane(t, lines)
		})
	}
}

// attachOnce measures until the first call has been seen.
func attachOnce(t *testing.T, plan *uprobe.Plan) *latency.Recording {
	t.Helper()
	s, err := uprobe.Attach(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	if err := s.Enable(); err != nil {
		t.Fatal(err)
	}
	for calls := uint64(0); calls == 0; {
		rec, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		calls = rec.Functions[0].Balance.Entries
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	rec, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Check(); err != nil {
		t.Fatal(err)
	}
	return rec
}

// sane holds what a program counted against itself.
func sane(t *testing.T, lines []string) {
	t.Helper()
	calls, returns, unwound := testutil.Tally(t, lines, "calls"), testutil.Tally(t, lines, "returns"), testutil.Tally(t, lines, "unwound")
	for name, n := range returns {
		if u, ok := unwound[name]; ok && calls[name] != n+u {
			t.Errorf("%s: %d calls, but %d returns and %d unwound", name, calls[name], n, u)
		}
	}
}

// TestKilled ends latch in mid-run in a way that it cannot catch.
func TestKilled(t *testing.T) {
	for _, row := range []struct {
		prog
		funcs []string
	}{
		{c("threads", "loop"), []string{"handle", "--by", "kind"}},
		{golang("load", "loop"), []string{"main.Handle", "main.Grow"}},
		{cxx("exception", "loop"), []string{"shop::inner", "shop::middle"}},
		{rust("unwind", "loop"), []string{"unwind::inner", "unwind::risky"}},
	} {
		for _, backend := range []string{"session", "perf"} {
			t.Run(row.lang+"/"+backend, func(t *testing.T) {
				target, exe := begin(t, row.prog)
				target.Go()
				l := startLatch(t, slices.Concat([]string{"record", "--backend", backend, "-p", target.pid()}, row.funcs)...)
				l.waitAttached()
				if len(testutil.TextChanged(t, target.PID(), exe)) == 0 {
					t.Error("no probe is in the target's text")
				}
				if err := l.cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				l.wait()
				textRestored(t, target, exe)
				target.Stop()
				sane(t, target.Finish())
			})
		}
	}
}

// textRestored waits for the kernel, which takes a dead process's probes out
// after the process has been reaped.
func textRestored(t *testing.T, target waiting, exe string) {
	t.Helper()
	for range 10000 {
		if len(testutil.TextChanged(t, target.PID(), exe)) == 0 {
			return
		}
	}
	testutil.TextUnchanged(t, target.PID(), exe)
}

// TestTargetEnds ends the measurement with the target.
func TestTargetEnds(t *testing.T) {
	target, _ := begin(t, c("fib"))
	l := startLatch(t, "record", "--json", "-p", target.pid(), "fib")
	l.waitAttached()
	target.Go()
	target.Finish()
	if got, want := balances(l.recording())["fib"], allReturned(177); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestStripped measures programs whose symbols are elsewhere.
func TestStripped(t *testing.T) {
	accept(t, []acceptance{
		{label: "debuglink", prog: c("fib").with("debuglink"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "minidebug", prog: c("fib").with("minidebug"), latch: []string{"fib", "--by", "arg0"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
	})
	for _, flag := range []string{"strip", "badlink"} {
		t.Run(flag, func(t *testing.T) {
			target, exe := begin(t, c("fib").with(flag))
			refuse(t, exitUnmeasured, []string{"fib"}, "record", "-p", target.pid(), "fib")
			testutil.TextUnchanged(t, target.PID(), exe)
		})
	}
}

// TestIntervals adds up what each interval shows: no call may be lost between
// reading and the next interval. The file holds what each showed.
func TestIntervals(t *testing.T) {
	target, exe := begin(t, c("threads", "loop"))
	path := filepath.Join(t.TempDir(), "x.json")
	l := startLatch(t, "record", "--json", "-i", "50ms", "-d", "1s", "-p", target.pid(), "-o", path, "handle")
	l.waitAttached()
	target.Go()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d: %s", code, l.said())
	}
	var recs []*latency.Recording
	for _, text := range recordingsIn(l.stdout.String()) {
		rec, err := latency.Load(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	if len(recs) < 2 {
		t.Fatalf("%d recordings", len(recs))
	}
	whole := function(t, recs[len(recs)-1], "handle").Balance
	var returns uint64
	for _, rec := range recs[:len(recs)-1] {
		returns += function(t, rec, "handle").Balance.Returns
	}
	if returns == 0 || returns > whole.Returns {
		t.Errorf("intervals hold %d returns of %d", returns, whole.Returns)
	}
	sliced := readRecording(t, path)
	if n := len(recs) - 1; len(sliced.SlicesNS) < n || len(sliced.SlicesNS) > n+1 {
		t.Errorf("slices end at %d ns, for %d intervals", sliced.SlicesNS, n)
	}
	for i, h := range function(t, sliced, "handle").Series[0].Slices[:len(recs)-2] {
		if got, want := h.Count(), function(t, recs[i], "handle").Balance.Returns; got != want {
			t.Errorf("slice %d has %d calls, the interval showed %d", i, got, want)
		}
	}
	target.Stop()
	unharmed(t, c("threads", "loop"), exe, target.Prog)
}

// recordingsIn splits concatenated JSON objects, which begin in column one.
func recordingsIn(text string) []string {
	var out []string
	var one strings.Builder
	r := bufio.NewReader(strings.NewReader(text))
	for {
		line, err := r.ReadString('\n')
		one.WriteString(line)
		if line == "}\n" || strings.HasPrefix(line, "{") && strings.HasSuffix(line, "}\n") {
			out = append(out, one.String())
			one.Reset()
		}
		if errors.Is(err, io.EOF) {
			return out
		}
	}
}

// TestOutputs writes every format and reads the JSON back.
func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	var args []string
	for _, ext := range []string{"json", "pb.gz", "txt", "html"} {
		args = append(args, "-o", filepath.Join(dir, "fib."+ext))
	}
	rec := observe(t, c("fib"), slices.Concat([]string{"fib", "--by", "n"}, args)...)
	saved := readRecording(t, filepath.Join(dir, "fib.json"))
	if diff := cmp.Diff(rec, saved); diff != "" {
		t.Errorf("stdout and the file differ:\n%s", diff)
	}
	l := startLatch(t, "report", "--json", filepath.Join(dir, "fib.json"))
	if diff := cmp.Diff(saved, l.recording()); diff != "" {
		t.Errorf("report changes the recording:\n%s", diff)
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", "-sample_index=calls", filepath.Join(dir, "fib.pb.gz")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "177") {
		t.Errorf("go tool pprof: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "fib.txt"))
	if err != nil || !strings.Contains(string(text), "fib") {
		t.Errorf("text: %v\n%s", err, text)
	}
	page, err := os.ReadFile(filepath.Join(dir, "fib.html"))
	if err != nil || !strings.Contains(string(page), `"name":"fib"`) {
		t.Errorf("page: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("%d files, %v", len(entries), fmt.Sprint(err))
	}
}
