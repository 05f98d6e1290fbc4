package budget

import (
	"math"
	"testing"
)

func shareBounds(k, n uint64, alpha float64) (lo, hi float64) {
	return lowerShare(k, n, alpha), upperShare(k, n, alpha)
}

// direct sums the distribution from its recurrence.
func direct(k, n uint64, p float64) float64 {
	var sum float64
	for i := uint64(0); i <= k; i++ {
		c, _ := math.Lgamma(float64(n + 1))
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(c - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func TestBinomialTails(t *testing.T) {
	for _, n := range []uint64{1, 2, 17, 299, 5000} {
		for _, p := range []float64{1e-4, 0.01, 0.3, 0.5, 0.99} {
			for _, k := range []uint64{0, 1, 5, n / 3, n - 1} {
				if k >= n {
					continue
				}
				want := direct(k, n, p)
				if got := atMost(k, n, p); math.Abs(got-want) > 1e-9 {
					t.Errorf("at most %d of %d with %v: %v, want %v", k, n, p, got, want)
				}
				if got := atLeast(k+1, n, p); math.Abs(got-(1-want)) > 1e-9 {
					t.Errorf("at least %d of %d with %v: %v, want %v", k+1, n, p, got, 1-want)
				}
			}
		}
	}
}

// The values are those of published tables of two-sided 95 % limits
// (binom.test of R prints the same), so alpha is 0.025.
func TestShareBounds(t *testing.T) {
	for _, tt := range []struct {
		k, n   uint64
		lo, hi float64
	}{
		{0, 10, 0, 0.3085}, {1, 10, 0.0025, 0.4450}, {5, 10, 0.1871, 0.8129}, {10, 10, 0.6915, 1},
		{1, 20, 0.0013, 0.2487}, {7, 20, 0.1539, 0.5922}, {1, 100, 0.0003, 0.0545}, {50, 100, 0.3983, 0.6017},
	} {
		lo, hi := shareBounds(tt.k, tt.n, 0.025)
		if math.Abs(lo-tt.lo) > 5e-5 || math.Abs(hi-tt.hi) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", tt.k, tt.n, lo, hi, tt.lo, tt.hi)
		}
	}
	// Without a call above, the upper bound has a closed form.
	for _, n := range []uint64{1, 299, 1e6, maxExact} {
		want := -math.Expm1(math.Log(0.05) / float64(n))
		if _, hi := shareBounds(0, n, 0.05); math.Abs(hi/want-1) > 1e-6 {
			t.Errorf("0 of %d: up to %v, want %v", n, hi, want)
		}
	}
}

// Beyond maxExact the bounds are wider than the exact ones of fewer calls
// scaled to them, and not by much.
func TestManyCalls(t *testing.T) {
	n := uint64(maxExact)
	lo, hi := shareBounds(n/100, n, 0.05)
	wideLo, wideHi := shareBounds((n+1)/100, n+1, 0.05)
	if !(wideLo < lo && hi < wideHi) || wideHi-wideLo > 1.6*(hi-lo) {
		t.Errorf("exact %v to %v, bounded %v to %v", lo, hi, wideLo, wideHi)
	}
	lo, hi = shareBounds(math.MaxUint64/100, math.MaxUint64, 0.05)
	if !(lo <= 0.01 && 0.01 <= hi) || hi-lo > 1e-6 {
		t.Errorf("2^64 calls: %v to %v", lo, hi)
	}
}

// So many calls it takes before a bound exists: 5 for p50, 299 for p99.
func TestQuantileRanks(t *testing.T) {
	for _, tt := range []struct {
		q    float64
		need uint64
	}{{0.5, 5}, {0.9, 29}, {0.95, 59}, {0.99, 299}, {0.999, 2995}} {
		if _, hi := quantileRanks(tt.need, 1-tt.q, 0.05); hi != tt.need {
			t.Errorf("q %v of %d: rank %d", tt.q, tt.need, hi)
		}
		if _, hi := quantileRanks(tt.need-1, 1-tt.q, 0.05); hi != tt.need {
			t.Errorf("q %v of %d: rank %d, want none", tt.q, tt.need-1, hi)
		}
	}
	for _, n := range []uint64{1, 4, 10, 1000, 100_000} {
		for _, tail := range []float64{0.5, 0.01, 0.999} {
			lo, hi := quantileRanks(n, tail, 0.05)
			if lo > 0 && atMost(lo-1, n, 1-tail) > 0.05 || atMost(lo, n, 1-tail) <= 0.05 && lo < n {
				t.Errorf("n %d tail %v: lower rank %d", n, tail, lo)
			}
			if hi <= n && atLeast(hi, n, 1-tail) > 0.05 || hi > 1 && hi <= n && atLeast(hi-1, n, 1-tail) <= 0.05 {
				t.Errorf("n %d tail %v: upper rank %d", n, tail, hi)
			}
		}
	}
}

// With every share, a bound holds with the stated confidence: the error is
// summed over all counts, not drawn.
func TestShareBoundsCover(t *testing.T) {
	const alpha = 0.05
	for _, n := range []uint64{20, 300, 1000} {
		for _, p := range []float64{0.001, 0.01, 0.0123, 0.1, 0.5} {
			var above, below float64
			for k := uint64(0); k <= n; k++ {
				mass := atMost(k, n, p)
				if k > 0 {
					mass -= atMost(k-1, n, p)
				}
				if atLeast(k, n, p) <= alpha {
					above += mass
				}
				if atMost(k, n, p) <= alpha {
					below += mass
				}
			}
			if above > alpha+1e-9 || below > alpha+1e-9 {
				t.Errorf("n %d, share %v: judged above with %v, below with %v", n, p, above, below)
			}
		}
	}
}
