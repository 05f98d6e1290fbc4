package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// table is printed with its columns aligned.
type table struct {
	w   *tabwriter.Writer
	err error
}

func newTable(w io.Writer, title string, columns ...string) *table {
	_, err := fmt.Fprintf(w, "\n%s\n", title)
	t := &table{tabwriter.NewWriter(w, 0, 8, 2, ' ', 0), err}
	t.row(columns...)
	return t
}

func (t *table) row(cells ...string) {
	if _, err := fmt.Fprintln(t.w, "  "+strings.Join(cells, "\t")); err != nil && t.err == nil {
		t.err = err
	}
}

// costs prints what each tool added; the first is latch, the second the one
// it is compared with.
func (t *table) costs(name string, costs []cost, goal float64) {
	cells := []string{name}
	for _, c := range costs {
		cell := spread(c.added)
		if n := slices.Min(c.counted); n != calls {
			cell += fmt.Sprintf(" [saw %d of %d]", n, calls)
		} else if n := slices.Max(c.counted); n != calls {
			cell += fmt.Sprintf(" [saw %d of %d]", n, calls)
		}
		cells = append(cells, cell)
	}
	ratio := median(costs[0].added) / median(costs[1].added)
	t.row(append(cells, fmt.Sprintf("%.2f", ratio), atMost(ratio, goal))...)
}

func (t *table) flush() error {
	if err := t.w.Flush(); err != nil {
		return err
	}
	return t.err
}

// atMost says whether a goal is met; 0 is no goal.
func atMost(got, goal float64) string {
	switch {
	case goal == 0:
		return "-"
	case got <= goal:
		return fmt.Sprintf("<= %g met", goal)
	}
	return fmt.Sprintf("<= %g MISSED", goal)
}

// median is the middle one, or the mean of the two in the middle.
func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// spread is the median with the least and the greatest.
func spread(x []float64) string {
	return fmt.Sprintf("%.0f (%.0f-%.0f)", median(x), slices.Min(x), slices.Max(x))
}
