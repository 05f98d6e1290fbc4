package latency

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromSlotsRoundTrip(t *testing.T) {
	slots := make([]uint64, NumSlots)
	for i := range slots {
		if rand.IntN(3) > 0 {
			slots[i] = rand.Uint64N(1000)
		}
	}
	slots[0], slots[NumSlots-1] = 7, 11
	h := FromSlots(slots)

	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back Histogram
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, back); d != "" {
		t.Errorf("JSON round trip (-want +got):\n%s", d)
	}
	got := make([]uint64, NumSlots)
	for _, b := range back {
		got[Slot(b.HiNS)] += b.Count
	}
	if d := cmp.Diff(slots, got); d != "" {
		t.Errorf("slots (-want +got):\n%s", d)
	}
}

func TestFromSlotsBeyondLast(t *testing.T) {
	slots := make([]uint64, NumSlots+2)
	slots[NumSlots-1], slots[NumSlots], slots[NumSlots+1] = 1, 2, 4
	want := Histogram{{4_096_000_000_000, math.MaxUint64, 7}}
	if d := cmp.Diff(want, FromSlots(slots)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestUnmarshalBuckets(t *testing.T) {
	tests := []struct{ text, err string }{
		{`[]`, ""},
		{`null`, ""},
		{` [ [ 0 , 59 , 3 ] ,
			[59,62,1] ] `, ""},
		{`[[4096000000000,18446744073709551615,1]]`, ""},
		{``, `read buckets: want '[', found the end`},
		{`{}`, `read buckets: want '[', found '{'`},
		{`[[0,59,3]`, `read bucket 1: want ',', found the end`},
		{`[[0,59,3],]`, `read bucket 1: want '[', found ']'`},
		{`[[0,59,3]] 1`, `read buckets: text after the last one`},
		{`[[0,59]]`, `read bucket 0: want ',', found ']'`},
		{`[[0,59,3,4]]`, `read bucket 0: want ']', found ','`},
		{`[[0,59,0]]`, `read bucket 0: (0, 59] ns is empty`},
		{`[[0,59,-1]]`, `read bucket 0: "" is not a whole number below 2^64`},
		{`[[0,59,1.5]]`, `read bucket 0: want ']', found '.'`},
		{`[[0,59,18446744073709551616]]`, `read bucket 0: "18446744073709551616" is not a whole number below 2^64`},
		{`[[10,20,1]]`, `read bucket 0: (10, 20] ns is not a bucket of the scheme; there it is (0, 59]`},
		{`[[59,62,1],[0,59,1]]`, `read bucket 1: (0, 59] is not above the bucket before`},
		{`[[0,59,1],[0,59,1]]`, `read bucket 1: (0, 59] is not above the bucket before`},
	}
	for _, tt := range tests {
		var h Histogram
		err := h.UnmarshalJSON([]byte(tt.text))
		if got := text(err); got != tt.err {
			t.Errorf("%s: error %q, want %q", tt.text, got, tt.err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestMergeAndSub(t *testing.T) {
	a := seriesOf(nil, 50, 100, 100, 1e6, 5e12).Buckets
	b := seriesOf(nil, 100, 2e6, 7e12).Buckets
	both := seriesOf(nil, 50, 100, 100, 1e6, 5e12, 100, 2e6, 7e12).Buckets
	if d := cmp.Diff(both, a.Merge(b)); d != "" {
		t.Errorf("a+b (-want +got):\n%s", d)
	}
	if d := cmp.Diff(both, b.Merge(a)); d != "" {
		t.Errorf("b+a (-want +got):\n%s", d)
	}
	if d := cmp.Diff(a, both.Sub(b)); d != "" {
		t.Errorf("a+b-b (-want +got):\n%s", d)
	}
	if got := a.Sub(both); got != nil {
		t.Errorf("a-(a+b) = %v, want none", got)
	}
	if got := both.Count(); got != 8 {
		t.Errorf("count = %d, want 8", got)
	}
}

func FuzzUnmarshalBuckets(f *testing.F) {
	f.Add([]byte(`[[0,59,3],[59,62,1]]`))
	f.Add([]byte(`[[4096000000000,18446744073709551615,1]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var h, back Histogram
		if h.UnmarshalJSON(text) != nil {
			return
		}
		out, err := h.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := back.UnmarshalJSON(out); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if len(h) > NumSlots || cmp.Diff([]Bucket(h), []Bucket(back)) != "" && len(h) > 0 {
			t.Fatalf("%s became %s", text, out)
		}
	})
}
