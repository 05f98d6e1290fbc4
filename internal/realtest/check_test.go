package realtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
)

// judgement is what the tests look at of the JSON of a check.
type judgement struct {
	Outcome  string
	Verdicts []struct {
		Func, State, Expect string
		Key                 []struct{ Name, Value string }
		Calls               uint64
	}
}

// states returns what is said of each value of the key and expectation, ""
// standing for all.
func (j *judgement) states() map[string]string {
	out := make(map[string]string)
	for _, v := range j.Verdicts {
		key := ""
		for _, k := range v.Key {
			key += k.Value + ": "
		}
		out[key+v.Expect] = v.State
	}
	return out
}

// A checker is a running latch check.
type checker struct{ *process }

// check starts latch check and returns when all probes are in.
func check(t testing.TB, cmd *exec.Cmd) *checker {
	t.Helper()
	c := &checker{start(t, cmd)}
	if line, _ := c.await(&c.stderr, "latch: ", 0); !strings.HasPrefix(line, "latch: attached") {
		t.Fatalf("%q says %s", cmd.Args, &c.stderr)
	}
	return c
}

// result waits for the end, which must be by the exit status, and reads the JSON
// on stdout.
func (c *checker) result(code int) *judgement {
	c.t.Helper()
	<-c.exited
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Errorf("latch check ended with %d, not %d: %s\n%s", got, code, &c.stderr, c.stdout.String())
	}
	j := new(judgement)
	if err := json.Unmarshal([]byte(c.stdout.String()), j); err != nil {
		c.t.Fatalf("%v\n%s", err, &c.stderr)
	}
	return j
}

// A budget for each SQL text that runs inside of functions: the ones that sleep
// break it, the others keep it.
func testCheck(t *testing.T, pg *postgres) {
	s := pg.connect(t)
	s.run(repeatSQL)
	budget := filepath.Join(t.TempDir(), "budget.yaml")
	if err := os.WriteFile(budget, []byte("version: 1\ndefaults: {min_calls: 30}\nbudgets:\n  - {func: SPI_execute_extended, by: sql, expect: p50 < 15ms}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const quick, slow = "select 2", "select 3 from pg_sleep(0.03)"
	for _, c := range []struct {
		code  int
		texts map[string]string
	}{
		{0, map[string]string{quick: "pass"}},
		{1, map[string]string{quick: "pass", slow: "fail"}},
	} {
		running := check(t, latch(t, "check", "--json", "-f", budget, "--by", "sql=str(arg0)", pidFlag(s.backend), "--until-calls", "35", "-d", limit.String()))
		want := make(map[string]string)
		var queries []string
		for text, state := range c.texts {
			want[text+": p50 < 15ms"] = state
			queries = append(queries, "select repeat_sql(35, '"+text+"');")
		}
		if len(queries) == 1 {
			s.run(queries...)
		} else {
			// In turns, since it ends when all that came so far have enough.
			var turns []string
			for range 35 {
				for text := range c.texts {
					turns = append(turns, "select repeat_sql(1, '"+text+"');")
				}
			}
			s.run(turns...)
		}
		result := running.result(c.code)
		if diff := cmp.Diff(want, result.states()); diff != "" {
			t.Errorf("verdicts (-want +got):\n%s", diff)
		}
		for _, v := range result.Verdicts {
			if v.Calls < 30 || v.Calls > 35 {
				t.Errorf("%v: %d calls of 35", v.Key, v.Calls)
			}
		}
	}
	s.unharmed(pg)
}

// The example budget of the documentation holds for the statements of the demo,
// by the documentation's own command line.
func testDemoBudget(t *testing.T, pg *postgres) {
	text, err := os.ReadFile(filepath.Join(testutil.Root(t), "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	var line string
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(l), "$ latch check -f internal/demo/budget.yaml"); ok {
			line = "check --json -f internal/demo/budget.yaml" + rest
		}
	}
	if line == "" {
		t.Fatal("docs/ci.md has no command line for the demo's budget")
	}
	s := pg.connect(t)
	var args []string
	for _, word := range strings.Fields(line) {
		args = append(args, strings.Trim(word, "'"))
	}
	for i, arg := range args {
		if arg == "-p" {
			args[i+1] = strings.TrimPrefix(pidFlag(s.backend), "-p=")
		}
	}
	cmd := latch(t, args...)
	cmd.Dir = testutil.Root(t)
	running := check(t, cmd)
	statements := []string{"SELECT 1;", "SELECT count(*) FROM pg_class a JOIN pg_class b USING (oid);"}
	for range 350 {
		s.run(statements...)
	}
	want := map[string]string{"p50 < 1ms": "pass", "over100ms < 1%": "pass"}
	for _, text := range statements {
		want[text+": p90 < 20ms"] = "pass"
	}
	if diff := cmp.Diff(want, running.result(0).states()); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	s.unharmed(pg)
}
