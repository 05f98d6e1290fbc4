package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// A wrapped is a latch check whose command speaks like a test program.
type wrapped struct {
	*checking
	stdin io.WriteCloser
	out   *bufio.Scanner
	pid   int // of the program
}

// wrap starts latch check with a command, which waits for its first line.
func wrap(t *testing.T, args ...string) *wrapped {
	t.Helper()
	testutil.NeedRoot(t)
	w := &wrapped{checking: prepareCheck(t, args...)}
	var err error
	if w.stdin, err = w.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	r, out := io.Pipe()
	w.out = bufio.NewScanner(r)
	w.startTo(out)
	go func() {
		<-w.exited
		out.Close()
	}()
	pid, ok := strings.CutPrefix(w.line(), "ready ")
	if !ok {
		t.Fatalf("the program is not ready: %s", w.said())
	}
	if w.pid, err = strconv.Atoi(pid); err != nil {
		t.Fatal(err)
	}
	return w
}

// line is the next one on stdout.
func (w *wrapped) line() string {
	w.out.Scan()
	return w.out.Text()
}

// work lets the program work and returns what it prints until it is done.
func (w *wrapped) work() []string {
	w.t.Helper()
	w.waitAttached()
	io.WriteString(w.stdin, "go\n")
	var lines []string
	for w.out.Scan() {
		if w.out.Text() == "done" {
			return lines
		}
		lines = append(lines, w.out.Text())
	}
	w.t.Fatalf("the program ended:\n%s", w.said())
	return nil
}

// rest returns what else comes on stdout.
func (w *wrapped) rest() string {
	var b strings.Builder
	for w.out.Scan() {
		fmt.Fprintln(&b, w.out.Text())
	}
	return b.String()
}

// TestCheckCommand judges a command from its first call. What it prints is what
// it prints without latch, and its own failure is passed on where the budgets
// hold, but never hides that one does not.
func TestCheckCommand(t *testing.T) {
	shop := testutil.Build(t, "go", "shop")
	budget := []string{"-f", budgetFile(t, shopBudget), "--by", "route=r.URL.Path", "--"}
	w := wrap(t, append(budget, shop, "40")...)
	got := w.work()
	w.stdin.Close()
	w.rest()
	w.result(exitOK).expectStates(t, shopStates(""))
	alone := testutil.Run(t, shop, "40")
	if diff := cmp.Diff(testutil.Stated(alone), testutil.Stated(got)); diff != "" {
		t.Errorf("the program printed (-alone +under latch):\n%s", diff)
	}
	for _, row := range []struct {
		name, slow string
		code       int
	}{{"holds", "", 7}, {"is broken", "/health", exitBroken}} {
		c := startCheck(t, append(budget, shop, "40", row.slow, "7")...)
		result := c.result(row.code)
		if len(result.Runs) != 1 || result.Runs[0].Command == nil || result.Runs[0].Command.Exit != 7 {
			t.Errorf("%s: the command's end is not told: %+v", row.name, result.Runs)
		}
		if result.Incomplete != "" || !strings.Contains(c.said(), "exited with 7") {
			t.Errorf("%s: incomplete %q\n%s", row.name, result.Incomplete, c.said())
		}
	}
}

// TestCheckKilled kills the command with SIGKILL when all its calls have been
// made: the report is written, says why it is partial, and has the calls.
func TestCheckKilled(t *testing.T) {
	w := wrap(t, "-f", budgetFile(t, shopBudget), "--by", "route=r.URL.Path", "--save", filepath.Join(t.TempDir(), "main.json"), "--", testutil.Build(t, "go", "shop"), "40")
	w.work()
	if err := syscall.Kill(w.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	text := w.rest()
	result := w.result(exitUnmeasured)
	result.expectStates(t, shopStates(""))
	if result.Outcome != "incomplete" || !strings.Contains(result.Incomplete, "killed by SIGKILL") {
		t.Errorf("outcome %s: %q", result.Outcome, result.Incomplete)
	}
	if b := result.Runs[0].Balance; b.Entries != 120 || b.Check() != nil {
		t.Errorf("balance %+v", b)
	}
	if !strings.Contains(text, "main.serve") || !strings.Contains(w.said(), "killed by SIGKILL") || !strings.Contains(w.said(), "no baseline was saved") {
		t.Errorf("latch says\n%s\n%s", text, w.said())
	}
	if entries, err := os.ReadDir(filepath.Dir(w.argOf("--save"))); err != nil || len(entries) > 0 {
		t.Errorf("a baseline was left: %v %v", entries, err)
	}
}

// TestCheckTerminated ends latch alone, by two signals at once as timeout(1) sends
// them: the command, which would never end, is ended too, and all is reported.
func TestCheckTerminated(t *testing.T) {
	w := wrap(t, "-f", budgetFile(t, shopBudget), "--by", "route=r.URL.Path", "--", testutil.Build(t, "go", "shop"), "40")
	w.work()
	for range 2 {
		if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	text := w.rest()
	result := w.result(exitUnmeasured)
	result.expectStates(t, shopStates(""))
	if !strings.Contains(result.Incomplete, "killed by SIGTERM") || !strings.Contains(text, "main.serve") {
		t.Errorf("incomplete %q\n%s", result.Incomplete, text)
	}
}

// argOf is what follows a flag on the command line.
func (c *checking) argOf(flag string) string {
	for i, arg := range c.cmd.Args {
		if arg == flag {
			return c.cmd.Args[i+1]
		}
	}
	return ""
}

// TestCheckInterrupted is a Ctrl-C before -d is over: what came is reported as
// incomplete.
func TestCheckInterrupted(t *testing.T) {
	target, exe := begin(t, golang("route"))
	c := startCheck(t, "-p", target.pid(), "-d", "1h", "--expect", "calls(main.handle) >= 17")
	c.waitAttached()
	target.Go()
	target.WaitDone()
	c.interrupt()
	result := c.result(exitUnmeasured)
	result.expectStates(t, map[string]string{"main.handle calls >= 17": "pass"})
	if !strings.Contains(result.Incomplete, "interrupted after ") {
		t.Errorf("incomplete: %q", result.Incomplete)
	}
	unharmed(t, golang("route"), exe, target.Prog)
}

// goModule writes a module with a test that makes calls, and another package
// without that function.
func goModule(t *testing.T, fails bool) string {
	t.Helper()
	dir := t.TempDir()
	failure := ""
	if fails {
		failure = "\tt.Error(\"a price is wrong\")\n"
	}
	for name, text := range map[string]string{
		"go.mod": "module example.com/shop\n\ngo 1.24\n",
		"cart/cart.go": "package cart\n\nimport \"time\"\n\n//go:noinline\nfunc Price(sku string) int {\n" +
			"\tif sku == \"slow\" {\n\t\ttime.Sleep(30 * time.Millisecond)\n\t}\n\treturn len(sku)\n}\n",
		"cart/cart_test.go": "package cart\n\nimport \"testing\"\n\nfunc TestLoad(t *testing.T) {\n" +
			"\tfor range 53 {\n\t\tPrice(\"tea\")\n\t\tPrice(\"slow\")\n\t}\n" + failure + "}\n",
		"other/other_test.go": "package other\n\nimport \"testing\"\n\nfunc TestLoad(t *testing.T) {}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkGoTest runs go test under latch check, in a module of its own.
func checkGoTest(t *testing.T, dir string, args ...string) *checking {
	t.Helper()
	testutil.NeedRoot(t)
	c := prepareCheck(t, append(args, "--", "go", "test", "-count=1", "-run", "Load", "-ldflags=-s=0 -w=0", "./...")...)
	c.cmd.Dir = dir
	c.startTo(&c.stdout)
	return c
}

// TestCheckGoTest judges a function in the test binaries that go test builds and
// starts: from the first call on, by argument, and by the package that has it.
func TestCheckGoTest(t *testing.T) {
	const price = "example.com/shop/cart.Price"
	budgets := []string{
		"--expect", "calls(" + price + ") >= 106", "--expect", "calls(" + price + ", sku=tea) >= 53", "--expect", "calls(" + price + ", sku=slow) <= 53",
	}
	pass := map[string]string{price + " calls >= 106": "pass", price + " sku=tea calls >= 53": "pass", price + " sku=slow calls <= 53": "pass"}
	for _, program := range []string{"*.test", "cart.test", "/*/*/*/cart.test"} {
		c := checkGoTest(t, goModule(t, false), append(budgets, "--exe", program)...)
		result := c.result(exitOK)
		result.expectStates(t, pass)
		if !strings.Contains(c.stdout.String(), "ok  \texample.com/shop/other") {
			t.Errorf("go test printed\n%s", c.stdout.String())
		}
		if len(result.Runs) != 1 || result.Runs[0].Command == nil || result.Runs[0].Balance.Entries != 106 || result.Runs[0].Balance.Check() != nil {
			t.Errorf("--exe %s: runs %+v", program, result.Runs)
		}
	}

	c := checkGoTest(t, goModule(t, true), append(budgets, "--exe", "*.test")...)
	c.result(1).expectStates(t, pass)
	if !strings.Contains(c.said(), "latch: go exited with 1") || !strings.Contains(c.stdout.String(), "a price is wrong") || !strings.Contains(c.stdout.String(), "the check passes") {
		t.Errorf("go test's failure is hidden:\n%s\n%s", c.said(), c.stdout.String())
	}

	slow := checkGoTest(t, goModule(t, false), "--exe", "*.test", "-f", budgetFile(t, "version: 1\ndefaults: {min_calls: 30}\nbudgets:\n"+
		"  - {name: prices, func: "+price+", by: sku, expect: p50 < 15ms}\n"))
	slow.result(exitBroken).expectStates(t, map[string]string{price + " sku=tea p50 < 15ms": "pass", price + " sku=slow p50 < 15ms": "fail"})
}

// TestCheckOnlyTheCommands runs a program beside the command, which starts the
// same one: only the command's is measured.
func TestCheckOnlyTheCommands(t *testing.T) {
	beside, exe := begin(t, golang("route"))
	w := wrap(t, "--exe", filepath.Base(exe), "--expect", "calls(main.handle) <= 17", "--", "/bin/sh", "-c", exe+" & wait")
	w.stdin.Close() // sh gives what it starts in the background no stdin of ours
	w.waitAttached()
	beside.Go()
	beside.WaitDone()
	text := w.rest()
	result := w.result(exitOK)
	if n := result.Verdicts[0].Calls; n != 17 {
		t.Errorf("%d calls are judged, not 17", n)
	}
	if !strings.Contains(text, "(pid ") {
		t.Errorf("not one process is named as measured:\n%s", text)
	}
	unharmed(t, golang("route"), exe, beside.Prog)
}

// TestCheckNothingStarted names programs that are not started, or that do not
// have the function, and one that is missing altogether.
func TestCheckNothingStarted(t *testing.T) {
	testutil.NeedRoot(t)
	exe := testutil.Build(t, "go", "route")
	for _, row := range []struct {
		name  string
		words []string
		args  []string
	}{
		{"no program", []string{"started no program", "nosuch"}, []string{"--exe", "nosuch", "--expect", "p50(main.handle) < 1s", "--", exe}},
		{"no function", []string{"could be measured", "main.nosuch"}, []string{"--exe", "route", "--expect", "p50(main.nosuch) < 1s", "--", exe}},
		{"no command", []string{"nosuch-command"}, []string{"--expect", "p50(main.handle) < 1s", "--", "nosuch-command"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			cmd := exec.Command(latchPath(t), append([]string{"check"}, row.args...)...)
			cmd.Env = offGitHub()
			l := startTool(t, cmd)
			if code := l.wait(); code != exitUnmeasured {
				t.Errorf("latch ended with %d: %s", code, l.said())
			}
			for _, word := range row.words {
				if !strings.Contains(l.said(), word) {
					t.Errorf("latch does not say %q: %s", word, l.said())
				}
			}
		})
	}
	lenient := budgetFile(t, "version: 1\ndefaults: {on_missing: warn}\nbudgets: [{func: main.nosuch, expect: p50 < 1s}]\n")
	for _, args := range [][]string{{"--exe", "nosuch"}, {"--exe", "route"}, nil} {
		c := startCheck(t, append(append([]string{"-f", lenient}, args...), "--", exe)...)
		result := c.result(exitOK)
		result.expectStates(t, map[string]string{"main.nosuch p50 < 1s": "missing"})
		if !strings.Contains(c.stdout.String(), "calls main.handle = 17") {
			t.Errorf("%q: the command printed %s", args, c.stdout.String())
		}
	}
}
