package latency

import (
	"math"
	"math/big"
	"math/bits"
	"sync"
)

// The scheme of the buckets is the base-2 exponential one of Prometheus's
// native histograms and of OTLP, at scale 4: each doubling has 16 buckets, the
// bounds are powers of 2^(1/16) in seconds, and an upper bound belongs to its
// bucket. Since durations are whole nanoseconds, rounding the bounds down to
// whole nanoseconds changes no bucket's contents.
const (
	// NumSlots is the number of slots: one for underflow, one for each bucket
	// from 2^-24 s (60 ns) to 2^12 s (68 minutes), one for overflow.
	NumSlots = 578

	slotsPerDoubling = 16
	minExponent      = -24 // slot 0 ends at 2^minExponent seconds
	numBounds        = NumSlots - 1
)

// slotTables is what a lookup needs; both parts also go to the eBPF side.
type slotTables struct {
	bounds [numBounds]uint64
	first  [64]uint16
}

var tables = sync.OnceValue(func() *slotTables {
	t := new(slotTables)
	for i := range t.bounds {
		t.bounds[i] = upperBound(i)
	}
	slot := 0
	for e := range t.first {
		for slot < numBounds-slotsPerDoubling && t.bounds[slot] < 1<<e {
			slot++
		}
		t.first[e] = uint16(slot)
	}
	return t
})

// upperBound is the largest whole number of nanoseconds that is not above
// 2^(minExponent + slot/16) seconds. Its 16th power is an integer quotient,
// and the integer 16th root is four integer square roots, so it is exact.
func upperBound(slot int) uint64 {
	const shift = -minExponent * slotsPerDoubling
	n := new(big.Int).Exp(big.NewInt(1e9), big.NewInt(slotsPerDoubling), nil)
	n.Lsh(n, uint(slot)).Rsh(n, shift)
	for range 4 {
		n.Sqrt(n)
	}
	return n.Uint64()
}

// Slot returns the index of the slot that holds a duration of ns nanoseconds.
//
// The eBPF side finds the same index in the same way, without a logarithm. A
// value whose most significant bit is e lies in one of the 17 slots from
// FirstSlots()[e] on, because 16 slots make a doubling; four halving steps and
// a last comparison among 16 bounds find it:
//
//	i = first[msb(v | 1)]
//	if (bounds[i+7] < v) i += 8
//	if (bounds[i+3] < v) i += 4
//	if (bounds[i+1] < v) i += 2
//	if (bounds[i] < v)   i += 1
//	if (bounds[i] < v)   i += 1
//
// The largest index read is 576, the last one of UpperBoundsNS.
func Slot(ns uint64) int {
	t := tables()
	i := int(t.first[bits.Len64(ns|1)-1])
	for step := slotsPerDoubling / 2; step > 0; step /= 2 {
		if t.bounds[i+step-1] < ns {
			i += step
		}
	}
	if t.bounds[i] < ns {
		i++
	}
	return i
}

// SlotBoundsNS returns the bounds of a slot in nanoseconds: it holds the
// durations above lo and up to hi. Slot 0 also holds the duration 0, and the
// last slot has no upper bound, so its hi is the largest uint64. The slot must
// be at least 0 and below NumSlots.
func SlotBoundsNS(slot int) (lo, hi uint64) {
	t := tables()
	if slot > 0 {
		lo = t.bounds[slot-1]
	}
	if slot == NumSlots-1 {
		return lo, math.MaxUint64
	}
	return lo, t.bounds[slot]
}

// UpperBoundsNS returns the upper bound of every slot but the last, which has
// none. Slot i holds v when bounds[i-1] < v <= bounds[i]; all above bounds[576]
// is in slot 577.
func UpperBoundsNS() [numBounds]uint64 {
	return tables().bounds
}

// FirstSlots returns, for each position e of the most significant bit, the
// slot where the search for such a value starts: the first slot whose upper
// bound is at least 2^e, but never above 561, so that the 16 bounds from there
// on always exist.
func FirstSlots() [64]uint16 {
	return tables().first
}
