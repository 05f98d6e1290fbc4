package budget

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/latchprof/latch/latency"
)

// seriesOf returns the series of the given durations in nanoseconds, as exact
// counters would have it, with the calls above limits.
func seriesOf(key map[string]string, limits []uint64, durations ...uint64) latency.Series {
	s := latency.Series{Key: key}
	slots := make([]uint64, latency.NumSlots)
	for _, limit := range limits {
		s.Over = append(s.Over, latency.Over{LimitNS: limit})
	}
	for i, d := range durations {
		slots[latency.Slot(d)]++
		if i == 0 || d < s.MinNS {
			s.MinNS = d
		}
		s.MaxNS = max(s.MaxNS, d)
		s.SumNS += d
		s.Count++
		for j := range s.Over {
			if d > s.Over[j].LimitNS {
				s.Over[j].Calls++
			}
		}
	}
	s.Buckets = latency.FromSlots(slots)
	s.Fill()
	return s
}

// function returns a function with the given series and a balance that holds.
func function(name string, by []string, series ...latency.Series) latency.Function {
	f := latency.Function{Name: name, Symbol: name, Binary: "/usr/bin/shop", BuildID: "c0ffee", Lang: "go", Exit: "ret", By: by, Series: series}
	for _, s := range series {
		f.Balance.Returns += s.Count
	}
	f.Balance.Entries = f.Balance.Returns
	return f
}

// lose adds calls of which nothing is known.
func lose(f *latency.Function, lost, inFlight uint64) {
	f.Balance.Entries += lost + inFlight
	f.Balance.InFlight += inFlight
	f.Balance.Lost = map[string]uint64{"calls full": lost}
}

func recording(functions ...latency.Function) *latency.Recording {
	return &latency.Recording{
		Schema: latency.Schema, Start: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), DurationNS: 10e9,
		Kernel: "6.18.0", Latch: "0.1", Machine: "2 x Xeon", Functions: functions,
		Overhead: latency.Overhead{EntryNS: 5000, ExitNS: 1000},
	}
}

// repeat returns n times d, then m times e.
func repeat(n int, d uint64, m int, e uint64) []uint64 {
	out := make([]uint64, 0, n+m)
	for range n {
		out = append(out, d)
	}
	for range m {
		out = append(out, e)
	}
	return out
}

// service draws latencies around 2 ms with a long tail, all times factor.
type service struct {
	*rand.Rand
	sigma, factor float64
}

func newService(seed uint64, sigma float64) *service {
	return &service{rand.New(rand.NewPCG(seed, 5)), sigma, 1}
}

func (s *service) calls(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(2e6 * s.factor * math.Exp(s.sigma*s.NormFloat64()))
	}
	return out
}

// p99 is the true one, for a factor of 1.
func (s *service) p99() float64 {
	return 2e6 * math.Exp(s.sigma*math.Sqrt2*math.Erfinv(0.98))
}
