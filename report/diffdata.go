package report

import (
	"io"
	"strconv"
	"strings"

	"github.com/latchprof/latch/budget"
)

// DiffSchema names the version of the JSON of a difference.
const DiffSchema = "latch.diff/v1"

type diffJSON struct {
	Schema   string         `json:"schema"`
	Counts   map[string]int `json:"counts"`
	Slices   bool           `json:"slices"`
	Rows     []rowJSON      `json:"rows"`
	Old      []runJSON      `json:"old"`
	New      []runJSON      `json:"new"`
	Warnings []string       `json:"warnings"`
}

type rowJSON struct {
	Func        string            `json:"func"`
	Key         map[string]string `json:"key"`
	Metric      string            `json:"metric"`
	Unit        string            `json:"unit"`
	Verdict     string            `json:"verdict"`
	CallsBefore uint64            `json:"calls_before"`
	CallsAfter  uint64            `json:"calls_after"`
	RangeBefore [2]number         `json:"range_before"`
	RangeAfter  [2]number         `json:"range_after"`
	Change      *changeJSON       `json:"change"` // null where one side has no calls
	Reasons     []string          `json:"reasons"`
}

// DiffJSON writes d as one JSON document of DiffSchema. In an interval, null
// means that nothing bounds that end. Shares are parts of 1.
func DiffJSON(w io.Writer, d *Diff) error {
	doc := diffJSON{
		Schema: DiffSchema, Counts: make(map[string]int), Slices: d.Slices, Rows: []rowJSON{},
		Old: runsJSON(d.Old), New: runsJSON(d.New), Warnings: append([]string{}, d.Warnings...),
	}
	for t := budget.CannotTell; t <= budget.Worse; t++ {
		doc.Counts[t.String()] = d.Count(t)
	}
	for i := range d.Rows {
		r := &d.Rows[i]
		row := rowJSON{
			Func: r.Func, Key: make(map[string]string), Metric: r.Metric.String(), Unit: unitJSON[r.Metric.Unit()],
			Verdict: r.Trend.String(), CallsBefore: r.CallsBefore, CallsAfter: r.CallsAfter,
			RangeBefore: [2]number{number(r.RangeBefore[0]), number(r.RangeBefore[1])},
			RangeAfter:  [2]number{number(r.RangeAfter[0]), number(r.RangeAfter[1])},
			Change:      newChangeJSON(r.Change), Reasons: append([]string{}, r.Reasons...),
		}
		for i, part := range r.By {
			row.Key[part] = r.Key[i]
		}
		doc.Rows = append(doc.Rows, row)
	}
	return writeJSON(w, &doc)
}

// DiffCSV writes d as CSV, as CSV does a recording, with a row for each
// function, key and metric. Numbers are in the stated unit, shares parts of 1;
// what is not known, or not bounded, is empty.
func DiffCSV(w io.Writer, d *Diff) error {
	t := newCSV("verdict", "function", "key", "metric", "unit", "before", "after", "ratio", "ratio_lo", "ratio_hi",
		"diff", "diff_lo", "diff_hi", "p", "runs_before", "runs_after", "calls_before", "calls_after", "reasons")
	for i := range d.Rows {
		r := &d.Rows[i]
		t.text(r.Trend.String(), r.Func, rowKey(r), r.Metric.String(), unitJSON[r.Metric.Unit()])
		if c := r.Change; c != nil {
			t.floats(c.Before, c.After, c.Ratio, c.Lo, c.Hi, c.Diff, c.DiffLo, c.DiffHi, c.P)
			t.numbers(strconv.Itoa(c.RunsBefore), strconv.Itoa(c.RunsAfter))
		} else {
			t.numbers(make([]string, 11)...)
		}
		t.uints(r.CallsBefore, r.CallsAfter)
		t.text(strings.Join(r.Reasons, "; "))
		t.end()
	}
	return t.write(w)
}
