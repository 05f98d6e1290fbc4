package budget

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/latchprof/latch/latency"
)

// randomBudget limits something near what the service does.
func randomBudget(t *testing.T, rnd *rand.Rand) Budget {
	t.Helper()
	limit := time.Duration(float64(time.Millisecond) * (1 + 8*rnd.Float64()))
	text := []string{
		fmt.Sprintf("p99(f) < %s", limit), fmt.Sprintf("p90(f) <= %s", limit), fmt.Sprintf("p50(f) > %s", limit), fmt.Sprintf("p75(f) >= %s", limit),
		fmt.Sprintf("max(f) < %s", 3*limit), fmt.Sprintf("over%s(f) < 5%%", limit), fmt.Sprintf("over%s(f) > 20%%", limit), fmt.Sprintf("over%s(f) <= 0%%", 3*limit),
		fmt.Sprintf("mean(f) < %s", limit), "calls(f) >= 250", "rate(f) < 28/s",
	}[rnd.IntN(11)]
	b := parse(t, text)
	b.MinCalls = 1
	return b
}

// What the buckets leave open never makes a verdict that exact counts refute.
func TestBucketsNeverContradict(t *testing.T) {
	const seed = 11
	s := newService(seed, 0.6)
	decided := 0
	for range 3000 {
		b := randomBudget(t, s.Rand)
		calls := s.calls(1 + s.IntN(500))
		exact := Judge(RunsOf(recording(function("f", nil, seriesOf(map[string]string{}, b.LimitsNS(), calls...)))), []Budget{b}, nil)[0]
		loose := Judge(RunsOf(recording(function("f", nil, seriesOf(map[string]string{}, nil, calls...)))), []Budget{b}, nil)[0]
		if loose.State == Inconclusive {
			continue
		}
		decided++
		if exact.State != loose.State {
			t.Fatalf("seed %d, %s: %s, exactly %s", seed, b.Name, describe(&loose), describe(&exact))
		}
	}
	if decided < 1000 {
		t.Errorf("only %d of 3000 are decided", decided)
	}
}

// A verdict holds whatever the calls were that were lost, merged or unreadable.
// Of the mean that is so if they were no longer than the longest.
func TestUnknownCallsNeverTurn(t *testing.T) {
	const seed = 12
	s := newService(seed, 0.6)
	decided := 0
	for range 3000 {
		b := randomBudget(t, s.Rand)
		b.Where = []Matcher{{Key: "k", Op: Matches, Value: "^x"}}
		b.Where[0], _ = parseMatcher("k=~^x")
		known, hidden := s.calls(1+s.IntN(500)), s.calls(s.IntN(20))
		var longest uint64
		for _, d := range known {
			longest = max(longest, d)
		}
		x, y := map[string]string{"k": "x"}, map[string]string{"k": "y"}
		key := map[string]string{"k": []string{latency.KeyOther, latency.KeyUnreadable}[s.IntN(2)]}
		lost := s.IntN(20)
		f := function("f", []string{"k"}, seriesOf(x, b.LimitsNS(), known...))
		if len(hidden) > 0 {
			f = function("f", []string{"k"}, f.Series[0], seriesOf(key, b.LimitsNS(), hidden...))
		}
		lose(&f, uint64(lost), 0)
		v := Judge(RunsOf(recording(f)), []Budget{b}, nil)[0]
		if v.State == Inconclusive {
			continue
		}
		decided++
		// Three fates of the lost calls, and any of the hidden.
		for fate := range 3 {
			calls, others := append([]uint64{}, known...), []uint64{1}
			for range lost {
				d := []uint64{0, longest, s.calls(1)[0]}[fate]
				calls = append(calls, min(d, longest))
			}
			for _, d := range hidden {
				if s.IntN(2) == 0 {
					calls = append(calls, d)
				} else {
					others = append(others, d)
				}
			}
			truth := recording(function("f", []string{"k"}, seriesOf(x, b.LimitsNS(), calls...), seriesOf(y, b.LimitsNS(), others...)))
			if got := Judge(RunsOf(truth), []Budget{b}, nil)[0]; got.State != v.State && got.State != Inconclusive {
				t.Fatalf("seed %d, %s: %s, in truth %s", seed, b.Name, describe(&v), describe(&got))
			}
		}
	}
	if decided < 500 {
		t.Errorf("only %d of 3000 are decided", decided)
	}
}

// What a run was cut into adds up to it.
func TestCut(t *testing.T) {
	s := newService(1, 0.6)
	var calls []uint64
	var states []*latency.Recording
	for i := range 5 {
		calls = append(calls, s.calls(400)...)
		rec := recording(function("f", nil, seriesOf(map[string]string{}, []uint64{4_999_999}, calls...)))
		rec.DurationNS = int64(i+1) * 2e9
		states = append(states, rec)
	}
	runs := Cut(states...)
	for i, rec := range runs.Recordings {
		if err := rec.Check(); err != nil {
			t.Errorf("slice %d: %v", i, err)
		}
		if n := rec.Functions[0].Series[0].Count; n != 400 || rec.DurationNS != 2e9 {
			t.Errorf("slice %d has %d calls in %d ns", i, n, rec.DurationNS)
		}
	}
	b := parse(t, "p90(f) < 5ms")
	whole, cut := Judge(RunsOf(states[4]), []Budget{b}, nil)[0], Judge(runs, []Budget{b}, nil)[0]
	if describe(&whole) != describe(&cut) || whole.Lo != cut.Lo || whole.Hi != cut.Hi || whole.AboveMost == 0 {
		t.Errorf("%s\n%s", describe(&whole), describe(&cut))
	}

	if _, err := Join(runs, runs); err == nil {
		t.Error("slices are joined")
	}
	joined, err := Join(RunsOf(states[0]), RunsOf(states[1], states[2]))
	if err != nil || len(joined.Recordings) != 3 || joined.Slices {
		t.Errorf("%+v, %v", joined, err)
	}
	if _, err := Join(); err == nil || err.Error() != "join runs: 0 recordings, not 1 to 1000" {
		t.Errorf("nothing joined: %v", err)
	}
	other := *states[0]
	other.Machine = "another"
	if _, err := Join(RunsOf(states[0]), RunsOf(&other)); err == nil {
		t.Error("machines are mixed")
	}
}
