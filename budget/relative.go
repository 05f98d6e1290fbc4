package budget

import (
	"cmp"
	"math"
	"slices"

	"github.com/latchprof/latch/latency"
)

// relative prepares a verdict against the baseline: the metric of each run on
// either side. What the verdict is depends on all of them.
func (j *judge) relative(c *judged, old *index, key []string, pools []*pool) {
	v := &c.verdict
	v.State = Inconclusive
	if now := values(pools, v.Expect.Metric); len(now) > 0 {
		v.Estimate = median(now)
	}
	if j.baseline == nil {
		v.reason("there is no baseline to compare with")
		return
	}
	if old == nil {
		v.State = Missing
		v.reason("the baseline has no such function")
		return
	}
	if len(old.lacks(keysOf(v.Key))) > 0 {
		v.State = Missing
		v.reason("the baseline was not recorded by these keys")
		return
	}
	sides := sidesOf(old.pools(key, v.Key), pools, v.Expect.Metric)
	switch before, after := sides.empty(); {
	case before:
		v.State = Missing
		v.reason("the baseline has too few such calls in every run")
	case after:
		v.State = Missing
		v.reason("there are too few such calls in every run")
	default:
		c.sides = sides
	}
}

func keysOf(where []Matcher) []string {
	var keys []string
	for _, m := range where {
		keys = append(keys, m.Key)
	}
	return keys
}

// matching returns the group of the same function among all, which are sorted.
func matching(all []*group, g *group) *group {
	i, ok := slices.BinarySearchFunc(all, g.name, func(o *group, name string) int { return cmp.Compare(o.name, name) })
	if !ok {
		return nil
	}
	return all[i]
}

// values returns the metric in each run that has enough calls to have one: a
// p99 of fewer than a hundred is their maximum.
func values(pools []*pool, m Metric) []float64 {
	var out []float64
	for _, p := range pools {
		if m.Kind == Quantile && float64(p.Count)*m.tail() < 1 {
			continue
		}
		if v := p.value(m); !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

// compareAll gives the verdicts that are relative to the baseline.
func (j *judge) compareAll() {
	var cases []*judged
	var ps []float64
	for _, c := range j.cases {
		if c.sides == nil {
			continue
		}
		c.verdict.Change = c.sides.compare(c.verdict.confidence)
		cases = append(cases, c)
		ps = append(ps, c.verdict.Change.P)
	}
	sliced := j.runs.Slices || j.baseline != nil && j.baseline.Slices
	for i, p := range holm(ps) {
		v := &cases[i].verdict
		v.Change.adjust(p, 1-v.confidence, len(ps))
		v.Estimate = v.Change.After
		if v.State == Missing {
			continue // too few calls
		}
		v.State = v.decideChange(v.Change, sliced)
		v.p = p
		if v.State != Inconclusive && !cases[i].sides.holds(v.Change, ps[i], v.confidence, func(c *Change) bool {
			return v.decideChange(c, sliced) == v.State
		}) {
			v.State = Inconclusive
			v.reason("calls that were lost or merged could turn it")
			continue
		}
		v.explainChange(sliced, len(ps))
	}
}

// size returns the change in the limit's terms: relative, or in nanoseconds.
func (v *Verdict) size(c *Change) (change, lo, hi, allowed float64) {
	limit := v.Expect.Limit
	if limit.Unit == Nanoseconds {
		return c.Diff, c.DiffLo, c.DiffHi, limit.Value
	}
	return c.Ratio, c.Lo, c.Hi, limit.Value / 100
}

// decideChange decides by the change. An upper limit is broken when the runs of
// the sides differ beyond chance, and the change is greater than the limit
// allows and than the least effect. Slices of one run do not show how runs
// differ, so that the whole interval has to be beyond the limit. The limit is
// kept when the whole interval is within it. Lower limits go by the interval
// alone.
func (v *Verdict) decideChange(c *Change, sliced bool) State {
	change, lo, hi, allowed := v.size(c)
	effect := float64(v.Expect.MinEffect)
	switch {
	case !v.Expect.Cmp.upper():
		if lo >= allowed {
			return Pass
		} else if hi < allowed {
			return Fail
		}
	case c.P <= 1-v.confidence && change > allowed && c.Diff >= effect && (!sliced || lo > allowed):
		return Fail
	case hi <= allowed || c.DiffHi < effect:
		return Pass
	}
	return Inconclusive
}

func (v *Verdict) explainChange(sliced bool, tests int) {
	c := v.Change
	change, _, _, allowed := v.size(c)
	switch {
	case sliced && v.State == Fail:
		v.reason("slices of one run do not show how much runs differ")
	case v.State != Inconclusive:
	case c.NeedRuns > 0:
		v.Reasons = append(v.Reasons, c.tooFew(tests))
	case change > allowed && c.P > 1-v.confidence:
		v.reason("the runs differ too much among themselves to tell")
	default:
		v.reason("the change may lie on either side of the limit")
	}
}

// timed reports whether g's calls were timed in all runs.
func (g *group) timed() bool {
	for _, fs := range g.parts {
		for _, f := range fs {
			if f.Exit == latency.ExitNone {
				return false
			}
		}
	}
	return true
}
