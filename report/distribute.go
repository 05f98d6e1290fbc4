package report

import (
	"math"
	"math/bits"

	"github.com/latchprof/latch/latency"
)

// distribute splits a series' sum over its buckets, so that the parts add up
// to it exactly. Each part lies between what the bucket's calls take at least
// and at most, as far as the minimum and the maximum tell: every bucket gets
// its least and, of the remainder, the same fraction of its leeway.
func distribute(s *latency.Series) []uint64 {
	least := make([]uint64, len(s.Buckets))
	leeway := make([]uint64, len(s.Buckets))
	rest := s.SumNS
	for i, b := range s.Buckets {
		lo, hi := max(b.LoNS, s.MinNS), min(b.HiNS, s.MaxNS)
		least[i] = product(min(lo, hi), b.Count, s.SumNS)
		if least[i] > rest {
			// The sum contradicts the buckets: only its total can be kept.
			clear(least)
			rest = s.SumNS
			for i, b := range s.Buckets {
				leeway[i] = product(min(b.HiNS, s.MaxNS), b.Count, s.SumNS)
			}
			break
		}
		rest -= least[i]
		leeway[i] = product(hi, b.Count, math.MaxUint64) - least[i]
	}
	for i, extra := range proportional(rest, leeway) {
		least[i] += extra
	}
	return least
}

// proportional splits n in proportion to the weights; the parts add up to n
// exactly. What rounding leaves goes, one each, to the first with any weight.
func proportional(n uint64, weights []uint64) []uint64 {
	parts := make([]uint64, len(weights))
	if len(parts) == 0 {
		return parts
	}
	var hi, sum uint64
	for _, w := range weights {
		var carry uint64
		sum, carry = bits.Add64(sum, w, 0)
		hi += carry
	}
	shift := bits.Len64(hi) // weights so large keep enough bits
	if hi > 0 {
		sum = 0
		for _, w := range weights {
			sum += w >> shift
		}
	}
	rest := n
	if sum > 0 {
		for i, w := range weights {
			high, low := bits.Mul64(w>>shift, n)
			parts[i], _ = bits.Div64(high, low, sum) // w <= sum, so it fits
			rest -= parts[i]
		}
	}
	for i := 0; rest > 0 && i < len(parts); i++ {
		if weights[i]>>shift > 0 {
			parts[i]++
			rest--
		}
	}
	parts[len(parts)-1] += rest
	return parts
}

// product returns a*b, but at most limit.
func product(a, b, limit uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi > 0 {
		return limit
	}
	return min(lo, limit)
}
