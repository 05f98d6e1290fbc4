package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/latchprof/latch/budget"
)

// A Diff is a difference with the two sides that it is of.
type Diff struct {
	*budget.Difference
	Old, New *budget.Runs
}

var diffFormats = []format[*Diff]{
	{".json", DiffJSON}, {".md", DiffMarkdown}, {".csv", DiffCSV},
	{".txt", func(w io.Writer, d *Diff) error { return DiffText(w, d, nil) }},
}

// WriteDiff writes d in the format that the end of the path names, as WriteFile
// does a recording.
func WriteDiff(path string, d *Diff) error { return writeFile(diffFormats, path, d) }

// CanWriteDiff returns the error that WriteDiff would return for a path whose
// format is not known or which cannot be written. It leaves nothing behind.
func CanWriteDiff(path string) error { return checkOutput(diffFormats, path) }

// Count returns how many rows have this trend.
func (d *Diff) Count(t budget.Trend) int {
	n := 0
	for i := range d.Rows {
		if d.Rows[i].Trend == t {
			n++
		}
	}
	return n
}

// DiffText writes d for people: a row for each function, key and metric. All
// that are better or worse are shown, and of the others the first Top. What
// Text says of strings and of widths holds here too.
func DiffText(w io.Writer, d *Diff, opts *TextOptions) error {
	p := newPrinter(w, opts)
	p.paragraph(plain, 0, "old: "+sideText(d.Old))
	p.paragraph(plain, 0, "new: "+sideText(d.New))
	p.line(plain, "")
	g := grid{cols: []gridColumn{
		{name: "verdict"}, {name: "key", cuts: true}, {name: "metric", number: true}, {name: "before", number: true},
		{name: "after", number: true}, {name: "change", number: true}, {name: "interval", number: true, spare: 1},
		{name: "p", number: true, spare: 2},
	}}
	others := 0
	for i := range d.Rows {
		r := &d.Rows[i]
		if r.Trend != budget.Better && r.Trend != budget.Worse {
			if others++; others > p.Top {
				continue
			}
		}
		g.rows = append(g.rows, diffRow(r, p.Width))
	}
	if len(g.rows) > 0 {
		p.grid(&g)
	}
	if n := len(d.Rows) - len(g.rows); n > 0 {
		p.line(dim, fmt.Sprintf("  … %s that are not better or worse", plural(n, "more row")))
	}
	if len(g.rows) > 0 {
		p.line(plain, "")
	}
	p.warnings(d.Warnings)
	mark := bold
	if d.Count(budget.Worse) > 0 {
		mark = red
	}
	p.paragraph(mark, 0, d.summary())
	return p.flush()
}

func (d *Diff) summary() string {
	var parts []string
	for _, t := range []budget.Trend{budget.Worse, budget.Better, budget.Same, budget.CannotTell} {
		parts = append(parts, fmt.Sprintf("%s %s", formatCount(uint64(d.Count(t))), t))
	}
	return plural(len(d.Rows), "row") + ": " + strings.Join(parts, ", ")
}

// sideText says what a side is of. Only what all of its recordings share is
// named.
func sideText(runs *budget.Runs) string {
	if runs == nil || len(runs.Recordings) == 0 {
		return "nothing"
	}
	first := runs.Recordings[0]
	var duration float64
	for _, rec := range runs.Recordings {
		duration += float64(rec.DurationNS)
	}
	text := plural(len(runs.Recordings), "run")
	if runs.Slices {
		text = "one run in " + plural(len(runs.Recordings), "slice")
	}
	text += fmt.Sprintf(", %s from %s", formatNS(duration), first.Start.UTC().Format("2006-01-02 15:04 MST"))
	if of := targets(first.Targets); of != "" {
		text += ", " + of
	}
	return text
}

func diffRow(r *budget.Row, cells int) gridRow {
	row := gridRow{
		title: cutBytes(r.Func, maxText),
		cells: append([]string{r.Trend.String(), cutWidth(rowKey(r), cells)}, diffCells(r)...),
	}
	switch r.Trend {
	case budget.Worse:
		row.mark = red
	case budget.Better:
		row.mark = bold
	}
	row.notes = diffNotes(r)
	return row
}

// diffCells are the metric, before, after, the change, its interval and p.
func diffCells(r *budget.Row) []string {
	c := r.Change
	if c == nil {
		return []string{r.Metric.String(), "-", "-", "-", "-", "-"}
	}
	unit := r.Metric.Unit()
	interval := "-"
	if !math.IsInf(c.Hi, 1) {
		interval = formatRatio(c.Lo) + " … " + formatRatio(c.Hi)
	}
	return []string{r.Metric.String(), formatValue(c.Before, unit), formatValue(c.After, unit), formatRatio(c.Ratio), interval, formatP(c.P)}
}

// rowKey is the key of a row, not escaped.
func rowKey(r *budget.Row) string {
	parts := make([]string, len(r.Key))
	for i, value := range r.Key {
		parts[i] = budget.Matcher{Key: r.By[i], Value: value}.String()
	}
	return strings.Join(parts, ", ")
}

// diffNotes say why the trend cannot be told, and what the calls alone tell.
func diffNotes(r *budget.Row) []string {
	var out []string
	for _, reason := range r.Reasons {
		out = append(out, cutBytes(reason, maxText))
	}
	unit := r.Metric.Unit()
	before := formatInterval(r.RangeBefore[0], r.RangeBefore[1], unit)
	after := formatInterval(r.RangeAfter[0], r.RangeAfter[1], unit)
	if r.Trend == budget.CannotTell && (before != "-" || after != "-") {
		out = append(out, fmt.Sprintf("by its own calls alone: %s, then %s", before, after))
	}
	if len(out) == 0 {
		return nil
	}
	return []string{strings.Join(out, "; ")}
}

// DiffMarkdown writes d as a Markdown table of all rows, those first that are
// worse, then those that are better.
func DiffMarkdown(w io.Writer, d *Diff) error {
	m := markdown{left: 1 << 62}
	m.add("### latch diff", "", d.summary()+".", "", "- old: "+codeSpan(sideText(d.Old)), "- new: "+codeSpan(sideText(d.New)))
	sorted := slices.Clone(d.Rows)
	slices.SortStableFunc(sorted, func(a, b budget.Row) int { return int(b.Trend) - int(a.Trend) })
	var rows [][]string
	for i := range sorted {
		r := &sorted[i]
		trend := r.Trend.String()
		if r.Trend == budget.Worse {
			trend = "**" + trend + "**"
		}
		row := append([]string{trend, code(r.Func), code(rowKey(r))}, diffCells(r)...)
		why := ""
		for _, n := range diffNotes(r) {
			why = codeSpan(n)
		}
		rows = append(rows, append(row, why))
	}
	m.table([]string{"verdict", "function", "key", "metric", "before:", "after:", "change:", "interval:", "p:", "why"}, rows)
	m.warnings(d.Warnings)
	return writeMarkdown(w, m.out.String())
}
