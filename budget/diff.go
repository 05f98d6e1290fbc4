package budget

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Trend is what a difference says.
type Trend uint8

const (
	// CannotTell means that the runs allow more than one of the others.
	CannotTell Trend = iota
	// Same means that the metric changed by less than the least change.
	Same
	Better
	Worse
)

var trendText = [...]string{CannotTell: "cannot tell", Same: "same", Better: "better", Worse: "worse"}

// String returns the words for t.
func (t Trend) String() string { return trendText[t] }

// DiffOptions say what counts as a change. The zero value and nil are the
// defaults.
type DiffOptions struct {
	// Metrics are p50 and p99 where none are given.
	Metrics []Metric
	// MinChange is the least relative change that counts; 0 means 0.05.
	MinChange float64
	// MinEffect is the least absolute change of latencies that counts.
	MinEffect time.Duration
	// Confidence is that of all rows together; 0 means 0.95.
	Confidence float64
	// AllowUnlike compares what was not measured alike, with a warning.
	AllowUnlike bool
}

// A Row is a metric of one function and key on two sides.
type Row struct {
	// Func is as Verdict.Func.
	Func string
	By   []string // the names of the key's parts
	Key  []string // their values; Before and After alike
	// Metric is what the row compares.
	Metric Metric
	// CallsBefore and CallsAfter are those of all runs together.
	CallsBefore, CallsAfter uint64
	// RangeBefore and RangeAfter are between what a quantile or a share lies,
	// going by the calls of all runs alone: what they say of single runs, but
	// not of how much runs differ. Both ends are 0 for other metrics.
	RangeBefore, RangeAfter [2]float64
	// Change is nil where only one side has calls.
	Change *Change
	Trend  Trend
	// Reasons say why the trend cannot be told.
	Reasons []string

	sides *sides
}

// A Difference is what Diff returns: the rows in the order of functions and
// keys, and what stands in the way of comparing the sides as a whole.
type Difference struct {
	Rows     []Row
	Warnings []string
	// Slices says that at least one side is of slices of one run.
	Slices bool
}

// Diff compares two sides, for each function and key. A row is better or worse
// when the runs of its sides differ beyond chance, at the confidence for all
// rows together (Holm), and by at least the least change; same when the whole
// interval of the change is less than that. Less is better, but for rates and
// numbers of calls. An error wraps ErrUnlike.
func Diff(old, now *Runs, opts *DiffOptions) (*Difference, error) {
	o := DiffOptions{}
	if opts != nil {
		o = *opts
	}
	if len(o.Metrics) == 0 {
		o.Metrics = []Metric{{Percent: 50}, {Percent: 99}}
	}
	if o.MinChange == 0 {
		o.MinChange = 0.05
	}
	if o.Confidence == 0 {
		o.Confidence = 0.95
	}
	warnings, err := Unlike(old, now)
	if err != nil && !o.AllowUnlike {
		return nil, fmt.Errorf("compare recordings: %w", err)
	}
	d := &Difference{Warnings: warnings, Slices: old.Slices || now.Slices}
	if err != nil {
		d.Warnings = append([]string{err.Error()}, d.Warnings...)
	}
	before, after := groups(old, now), groups(now, old)
	for _, g := range after {
		d.function(matching(before, g), g, &o)
	}
	for _, g := range before {
		if matching(after, g) == nil {
			d.function(g, nil, &o)
		}
	}
	d.judge(&o)
	return d, nil
}

// function adds the rows of one function, which one side may lack.
func (d *Difference) function(old, now *group, o *DiffOptions) {
	f := now
	if f == nil {
		f = old
	}
	row := Row{Func: f.title, By: f.first().By}
	switch {
	case old != nil && now != nil && (len(old.lacks(row.By)) > 0 || len(now.lacks(row.By)) > 0 || len(old.first().By) != len(row.By)):
		d.Warnings = append(d.Warnings, fmt.Sprintf("%q: not recorded by the same keys on both sides, so all its calls are compared together", row.Func))
		row.By = nil
	case old != nil && now != nil && old.timed() != now.timed():
		d.Warnings = append(d.Warnings, fmt.Sprintf("%q: its calls were timed on one side only", row.Func))
	}
	var was, is *index
	var keys [][]string
	if old != nil {
		was = old.index(row.By)
		keys = was.keys(nil)
	}
	if now != nil {
		is = now.index(row.By)
		keys = append(keys, is.keys(nil)...)
	}
	slices.SortFunc(keys, slices.Compare[[]string])
	for _, key := range slices.CompactFunc(keys, slices.Equal[[]string]) {
		row.Key = key
		where := make([]Matcher, len(key))
		for i, value := range key {
			where[i] = Matcher{Key: row.By[i], Value: value}
		}
		var before, after []*pool
		sumBefore, sumAfter := new(pool), new(pool)
		if was != nil {
			before = was.pools(key, where)
			sumBefore = old.runs.sum(before)
		}
		if is != nil {
			after = is.pools(key, where)
			sumAfter = now.runs.sum(after)
		}
		row.CallsBefore, row.CallsAfter = sumBefore.Count, sumAfter.Count
		for _, m := range o.Metrics {
			row.Metric = m
			row.RangeBefore, row.RangeAfter = sumBefore.interval(m, 1-o.Confidence), sumAfter.interval(m, 1-o.Confidence)
			d.Rows = append(d.Rows, row.compare(before, after, o))
		}
	}
}

// compare returns the row with its change, not yet judged.
func (r Row) compare(before, after []*pool, o *DiffOptions) Row {
	sides := sidesOf(before, after, r.Metric)
	wasEmpty, isEmpty := sides.empty()
	switch {
	case r.CallsBefore == 0:
		r.Reasons = []string{"there are no such calls in the old recordings"}
	case r.CallsAfter == 0:
		r.Reasons = []string{"there are no such calls in the new recordings"}
	case wasEmpty || isEmpty:
		r.Reasons = []string{"there are too few calls in every run"}
	default:
		r.Change, r.sides = sides.compare(o.Confidence), sides
	}
	return r
}

// interval is where m lies, going by the calls alone.
func (p *pool) interval(m Metric, alpha float64) (r [2]float64) {
	switch {
	case p.Count == 0 || p.untimed:
	case m.Kind == Quantile:
		r[0], r[1] = quantileRange(p, m, alpha)
	case m.Kind == Over:
		e := newEvidence(p, uint64(m.Limit), 0)
		r[0], r[1] = e.shares(alpha)
	}
	return r
}

// judge gives all rows their trends.
func (d *Difference) judge(o *DiffOptions) {
	var rows []*Row
	var ps []float64
	for i := range d.Rows {
		if c := d.Rows[i].Change; c != nil {
			rows, ps = append(rows, &d.Rows[i]), append(ps, c.P)
		}
	}
	for i, p := range holm(ps) {
		rows[i].Change.adjust(p, 1-o.Confidence, len(ps))
		rows[i].judge(ps[i], len(ps), o, d.Slices)
	}
	if d.Slices {
		d.Warnings = append(d.Warnings, "slices of one run do not show how much runs differ")
	}
}

// trend decides by the change.
func (o *DiffOptions) trend(c *Change, m Metric, sliced bool) Trend {
	effect := 0.0
	if m.Unit() == Nanoseconds {
		effect = float64(o.MinEffect)
	}
	counts := math.Abs(c.Ratio) >= o.MinChange && math.Abs(c.Diff) >= effect
	if sliced && c.Lo < o.MinChange && c.Hi > -o.MinChange {
		counts = false
	}
	switch {
	case c.P <= 1-o.Confidence && counts:
		if moreIsBetter := m.Kind == Rate || m.Kind == Calls; c.Ratio > 0 == moreIsBetter {
			return Better
		}
		return Worse
	case c.Lo > -o.MinChange && c.Hi < o.MinChange || c.DiffLo > -effect && c.DiffHi < effect:
		return Same
	}
	return CannotTell
}

func (r *Row) judge(raw float64, tests int, o *DiffOptions, sliced bool) {
	c := r.Change
	r.Trend = o.trend(c, r.Metric, sliced)
	switch {
	case r.Trend != CannotTell:
		if !r.sides.holds(c, raw, o.Confidence, func(c *Change) bool { return o.trend(c, r.Metric, sliced) == r.Trend }) {
			r.Trend = CannotTell
			r.Reasons = []string{"calls that were lost or merged could turn it"}
		}
	case c.NeedRuns > 0:
		r.Reasons = []string{c.tooFew(tests)}
	case c.P > 1-o.Confidence:
		r.Reasons = []string{"the runs differ too much among themselves to tell"}
	default:
		r.Reasons = []string{"the change may be more or less than the least that counts"}
	}
}
