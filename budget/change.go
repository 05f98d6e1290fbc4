package budget

import (
	"fmt"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"
)

// A Change is how a metric differs between two sides, each of one value a run
// (or slice).
type Change struct {
	// Before and After are the medians of the runs, in the metric's unit.
	Before, After float64
	// Ratio is the relative change, 0.1 for +10 %: the median over all pairs
	// of runs (Hodges and Lehmann 1963), so that it may differ from that of
	// the medians. Lo and Hi are its interval at the stated confidence, both
	// ends together; infinite where there are too few runs for one.
	Ratio, Lo, Hi float64
	// Diff is the absolute change in the metric's unit, with its interval.
	Diff, DiffLo, DiffHi float64
	// P is how likely the runs of two equal sides are so far apart, by Mann
	// and Whitney's test, and adjusted for all that was tested together.
	P float64
	// RunsBefore and RunsAfter are how many runs had a value.
	RunsBefore, RunsAfter int
	// NeedRuns is how many runs a side the test needs to tell anything at
	// this confidence, among all that is tested together; 0 if there are
	// enough.
	NeedRuns int
}

// adjust sets the p-value among so many tests. Where it is not small enough, as
// it never is with so few runs, NeedRuns says so.
func (c *Change) adjust(p, alpha float64, tests int) {
	c.P = p
	if need := needRuns(alpha / float64(tests)); p > alpha && min(c.RunsBefore, c.RunsAfter) < need {
		c.NeedRuns = need
	}
}

// tooFew says that more runs are needed.
func (c *Change) tooFew(tests int) string {
	together := ""
	if tests > 1 {
		together = fmt.Sprintf(" for %d comparisons at once", tests)
	}
	return fmt.Sprintf("%d and %d runs are too few%s: it takes %d a side", c.RunsBefore, c.RunsAfter, together, c.NeedRuns)
}

// sides are a metric in each run, on two sides.
type sides struct {
	before, after []float64
	// lossy has the same as the lost calls may have moved it: at first towards
	// a rise, then towards a fall. Both are the sides themselves where nothing
	// was lost.
	lossy [2]struct{ before, after []float64 }
}

func sidesOf(before, after []*pool, m Metric) *sides {
	s := &sides{before: values(before, m), after: values(after, m)}
	for i, rise := range []bool{true, false} {
		s.lossy[i].before, s.lossy[i].after = values(stretch(before, !rise), m), values(stretch(after, rise), m)
	}
	return s
}

func stretch(pools []*pool, longest bool) []*pool {
	out := make([]*pool, len(pools))
	for i, p := range pools {
		out[i] = p.stretched(longest)
	}
	return out
}

// empty reports which side has no values.
func (s *sides) empty() (before, after bool) {
	return len(s.before) == 0, len(s.after) == 0
}

// compare returns the change between the sides.
func (s *sides) compare(confidence float64) *Change {
	return compare(s.before, s.after, confidence)
}

// holds reports whether decide comes to the same with the greatest rise, and
// with the greatest fall, that the lost calls allow. The p-value is as much
// adjusted as that of c.
func (s *sides) holds(c *Change, raw, confidence float64, decide func(*Change) bool) bool {
	for _, l := range s.lossy {
		if slices.Equal(l.before, s.before) && slices.Equal(l.after, s.after) {
			continue
		}
		moved := compare(l.before, l.after, confidence)
		if raw > 0 {
			moved.P = min(1, moved.P*c.P/raw)
		}
		if !decide(moved) {
			return false
		}
	}
	return true
}

// compare returns the change between values of runs. Neither may be empty. P
// is not adjusted yet.
func compare(before, after []float64, confidence float64) *Change {
	alpha := 1 - confidence
	c := &Change{
		Before: median(before), After: median(after),
		RunsBefore: len(before), RunsAfter: len(after),
	}
	thresholds := benchmath.Thresholds{CompareAlpha: alpha}
	c.P = benchmath.AssumeNothing.Compare(
		benchmath.NewSample(slices.Clone(before), &thresholds),
		benchmath.NewSample(slices.Clone(after), &thresholds),
	).P
	var ratios, diffs []float64
	for _, b := range before {
		for _, a := range after {
			diffs = append(diffs, a-b)
			ratios = append(ratios, relative(b, a))
		}
	}
	slices.Sort(ratios)
	slices.Sort(diffs)
	c.Ratio, c.Diff = median(ratios), median(diffs)
	cut := cutPairs(len(before), len(after), alpha)
	if cut == 0 {
		c.Lo, c.Hi, c.DiffLo, c.DiffHi = -1, math.Inf(1), math.Inf(-1), math.Inf(1)
		return c
	}
	last := len(diffs) - cut
	c.Lo, c.Hi = ratios[cut-1], ratios[last]
	c.DiffLo, c.DiffHi = diffs[cut-1], diffs[last]
	return c
}

// relative is the change from b to a as a part of b. From nothing to something
// it is infinite.
func relative(b, a float64) float64 {
	switch {
	case a == b:
		return 0
	case b == 0:
		return math.Inf(1)
	}
	return a/b - 1
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 || sorted[n/2-1] == sorted[n/2] {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// cutPairs returns which of the sorted pairs, from 1 and from either end, is
// the end of an interval that is wrong with a probability of at most alpha: one
// more than the greatest value of Mann and Whitney's U that a test with alpha/2
// refuses. 0 means that there are too few runs.
func cutPairs(n1, n2 int, alpha float64) int {
	if n1 > stats.MannWhitneyExactLimit || n2 > stats.MannWhitneyExactLimit {
		pairs := float64(n1) * float64(n2)
		sigma := math.Sqrt(pairs * float64(n1+n2+1) / 12)
		z := math.Sqrt2 * math.Erfinv(1-alpha)
		return max(0, int(pairs/2-z*sigma))
	}
	dist := stats.UDist{N1: n1, N2: n2}
	cut := 0
	for dist.CDF(float64(cut)) <= alpha/2 {
		cut++
	}
	return cut
}

// needRuns returns how many runs a side it takes for the test to refuse with
// alpha, and for an interval.
func needRuns(alpha float64) int {
	n := 2
	for n < stats.MannWhitneyExactLimit && cutPairs(n, n, alpha) == 0 {
		n++
	}
	return n
}
