package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/latchprof/latch/latency"
)

// CSV writes rec as RFC 4180 has it, with a row for each series, times in
// nanoseconds. The parts of the keys are columns of their own, named
// "by." and the part; "(none)" stands where a function does not have it. Texts
// are escaped and quoted. One that a spreadsheet would take for a formula, since
// it begins with = + - or @, has an apostrophe before it.
func CSV(w io.Writer, rec *latency.Recording) error {
	names := labelNames(rec.Functions)
	var parts []string // in the order in which they come
	seen := make(map[string]bool)
	for i := range rec.Functions {
		for _, part := range rec.Functions[i].By {
			if !seen[part] {
				seen[part] = true
				parts = append(parts, part)
			}
		}
	}
	heading := []string{"function", "symbol", "binary", "lang", "file", "line"}
	for _, part := range parts {
		heading = append(heading, "by."+names[part])
	}
	t := newCSV(append(heading, "calls", "sum_ns", "self_ns", "min_ns", "max_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns")...)
	for i := range rec.Functions {
		f := &rec.Functions[i]
		for j := range f.Series {
			s := &f.Series[j]
			t.text(f.Name, f.Symbol, f.Binary, f.Lang, f.File)
			t.numbers(strconv.Itoa(f.Line))
			tags := labels(names, f, s)
			for _, part := range parts {
				t.escaped(tags[names[part]][0])
			}
			t.uints(s.Count)
			if len(s.Buckets) > 0 {
				t.uints(s.SumNS, s.SelfNS, s.MinNS, s.MaxNS, s.P50NS, s.P90NS, s.P99NS, s.P999NS)
			} else {
				t.numbers(make([]string, 8)...) // counted, not timed
			}
			t.end()
		}
	}
	return t.write(w)
}

// A csvTable is rows of cells.
type csvTable struct {
	out strings.Builder
	row []string
}

func newCSV(heading ...string) *csvTable {
	t := new(csvTable)
	t.escaped(heading...)
	t.end()
	return t
}

// text adds cells of strings from a target.
func (t *csvTable) text(cells ...string) {
	for _, c := range cells {
		t.escaped(cutBytes(c, maxText))
	}
}

// escaped adds cells that are escaped for a terminal already. All are quoted:
// where a spreadsheet takes another character for the comma, a part of a cell
// must not begin a cell.
func (t *csvTable) escaped(cells ...string) {
	for _, c := range cells {
		if strings.IndexAny(c, "=+-@＝＋－＠") == 0 {
			c = "'" + c
		}
		t.row = append(t.row, `"`+strings.ReplaceAll(c, `"`, `""`)+`"`)
	}
}

// numbers adds cells that are not quoted.
func (t *csvTable) numbers(cells ...string) { t.row = append(t.row, cells...) }

func (t *csvTable) uints(values ...uint64) {
	for _, v := range values {
		t.numbers(strconv.FormatUint(v, 10))
	}
}

// floats adds numbers; NaN and the infinities are empty.
func (t *csvTable) floats(values ...float64) {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.numbers("")
		} else {
			t.numbers(strconv.FormatFloat(v, 'f', -1, 64))
		}
	}
}

func (t *csvTable) end() {
	t.out.WriteString(strings.Join(t.row, ",") + "\r\n")
	t.row = t.row[:0]
}

func (t *csvTable) write(w io.Writer) error {
	if _, err := io.WriteString(w, t.out.String()); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
