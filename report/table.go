package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

// A column of numbers: its heading and how a series fills it.
type column struct {
	name string
	cell func(s *latency.Series) string
}

// Widths of what stands left and right of the numbers, in cells.
const (
	margin       = 2
	gap          = 2
	minKey       = 6
	minSparkline = 10
	maxSparkline = 24
)

// A table is the layout of one function's series.
type table struct {
	by     []string
	keys   []int // widths of the key's parts; one for all of them if joined
	joined bool
	cols   []column
	widths []int
	spark  scale
	total  *latency.Series
	label  string // of the row of the total, if there is one
	room   int    // cells for the key, with its gaps
}

// newTable finds the columns that the shown series and the total need. Those
// that do not fit are left out, the least telling first.
func newTable(f *latency.Function, total *latency.Series, shown []latency.Series, cells int) *table {
	t := &table{by: f.By, total: total, cols: columns(f.By, total)}
	measure := func() {
		t.widths = make([]int, len(t.cols))
		t.room = cells - margin
		for i, c := range t.cols {
			t.widths[i] = max(width(c.name), width(c.cell(total)))
			for j := range shown {
				t.widths[i] = max(t.widths[i], width(c.cell(&shown[j])))
			}
			t.room -= gap + t.widths[i]
		}
	}
	measure()
	for _, name := range []string{"p99.9", "p90", "share", "p50", "total"} {
		if t.room >= 2*minKey {
			break
		}
		t.cols = slices.DeleteFunc(t.cols, func(c column) bool { return c.name == name })
		measure()
	}
	return t
}

// fit finds the widths of the key and of the sparkline.
func (t *table) fit(shown []latency.Series) {
	t.fitKeys(shown)
	t.keys[len(t.keys)-1] += max(0, min(width(t.label), t.room)-t.keyWidth())
	if rest := t.room - t.keyWidth() - gap; rest >= minSparkline && len(t.total.Buckets) > 1 {
		t.spark = newScale(t.total.Buckets, min(rest, maxSparkline))
	}
}

// columns returns those that the series can fill.
func columns(by []string, total *latency.Series) []column {
	calls := column{"calls", func(s *latency.Series) string { return formatCount(s.Count) }}
	if len(total.Buckets) == 0 {
		return []column{calls, {"share", func(s *latency.Series) string {
			return formatShare(float64(s.Count), float64(total.Count))
		}}}
	}
	quantile := func(name string, q float64) column {
		return column{name, func(s *latency.Series) string { return formatEstimate(s.Quantile(q)) }}
	}
	cols := []column{
		calls,
		quantile("p50", 0.5), quantile("p90", 0.9), quantile("p99", 0.99), quantile("p99.9", 0.999),
		{"max", func(s *latency.Series) string { return formatNS(float64(s.MaxNS)) }},
		{"total", func(s *latency.Series) string { return formatNS(float64(s.SumNS)) }},
		{"share", func(s *latency.Series) string { return formatShare(float64(s.SumNS), float64(total.SumNS)) }},
	}
	if slices.Contains(by, latency.KeyDrops) {
		cols = append(cols, column{"lost", func(s *latency.Series) string { return formatNS(float64(s.LostNS)) }})
	}
	return cols
}

// fitKeys gives each part of the key the width it needs, or, if that is too
// much, takes from the widest. Parts too many for columns become one text.
func (t *table) fitKeys(shown []latency.Series) {
	t.joined = len(t.by) == 0 || t.room < len(t.by)*(minKey+gap)-gap
	cells := t.cells(nil)
	t.keys = make([]int, len(cells))
	for i := range t.keys {
		t.keys[i] = max(minKey, width(cells[i]))
		for j := range shown {
			t.keys[i] = max(t.keys[i], width(t.cells(&shown[j])[i]))
		}
	}
	for t.keyWidth() > t.room {
		widest := slices.Index(t.keys, slices.Max(t.keys))
		if t.keys[widest] <= minKey {
			return
		}
		t.keys[widest]--
	}
}

func (t *table) keyWidth() int {
	n := -gap
	for _, w := range t.keys {
		n += w + gap
	}
	return n
}

// cells returns the texts of the key's columns, or their headings for no
// series. No text is longer than the room there is.
func (t *table) cells(s *latency.Series) []string {
	if len(t.by) == 0 {
		if s == nil {
			return []string{""}
		}
		return []string{"all calls"}
	}
	parts := make([]string, len(t.by))
	for i, name := range t.by {
		switch {
		case s == nil:
			parts[i] = cutWidth(name, t.room)
		case t.joined:
			parts[i] = cutWidth(name, t.room) + "=" + keyText(s, name, t.room)
		default:
			parts[i] = keyText(s, name, t.room)
		}
	}
	if t.joined {
		return []string{chop(strings.Join(parts, ", "), t.room)}
	}
	return parts
}

// keyText is one part of a series' key, cut to fit.
func keyText(s *latency.Series, name string, cells int) string {
	value, ok := s.Key[name]
	if !ok {
		return latency.KeyNone
	}
	return cmp.Or(cutWidth(value, cells), keyEmpty)
}

func (t *table) header() string {
	names := make([]string, len(t.cols))
	for i, c := range t.cols {
		names[i] = c.name
	}
	last := ""
	if t.spark.cells > 0 {
		last = fmt.Sprintf("%s … %s", formatNS(float64(t.total.MinNS)), formatNS(float64(t.total.MaxNS)))
		if width(last) > t.spark.cells {
			last = ""
		}
	}
	return t.join(t.cells(nil), names, last)
}

func (t *table) row(s *latency.Series) string {
	return t.join(t.cells(s), t.numbers(s), t.spark.sparkline(s.Buckets))
}

// totalRow is the row of all series together. Its label runs over all parts
// of the key.
func (t *table) totalRow() string {
	row := *t
	row.keys = []int{t.keyWidth()}
	return row.join([]string{t.label}, t.numbers(t.total), t.spark.sparkline(t.total.Buckets))
}

func (t *table) numbers(s *latency.Series) []string {
	cells := make([]string, len(t.cols))
	for i, c := range t.cols {
		cells[i] = c.cell(s)
	}
	return cells
}

func (t *table) join(key, numbers []string, last string) string {
	var line strings.Builder
	line.WriteString(blanks(margin - gap))
	for i, k := range key {
		line.WriteString(blanks(gap) + left(chop(k, t.keys[i]), t.keys[i]))
	}
	for i, n := range numbers {
		line.WriteString(blanks(gap) + right(n, t.widths[i]))
	}
	line.WriteString(blanks(gap) + last)
	return line.String()
}
