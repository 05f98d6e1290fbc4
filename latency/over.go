package latency

import (
	"fmt"
	"slices"
)

// An Over counts the calls of a series that took longer than a limit. It was
// counted call by call, so that no bucket's width enters.
type Over struct {
	LimitNS uint64 `json:"limit_ns"`
	Calls   uint64 `json:"calls"`
}

// Above returns how many of the calls took longer than limitNS nanoseconds: no
// fewer than least and no more than most. Both are the same where the limit
// was counted (Series.Over), where it is a bucket's bound, and where the
// minimum or the maximum decides; otherwise they are apart by the calls of the
// bucket that holds the limit. Of calls that were not timed nothing is known.
func (s *Series) Above(limitNS uint64) (least, most uint64) {
	for _, o := range s.Over {
		if o.LimitNS == limitNS {
			return o.Calls, o.Calls
		}
	}
	if len(s.Buckets) == 0 {
		return 0, s.Count
	}
	least, most = s.aboveBuckets(limitNS)
	// A limit counted nearby narrows the range: fewer calls are above a higher
	// one.
	for _, o := range s.Over {
		if o.LimitNS < limitNS {
			most = min(most, o.Calls)
		} else {
			least = max(least, o.Calls)
		}
	}
	return least, most
}

// aboveBuckets is Above as the buckets have it. The minimum and the maximum
// only narrow them: in the difference of two readings they are no calls.
func (s *Series) aboveBuckets(limitNS uint64) (least, most uint64) {
	for i, b := range s.Buckets {
		low, high := b.span()
		if i == 0 {
			low = max(low, s.MinNS)
		}
		if i == len(s.Buckets)-1 {
			high = min(high, s.MaxNS)
		}
		switch {
		case low > limitNS:
			least += b.Count
			most += b.Count
		case high > limitNS:
			most += b.Count
		}
	}
	return least, most
}

// addOver returns the counts of two series together, for the limits that were
// counted in both.
func addOver(a, b []Over) []Over {
	var sum []Over
	for _, o := range a {
		for _, p := range b {
			if o.LimitNS == p.LimitNS {
				sum = append(sum, Over{o.LimitNS, o.Calls + p.Calls})
			}
		}
	}
	return sum
}

// subOver returns what now counts beyond prev; limits that prev does not count
// are left out.
func subOver(now, prev []Over) []Over {
	var rest []Over
	for _, o := range now {
		for _, p := range prev {
			if o.LimitNS == p.LimitNS {
				rest = append(rest, Over{o.LimitNS, less(o.Calls, p.Calls)})
			}
		}
	}
	return rest
}

// reconcileOver fits the counts to the buckets, which decide.
func (s *Series) reconcileOver() {
	s.Over = slices.Clone(s.Over)
	for i := range s.Over {
		o := &s.Over[i]
		least, most := s.aboveBuckets(o.LimitNS)
		if i > 0 {
			most = max(least, min(most, s.Over[i-1].Calls))
		}
		o.Calls = clamp(o.Calls, least, most)
	}
}

func (s *Series) checkOver() error {
	for i, o := range s.Over {
		if i > 0 && o.LimitNS <= s.Over[i-1].LimitNS {
			return fmt.Errorf("limit of %d ns is not above the one before", o.LimitNS)
		}
		if i > 0 && o.Calls > s.Over[i-1].Calls {
			return fmt.Errorf("%d calls above %d ns are more than above %d ns", o.Calls, o.LimitNS, s.Over[i-1].LimitNS)
		}
		if least, most := s.aboveBuckets(o.LimitNS); o.Calls < least || o.Calls > most {
			return fmt.Errorf("%d calls above %d ns cannot be: the buckets have %d to %d", o.Calls, o.LimitNS, least, most)
		}
	}
	return nil
}
