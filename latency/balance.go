package latency

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// TotalLost returns the number of calls lost, for whatever reason.
func (b *Balance) TotalLost() uint64 {
	var n uint64
	for _, lost := range b.Lost {
		n += lost
	}
	return n
}

// Accounted returns the right side of the balance, which equals Entries when
// every call is accounted for.
func (b *Balance) Accounted() uint64 {
	return b.Returns + b.InFlight + b.Unwound + b.Filtered + b.TotalLost()
}

// Add adds the calls of o to b.
func (b *Balance) Add(o *Balance) {
	b.Entries += o.Entries
	b.Returns += o.Returns
	b.InFlight += o.InFlight
	b.Unwound += o.Unwound
	b.Filtered += o.Filtered
	for reason, n := range o.Lost {
		if b.Lost == nil {
			b.Lost = make(map[string]uint64)
		}
		b.Lost[reason] += n
	}
}

// Check returns an error that names every term when the balance does not hold.
func (b *Balance) Check() error {
	terms := []uint64{b.Returns, b.InFlight, b.Unwound, b.Filtered}
	terms = slices.AppendSeq(terms, maps.Values(b.Lost))
	if sum, ok := addAll(terms...); ok && sum == b.Entries {
		return nil
	}
	var lost strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(b.Lost)) {
		fmt.Fprintf(&lost, " + %d lost (%q)", b.Lost[reason], reason)
	}
	return fmt.Errorf("%d entries are not %d returns + %d in flight + %d unwound + %d filtered%s",
		b.Entries, b.Returns, b.InFlight, b.Unwound, b.Filtered, lost.String())
}

// since returns the balance of an interval that began when it was prev. The
// calls then in flight count as entries of the interval, so that its balance
// holds as well.
func (b *Balance) since(prev *Balance) Balance {
	d := Balance{
		Entries:  less(b.Entries, less(prev.Entries, prev.InFlight)),
		Returns:  less(b.Returns, prev.Returns),
		InFlight: b.InFlight,
		Unwound:  less(b.Unwound, prev.Unwound),
		Filtered: less(b.Filtered, prev.Filtered),
		Lost:     make(map[string]uint64),
	}
	for reason, n := range b.Lost {
		if n = less(n, prev.Lost[reason]); n > 0 {
			d.Lost[reason] = n
		}
	}
	return d
}

// less returns a - b, or 0 where that would be negative.
func less(a, b uint64) uint64 {
	return a - min(a, b)
}

// addAll returns the sum of the terms and whether it fits.
func addAll(terms ...uint64) (sum uint64, ok bool) {
	var carries uint64
	for _, n := range terms {
		var carry uint64
		sum, carry = bits.Add64(sum, n, 0)
		carries += carry
	}
	return sum, carries == 0
}
