package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// TestCheckUsage gives check command lines and budgets that mean nothing.
func TestCheckUsage(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	good := []string{"--expect", "p99(main.f) < 1s"}
	for _, row := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"no budget", []string{"-p", "1"}, []string{"-f BUDGET.yaml", "--expect"}},
		{"no file", []string{"-f", missing, "-p", "1"}, []string{missing, "no such file"}},
		{"unknown key", []string{"-f", budgetFile(t, "version: 1\nbudgets:\n  - func: main.f\n    expct: p99 < 5ms\n"), "-p", "1"}, []string{"expct", "budget.yaml", "[4:5]", "^"}},
		{"bad budget", []string{"--expect", "p99(main.f) < 5 parsecs", "-p", "1"}, []string{"--expect", "parsecs", "^"}},
		{"kernel function", []string{"--expect", "p99(k:tcp_sendmsg) < 1s", "-p", "1"}, []string{"kernel function"}},
		{"bad key", []string{"--expect", "p99(main.f, 'a b'=1) < 1s", "-p", "1"}, []string{"a b", "--by"}},
		{"unused key", append(good, "--by", "route=arg0", "-p", "1"), []string{"route", "no budget"}},
		{"a function", append(good, "-p", "1", "main.f"), []string{"main.f", "budgets say"}},
		{"no target", good, []string{"-p PID"}},
		{"runs without end", append(good, "-p", "1", "--runs", "5"), []string{"--runs", "-d"}},
		{"no runs", append(good, "-p", "1", "--runs", "0"), []string{"--runs 0"}},
		{"two baselines", append(good, "--baseline", "x.json", "--baseline-command", "x", "--", "y"), []string{"exclude"}},
		{"baseline command alone", append(good, "--baseline-command", "x", "-p", "1"), []string{"--baseline-command", "behind --"}},
		{"open quote", append(good, "--baseline-command", "'x", "--", "y"), []string{"quote"}},
		{"no baseline", append(good, "--baseline", missing, "-p", "1"), []string{missing}},
		{"bad baseline", append(good, "--baseline", budgetFile(t, "{}"), "-p", "1"), []string{"budget.yaml"}},
		{"extension", append(good, "-o", "out.svg", "-p", "1"), []string{"out.svg", ".xml"}},
		{"unwritable", append(good, "--save", filepath.Join(missing, "x.json"), "-p", "1"), []string{"x.json"}},
		{"a file twice", append(good, "-o", "a.json", "-o", "./a.json", "-p", "1"), []string{"./a.json", "twice"}},
		{"verdicts over the baseline", append(good, "--save", "a.json", "-o", "a.json", "-p", "1"), []string{"a.json", "twice"}},
		{"no file named", append(good, "--baseline", "", "-p", "1"), []string{"--baseline is empty"}},
		{"no baseline command", append(good, "--baseline-command", " ", "--", "x"), []string{"--baseline-command is empty"}},
		{"no program", append(good, "--exe", "", "--", "x"), []string{"--exe is empty"}},
		{"negative duration", append(good, "--warmup", "-1s", "-p", "1"), []string{"negative"}},
		{"bad program", append(good, "--exe", "[", "--", "x"), []string{"--exe ["}},
	} {
		t.Run(row.name, func(t *testing.T) { refuse(t, exitUsage, row.words, append([]string{"check"}, row.args...)...) })
	}
}

// TestCheckTooManyLimits gives one function more limits than can be counted.
func TestCheckTooManyLimits(t *testing.T) {
	target, exe := begin(t, golang("route"))
	args := []string{"check", "-p", target.pid()}
	for i := range 17 {
		args = append(args, "--expect", fmt.Sprintf("over%dms(main.handle) < 1%%", i+1))
	}
	refuse(t, exitUsage, []string{"too many limits", "main.handle"}, args...)
	target.Go()
	unharmed(t, golang("route"), exe, target.Prog)
}

// TestCheckUnmeasurable cannot measure: for want of a process, of a function, of
// privileges, or of a way to follow what a command starts.
func TestCheckUnmeasurable(t *testing.T) {
	target, exe := begin(t, golang("route"))
	refuse(t, exitUnmeasured, []string{"no such process"}, "check", "-p", "999999999", "--expect", "p99(main.handle) < 1s")
	refuse(t, exitUnmeasured, []string{"main.nosuch", "main.neither"}, "check", "-p", target.pid(),
		"--expect", "p99(main.nosuch) < 1s", "--expect", "p99(main.neither) < 1s")
	for _, args := range [][]string{
		{"--", exe}, {"--exe", "route", "--", exe},
	} {
		cmd := exec.Command(latchPath(t), slices.Concat([]string{"check", "--expect", "p99(main.handle) < 1s"}, args)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
		refuseTool(t, cmd, exitUnmeasured, []string{"CAP_"})
	}
	const hint = "--exe NAME"
	refuse(t, exitUnmeasured, []string{"main.nosuch", hint}, "check", "--expect", "p99(main.nosuch) < 1s", "--", exe)
	cmd := exec.Command(latchPath(t), "check", "--expect", "p99(main.handle) < 1s", "--where", "nosuch", "--", exe)
	if said, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != exitUsage || strings.Contains(string(said), hint) {
		t.Errorf("of an expression that means nothing: %v\n%s", err, said)
	}
	target.Go()
	unharmed(t, golang("route"), exe, target.Prog)
}

// TestCheckStrict tells 4, for what cannot be told, from 3, for calls that were
// lost, and both from 0 where that is not asked for.
func TestCheckStrict(t *testing.T) {
	for _, row := range []struct {
		name string
		prog
		strict int
		args   []string
		states map[string]string
		words  string
	}{
		// 17 calls prove no p99.
		{"inconclusive", golang("route"), exitUnsure, []string{"-f", budgetFile(t, "version: 1\ndefaults: {min_calls: 1}\nbudgets: [{func: main.handle, expect: p99 < 10s}]\n")},
			map[string]string{"main.handle p99 < 10s": "inconclusive"}, ""},
		{"lost", c("tail"), exitUnmeasured, []string{"--expect", "calls(even) >= 7", "--expect", "calls(odd) >= 7"},
			map[string]string{"even calls >= 7": "pass", "odd calls >= 7": "pass"}, "were lost"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				args, code := row.args, exitOK
				if strict {
					args, code = append(args, "--strict"), row.strict
				}
				target, exe := begin(t, row.prog)
				c := startCheck(t, append(args, "-p", target.pid())...)
				c.waitAttached()
				target.Go()
				target.WaitDone()
				c.interrupt()
				c.result(code).expectStates(t, row.states)
				if strict && !strings.Contains(c.said(), row.words) {
					t.Errorf("latch does not say %q: %s", row.words, c.said())
				}
				unharmed(t, row.prog, exe, target.Prog)
			}
		})
	}
}

// TestCheckFilters judges by the budget's own key under a --where of the command
// line; what is filtered is no call.
func TestCheckFilters(t *testing.T) {
	target, exe := begin(t, golang("route"))
	c := startCheck(t, "-p", target.pid(), "--where", "id < 2", "--expect", "calls(main.handle, route=/api) <= 2", "--expect", "calls(main.handle) <= 8")
	c.waitAttached()
	target.Go()
	target.WaitDone()
	c.interrupt()
	c.result(exitOK).expectStates(t, map[string]string{"main.handle route=/api calls <= 2": "pass", "main.handle calls <= 8": "pass"})
	unharmed(t, golang("route"), exe, target.Prog)
}

// TestCheckFile judges every process of an executable by -e, without a command,
// and a library's function in a command.
func TestCheckFile(t *testing.T) {
	target, exe := begin(t, golang("route"))
	c := startCheck(t, "-e", exe, "--expect", "calls(main.handle) >= 17")
	c.waitAttached()
	target.Go()
	target.WaitDone()
	c.interrupt()
	c.result(exitOK).expectStates(t, map[string]string{"main.handle calls >= 17": "pass"})
	unharmed(t, golang("route"), exe, target.Prog)

	sleeper := testutil.Build(t, "c", "sleep")
	c = startCheck(t, "--expect", "calls(libc:getenv) >= 0", "--", sleeper)
	c.result(exitOK).expectStates(t, map[string]string{"getenv calls >= 0": "pass"})
}
