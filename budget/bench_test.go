package budget

import (
	"fmt"
	"testing"

	"github.com/latchprof/latch/latency"
)

// A thousand functions of ten keys, five runs a side.
func BenchmarkDiff(b *testing.B) {
	s := newService(1, 0.6)
	side := func() *Runs {
		r := new(Runs)
		var fs []latency.Function
		for f := range 1000 {
			var series []latency.Series
			for k := range 10 {
				series = append(series, seriesOf(route(fmt.Sprint(k)), nil, s.calls(200)...))
			}
			fs = append(fs, function(fmt.Sprintf("f%d", f), []string{"route"}, series...))
		}
		for range 5 {
			r.Recordings = append(r.Recordings, recording(fs...))
		}
		return r
	}
	old, now := side(), side()
	for b.Loop() {
		if _, err := Diff(old, now, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	for b.Loop() {
		compare([]float64{100, 101, 102, 103, 104}, []float64{120, 121, 122, 123, 124}, 0.95)
	}
}

func BenchmarkShareBounds(b *testing.B) {
	for b.Loop() {
		lowerShare(670_000, maxExact, 0.05)
		upperShare(670_000, maxExact, 0.05)
	}
}
