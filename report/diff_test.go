package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/internal/testutil"
)

func difference(t testing.TB, before, after *budget.Runs) *Diff {
	t.Helper()
	d, err := budget.Diff(before, after, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Diff{d, before, after}
}

// hostileDiff has nasty text wherever there is text, and numbers that are none.
func hostileDiff() *Diff {
	inf := math.Inf(1)
	row := budget.Row{Func: nasty, By: []string{nasty}, Key: []string{nasty}, Metric: budget.Metric{Percent: 99}, Reasons: []string{nasty}}
	worse := row
	worse.Trend, worse.RangeAfter = budget.Worse, [2]float64{1, inf}
	worse.Change = &budget.Change{Before: 0, After: 5, Ratio: inf, Lo: -1, Hi: inf, DiffLo: -inf, DiffHi: inf, P: math.NaN(), NeedRuns: 4}
	runs := hostileCheck().Runs
	runs.Recordings[0].Targets[0].Exe = nasty
	return &Diff{&budget.Difference{Rows: []budget.Row{row, worse}, Warnings: []string{nasty}}, runs, runs}
}

// singles compares one run with one.
func singles(t testing.TB) *Diff {
	before, after := runsAt(1), runsAt(1.3)
	return difference(t, budget.RunsOf(before.Recordings[0]), budget.RunsOf(after.Recordings[0], shop()))
}

// diffGoldens compares what write makes of differences, and returns it.
func diffGoldens(t *testing.T, format string, write func(io.Writer, *Diff) error) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for name, d := range map[string]*Diff{
		"slower": difference(t, runsAt(1), runsAt(1.3)), "faster": difference(t, runsAt(1.3), runsAt(1)),
		"single": singles(t), "hostile": hostileDiff(), "empty": {Difference: &budget.Difference{}},
	} {
		var out bytes.Buffer
		if err := write(&out, d); err != nil {
			t.Fatal(err)
		}
		testutil.Golden(t, "diff-"+name+"."+format+".golden", out.Bytes())
		all[name] = out.Bytes()
		if err := write(brokenWriter{}, d); err == nil {
			t.Errorf("%s: no error from a writer that fails", name)
		}
	}
	return all
}

func TestDiffText(t *testing.T) {
	for _, cells := range []int{40, 60, 100} {
		format := fmt.Sprintf("width=%d.txt", cells)
		for name, text := range diffGoldens(t, format, func(w io.Writer, d *Diff) error { return DiffText(w, d, &TextOptions{Width: cells}) }) {
			printable(t, name, text)
			for line := range strings.Lines(string(text)) {
				if n := width(strings.TrimSuffix(line, "\n")); n > cells {
					t.Errorf("%s: %d cells instead of %d: %s", name, n, cells, line)
				}
			}
		}
	}
}

// TestDiffTextTop leaves out none that is better or worse.
func TestDiffTextTop(t *testing.T) {
	d := difference(t, runsAt(1), runsAt(1.3))
	same := d.Rows[0]
	same.Trend = budget.Same
	for range 50 {
		d.Rows = append([]budget.Row{same}, d.Rows...)
	}
	var out bytes.Buffer
	if err := DiffText(&out, d, &TextOptions{Top: 3}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Count(text, "\n  same") != 3 || strings.Count(text, "\n  worse") != 2 ||
		!strings.Contains(text, "  … 49 more rows that are not better or worse\n") {
		t.Error(text)
	}
}

func TestDiffJSON(t *testing.T) {
	for name, text := range diffGoldens(t, "json", DiffJSON) {
		var doc diffJSON
		if err := json.Unmarshal(text, &doc); err != nil || doc.Schema != DiffSchema {
			t.Errorf("%s: schema %q, %v", name, doc.Schema, err)
		}
	}
}

func TestDiffCSV(t *testing.T) {
	for name, text := range diffGoldens(t, "csv", DiffCSV) {
		printable(t, name, bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		readCSV(t, text)
	}
}

func TestDiffMarkdown(t *testing.T) {
	for name, text := range diffGoldens(t, "md", DiffMarkdown) {
		printable(t, name, text)
		tableCells(t, name, string(text))
	}
}

func TestWriteDiff(t *testing.T) {
	dir := t.TempDir()
	for _, f := range diffFormats {
		path := filepath.Join(dir, "x"+f.suffix)
		for what, err := range map[string]error{"before": CanWriteDiff(path), "write": WriteDiff(path, hostileDiff())} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	if err := CanWriteDiff("x.pb.gz"); err == nil || !strings.Contains(err.Error(), "a name must end in .json, .md, .csv, .txt") {
		t.Errorf("error %v", err)
	}
}
