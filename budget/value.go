package budget

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// within sets the verdict that the interval allows.
func (v *Verdict) within() {
	limit := v.Expect.Limit.Value
	lo, hi := v.Expect.Cmp.holds(v.Lo, limit), v.Expect.Cmp.holds(v.Hi, limit)
	switch {
	case lo && hi:
		v.State = Pass
	case !lo && !hi:
		v.State, v.p = Fail, 0
	default:
		v.State = Inconclusive
	}
}

// mean judges the mean. Of the calls of one run nothing bounds the mean of
// others, since a single call may take any time; the means of several runs, or
// slices, have an interval by Student's t.
func (v *Verdict) mean(total *pool, pools []*pool) {
	n := float64(total.Count)
	v.Estimate = float64(total.SumNS) / n
	// Calls without a latency count as 0, or as the longest that was seen;
	// those with a doubtful key as absent, or with all their time.
	unseen, doubtful := float64(total.unseen()), float64(total.doubtfulCalls())
	time := float64(total.SumNS) + unseen*float64(total.MaxNS)
	for i := range total.doubtful {
		time += float64(total.doubtful[i].SumNS)
	}
	least, most := float64(total.SumNS)/(n+unseen+doubtful), max(v.Estimate, time/(n+unseen))

	var means []float64
	for _, p := range pools {
		if m := p.value(v.Expect.Metric); !math.IsNaN(m) {
			means = append(means, m)
		}
	}
	v.Lo, v.Hi = least, most
	if len(means) > 1 {
		thresholds := benchmath.DefaultThresholds
		s := benchmath.AssumeNormal.Summary(benchmath.NewSample(means, &thresholds), 2*v.confidence-1)
		if !math.IsNaN(s.Lo) && !math.IsNaN(s.Hi) {
			// The runs weigh the same in Summary, the calls in Estimate.
			v.Lo = max(0, min(s.Lo, v.Estimate)-(v.Estimate-least))
			v.Hi = max(s.Hi, v.Estimate) + (most - v.Estimate)
		}
	} else {
		v.reason("a single run: the mean is that of its own calls and has no interval")
	}
	v.within()
	switch {
	case v.State != Inconclusive:
	case len(means) > 1:
		v.reason("%d runs or slices differ too much to tell", len(means))
	default:
		v.reason("calls of which too little is known could turn it: %s", total.losses())
	}
}

// counted judges the number of calls, or how many there were in a second. They
// are exact; what is unknown, and how runs differ, makes the interval.
func (v *Verdict) counted(pools []*pool) {
	var values, highest []float64
	for _, p := range pools {
		unknown := *p
		unknown.Count += p.unseen() + p.doubtfulCalls()
		values = append(values, p.value(v.Expect.Metric))
		highest = append(highest, unknown.value(v.Expect.Metric))
	}
	v.Estimate = mean(values)
	v.Lo, v.Hi = slices.Min(values), slices.Max(highest)
	if math.IsNaN(v.Estimate) {
		v.State = Missing
		v.reason("the recording has no duration")
		return
	}
	v.within()
	if v.State != Inconclusive {
		return
	}
	if v.Expect.Cmp.holds(v.Lo, v.Expect.Limit.Value) == v.Expect.Cmp.holds(slices.Max(values), v.Expect.Limit.Value) {
		v.reason("calls of which too little is known could turn it: %s", RunsOf().sum(pools).losses())
	} else {
		v.reason("some of %d runs keep the limit", len(pools))
	}
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
