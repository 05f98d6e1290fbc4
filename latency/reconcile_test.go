package latency

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// randomSeries is a filled-in series of up to 40 calls.
func randomSeries(random *rand.Rand) Series {
	slots := make([]uint64, NumSlots)
	s := Series{MinNS: 1<<64 - 1}
	for range 1 + random.IntN(40) {
		ns := random.Uint64N(1 << (1 + random.UintN(40)))
		slots[Slot(ns)]++
		s.Count++
		s.SumNS += ns
		s.MinNS, s.MaxNS = min(s.MinNS, ns), max(s.MaxNS, ns)
	}
	s.SelfNS = random.Uint64N(s.SumNS + 1)
	s.LostNS = random.Uint64N(s.SumNS + 1)
	s.Buckets = FromSlots(slots)
	return s
}

// A series at rest is left alone, and one whose times are off by anything
// becomes one that a recording may hold.
func TestReconcile(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		s := randomSeries(random)
		rest := s
		rest.Reconcile()
		if diff := cmp.Diff(s, rest); diff != "" {
			t.Fatalf("a series at rest changed (-before +after):\n%s", diff)
		}
		for _, field := range []*uint64{&s.SumNS, &s.SelfNS, &s.LostNS, &s.MinNS, &s.MaxNS} {
			*field = random.Uint64() >> random.UintN(64)
		}
		torn := s
		s.Reconcile()
		if err := s.checkTimes(); err != nil {
			t.Fatalf("%v: %+v from %+v", err, s, torn)
		}
	}
}
