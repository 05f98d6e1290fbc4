package latency

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The slices of a measurement are the measurement again.
func TestConcat(t *testing.T) {
	all := states(9, 30)
	var parts []*Recording
	var prev *Recording
	for _, now := range all {
		parts = append(parts, now.Since(prev))
		prev = now
	}
	got, err := Concat(parts...)
	if err != nil {
		t.Fatal(err)
	}
	_, want := feed(all)
	want.Warnings = nil
	for _, part := range parts {
		want.Warnings = append(want.Warnings, part.Warnings...)
	}
	got.Overhead.CPUShare = want.Overhead.CPUShare // to rounding
	for i := range want.Functions[0].Series {
		// Slices know extremes to the width of a bucket.
		g, w := &got.Functions[0].Series[i], &want.Functions[0].Series[i]
		if Slot(g.MinNS) != Slot(w.MinNS) || Slot(g.MaxNS) != Slot(w.MaxNS) {
			t.Errorf("series %v: %d to %d ns, want %d to %d ns", w.Key, g.MinNS, g.MaxNS, w.MinNS, w.MaxNS)
		}
		g.MinNS, g.MaxNS = w.MinNS, w.MaxNS
		g.Fill()
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("put together (-want +got):\n%s", d)
	}

	if one, err := Concat(sample()); err != nil || one.Functions[0].Balance.Entries != sample().Functions[0].Balance.Entries {
		t.Errorf("one slice: %+v, %v", one, err)
	}
	if _, err := Concat(); err == nil || err.Error() != "concatenate: no slices" {
		t.Errorf("no slices: %v", err)
	}
	parts[3].Functions[0].Balance.Entries += 5
	if _, err := Concat(parts...); err == nil || !strings.HasPrefix(err.Error(), `concatenate 9 slices: function "price": `) {
		t.Errorf("entries from nowhere: %v", err)
	}
}
