package budget

import (
	"math"
	"slices"

	"github.com/latchprof/latch/latency"
)

// A pool holds the calls of one run, of one function, that a budget admits.
type pool struct {
	latency.Series
	// duration of the run in nanoseconds.
	duration int64
	// untimed says that the function's calls were counted only.
	untimed bool
	// doubtful are series that may hold calls which the budget admits: their
	// keys were merged, or could not be read.
	doubtful []latency.Series
	// balance is that of all runs that were added: of its calls lost and in
	// flight nothing is known, not even the key.
	balance latency.Balance
}

// unseen is how many calls have no latency, and might have been admitted.
func (p *pool) unseen() uint64 {
	return p.balance.InFlight + p.balance.TotalLost()
}

// add adds the calls of another run.
func (p *pool) add(o *pool) {
	p.Merge(&o.Series)
	p.duration += o.duration
	p.untimed = p.untimed || o.untimed
	p.doubtful = append(p.doubtful, o.doubtful...)
	p.balance.Add(&o.balance)
}

// doubt returns how many doubtful calls may be above a limit, and how many may
// not be above it.
func (p *pool) doubt(limitNS uint64) (above, below uint64) {
	for i := range p.doubtful {
		least, most := p.doubtful[i].Above(limitNS)
		above += most
		below += p.doubtful[i].Count - least
	}
	return above, below
}

// doubtfulCalls is how many calls may or may not be admitted.
func (p *pool) doubtfulCalls() uint64 {
	var n uint64
	for i := range p.doubtful {
		n += p.doubtful[i].Count
	}
	return n
}

// sum returns all runs together. A call in flight at the end of a slice is in
// the next slice again, so those of the last slice are all there are.
func (r *Runs) sum(pools []*pool) *pool {
	total := new(pool)
	for i, p := range pools {
		total.add(p)
		if r.Slices && i < len(pools)-1 {
			total.balance.InFlight = 0
		}
	}
	return total
}

type answer uint8

const (
	no answer = iota
	maybe
	yes
)

// admits says whether the calls of s are admitted. Of merged and unreadable
// keys that is not known, unless they are asked for by that name.
func admits(s *latency.Series, where []Matcher) answer {
	a := yes
	for i := range where {
		m := &where[i]
		value := s.Key[m.Key]
		hidden := value == latency.KeyOther || value == latency.KeyUnreadable
		switch {
		case hidden && (m.Op != Equal || m.Value != value):
			a = maybe
		case !m.admits(value):
			return no
		}
	}
	return a
}

// point estimates a quantile by a single number: in the bucket that holds it
// as far up as its rank is, in proportion. It is for comparing runs, which the
// steps of whole buckets would tie or set apart.
func point(s *latency.Series, q float64) float64 {
	if s.Count == 0 {
		return math.NaN()
	}
	rank := q * float64(s.Count)
	var below float64
	for _, b := range s.Buckets {
		n := float64(b.Count)
		if below+n < rank {
			below += n
			continue
		}
		lo, hi := max(float64(b.LoNS), float64(s.MinNS), 1), min(float64(b.HiNS), float64(s.MaxNS))
		if hi <= lo {
			return hi
		}
		return lo * math.Pow(hi/lo, (rank-below)/n)
	}
	return float64(s.MaxNS)
}

// stretched returns p as if the lost and the doubtful calls were all as long as
// the longest that was seen, or as short as the shortest. Calls in flight at the
// end of a run are left out: they are cut off on both sides of a comparison.
func (p *pool) stretched(longest bool) *pool {
	n := p.balance.TotalLost() + p.doubtfulCalls()
	if n == 0 || p.Count == 0 {
		return p
	}
	q := *p
	q.Buckets, q.Over = slices.Clone(p.Buckets), slices.Clone(p.Over)
	at, bucket := p.MinNS, 0
	if longest {
		at, bucket = p.MaxNS, len(q.Buckets)-1
	}
	if bucket >= 0 && bucket < len(q.Buckets) {
		q.Buckets[bucket].Count += n
	}
	for i := range q.Over {
		if at > q.Over[i].LimitNS {
			q.Over[i].Calls += n
		}
	}
	q.Count += n
	q.SumNS += n * at
	return &q
}

// value is what a metric is in one run; NaN where it has none.
func (p *pool) value(m Metric) float64 {
	n := float64(p.Count)
	switch {
	case m.Kind == Calls:
		return n
	case m.Kind == Rate && p.duration > 0:
		return n / (float64(p.duration) / 1e9)
	case p.Count == 0 || p.untimed || m.Kind == Rate:
		return math.NaN()
	case m.Kind == Mean:
		return float64(p.SumNS) / n
	case m.Kind == Max:
		return float64(p.MaxNS)
	case m.Kind == Over:
		least, most := p.Above(uint64(m.Limit))
		return (float64(least) + float64(most)) / 2 / n
	}
	return point(&p.Series, m.q())
}
