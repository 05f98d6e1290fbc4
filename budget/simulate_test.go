package budget

import (
	"fmt"
	"math"
	"testing"
)

const trials = 200

// A service whose p99 is the limit itself is the worst that keeps a budget: its
// failures are false. The error there is a little below 5 % (TestShareBoundsCover
// sums it exactly), so that in 200 trials more than 10 are no fault by
// themselves; all together must not be more than chance makes of 5 %. With 2 %
// of room, each number of calls must stay below 5 %.
func TestFalseFailures(t *testing.T) {
	const seed = 20261126
	var all, failed int
	for i, n := range []int{300, 1000, 3000, 10_000} {
		for _, at := range []float64{1, 1.02} {
			s := newService(seed+uint64(i), 0.6)
			b, err := Parse(fmt.Sprintf("p99(handle) <= %dns", int(s.p99()*at)))
			if err != nil {
				t.Fatal(err)
			}
			count := map[State]int{}
			for range trials {
				runs := RunsOf(recording(function("handle", nil, seriesOf(map[string]string{}, b.LimitsNS(), s.calls(n)...))))
				count[Judge(runs, []Budget{b}, nil)[0].State]++
			}
			if count[Missing] > 0 {
				t.Errorf("%d calls: %d verdicts are missing", n, count[Missing])
			}
			t.Logf("seed %d, %d calls, limit %v of the true p99: %d of %d fail, %d pass", seed+i, n, at, count[Fail], trials, count[Pass])
			if at == 1 {
				all, failed = all+trials, failed+count[Fail]
			}
			if at > 1 && count[Fail] > trials*5/100 {
				t.Errorf("%d calls: %d of %d budgets that hold fail", n, count[Fail], trials)
			}
		}
	}
	t.Logf("at the limit: %d of %d fail", failed, all)
	if atLeast(uint64(failed), uint64(all), 0.05) < 0.01 {
		t.Errorf("at the limit: %d of %d fail, more than 5 %%", failed, all)
	}
}

// A p99 of 30 % above the limit is found with 10,000 calls.
func TestTrueFailures(t *testing.T) {
	const seed = 7
	s := newService(seed, 0.6)
	b, err := Parse(fmt.Sprintf("p99(handle) < %dns", int(s.p99())))
	if err != nil {
		t.Fatal(err)
	}
	s.factor = 1.3
	failed := 0
	for range trials {
		runs := RunsOf(recording(function("handle", nil, seriesOf(map[string]string{}, b.LimitsNS(), s.calls(10_000)...))))
		if Judge(runs, []Budget{b}, nil)[0].State == Fail {
			failed++
		}
	}
	t.Logf("seed %d: %d of %d fail", seed, failed, trials)
	if failed < trials*99/100 {
		t.Errorf("only %d of %d fail", failed, trials)
	}
}

// runsOf draws runs of the service, each with a speed of its own.
func (s *service) runs(n, calls int, noise float64) *Runs {
	base := s.factor
	defer func() { s.factor = base }()
	r := new(Runs)
	for range n {
		s.factor = base * math.Exp(noise*s.NormFloat64())
		r.Recordings = append(r.Recordings, recording(function("handle", nil, seriesOf(map[string]string{}, nil, s.calls(calls)...))))
	}
	return r
}

// Five runs a side of 10,000 calls each, whose speeds differ by 4 %: no change
// must not be found, +15 % must.
func TestRegressions(t *testing.T) {
	const seed, calls = 41, 10_000
	b := Defaults()
	b.Func = "handle"
	b.Expect = []Expectation{{Metric: Metric{Percent: 99}, Cmp: LessEqual, Limit: Limit{Value: 5, Unit: Share, Baseline: true}}}
	for _, tt := range []struct {
		change      float64
		trials      int
		least, most int // of the trials that may fail
	}{
		{1, trials, 0, trials * 2 / 100},
		{1.15, trials, trials * 95 / 100, trials},
		{0.87, 20, 0, 0},
	} {
		s := newService(seed, 0.6)
		checks, trends := map[State]int{}, map[Trend]int{}
		for range tt.trials {
			s.factor = 1
			old := s.runs(5, calls, 0.04)
			s.factor = tt.change
			now := s.runs(5, calls, 0.04)
			checks[Judge(now, []Budget{b}, old)[0].State]++
			d, err := Diff(old, now, &DiffOptions{Metrics: []Metric{{Percent: 99}}})
			if err != nil {
				t.Fatal(err)
			}
			trends[d.Rows[0].Trend]++
		}
		t.Logf("seed %d, change %v: check %v, diff %v of %d", seed, tt.change, checks, trends, tt.trials)
		if n := checks[Fail]; n < tt.least || n > tt.most {
			t.Errorf("change %v: %d of %d checks fail", tt.change, n, tt.trials)
		}
		if n := trends[Worse]; n < tt.least || n > tt.most {
			t.Errorf("change %v: %d of %d differences are worse", tt.change, n, tt.trials)
		}
		if n := trends[Better]; tt.change == 1 && n > trials*2/100 {
			t.Errorf("no change: %d of %d differences are better", n, trials)
		}
	}
}
