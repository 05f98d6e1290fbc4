package latency

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAbove(t *testing.T) {
	s := seriesOf(nil, 100, 4_860_000, 4_900_000, 5_000_000, 9_000_000)
	lo, hi := SlotBoundsNS(Slot(4_900_000))
	if Slot(4_860_000) != Slot(4_900_000) || Slot(5_000_000) != Slot(4_900_000) {
		t.Fatalf("the three do not share (%d, %d]", lo, hi)
	}
	tests := []struct{ limit, least, most uint64 }{
		{0, 5, 5},
		{99, 5, 5},  // below the least
		{100, 4, 4}, // the least itself, which a bucket's end would not tell
		{lo, 4, 4},  // a bucket's bound
		{4_870_000, 1, 4},
		{hi, 1, 1},
		{8_999_999, 0, 1},
		{9_000_000, 0, 0}, // the greatest
		{math.MaxUint64, 0, 0},
	}
	for _, tt := range tests {
		if least, most := s.Above(tt.limit); least != tt.least || most != tt.most {
			t.Errorf("above %d: %d to %d, want %d to %d", tt.limit, least, most, tt.least, tt.most)
		}
	}

	s.Over = []Over{{4_870_000, 3}, {4_950_000, 2}}
	for _, tt := range []struct{ limit, least, most uint64 }{
		{4_870_000, 3, 3}, {4_900_000, 2, 3}, {4_960_000, 1, 2}, {4_865_000, 3, 4},
	} {
		if least, most := s.Above(tt.limit); least != tt.least || most != tt.most {
			t.Errorf("with counts, above %d: %d to %d, want %d to %d", tt.limit, least, most, tt.least, tt.most)
		}
	}

	untimed := Series{Count: 7}
	if least, most := untimed.Above(5); least != 0 || most != 7 {
		t.Errorf("untimed calls: %d to %d above", least, most)
	}
}

func TestOverTogetherAndApart(t *testing.T) {
	a, b := seriesOf(nil, 1000, 5000), seriesOf(nil, 2000, 9000)
	a.Over = []Over{{1500, 1}, {4000, 1}}
	b.Over = []Over{{1500, 2}, {7000, 1}}
	want := []Over{{1500, 3}}
	if total := Total([]Series{a, {}, b}); !cmp.Equal(total.Over, want) {
		t.Errorf("total %v, want %v", total.Over, want)
	}
	var merged Series
	merged.Merge(&a)
	merged.Merge(&b)
	if !cmp.Equal(merged.Over, want) || len(a.Over) != 2 {
		t.Errorf("merged %v from %v, want %v", merged.Over, a.Over, want)
	}
	if rest := merged.since(&a); !cmp.Equal(rest.Over, []Over{{1500, 2}}) {
		t.Errorf("since a: %v", rest.Over)
	}

	// Counters that were read a call early or late.
	torn := seriesOf(nil, 1000, 2000, 9000)
	torn.Over = []Over{{500, 9}, {1000, 3}, {8900, 3}, {20_000, 1}}
	torn.Reconcile()
	if want := []Over{{500, 3}, {1000, 3}, {8900, 1}, {20_000, 0}}; !cmp.Equal(torn.Over, want) {
		t.Errorf("reconciled %v, want %v", torn.Over, want)
	}
	if err := torn.checkOver(); err != nil {
		t.Error(err)
	}
}

func TestCheckOver(t *testing.T) {
	for _, tt := range []struct {
		over []Over
		err  string
	}{
		{[]Over{{150, 2}, {1000, 1}}, ""},
		{[]Over{{1000, 1}, {1000, 1}}, "limit of 1000 ns is not above the one before"},
		{[]Over{{1000, 2}}, "2 calls above 1000 ns cannot be: the buckets have 1 to 1"},
		{[]Over{{2990, 0}, {2995, 1}}, "1 calls above 2995 ns are more than above 2990 ns"},
	} {
		r := sample()
		r.Functions[0].Series[0].Over = tt.over
		got := text(r.Check())
		if tt.err == "" && got != "" || !strings.Contains(got, tt.err) {
			t.Errorf("%v: error %q, want %q", tt.over, got, tt.err)
		}
	}
}
