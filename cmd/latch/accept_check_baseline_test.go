package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/internal/testutil"
)

// regressBudget compares the routes of testprogs/go/shop with a baseline. A
// sleep of 30 ms is far beyond what it allows, a busy machine is not.
const regressBudget = `version: 1
defaults: {min_calls: 30}
budgets:
  - name: routes
    func: main.serve
    by: route
    regress: {metric: p50, max: +50%, min_effect: 10ms, slices: 4}
`

func regressStates(slow string) map[string]string {
	out := map[string]string{}
	for _, route := range []string{"/cart", "/items", "/health"} {
		out["main.serve route="+route+" p50 <= baseline+50%"] = map[bool]string{true: "fail", false: "pass"}[route == slow]
	}
	return out
}

// savedRuns reads what --save has written.
func savedRuns(t *testing.T, path string) *budget.Runs {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	runs, err := budget.LoadRuns(file)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// TestCheckBaseline saves a baseline of five runs, and compares five more with
// it: the same program passes, a slow route fails, alone. A baseline of another
// machine is refused unless it is asked for.
func TestCheckBaseline(t *testing.T) {
	testutil.NeedRoot(t)
	shop := testutil.Build(t, "go", "shop")
	saved := filepath.Join(t.TempDir(), "main.json")
	args := []string{"-f", budgetFile(t, regressBudget), "--by", "route=r.URL.Path", "--runs", "5"}
	c := startCheck(t, slices.Concat(args, []string{"--save", saved, "--", shop, "30"})...)
	for name, state := range c.result(exitOK).states() {
		if state != "inconclusive" {
			t.Errorf("without a baseline, %s is %s", name, state)
		}
	}
	runs := savedRuns(t, saved)
	if len(runs.Recordings) != 5 || runs.Slices || runs.Recordings[4].Command.Exit != 0 {
		t.Errorf("%d runs were saved, slices %v", len(runs.Recordings), runs.Slices)
	}
	if n := strings.Count(c.said(), "latch: attached 1 probe"); n != 5 {
		t.Errorf("attached %d times", n)
	}
	for _, slow := range []string{"", "/items"} {
		c := startCheck(t, slices.Concat(args, []string{"--baseline", saved, "--", shop, "30", slow})...)
		result := c.result(map[bool]int{true: exitBroken, false: exitOK}[slow != ""])
		result.expectStates(t, regressStates(slow))
	}

	for _, rec := range runs.Recordings {
		rec.Machine = "64 x another CPU"
	}
	other := filepath.Join(t.TempDir(), "other.json")
	if err := writeBaseline(other, runs); err != nil {
		t.Fatal(err)
	}
	c = startCheck(t, slices.Concat(args, []string{"--baseline", other, "--", shop, "30"})...)
	c.result(exitUnmeasured)
	if !strings.Contains(c.said(), "not measured alike") || !strings.Contains(c.said(), "--allow-unlike") {
		t.Errorf("latch says %s", c.said())
	}
	c = startCheck(t, slices.Concat(args, []string{"--baseline", other, "--allow-unlike", "--", shop, "30"})...)
	c.result(exitOK).expectStates(t, regressStates(""))
	if !strings.Contains(c.stdout.String(), "not measured alike") {
		t.Errorf("latch does not warn:\n%s", c.stdout.String())
	}
}

// TestCheckInTurns runs the command and the baseline's in turns, first the one,
// then the other.
func TestCheckInTurns(t *testing.T) {
	testutil.NeedRoot(t)
	shop := testutil.Build(t, "go", "shop")
	args := []string{"-f", budgetFile(t, regressBudget), "--by", "route=r.URL.Path", "--runs", "5"}
	c := startCheck(t, slices.Concat(args, []string{"--baseline-command", "'" + shop + "' 30 ''", "--", shop, "30", "/cart"})...)
	c.result(exitBroken).expectStates(t, regressStates("/cart"))
	var turns []string
	for line := range strings.Lines(c.said()) {
		if strings.HasPrefix(line, "latch: run ") {
			turns = append(turns, strings.TrimSpace(strings.TrimPrefix(line, "latch: run ")))
		}
	}
	want := []string{"1 of 5, baseline", "1 of 5", "2 of 5", "2 of 5, baseline", "3 of 5, baseline", "3 of 5", "4 of 5", "4 of 5, baseline", "5 of 5, baseline", "5 of 5"}
	if !slices.Equal(turns, want) {
		t.Errorf("turns %q, not %q", turns, want)
	}

	// A run that fails ends it: the rest would not be what was asked for.
	c = startCheck(t, slices.Concat(args, []string{"--save", filepath.Join(t.TempDir(), "main.json"), "--", shop, "30", "", "7"})...)
	result := c.result(exitUnmeasured)
	if !strings.Contains(result.Incomplete, "run 1 of 5: the command failed") || len(result.Runs) != 1 || !strings.Contains(c.said(), "no baseline was saved") {
		t.Errorf("incomplete %q after %d runs:\n%s", result.Incomplete, len(result.Runs), c.said())
	}
	c = startCheck(t, slices.Concat(args, []string{"--baseline-command", shop + " 30 '' 7", "--", shop, "30"})...)
	if result = c.result(exitUnmeasured); !strings.Contains(result.Incomplete, "the baseline's command") {
		t.Errorf("incomplete %q", result.Incomplete)
	}
}

// TestCheckSlices cuts a single run, of a known and of an unknown duration, into
// slices whose calls add up to all.
func TestCheckSlices(t *testing.T) {
	testutil.NeedRoot(t)
	shop := testutil.Build(t, "go", "shop")
	saved := filepath.Join(t.TempDir(), "main.json")
	args := []string{"-f", budgetFile(t, regressBudget), "--by", "route=r.URL.Path", "--save", saved}
	c := startCheck(t, slices.Concat(args, []string{"--", shop, "30", "/cart"})...)
	c.result(exitOK)
	runs := savedRuns(t, saved)
	var calls uint64
	for _, rec := range runs.Recordings {
		b := function(t, rec, "main.serve").Balance
		calls += b.Returns
	}
	if !runs.Slices || len(runs.Recordings) != 4 || calls != 90 {
		t.Errorf("%d slices, %v, have %d calls", len(runs.Recordings), runs.Slices, calls)
	}
	target := testutil.Start(t, shop, "loop")
	target.Go()
	c = startCheck(t, slices.Concat(args, []string{"-p", waiting{target}.pid(), "-d", "1200ms"})...)
	c.result(exitOK)
	runs = savedRuns(t, saved)
	if !runs.Slices || len(runs.Recordings) != 4 {
		t.Fatalf("%d slices, %v", len(runs.Recordings), runs.Slices)
	}
	for i, rec := range runs.Recordings {
		// Each begins where the one before ends, none before its time.
		if rec.Start.Before(runs.Recordings[0].Start.Add(time.Duration(i) * 300 * time.Millisecond)) {
			t.Errorf("slice %d begins at %v, the first at %v", i, rec.Start, runs.Recordings[0].Start)
		}
	}
	target.Stop()
	testutil.TextUnchanged(t, target.PID(), shop)
	target.Finish()
}
