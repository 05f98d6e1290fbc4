package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
)

// manyVerdicts is how many a screen shows.
const manyVerdicts = 30

// inOrder returns verdicts in their order, or, where they are too many to be seen
// at once, with those last that matter: the last lines stay on the screen.
func inOrder(verdicts []budget.Verdict) []*budget.Verdict {
	out := make([]*budget.Verdict, len(verdicts))
	for i := range verdicts {
		out[i] = &verdicts[i]
	}
	if len(out) > manyVerdicts {
		slices.SortStableFunc(out, func(a, b *budget.Verdict) int { return int(b.Action) - int(a.Action) })
	}
	return out
}

// CheckText writes c for people: a row for each verdict with the reasons below
// it, the losses, the warnings, and the counts in the last line. Of more than 30
// verdicts, those come last that warn or fail. Of opts, Top
// does not matter: no verdict is left out. What Text says of strings and of
// widths holds here too.
func CheckText(w io.Writer, c *Check, opts *TextOptions) error {
	p := newPrinter(w, opts)
	if recs := c.recordings(); len(recs) > 0 {
		p.measured(c.Runs)
		p.line(plain, "")
	}
	g := grid{cols: []gridColumn{
		{name: "verdict"}, {name: "key", cuts: true}, {name: "metric", number: true}, {name: "estimate", number: true},
		{name: "interval", number: true, spare: 1}, {name: "calls", number: true, spare: 2}, {name: "limit", number: true},
	}}
	for _, v := range inOrder(c.Verdicts) {
		g.rows = append(g.rows, verdictRow(v, p.Width))
	}
	if len(g.rows) > 0 {
		p.grid(&g)
		p.line(plain, "")
	}
	for _, rec := range c.recordings() {
		p.losses(rec)
	}
	for _, rec := range c.recordings()[:min(1, len(c.recordings()))] {
		p.paragraph(plain, 0, cost(&rec.Overhead))
	}
	p.warnings(c.warnings())
	if c.Incomplete != "" {
		p.paragraph(red, 0, "incomplete: "+cutBytes(c.Incomplete, maxText))
	}
	mark := red
	if c.Outcome() == Passed {
		mark = bold
	}
	p.paragraph(mark, 0, c.summary())
	return p.flush()
}

// measured says what was measured, for how long, and how often.
func (p *printer) measured(runs *budget.Runs) {
	recs := runs.Recordings
	if len(recs) == 1 {
		p.head(recs[0])
		return
	}
	all := latency.Recording{Targets: recs[0].Targets, Command: recs[0].Command}
	for _, rec := range recs {
		all.DurationNS += rec.DurationNS
	}
	p.head(&all)
	if runs.Slices {
		p.paragraph(plain, 0, fmt.Sprintf("one run in %d slices", len(recs)))
	} else {
		p.paragraph(plain, 0, fmt.Sprintf("%d runs", len(recs)))
	}
}

// losses writes the balances that do not tell of every call.
func (p *printer) losses(rec *latency.Recording) {
	for i := range rec.Functions {
		if f := &rec.Functions[i]; f.Balance.TotalLost() > 0 || f.Balance.Check() != nil {
			p.paragraph(red, 0, cutBytes(f.Name, maxText)+": "+Balance(&f.Balance))
		}
	}
}

// summary is the last line: the counts and what follows.
func (c *Check) summary() string {
	n := c.count()
	var parts []string
	for state, count := range n {
		if count > 0 || budget.State(state) <= budget.Fail {
			parts = append(parts, formatCount(uint64(count))+" "+budget.State(state).String())
		}
	}
	text := fmt.Sprintf("%s: %s", plural(len(c.Verdicts), "verdict"), strings.Join(parts, ", "))
	return text + map[Outcome]string{
		Passed:     ": the check passes",
		Broken:     ": the check fails",
		Unsure:     ": the check is inconclusive",
		Incomplete: ": not all was measured",
	}[c.Outcome()]
}

// plural writes a number of things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return formatCount(uint64(n)) + " " + thing
}

func verdictRow(v *budget.Verdict, cells int) gridRow {
	unit := v.Expect.Metric.Unit()
	r := gridRow{
		title: verdictTitle(v),
		cells: []string{
			v.State.String(), cutWidth(keyOf(v), cells), v.Expect.Metric.String(),
			formatValue(v.Estimate, unit), formatInterval(v.Lo, v.Hi, unit), formatCount(v.Calls),
			v.Expect.Cmp.String() + " " + v.Expect.Limit.String(),
		},
		notes: notes(v),
	}
	switch {
	case v.Action == budget.ActFail:
		r.mark = red
	case v.State != budget.Pass:
		r.mark = bold
	}
	return r
}

// verdictTitle names the function, and the budget where it has a name.
func verdictTitle(v *budget.Verdict) string {
	name := cutBytes(v.Func, maxText)
	if _, err := budget.Parse(v.Budget); err == nil || v.Budget == "" || v.Budget == v.Func {
		return name
	}
	return cutBytes(v.Budget, maxText) + ": " + name
}

// keyOf is the key of a verdict, not escaped.
func keyOf(v *budget.Verdict) string {
	parts := make([]string, len(v.Key))
	for i, m := range v.Key {
		parts[i] = m.String()
	}
	return strings.Join(parts, ", ")
}

// notes are what there is to say below a verdict's row.
func notes(v *budget.Verdict) []string {
	var out []string
	if v.Change != nil {
		out = append(out, changeText(v.Change, v.Expect.Metric.Unit()))
	}
	if why := whyText(v); why != "" {
		out = append(out, why)
	}
	return out
}

// whyText gives the reasons, how many calls would decide, and the action where
// it does not follow from the state.
func whyText(v *budget.Verdict) string {
	var parts []string
	for _, r := range v.Reasons {
		parts = append(parts, cutBytes(r, maxText))
	}
	if v.Need > 0 {
		parts = append(parts, fmt.Sprintf("it takes about %s calls in all", formatCount(v.Need)))
	}
	switch v.State {
	case budget.Inconclusive:
		parts = append(parts, "on_inconclusive: "+v.Action.String())
	case budget.Missing:
		parts = append(parts, "on_missing: "+v.Action.String())
	}
	return strings.Join(parts, "; ")
}

// changeText says what changed since the baseline.
func changeText(c *budget.Change, unit budget.Unit) string {
	return fmt.Sprintf("was %s, now %s: %s (%s … %s), p=%s, %d and %s",
		formatValue(c.Before, unit), formatValue(c.After, unit), formatRatio(c.Ratio), formatRatio(c.Lo), formatRatio(c.Hi),
		formatP(c.P), c.RunsBefore, plural(c.RunsAfter, "run"))
}

// sentence says in one line what was found, what was allowed, and how sure that
// is.
func (c *Check) sentence(v *budget.Verdict) string {
	unit := v.Expect.Metric.Unit()
	name := cutBytes(v.Func, maxLabel)
	if key := keyOf(v); key != "" {
		name += ", " + cutBytes(key, maxLabel)
	}
	is := map[budget.State]string{
		budget.Pass: "keeps", budget.Fail: "breaks", budget.Inconclusive: "may break", budget.Missing: "is not judged by",
	}[v.State]
	text := fmt.Sprintf("%s: %s of %s", name, v.Expect.Metric, formatValue(v.Estimate, unit))
	if math.IsNaN(v.Estimate) {
		text = fmt.Sprintf("%s: %s", name, v.Expect.Metric)
	}
	if between := formatInterval(v.Lo, v.Hi, unit); between != "-" {
		text += " (" + between + ")"
	}
	text += fmt.Sprintf(" %s the limit %s %s, %s", is, v.Expect.Cmp, v.Expect.Limit, plural(int(v.Calls), "call"))
	for _, n := range notes(v) {
		text += "; " + n
	}
	return text
}

// function returns what was recorded of a function; nil for one that was not.
func (c *Check) function(name string) *latency.Function {
	for _, rec := range c.recordings() {
		for i := range rec.Functions {
			if f := &rec.Functions[i]; budget.Means(name, f) {
				return f
			}
		}
	}
	return nil
}
