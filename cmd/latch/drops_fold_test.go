package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchprof/latch/report"
)

// TestFold holds that no flood makes many lines, and that no packet is left
// out of them.
func TestFold(t *testing.T) {
	begin := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	scan := func(i int) *report.Drop {
		return &report.Drop{Src: "10.0.0.1", Dst: "10.0.0.2", Sport: uint16(40000 + i), Dport: uint16(i), Proto: "tcp", Cause: "no-listener", Count: 2, PID: 7}
	}
	spoofed := func(i int) *report.Drop {
		return &report.Drop{Src: fmt.Sprintf("10.1.%d.%d", i/256, i%256), Dst: "10.0.0.2", Dport: 80, Proto: "tcp", Cause: "firewall", Rule: "r", Count: 1}
	}
	for _, c := range []struct {
		label        string
		drop         func(i int) *report.Drop
		n            int
		lines, folds int
		rest         string // of the folded line
	}{
		{"few", scan, 3, 3, 0, ""},
		{"scan", scan, 2000, 3, 1, "10.0.0.1:0 > 10.0.0.2:0 x3994 +1996 pid 7"},
		{"spoofed", spoofed, 2000, foldedPair, 1, ":0 > 10.0.0.2:80 x1992 +1991 pid 0"},
		{"during", func(i int) *report.Drop { d := scan(i); d.During = &report.During{Func: "f"}; return d }, 50, 50, 0, ""},
	} {
		t.Run(c.label, func(t *testing.T) {
			f := newFolder()
			var packets, want uint64
			lines := 0
			for i := range c.n {
				d := c.drop(i)
				want += d.Count
				if !f.takes(d, begin) {
					lines++
					packets += d.Count
				}
			}
			if early := f.due(begin.Add(foldAfter/2), false); len(early) > 0 {
				t.Errorf("%d lines before the second was over", len(early))
			}
			folds := f.due(begin.Add(foldAfter), false)
			for _, d := range folds {
				packets += d.Count
			}
			if lines != c.lines || len(folds) != c.folds || packets != want {
				t.Fatalf("%d lines and %d folded, want %d and %d; %d packets of %d", lines, len(folds), c.lines, c.folds, packets, want)
			}
			for _, d := range folds {
				got := fmt.Sprintf("%s:%d > %s:%d x%d +%d pid %d", d.Src, d.Sport, d.Dst, d.Dport, d.Count, d.Folded, d.PID)
				if got != c.rest {
					t.Errorf("%s, want %s", got, c.rest)
				}
			}
			if left := f.due(begin.Add(time.Hour), true); len(left) > 0 || len(f.folds) > 0 || len(f.pairs) > 0 {
				t.Errorf("%d lines, %d folds and %d pairs are left", len(left), len(f.folds), len(f.pairs))
			}
		})
	}
}
