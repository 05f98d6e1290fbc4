package budget

import (
	"math"
	"slices"
	"strings"
)

// Judge returns a verdict for each expectation of each budget, for each
// function that the budget's pattern selects in the recordings, and for each
// value of its By. Several runs are judged together, but for limits of calls
// and rate, which each run must keep. Baseline is what limits relative to a
// baseline are compared with; with nil those are inconclusive.
//
// At most 1 - Confidence of the budgets that hold fail by chance. Where By
// splits a budget, that is for all its keys together, and where limits are
// relative to the baseline, for all those of one Judge together (Holm).
func Judge(runs *Runs, budgets []Budget, baseline *Runs) []Verdict {
	j := judge{runs: runs, baseline: baseline}
	if baseline != nil {
		j.groups, j.before = groups(runs, baseline), groups(baseline, runs)
	} else {
		j.groups = groups(runs)
	}
	for i := range budgets {
		j.budget(&budgets[i])
	}
	j.compareAll()
	out := make([]Verdict, len(j.cases))
	for i, c := range j.cases {
		c.verdict.act(c.budget)
		out[i] = c.verdict
	}
	return out
}

type judge struct {
	runs, baseline *Runs
	groups, before []*group
	cases          []*judged
}

// judged is a verdict in the making.
type judged struct {
	verdict Verdict
	budget  *Budget
	// sides are the metric in each run, where a limit is relative.
	sides *sides
}

func (j *judge) budget(b *Budget) {
	p, err := parsePattern(b.Func)
	if err != nil {
		j.missing(b, b.Func, "%v", err)
		return
	}
	any := false
	for _, g := range j.groups {
		if f := g.first(); p.matches(f) {
			any = true
			j.function(b, g)
		}
	}
	if !any {
		j.missing(b, b.Func, "no function of this name was measured")
	}
}

// missing adds a verdict of missing for each expectation.
func (j *judge) missing(b *Budget, name, format string, args ...any) {
	for _, e := range b.Expect {
		v := newVerdict(b, name, b.Where, e)
		v.State = Missing
		v.reason(format, args...)
		j.cases = append(j.cases, &judged{verdict: v, budget: b})
	}
}

func newVerdict(b *Budget, name string, key []Matcher, e Expectation) Verdict {
	nan := math.NaN()
	return Verdict{
		Budget: b.Name, Func: name, Key: key, Expect: e,
		Estimate: nan, Lo: nan, Hi: nan, confidence: b.Confidence, p: 1,
	}
}

func (j *judge) function(b *Budget, g *group) {
	name := g.title
	if missing := g.lacks(b.Keys()); len(missing) > 0 {
		j.missing(b, name, "it was not recorded by %s", strings.Join(missing, ", "))
		return
	}
	x := g.index(b.By)
	old := matching(j.before, g)
	var before *index
	if old != nil {
		before = old.index(b.By)
	}
	if len(b.By) == 0 {
		for _, e := range b.Expect {
			j.add(b, x, before, nil, b.Where, e, false)
		}
		return
	}
	keys := x.keys(b.Where)
	if len(keys) == 0 {
		j.missing(b, name, "no call has such a key")
		return
	}
	split := len(keys) > 1
	for _, e := range b.Expect {
		from := len(j.cases)
		for _, key := range keys {
			var where []Matcher // the key has what By names, so that Where says no more of it
			for i, value := range key {
				where = append(where, Matcher{Key: b.By[i], Value: value})
			}
			for _, m := range b.Where {
				if !slices.Contains(b.By, m.Key) {
					where = append(where, m)
				}
			}
			j.add(b, x, before, key, where, e, split)
		}
		together(j.cases[from:])
	}
}

// add judges one expectation of one function and key.
func (j *judge) add(b *Budget, x, old *index, key []string, where []Matcher, e Expectation, split bool) {
	c := &judged{verdict: newVerdict(b, x.title, where, e), budget: b}
	j.cases = append(j.cases, c)
	v := &c.verdict
	pools := x.pools(key, where)
	total := j.runs.sum(pools)
	v.Calls = total.Count
	counting := e.Metric.Kind == Calls || e.Metric.Kind == Rate
	switch {
	case !counting && total.untimed:
		v.State = Missing
		v.reason("its calls are counted, but not timed")
		return
	case !counting && total.Count == 0:
		v.State = Missing
		v.reason("no call has returned%s", but(total))
		return
	case e.Limit.Baseline:
		j.relative(c, old, key, pools)
	case e.Metric.Kind == Quantile:
		v.quantile(total)
	case e.Metric.Kind == Over:
		v.over(total)
	case e.Metric.Kind == Max:
		v.greatest(total)
	case e.Metric.Kind == Mean:
		v.mean(total, pools)
	case j.runs.Slices:
		v.counted([]*pool{total})
	default:
		v.counted(pools)
	}
	if !counting && total.Count < b.MinCalls && v.State != Fail {
		v.State = Missing
		if split {
			v.State = Inconclusive
		}
		v.Reasons = nil
		calls := "calls are"
		if total.Count == 1 {
			calls = "call is"
		}
		v.reason("%d %s fewer than min_calls, %d", total.Count, calls, b.MinCalls)
		v.Need = max(v.Need, b.MinCalls)
	}
}

// but names losses at the end of a sentence.
func but(p *pool) string {
	if losses := p.losses(); losses != "" {
		return ", but " + losses
	}
	return ""
}

// together holds the failures among the keys of one expectation to its
// confidence for all of them.
func together(cases []*judged) {
	ps := make([]float64, len(cases))
	for i, c := range cases {
		ps[i] = c.verdict.p
	}
	adjusted := holm(ps)
	for i, c := range cases {
		v := &c.verdict
		if v.State == Fail && adjusted[i] > 1-v.confidence {
			v.State = Inconclusive
			v.reason("among %d keys one is that far off by chance", len(cases))
		}
	}
}

// holm returns the p-values adjusted by Holm's method (1979) for being tested
// together: each may be compared with the same alpha.
func holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case ps[a] < ps[b]:
			return -1
		case ps[a] > ps[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(ps))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, ps[i]*float64(len(ps)-rank)))
		out[i] = least
	}
	return out
}
