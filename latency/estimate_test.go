package latency

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuantileOfOneCall(t *testing.T) {
	for _, ns := range []uint64{0, 1, 59, 60, 12_345, 5e12} {
		s := seriesOf(nil, ns)
		for _, q := range []float64{0, 0.5, 0.999, 1, -1, 2, math.NaN()} {
			want := Estimate{Lo: time.Duration(ns), Hi: time.Duration(ns), N: 1}
			if got := s.Quantile(q); got != want {
				t.Errorf("%d ns: quantile %v = %v, want %v", ns, q, got, want)
			}
		}
		if s.P50NS != ns || s.P999NS != ns {
			t.Errorf("%d ns: p50 %d, p99.9 %d", ns, s.P50NS, s.P999NS)
		}
	}
}

func TestQuantileOfNothing(t *testing.T) {
	var s Series
	s.Fill()
	if got := s.Quantile(0.5); got != (Estimate{}) {
		t.Errorf("quantile of nothing = %v", got)
	}
}

func TestNearestRank(t *testing.T) {
	tests := []struct {
		q       float64
		n, want uint64
	}{
		{0.5, 1, 1}, {0.5, 2, 1}, {0.5, 3, 2}, {0.9, 10, 9}, {0.99, 100, 99}, {0.07, 100, 7},
		{0.99, 101, 100}, {0.999, 1000, 999}, {0.999, 1001, 1000}, {1, 5, 5}, {0, 5, 1}, {2, 5, 5},
		{1, math.MaxUint64, math.MaxUint64},
	}
	for _, tt := range tests {
		if got := nearestRank(tt.q, tt.n); got != tt.want {
			t.Errorf("nearestRank(%v, %d) = %d, want %d", tt.q, tt.n, got, tt.want)
		}
	}
}

// TestQuantileError holds the estimates against the true quantiles of random
// samples: the range must hold the truth, the middle be within 2.2 %.
func TestQuantileError(t *testing.T) {
	for range 200 {
		n := 1 + rand.IntN(2000)
		durations := make([]uint64, n)
		for i := range durations {
			durations[i] = 1000 + uint64(math.Exp(10+2*rand.NormFloat64()))
		}
		s := seriesOf(nil, durations...)
		slices.Sort(durations)
		for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
			truth := durations[nearestRank(q, uint64(n))-1]
			e := s.Quantile(q)
			if uint64(e.Lo) > truth || uint64(e.Hi) < truth || e.N != uint64(n) {
				t.Fatalf("q %v of %d: %v does not hold %d", q, n, e, truth)
			}
			if off := math.Abs(float64(e.Mid())/float64(truth) - 1); off > 0.022 {
				t.Fatalf("q %v of %d: %v is %.2f%% from %d", q, n, e.Mid(), 100*off, truth)
			}
		}
	}
}

func TestTotal(t *testing.T) {
	got := Total([]Series{{Key: map[string]string{"a": "b"}}, seriesOf(nil, 100, 200), seriesOf(nil, 50, 5000)})
	want := seriesOf(nil, 100, 200, 50, 5000)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(Series{}, Total(nil)); d != "" {
		t.Errorf("of none (-want +got):\n%s", d)
	}
}

func TestMidOfEveryBucket(t *testing.T) {
	for slot := 1; slot < NumSlots-1; slot++ {
		lo, hi := SlotBoundsNS(slot)
		e := Histogram{{lo, hi, 1}}.Quantile(0.5)
		for _, truth := range []time.Duration{e.Lo, e.Hi} {
			if off := math.Abs(float64(e.Mid() - truth)); off >= 0.022*float64(truth)+0.5 {
				t.Errorf("slot %d: %d is %v ns from %d", slot, e.Mid(), off, truth)
			}
		}
	}
}
