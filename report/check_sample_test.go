package report

import (
	"fmt"
	"math"
	"testing"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
)

// judged is a check of these budgets, as latch judges it.
func judged(t testing.TB, runs, baseline *budget.Runs, yaml string) *Check {
	t.Helper()
	budgets, err := budget.ParseFile([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return &Check{
		Verdicts: budget.Judge(runs, budgets, baseline), Runs: runs, Baseline: baseline, Source: "ci/budget.yaml",
	}
}

// shopCheck has a verdict of each state, of each kind of metric.
func shopCheck(t testing.TB) *Check {
	rec := shop()
	rec.Machine = "Example CPU @ 2.4 GHz, 8 CPUs"
	return judged(t, budget.RunsOf(rec), nil, `
version: 1
budgets:
  - name: API handler
    func: shop.(*API).handle
    where: {route: /api}
    expect: [p99 < 1s, p50 < 5ms, over20ms < 90%, mean < 1s, rate > 10/s, calls >= 500]
  - name: prices
    func: main.(*Cart).Price
    by: item.SKU
    min_calls: 20
    expect: [p99 < 5ms, max < 100ms]
    on_missing: warn
  - func: db::*
    expect: [p99.9 < 10s, p99 < 300s]
  - func: nobody
    expect: p50 < 1ms
`)
}

// runsAt are runs of 400 calls each, so much slower than the sample's.
func runsAt(factor float64) *budget.Runs {
	runs := new(budget.Runs)
	for i := range 5 {
		speed := factor * (1 + 0.01*float64(i))
		handle := function("shop.(*API).handle", []string{"route"},
			seriesOf(map[string]string{"route": "/api"}, spread(400, 2e6*speed, 1.002)...),
			seriesOf(map[string]string{"route": "/"}, spread(400, 1e6, 1.002+0.0001*float64(i))...),
		)
		runs.Recordings = append(runs.Recordings, recording(handle))
	}
	return runs
}

// regressed is compared with a baseline.
func regressed(t testing.TB) *Check {
	c := judged(t, runsAt(1.3), runsAt(1), `
version: 1
budgets:
  - name: API handler
    func: shop.(*API).handle
    by: route
    regress: {metric: p99, max: +10%, min_effect: 200us}
`)
	c.Warnings = []string{`kernel ["6.18.0"], was ["6.12.0"]`}
	return c
}

// nasty is text made to break each of the formats.
const nasty = "\x1b[31m\x00\x07\r\n::error file=x::y%0A]]>|`$(id)` \"q\\ \u202e\xff<b>&#0; # EOF\n価格"

// hostileCheck has nasty text wherever there is text, and numbers that are none.
func hostileCheck() *Check {
	f := function(nasty, []string{nasty}, seriesOf(map[string]string{nasty: nasty}, 100, 200))
	f.File = nasty
	rec := recording(f)
	rec.Machine, rec.Kernel, rec.Warnings = nasty, nasty, []string{nasty}
	rec.Command = &latency.Command{Argv: []string{nasty}, Exit: 3}
	verdict := func(state budget.State, action budget.Action, estimate, lo, hi float64) budget.Verdict {
		return budget.Verdict{
			Budget: nasty, Func: nasty, Key: []budget.Matcher{{Key: nasty, Value: nasty}},
			Expect: budget.Expectation{Metric: budget.Metric{Percent: 99}, Limit: budget.Limit{Value: 5e6}},
			State:  state, Action: action, Estimate: estimate, Lo: lo, Hi: hi, Calls: 2, Need: 300, Reasons: []string{nasty},
		}
	}
	nan, inf := math.NaN(), math.Inf(1)
	c := &Check{
		Verdicts: []budget.Verdict{
			verdict(budget.Fail, budget.ActFail, 7e6, 6e6, inf),
			verdict(budget.Missing, budget.ActFail, nan, nan, nan),
			verdict(budget.Inconclusive, budget.ActWarn, 4e6, 0, inf),
			verdict(budget.Pass, budget.ActPass, 150, 100, 200),
		},
		Runs: budget.RunsOf(rec), Warnings: []string{nasty}, Source: nasty, Incomplete: nasty,
	}
	c.Verdicts[2].Change = &budget.Change{Before: 0, After: 5, Ratio: inf, Lo: -1, Hi: inf, DiffLo: -inf, DiffHi: inf, P: 1, NeedRuns: 4}
	return c
}

// manyChecks is of n failures and as many warnings.
func manyChecks(n int) *Check {
	c := &Check{Source: "budget.yaml"}
	for i := range 2 * n {
		v := budget.Verdict{
			Budget: "all of them", Func: fmt.Sprintf("main.handler%d", i), State: budget.Fail, Calls: 1000,
			Expect:   budget.Expectation{Metric: budget.Metric{Percent: 99}, Limit: budget.Limit{Value: 5e6}},
			Estimate: 7e6, Lo: 6e6, Hi: 8e6,
		}
		if i%2 == 1 {
			v.State, v.Action, v.Lo, v.Need = budget.Inconclusive, budget.ActWarn, 1e6, 5000
		}
		c.Verdicts = append(c.Verdicts, v)
	}
	return c
}
