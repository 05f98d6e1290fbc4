package latency

import "time"

// seriesOf returns the series of the given durations in nanoseconds, as exact
// counters would have it, half of all time being its own.
func seriesOf(key map[string]string, durations ...uint64) Series {
	s := Series{Key: key}
	slots := make([]uint64, NumSlots)
	for i, d := range durations {
		slots[Slot(d)]++
		if i == 0 || d < s.MinNS {
			s.MinNS = d
		}
		s.MaxNS = max(s.MaxNS, d)
		s.SumNS += d
		s.Count++
	}
	s.SelfNS = s.SumNS / 2
	s.Buckets = FromSlots(slots)
	s.Fill()
	return s
}

// sample returns a recording of one function by one argument.
func sample() *Recording {
	return &Recording{
		Schema:     Schema,
		Start:      time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		DurationNS: 10e9,
		Targets:    []Target{{PID: 7, Exe: "/bin/shop"}},
		Functions: []Function{{
			Name: "price", Symbol: "price", Binary: "/bin/shop", Lang: "c", Exit: "session",
			By: []string{"sku"},
			Balance: Balance{
				Entries: 10, Returns: 5, InFlight: 2, Unwound: 1,
				Lost: map[string]uint64{"calls full": 2},
			},
			Series: []Series{
				seriesOf(map[string]string{"sku": "a"}, 100, 200, 3000),
				seriesOf(map[string]string{"sku": "b"}, 1_000_000, 2_000_000),
			},
		}},
		Overhead: Overhead{EntryNS: 5300, ExitNS: 1200, Hits: 15, CPUShare: 0.1},
		Warnings: []string{"first"},
	}
}
