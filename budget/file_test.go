package budget

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/testutil"
)

const shopFile = `version: 1
defaults: {min_calls: 500, confidence: 99%, on_missing: warn, on_inconclusive: fail}
budgets:
  - name: API handler # a comment
    func: shop.(*API).handle
    by: route
    where: {route: /api, shard: 3, live: true}
    expect: [p99 < 5ms, over20ms < 0.01%]
    regress: {metric: p99.9, max: +10%, min_effect: 200us, slices: 10}
  - func: "main.*"
    by: [route, tenant]
    where: ["route =~ ^/api", tenant!=acme]
    expect: 'rate > 5/s'
    min_calls: 10
    confidence: 97.5%
    on_missing: pass
    on_inconclusive: warn
  - func: f
    regress:
      - max: 1ms
      - {metric: over20ms, max: 50%}
`

func TestParseFile(t *testing.T) {
	got, err := ParseFile([]byte(shopFile))
	if err != nil {
		t.Fatal(err)
	}
	matches, err := parseMatcher("route=~^/api")
	if err != nil {
		t.Fatal(err)
	}
	set := Budget{MinCalls: 500, Confidence: 0.99, OnMissing: ActWarn, OnInconclusive: ActFail}
	api, all, f := set, set, set
	api.Name, api.Func, api.By, api.Slices = "API handler", "shop.(*API).handle", []string{"route"}, 10
	api.Where = []Matcher{{Key: "route", Value: "/api"}, {Key: "shard", Value: "3"}, {Key: "live", Value: "true"}}
	api.Expect = []Expectation{
		{Metric: Metric{Percent: 99}, Limit: Limit{Value: 5e6}},
		{Metric: Metric{Kind: Over, Limit: 20 * time.Millisecond}, Limit: Limit{Value: 0.01, Unit: Share}},
		{Metric: Metric{Percent: 99.9}, Cmp: LessEqual, Limit: Limit{Value: 10, Unit: Share, Baseline: true}, MinEffect: 200 * time.Microsecond},
	}
	all.Name, all.Func, all.By, all.MinCalls, all.Confidence = "main.*", "main.*", []string{"route", "tenant"}, 10, 0.975
	all.OnMissing, all.OnInconclusive = ActPass, ActWarn
	all.Where = []Matcher{matches, {Key: "tenant", Op: NotEqual, Value: "acme"}}
	all.Expect = []Expectation{{Metric: Metric{Kind: Rate}, Cmp: Greater, Limit: Limit{Value: 5, Unit: PerSecond}}}
	f.Name, f.Func = "f", "f"
	f.Expect = []Expectation{
		{Metric: Metric{Percent: 99}, Cmp: LessEqual, Limit: Limit{Value: 1e6, Unit: Nanoseconds, Baseline: true}},
		{Metric: Metric{Kind: Over, Limit: 20 * time.Millisecond}, Cmp: LessEqual, Limit: Limit{Value: 50, Unit: Share, Baseline: true}},
	}
	for i, want := range []Budget{api, all, f} {
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("budget %d: %+v, want %+v", i, got[i], want)
		}
	}
	if keys := all.Keys(); !reflect.DeepEqual(keys, []string{"route", "tenant"}) {
		t.Errorf("keys %q", keys)
	}
	if keys := api.Keys(); !reflect.DeepEqual(keys, []string{"route", "shard", "live"}) {
		t.Errorf("keys %q", keys)
	}
}

// Each refusal, with its line and caret. A change is the old text and the new.
func TestParseFileErrors(t *testing.T) {
	var out strings.Builder
	for _, change := range [][2]string{
		{shopFile, ""}, {shopFile, "- a"}, {shopFile, "version: 1\n"}, {shopFile, "budgets: []"}, {shopFile, "version: 1\nbudgets: []"}, {shopFile, "budgets: " + strings.Repeat("[", 101)}, {shopFile, "version: 1\n---\nversion: 1\n"},
		{"version: 1", "version: 2"}, {"version: 1", "versoin: 1"}, {"min_calls: 500", "min_call: 500"}, {"min_calls: 500", "min_calls: -1"}, {"99%", "0.99"}, {"99%", "101%"}, {"99%", ".nan"},
		{"on_missing: warn", "on_missing: ignore"}, {"by: route", "by: {}"}, {"expect: [", "expct: ["}, {"p99 < 5ms", "p99 > 5"}, {"p99 < 5ms", `"p99 < 5x"`},
		{"'rate > 5/s'", "'rate > 5'"}, {"'rate > 5/s'", "|\n      rate\n      > 5"}, {"'rate > 5/s'", "[]"}, {"'rate > 5/s'", "{a: b}"}, {"tenant!=acme", "tenant"},
		{"[route, tenant]", "[route, route]"}, {"metric: p99.9, ", "metric: p99x, "}, {"metric: p99.9, ", "metric: calls, "}, {"max: +10%", "max: +10"}, {"max: +10%, ", ""},
		{"slices: 10", "slices: 1001"}, {"slices: 10", "slice: 10"}, {"200us", "200"}, {"metric: p99.9", "metric: over1s"}, {"func: \"main.*\"", "name: x"}, {"\"main.*\"", "/(/"},
		{"  - func: f\n", "  - func: f\n    func: g\n"}, {"on_missing: pass", "on_missing: &a pass"}, {"by: route", "by: [route"}, {"live: true", "live: null"},
	} {
		_, err := ParseFile([]byte(strings.Replace(shopFile, change[0], change[1], 1)))
		if err == nil {
			t.Errorf("%q instead of %q is accepted", change[1], change[0])
			continue
		}
		fmt.Fprintf(&out, "%s\n\n", strings.TrimRight(err.Error(), "\n"))
	}
	testutil.Golden(t, "file-errors.golden", []byte(out.String()))
}

// An endless reader gives the same line for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, "# budgets\n"), nil }

// TestLoadFile reads a file as an editor of Windows writes it, and no more of one
// that does not end than it may have.
func TestLoadFile(t *testing.T) {
	marked := "\ufeff" + strings.ReplaceAll(shopFile, "\n", "\r\n")
	if got, err := LoadFile(strings.NewReader(marked)); err != nil || len(got) != 3 {
		t.Errorf("%d budgets: %v", len(got), err)
	}
	if _, err := LoadFile(endless{}); err == nil || err.Error() != "parse budgets: longer than 1048576 bytes" {
		t.Errorf("a file without an end: %v", err)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(shopFile))
	f.Add([]byte("version: 1\nbudgets: [{func: f, expect: [p99 < baseline+1%]}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		budgets, err := ParseFile(text)
		if err != nil {
			_ = err.Error()
			return
		}
		for _, b := range budgets {
			if len(b.Expect) == 0 || b.Confidence <= 0.49 || b.Confidence >= 1 {
				t.Fatalf("%+v", b)
			}
		}
	})
}
