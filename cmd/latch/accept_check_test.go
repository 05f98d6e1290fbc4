package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// checkShop judges a running server from its first request to its last.
func checkShop(t *testing.T, slow string, env []string, code int, args ...string) (*checking, *checked) {
	t.Helper()
	p := prog{lang: "go", name: "shop", args: []string{"40"}}
	if slow != "" {
		p.args = append(p.args, slow)
	}
	target, exe := begin(t, p)
	c := prepareCheck(t, slices.Concat([]string{"-f", budgetFile(t, shopBudget), "--by", "route=r.URL.Path", "-p", target.pid()}, args)...)
	c.cmd.Env = append(c.cmd.Env, env...)
	c.startTo(&c.stdout)
	c.waitAttached()
	target.Go()
	target.WaitDone()
	c.interrupt()
	result := c.result(code)
	unharmed(t, p, exe, target.Prog)
	return c, result
}

// TestCheckServer judges an HTTP server: its budgets hold, and a sleep that is
// planted in one route breaks that route's and no other.
func TestCheckServer(t *testing.T) {
	c, result := checkShop(t, "", nil, exitOK)
	result.expectStates(t, shopStates(""))
	if result.Outcome != "pass" || !strings.Contains(c.stdout.String(), "the check passes") {
		t.Errorf("outcome %s:\n%s", result.Outcome, c.stdout.String())
	}
	if len(result.Runs) != 1 || result.Runs[0].Machine == "" || result.Runs[0].Balance.Entries != 120 || result.Runs[0].Balance.Check() != nil {
		t.Errorf("runs: %+v", result.Runs)
	}

	c, result = checkShop(t, "/items", nil, exitBroken)
	result.expectStates(t, shopStates("/items"))
	if result.Outcome != "fail" || !strings.Contains(c.stdout.String(), "the check fails") {
		t.Errorf("outcome %s:\n%s", result.Outcome, c.stdout.String())
	}
	for _, v := range result.Verdicts {
		if v.Calls != 40 {
			t.Errorf("%v: %d calls, not 40", v.Key, v.Calls)
		}
		if v.State == "fail" && (v.Lo == nil || *v.Lo < 30e6*0.97) {
			t.Errorf("%v: a sleep of 30 ms is found from %v on", v.Key, v.Lo)
		}
	}
}

// TestCheckOnGitHub looks for the annotation of the broken budget and the step's
// summary: they name function, key, limit and interval. With --json the data
// stays alone on stdout.
func TestCheckOnGitHub(t *testing.T) {
	summary := budgetFile(t, "")
	env := []string{"GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY=" + summary}
	c, result := checkShop(t, "/cart", env, exitBroken)
	result.expectStates(t, shopStates("/cart"))
	var errors []string
	for line := range strings.Lines(c.stdout.String()) {
		if strings.HasPrefix(line, "::error ") {
			errors = append(errors, line)
		}
	}
	if len(errors) != 1 {
		t.Fatalf("%d errors are annotated:\n%s", len(errors), c.stdout.String())
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"main.serve", "/cart", "15ms", "p50", "…"} {
		if !strings.Contains(errors[0], word) {
			t.Errorf("the annotation has no %q: %s", word, errors[0])
		}
		if !strings.Contains(string(text), word) {
			t.Errorf("the summary has no %q: %s", word, text)
		}
	}
	c, _ = checkShop(t, "/cart", env, exitBroken, "--json")
	if out := c.stdout.String(); !strings.HasPrefix(out, "{") || strings.Contains(out, "::error ") {
		t.Errorf("stdout holds more than JSON:\n%s", out)
	}
	if !strings.Contains(c.said(), "::error ") {
		t.Errorf("nothing is annotated:\n%s", c.said())
	}
}

// TestCheckKeysOfTheirOwn judges two functions by keys that the other does not
// have: neither is split by the other's.
func TestCheckKeysOfTheirOwn(t *testing.T) {
	target, exe := begin(t, golang("route"))
	saved := budgetFile(t, "")
	c := startCheck(t, "-p", target.pid(), "--save", saved,
		"--expect", "calls(main.handle, route=/api) >= 7", "--expect", "calls(main.query, table=größe) <= 2",
		"--expect", "calls(main.h*) < 17", "--expect", "over4999999ns(main.handle, route=/api) > 99%", "--expect", "calls(main.nosuch) < 1")
	c.waitAttached()
	target.Go()
	target.WaitDone()
	c.interrupt()
	result := c.result(exitBroken)
	unharmed(t, golang("route"), exe, target.Prog)
	result.expectStates(t, map[string]string{
		"main.handle route=/api calls >= 7": "pass", "main.query table=größe calls <= 2": "pass", "main.handle calls < 17": "fail",
		"main.handle route=/api over4.999999ms > 99%": "missing", // 7 calls are too few
		"main.nosuch calls < 1":                       "missing",
	})
	for _, v := range result.Verdicts {
		if v.Func == "main.nosuch" && (len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], "no such function")) {
			t.Errorf("reasons: %q", v.Reasons)
		}
	}
	file, err := os.Open(saved)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rec, err := latency.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]string{"main.handle": "route", "main.query": "table"} {
		f := function(t, rec, name)
		if !slices.Equal(f.By, []string{by}) {
			t.Errorf("%s is recorded by %q", name, f.By)
		}
	}
	for _, s := range function(t, rec, "main.handle").Series {
		if len(s.Over) != 1 || s.Over[0].LimitNS != 4999999 || s.Key["route"] == "/api" && s.Over[0].Calls != 7 {
			t.Errorf("%v: above the limit are %+v", s.Key, s.Over)
		}
	}
}

// TestCheckWarmup leaves out what is called in the warm-up, here by one process,
// and judges what comes after it, by another.
func TestCheckWarmup(t *testing.T) {
	early, exe := begin(t, golang("route"))
	late, _ := begin(t, golang("route"))
	c := startCheck(t, "-p", early.pid(), "-p", late.pid(), "--warmup", "4s", "--expect", "calls(main.handle) < 18")
	c.waitAttached()
	early.Go()
	early.WaitDone()
	c.waitSaid("latch: the warm-up is over")
	late.Go()
	late.WaitDone()
	c.interrupt()
	result := c.result(exitOK)
	if n := result.Verdicts[0].Calls; n != 17 {
		t.Errorf("%d calls are judged, not the 17 after the warm-up", n)
	}
	unharmed(t, golang("route"), exe, early.Prog)
	unharmed(t, golang("route"), exe, late.Prog)
}

// TestCheckUntilCalls ends by itself when each key has its calls, and leaves the
// target running.
func TestCheckUntilCalls(t *testing.T) {
	testutil.NeedRoot(t)
	exe := testutil.Build(t, "go", "shop")
	target := testutil.Start(t, exe, "loop")
	target.Go()
	c := startCheck(t, "-p", waiting{target}.pid(), "-f", budgetFile(t, shopBudget), "--by", "route=r.URL.Path", "--until-calls", "100")
	result := c.result(exitOK)
	result.expectStates(t, shopStates(""))
	for _, v := range result.Verdicts {
		if v.Calls < 100 {
			t.Errorf("%v: ended after %d calls", v.Key, v.Calls)
		}
	}
	if !target.Alive() {
		t.Error("the target is dead")
	}
	target.Stop()
	testutil.TextUnchanged(t, target.PID(), exe)
	target.Finish()
}
