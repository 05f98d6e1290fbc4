package budget

import (
	"math"

	"github.com/latchprof/latch/latency"
)

// evidence is what speaks for a share of calls above a limit: how many are
// above it, and how likely that is if the share is no less, or no more, than
// bound. Calls of which nothing is known count against either.
type evidence struct {
	least, most  uint64 // above the limit, of n
	n            uint64
	above, below uint64 // unknown calls that may be on that side
	bound        float64
}

func newEvidence(p *pool, limitNS uint64, bound float64) evidence {
	e := evidence{n: p.Count, bound: bound}
	e.least, e.most = p.Above(limitNS)
	e.above, e.below = p.doubt(limitNS)
	e.above += p.unseen()
	e.below += p.unseen()
	return e
}

// low is how likely so few calls are above the limit if their share is bound
// or more; high is the opposite.
func (e *evidence) low() float64 { return atMost(e.most+e.above, e.n+e.above, e.bound) }
func (e *evidence) high() float64 {
	return atLeast(e.least, e.n+e.below, e.bound)
}

// shares are the bounds of the share.
func (e *evidence) shares(alpha float64) (lo, hi float64) {
	return lowerShare(e.least, e.n+e.below, alpha), upperShare(e.most+e.above, e.n+e.above, alpha)
}

// state decides whether the share is low or high.
func (e *evidence) state(alpha float64, wantLow bool) State {
	low, high := e.low() <= alpha, e.high() <= alpha
	switch {
	case low == high:
		return Inconclusive
	case low == wantLow:
		return Pass
	}
	return Fail
}

// lossless is e if nothing were unknown but what the buckets hide.
func (e evidence) lossless() evidence {
	e.above, e.below = 0, 0
	return e
}

// need is about how many calls would decide; 0 for no number.
func (e *evidence) need(alpha float64) uint64 {
	share := (float64(e.least) + float64(e.most)) / 2 / float64(e.n)
	decides := func(n uint64) bool {
		k := share * float64(n)
		return share < e.bound && atMost(uint64(math.Ceil(k)), n, e.bound) <= alpha ||
			share > e.bound && atLeast(uint64(k), n, e.bound) <= alpha
	}
	const most = 1 << 40
	hi := max(e.n, 1)
	for !decides(hi) {
		if hi *= 2; hi > most {
			return 0
		}
	}
	lo := hi / 2
	for lo+1 < hi {
		if mid := lo + (hi-lo)/2; decides(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// decide sets the verdict that the evidence allows.
func (v *Verdict) decide(e evidence, p *pool) {
	alpha, wantLow := 1-v.confidence, v.Expect.Cmp.upper()
	v.Above, v.AboveMost = e.least, e.most
	v.State = e.state(alpha, wantLow)
	if v.p = e.high(); !wantLow {
		v.p = e.low()
	}
	if v.State != Inconclusive {
		return
	}
	known := e.lossless()
	fewest, most := known, known
	fewest.most, most.least = fewest.least, most.most
	switch {
	case known.state(alpha, wantLow) != Inconclusive:
		v.reason("calls of which too little is known could turn it: %s", p.losses())
	case e.least < e.most && (fewest.state(alpha, wantLow) != Inconclusive || most.state(alpha, wantLow) != Inconclusive):
		v.reason("calls above this limit were not counted: by the buckets they are %d to %d", e.least, e.most)
	default:
		v.Need = e.need(alpha)
		if v.Need == 0 {
			v.reason("the calls are at the limit itself")
		} else {
			v.reason("%d calls are too few", e.n)
		}
	}
}

// onRecord sets a verdict of the calls that were recorded, without a claim to
// others: whether any is above the limit.
func (v *Verdict) onRecord(e evidence, p *pool) {
	v.Above, v.AboveMost = e.least, e.most
	v.State = Inconclusive
	switch {
	case e.least > 0:
		v.State = Fail
	case e.most+e.above == 0:
		v.State = Pass
	case e.most > 0:
		v.reason("calls above this limit were not counted: by the buckets they are %d to %d", e.least, e.most)
	default:
		v.reason("calls of which too little is known could turn it: %s", p.losses())
	}
	if !v.Expect.Cmp.upper() && v.State != Inconclusive {
		v.State = Pass + Fail - v.State
	}
	if v.State == Fail {
		v.p = 0
	}
}

func (v *Verdict) quantile(p *pool) {
	limit, _ := v.Expect.limitNS()
	tail := v.Expect.Metric.tail()
	v.decide(newEvidence(p, limit, tail), p)
	v.Lo, v.Hi = quantileRange(p, v.Expect.Metric, 1-v.confidence)
	v.Estimate = float64(p.Quantile(v.Expect.Metric.q()).Mid())
	v.Estimate = min(max(v.Estimate, v.Lo), v.Hi)
}

// quantileRange returns between which latencies the quantile lies, each end
// wrong with a probability of at most alpha: those of two calls, between the
// bounds of their buckets. Calls of which nothing is known count against both.
func quantileRange(p *pool, m Metric, alpha float64) (lo, hi float64) {
	unknown := p.unseen() + p.doubtfulCalls()
	first, last := quantileRanks(p.Count+unknown, m.tail(), alpha)
	hi = math.Inf(1)
	if first > unknown {
		lo, _ = rankRange(&p.Series, first-unknown)
	}
	if last <= p.Count {
		_, hi = rankRange(&p.Series, last)
	}
	return lo, hi
}

// rankRange returns between which latencies the call of this rank lies, from 1
// for the shortest.
func rankRange(s *latency.Series, rank uint64) (lo, hi float64) {
	lo, hi = float64(s.MinNS), float64(s.MaxNS)
	var below uint64
	for _, b := range s.Buckets {
		if below += b.Count; below >= rank {
			lo, hi = max(lo, float64(b.LoNS)), min(hi, float64(b.HiNS))
			break
		}
	}
	for _, o := range s.Over {
		if s.Count-o.Calls >= rank {
			hi = min(hi, float64(o.LimitNS))
		} else {
			lo = max(lo, float64(o.LimitNS)+1)
		}
	}
	return lo, max(lo, hi)
}

func (v *Verdict) over(p *pool) {
	limit, _ := v.Expect.limitNS()
	e := newEvidence(p, limit, v.Expect.Limit.Value/100)
	if v.Expect.Limit.Value == 0 {
		v.onRecord(e, p)
	} else {
		v.decide(e, p)
	}
	v.Estimate = (float64(e.least) + float64(e.most)) / 2 / float64(e.n)
	v.Lo, v.Hi = e.shares(1 - v.confidence)
}

func (v *Verdict) greatest(p *pool) {
	limit, _ := v.Expect.limitNS()
	v.onRecord(newEvidence(p, limit, 0), p)
	v.Estimate, v.Lo, v.Hi = float64(p.MaxNS), float64(p.MaxNS), float64(p.MaxNS)
	for i := range p.doubtful {
		v.Hi = max(v.Hi, float64(p.doubtful[i].MaxNS))
	}
	if p.unseen() > 0 {
		v.Hi = math.Inf(1)
	}
}
