package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
)

// stateAfter is what a measurement knows after so many seconds, with ten calls
// of a function in each.
func stateAfter(seconds int) *latency.Recording {
	n := uint64(10 * seconds)
	slots := make([]uint64, latency.NumSlots)
	slots[latency.Slot(5000)] = n
	s := latency.Series{
		Key: map[string]string{"sku": "B-1"}, Count: n, SumNS: 5000 * n, SelfNS: 5000 * n, MinNS: 5000, MaxNS: 5000,
		Buckets: latency.FromSlots(slots),
	}
	s.Fill()
	return &latency.Recording{
		Schema: latency.Schema, Start: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), DurationNS: int64(seconds) * 1e9,
		Functions: []latency.Function{{
			Name: "price", Exit: "ret", By: []string{"sku"}, Series: []latency.Series{s},
			Balance: latency.Balance{Entries: n + 1, Returns: n, InFlight: 1},
		}},
	}
}

// TestReportOfSlices puts the slices of a run together: as a recording, and as a
// page that shows how it went. Several runs are refused.
func TestReportOfSlices(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, runs *budget.Runs) string {
		path := filepath.Join(dir, name)
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := runs.Encode(file); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cut := write("slices.json", budget.Cut(stateAfter(1), stateAfter(2), stateAfter(4)))
	whole, page := filepath.Join(dir, "whole.json"), filepath.Join(dir, "page.html")
	l := startLatch(t, "report", cut, "-o", whole, "-o", page)
	if code := l.wait(); code != 0 || !strings.Contains(l.stdout.String(), "41 entries = 40 returns + 1 in flight") {
		t.Fatalf("latch ended with %d: %s\n%s", code, l.said(), l.stdout.String())
	}
	rec := readRecording(t, whole)
	if len(rec.SlicesNS) != 3 || rec.DurationNS != 4e9 {
		t.Errorf("slices end at %d of %d ns", rec.SlicesNS, rec.DurationNS)
	}
	for i, want := range []uint64{10, 10, 20} {
		if got := function(t, rec, "price").Series[0].Slices[i].Count(); got != want {
			t.Errorf("slice %d has %d calls, want %d", i, got, want)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(text), `"ends":[1000000000,2000000000,4000000000]`) {
		t.Errorf("the page has not the slices, %v", err)
	}
	runs := write("runs.json", budget.RunsOf(stateAfter(1), stateAfter(2)))
	refuse(t, exitUnmeasured, []string{"runs.json", "2 runs"}, "report", runs)
}
