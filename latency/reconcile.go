package latency

import (
	"math"
	"math/bits"
)

// Reconcile fits a series' times to its buckets: the least and the greatest to
// the outermost ones, the sum to what so many calls can take, the calls' own
// share and what drops cost to the sum, the calls above limits to the buckets
// around those. It is for series that were read while calls ended, whose
// numbers are then a few calls apart, and for the differences of such; a
// series read at rest is left as it is. The buckets decide, as they make up the
// count. A single call's sum is its time.
func (s *Series) Reconcile() {
	n := len(s.Buckets)
	if n == 0 {
		return
	}
	first, last := s.Buckets[0], s.Buckets[n-1]
	least, _ := first.span()
	lowest, highest := last.span()
	s.MinNS = clamp(s.MinNS, least, first.HiNS)
	s.MaxNS = clamp(max(s.MinNS, s.MaxNS), lowest, highest)
	if s.Count == 1 {
		s.SumNS = clamp(s.SumNS, least, highest)
		s.MinNS, s.MaxNS = s.SumNS, s.SumNS
	} else {
		s.SumNS = clamp(s.SumNS, times(s.MinNS, s.Count), times(s.MaxNS, s.Count))
	}
	s.SelfNS = min(s.SelfNS, s.SumNS)
	s.LostNS = min(s.LostNS, s.SumNS)
	s.reconcileOver()
}

func clamp(v, lo, hi uint64) uint64 { return min(max(v, lo), hi) }

// times is a*b, or the largest number where that does not fit.
func times(a, b uint64) uint64 {
	if hi, lo := bits.Mul64(a, b); hi == 0 {
		return lo
	}
	return math.MaxUint64
}
