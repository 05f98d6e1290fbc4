package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/latency"
)

// checked is what the tests look at of the JSON of a check.
type checked struct {
	Outcome    string
	Incomplete string
	Slices     bool
	Warnings   []string
	Runs       []struct {
		Command *latency.Command
		Machine string
		Balance latency.Balance
	}
	Verdicts []struct {
		Budget, Func, State, Expect string
		Key                         []struct{ Name, Value string }
		Calls                       uint64
		Estimate, Lo, Hi            *float64
		Reasons                     []string
	}
}

// states renders the verdicts: "main.serve route=/cart p50 < 15ms" -> "pass".
func (c *checked) states() map[string]string {
	out := map[string]string{}
	for _, v := range c.Verdicts {
		name := v.Func
		for _, k := range v.Key {
			name += " " + k.Name + "=" + k.Value
		}
		out[name+" "+v.Expect] = v.State
	}
	return out
}

// expectStates compares the verdicts with what must come out.
func (c *checked) expectStates(t *testing.T, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, c.states()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
		for _, v := range c.Verdicts {
			t.Logf("%s %v: %d calls, %q", v.Func, v.Key, v.Calls, v.Reasons)
		}
	}
}

// offGitHub is our environment without what GitHub Actions sets.
func offGitHub() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GITHUB_") {
			env = append(env, v)
		}
	}
	return env
}

// A checking is a running latch check, which writes its JSON to a file.
type checking struct {
	*tool
	path string
}

// newCheck prepares latch check; the command, if there is one, comes last.
func prepareCheck(t testing.TB, args ...string) *checking {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check.json")
	cmd := exec.Command(latchPath(t), append([]string{"check", "-o", path}, args...)...)
	cmd.Env = offGitHub()
	return &checking{&tool{t: t, cmd: cmd, attached: make(chan struct{}), exited: make(chan struct{})}, path}
}

// startCheck starts latch check with an empty stdin.
func startCheck(t testing.TB, args ...string) *checking {
	t.Helper()
	c := prepareCheck(t, args...)
	c.startTo(&c.stdout)
	return c
}

// waitSaid waits until latch has said the line.
func (c *checking) waitSaid(line string) {
	c.t.Helper()
	for began := time.Now(); !slices.Contains(strings.Split(c.said(), "\n"), line); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > waitLimit || isClosed(c.exited) {
			c.t.Fatalf("latch %q does not say %q:\n%s", c.cmd.Args[1:], line, c.said())
		}
	}
}

// result waits for latch's end, which must have the code, and returns what it
// has written.
func (c *checking) result(code int) *checked {
	c.t.Helper()
	if got := c.wait(); got != code {
		c.t.Errorf("latch %q ended with %d, not %d\n%s\n%s", c.cmd.Args[1:], got, code, c.said(), c.stdout.String())
	}
	text, err := os.ReadFile(c.path)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.said())
	}
	out := new(checked)
	if err := json.Unmarshal(text, out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// budgetFile writes budgets and returns the file's path.
func budgetFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "budget.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// shopBudget has a budget for each route of testprogs/go/shop, of which a
// planted sleep of 30 ms breaks one, and a busy machine none.
const shopBudget = `version: 1
defaults: {min_calls: 30}
budgets:
  - name: cart
    func: main.serve
    where: {route: /cart}
    expect: p50 < 15ms
  - name: others
    func: main.serve
    by: route
    where: ["route =~ ^/(items|health)$"]
    expect: p50 < 15ms
`

// shopStates are the verdicts of shopBudget, where one route is slow.
func shopStates(slow string) map[string]string {
	out := map[string]string{
		"main.serve route=/cart p50 < 15ms":   "pass",
		"main.serve route=/items p50 < 15ms":  "pass",
		"main.serve route=/health p50 < 15ms": "pass",
	}
	for name := range out {
		if slow != "" && strings.Contains(name, fmt.Sprintf("route=%s ", slow)) {
			out[name] = "fail"
		}
	}
	return out
}
