package latency

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// states returns the states of a measurement, one each second, in which n calls
// come under keys that appear one after the other. Some are in flight each time.
func states(seconds, n int) []*Recording {
	rng := rand.New(rand.NewPCG(1, 2))
	durations := make(map[string][]uint64)
	var out []*Recording
	for i := range seconds {
		rec := sample()
		rec.DurationNS = int64(i+1) * 1e9
		rec.Warnings = []string{fmt.Sprint("warning ", i/2)}
		f := &rec.Functions[0]
		f.Series, f.Balance = nil, Balance{InFlight: uint64(i % 3), Lost: map[string]uint64{"calls full": uint64(i)}}
		for range n {
			key := fmt.Sprint("k", rng.IntN(1+min(i, 5)))
			durations[key] = append(durations[key], 1000+uint64(rng.ExpFloat64()*1e5))
		}
		for k := range 6 {
			if key := fmt.Sprint("k", k); len(durations[key]) > 0 {
				f.Series = append(f.Series, seriesOf(map[string]string{"sku": key}, durations[key]...))
			}
		}
		for _, s := range f.Series {
			f.Balance.Returns += s.Count
		}
		f.Balance.Entries = f.Balance.Returns + f.Balance.InFlight + uint64(i)
		rec.Overhead.Hits = f.Balance.Entries
		out = append(out, rec)
	}
	return out
}

// feed adds all states but the last one to a timeline and finishes that.
func feed(states []*Recording) (*Timeline, *Recording) {
	t, prev := new(Timeline), (*Recording)(nil)
	last := states[len(states)-1]
	for _, now := range states[:len(states)-1] {
		t.Add(now.Since(prev))
		prev = now
	}
	t.Finish(last)
	return t, last
}

func TestTimeline(t *testing.T) {
	all := states(7, 40)
	_, rec := feed(all)
	if err := rec.Check(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int64{1e9, 2e9, 3e9, 4e9, 5e9, 6e9, 7e9}, rec.SlicesNS); d != "" {
		t.Errorf("ends (-want +got):\n%s", d)
	}
	for i, s := range rec.Functions[0].Series {
		for at, now := range all {
			var want Histogram
			if series := now.Functions[0].Series; i < len(series) {
				want = series[i].Buckets
			}
			var got Histogram
			for _, h := range s.Slices[:at+1] {
				got = got.Merge(h)
			}
			if d := cmp.Diff(want, got); d != "" && len(want)+len(got) > 0 {
				t.Errorf("series %v up to slice %d (-want +got):\n%s", s.Key, at, d)
			}
		}
	}

	var file bytes.Buffer
	if err := rec.Encode(&file); err != nil {
		t.Fatal(err)
	}
	back, err := Load(&file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(rec.SlicesNS, back.SlicesNS); d != "" {
		t.Error(d)
	}
	for i := range rec.Functions[0].Series {
		for j, h := range rec.Functions[0].Series[i].Slices {
			if d := cmp.Diff(h, back.Functions[0].Series[i].Slices[j]); d != "" && len(h) > 0 {
				t.Errorf("series %d, slice %d (-written +read):\n%s", i, j, d)
			}
		}
	}
	if again := rec.Since(all[3]); again.Check() != nil || again.SlicesNS != nil {
		t.Errorf("since the fourth second: slices %v, %v", again.SlicesNS, again.Check())
	}
}

// However many slices come, few are kept, all of the same length but the last.
func TestTimelineIsBounded(t *testing.T) {
	line, rec := feed(states(300, 3))
	if err := rec.Check(); err != nil {
		t.Fatal(err)
	}
	n := len(rec.SlicesNS)
	if n < maxSlices/2 || n > maxSlices || len(line.parts) > maxSlices {
		t.Fatalf("%d slices, %d kept", n, len(line.parts))
	}
	for i, end := range rec.SlicesNS[:n-1] {
		if end != rec.SlicesNS[0]*int64(i+1) {
			t.Errorf("slice %d ends at %d ns; the first one at %d ns", i, end, rec.SlicesNS[0])
		}
	}
	size := 0
	for _, part := range line.parts {
		size += len(part)
		for _, h := range part {
			size += len(h)
		}
	}
	if size != line.size {
		t.Errorf("size %d, counted as %d", size, line.size)
	}

	// So many series that one slice of them all is a sixth of what is allowed.
	large := sample()
	f := &large.Functions[0]
	f.Series = nil
	for i := range maxTimeline / 12 {
		f.Series = append(f.Series, Series{Key: map[string]string{"sku": fmt.Sprint(i)}, Count: 1, Buckets: Histogram{{100, 104, 1}}})
	}
	line = new(Timeline)
	for range 10 {
		line.Add(large)
		if line.size > maxTimeline {
			t.Fatalf("%d histograms and buckets in %d slices", line.size, len(line.parts))
		}
	}
	if n := len(line.parts); n < 3 {
		t.Errorf("%d slices are left", n)
	}
}

// A remainder shorter than half a slice is no slice of its own.
func TestTimelineRemainder(t *testing.T) {
	for rest, want := range map[int64][]int64{
		400e6: {1e9, 2e9, 3.4e9},
		600e6: {1e9, 2e9, 3e9, 3.6e9},
		0:     {1e9, 2e9, 3e9},
	} {
		all := states(4, 10)
		all[3].DurationNS = 3e9 + rest
		_, rec := feed(all)
		if d := cmp.Diff(want, rec.SlicesNS); d != "" {
			t.Errorf("remainder of %d ns (-want +got):\n%s", rest, d)
		}
		if err := rec.Check(); err != nil {
			t.Error(err)
		}
	}
	rec := sample()
	new(Timeline).Finish(rec)
	if d := cmp.Diff([]int64{10e9}, rec.SlicesNS); d != "" || rec.Check() != nil {
		t.Errorf("no slices before the end: %s %v", d, rec.Check())
	}
}

// Slices that were read while calls ended may count more than the whole.
func TestTimelineIsCutToTheWhole(t *testing.T) {
	slice, rec := sample(), sample()
	slice.DurationNS = 5e9
	slice.Functions[0].Series[0] = seriesOf(map[string]string{"sku": "a"}, 100, 100, 100, 9000)
	var line Timeline
	line.Add(slice)
	line.Finish(rec)
	if err := rec.Check(); err != nil {
		t.Fatal(err)
	}
	if got := rec.Functions[0].Series[0].Slices[0]; got.Count() != 1 {
		t.Errorf("first slice %v", got)
	}
}

func TestCheckSlices(t *testing.T) {
	tests := []struct {
		spoil func(r *Recording)
		want  string
	}{
		{func(r *Recording) { r.SlicesNS[0] = 0 }, "slice 1 ends at 0 ns, not after 0 ns"},
		{func(r *Recording) { r.SlicesNS[1] = r.SlicesNS[0] }, "slice 2 ends at 1000000000 ns, not after 1000000000 ns"},
		{func(r *Recording) { r.DurationNS++ }, "the last slice ends at 3000000000 ns, but the measurement at 3000000001 ns"},
		{func(r *Recording) { r.SlicesNS = nil }, `function "price": series map["sku":"k0"]: 3 slices instead of 0`},
		{func(r *Recording) { r.Functions[0].Series[0].Slices[0] = nil }, `function "price": series map["sku":"k0"]: slices do not add up to the buckets`},
	}
	for _, tt := range tests {
		_, rec := feed(states(3, 20))
		tt.spoil(rec)
		if err := rec.Check(); err == nil || err.Error() != tt.want {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}
