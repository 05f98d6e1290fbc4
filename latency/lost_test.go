package latency

import "testing"

// What drops cost is added up and subtracted as the other times are.
func TestLost(t *testing.T) {
	key := map[string]string{KeyDrops: WithDrops}
	before, after, other := seriesOf(key, 3000), seriesOf(key, 3000, 5000), seriesOf(key, 7000)
	before.LostNS, after.LostNS, other.LostNS = 2000, 6000, 500

	if got := Total([]Series{after, other}); got.LostNS != 6500 {
		t.Errorf("in all %d ns are lost", got.LostNS)
	}
	merged := after
	merged.Merge(&other)
	if merged.LostNS != 6500 {
		t.Errorf("merged, %d ns are lost", merged.LostNS)
	}
	rec := func(s Series) *Recording {
		return &Recording{Schema: Schema, Functions: []Function{{
			Name: "send", By: []string{KeyDrops}, Balance: Balance{Entries: s.Count, Returns: s.Count}, Series: []Series{s},
		}}}
	}
	since := rec(after).Since(rec(before))
	if err := since.Check(); err != nil {
		t.Error(err)
	}
	if got := since.Functions[0].Series[0]; got.LostNS != 4000 || got.SumNS != 5000 {
		t.Errorf("of the interval's %d ns %d are lost", got.SumNS, got.LostNS)
	}
}
