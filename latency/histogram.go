package latency

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A Bucket counts the durations above LoNS and up to HiNS. The bounds are
// those of a slot. In JSON it is the array [LoNS, HiNS, Count].
type Bucket struct {
	LoNS, HiNS, Count uint64
}

// A Histogram holds the buckets that are not empty, ascending.
type Histogram []Bucket

// FromSlots returns the histogram of a counter per slot, as the eBPF side
// keeps them. Slots may be shorter than NumSlots; counters beyond it are
// counted into the overflow slot.
func FromSlots(slots []uint64) Histogram {
	var h Histogram
	for slot, n := range slots {
		if n == 0 {
			continue
		}
		lo, hi := SlotBoundsNS(min(slot, NumSlots-1))
		if last := len(h) - 1; last >= 0 && h[last].HiNS == hi {
			h[last].Count += n
			continue
		}
		h = append(h, Bucket{lo, hi, n})
	}
	return h
}

// Count returns the number of durations in h.
func (h Histogram) Count() uint64 {
	var n uint64
	for _, b := range h {
		n += b.Count
	}
	return n
}

// Merge returns the histogram of the durations of h and of o together.
func (h Histogram) Merge(o Histogram) Histogram {
	if len(o) == 0 {
		return slices.Clone(h)
	}
	sum := make(Histogram, 0, max(len(h), len(o)))
	for len(h) > 0 && len(o) > 0 {
		switch {
		case h[0].HiNS < o[0].HiNS:
			sum, h = append(sum, h[0]), h[1:]
		case h[0].HiNS > o[0].HiNS:
			sum, o = append(sum, o[0]), o[1:]
		default:
			b := h[0]
			b.Count += o[0].Count
			sum, h, o = append(sum, b), h[1:], o[1:]
		}
	}
	return append(append(sum, h...), o...)
}

// Sub returns what h counts beyond prev, an earlier state of the same
// counters. A bucket that counts less than before is left out.
func (h Histogram) Sub(prev Histogram) Histogram {
	var rest Histogram
	for _, b := range h {
		for len(prev) > 0 && prev[0].HiNS < b.HiNS {
			prev = prev[1:]
		}
		if len(prev) > 0 && prev[0].HiNS == b.HiNS {
			b.Count -= min(b.Count, prev[0].Count)
		}
		if b.Count > 0 {
			rest = append(rest, b)
		}
	}
	return rest
}

// Quantile estimates the duration that the fraction q of the durations does
// not exceed, by nearest rank: the bucket of the ceil(q*N)-th smallest.
func (h Histogram) Quantile(q float64) Estimate {
	n := h.Count()
	if n == 0 {
		return Estimate{}
	}
	rank := nearestRank(q, n)
	var below uint64
	for _, b := range h {
		below += b.Count
		if below >= rank {
			lo, hi := b.span()
			return Estimate{Lo: duration(lo), Hi: duration(hi), N: n}
		}
	}
	return Estimate{}
}

// span returns the least and the greatest duration that b may hold.
func (b Bucket) span() (least, most uint64) {
	if b.LoNS == 0 {
		return 0, b.HiNS
	}
	return b.LoNS + 1, b.HiNS
}

// nearestRank returns ceil(q*n), at least 1 and at most n. A product that
// misses a whole number by rounding alone, as 0.07*100 does, counts as it.
func nearestRank(q float64, n uint64) uint64 {
	if q >= 1 {
		return n
	}
	product := q * float64(n)
	rank := math.Ceil(product - product*0x1p-50)
	switch {
	case !(rank > 1): // also when q is not a number
		return 1
	case rank >= float64(n):
		return n
	}
	return uint64(rank)
}

// MarshalJSON writes an array of [lo, hi, count] arrays; an empty histogram is
// an empty array.
func (h Histogram) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, b := range h {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		out = strconv.AppendUint(out, b.LoNS, 10)
		out = append(out, ',')
		out = strconv.AppendUint(out, b.HiNS, 10)
		out = append(out, ',')
		out = strconv.AppendUint(out, b.Count, 10)
		out = append(out, ']')
	}
	return append(out, ']'), nil
}

// UnmarshalJSON accepts what MarshalJSON writes, with any white space. Every
// bucket must be a slot of the scheme, counted, and above the one before.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	s := scanner(data)
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		*h = nil
		return nil
	}
	if err := s.byte('['); err != nil {
		return fmt.Errorf("read buckets: %w", err)
	}
	var out Histogram
	for !s.next(']') {
		if len(out) > 0 {
			if err := s.byte(','); err != nil {
				return fmt.Errorf("read bucket %d: %w", len(out), err)
			}
		}
		b, err := s.bucket()
		if err != nil {
			return fmt.Errorf("read bucket %d: %w", len(out), err)
		}
		if len(out) > 0 && b.LoNS < out[len(out)-1].HiNS {
			return fmt.Errorf("read bucket %d: (%d, %d] is not above the bucket before", len(out), b.LoNS, b.HiNS)
		}
		out = append(out, b)
	}
	s.next(']')
	if rest := bytes.TrimSpace(s[1:]); len(rest) > 0 {
		return errors.New("read buckets: text after the last one")
	}
	*h = out
	return nil
}

// scanner is the rest of a JSON array of arrays of unsigned integers.
type scanner []byte

func (s *scanner) bucket() (b Bucket, err error) {
	for i, v := range []*uint64{&b.LoNS, &b.HiNS, &b.Count} {
		if err := s.byte("[,,"[i]); err != nil {
			return b, err
		}
		if *v, err = s.uint(); err != nil {
			return b, err
		}
	}
	if err := s.byte(']'); err != nil {
		return b, err
	}
	if lo, hi := SlotBoundsNS(Slot(b.HiNS)); lo != b.LoNS || hi != b.HiNS {
		return b, fmt.Errorf("(%d, %d] ns is not a bucket of the scheme; there it is (%d, %d]", b.LoNS, b.HiNS, lo, hi)
	}
	if b.Count == 0 {
		return b, fmt.Errorf("(%d, %d] ns is empty", b.LoNS, b.HiNS)
	}
	return b, nil
}

// next reports whether c is the next byte that is not white space.
func (s *scanner) next(c byte) bool {
	*s = bytes.TrimLeft(*s, " \t\r\n")
	return len(*s) > 0 && (*s)[0] == c
}

func (s *scanner) byte(c byte) error {
	if !s.next(c) {
		if len(*s) == 0 {
			return fmt.Errorf("want %q, found the end", c)
		}
		return fmt.Errorf("want %q, found %q", c, (*s)[0])
	}
	*s = (*s)[1:]
	return nil
}

func (s *scanner) uint() (uint64, error) {
	*s = bytes.TrimLeft(*s, " \t\r\n")
	n := 0
	for n < len(*s) && '0' <= (*s)[n] && (*s)[n] <= '9' {
		n++
	}
	digits := string((*s)[:min(n, 21)])
	*s = (*s)[n:]
	v, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number below 2^64", digits)
	}
	return v, nil
}
