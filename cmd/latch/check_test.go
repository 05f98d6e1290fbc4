package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/latency"
)

func TestSplitCommand(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
		err  error
	}{
		{"", nil, nil},
		{"  ./old  --load\t5\n", []string{"./old", "--load", "5"}, nil},
		{`sh -c 'echo "a b"; exit 3' ''`, []string{"sh", "-c", `echo "a b"; exit 3`, ""}, nil},
		{`a"b c"'d e' \  "\"" '\'`, []string{"ab cd e", " ", `"`, `\`}, nil},
		{`größe "grün`, nil, errQuote},
		{`a\`, nil, errQuote},
	} {
		got, err := splitCommand(c.text)
		if err != c.err || !slices.Equal(got, c.want) {
			t.Errorf("%q is split into %q, %v; not %q, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func TestPrograms(t *testing.T) {
	for _, c := range []struct {
		exe, path     string
		isName, match bool
	}{
		{"", "/bin/sh", false, false},
		{"./shop", "/src/shop", false, false},
		{"/usr/lib/libc.so.6", "/usr/lib/libc.so.6", false, true},
		{"shop", "/src/shop", true, true},
		{"shop", "/src/shop.test", true, false},
		{"*.test", "/tmp/go-build1/b001/shop.test", true, true},
		{"/tmp/*/*/shop.test", "/tmp/go-build1/b001/shop.test", true, true},
		{"/tmp/*/shop.test", "/tmp/go-build1/b001/shop.test", true, false},
		{"[", "[", true, false},
	} {
		if got := isProgramName(c.exe); got != c.isName {
			t.Errorf("%q is the name of a program: %v", c.exe, got)
		}
		if got := matchProgram(c.exe, c.path); got != c.match {
			t.Errorf("%q selects %s: %v", c.exe, c.path, got)
		}
	}
}

// A run of unknown length is cut into slices that differ by no more than a
// quarter, however long it is, without keeping more states than so many.
func TestSlicer(t *testing.T) {
	for _, n := range []int{1, 3, 4, 5, 31, 32, 33, 100, 1000, 4097} {
		s := newSlicer(4, 0)
		for i := 1; i <= n; i++ {
			if elapsed := time.Duration(i) * sampleTick; s.due(elapsed) {
				s.add(&latency.Recording{DurationNS: int64(elapsed)})
			}
			if len(s.states) > 32 {
				t.Fatalf("%d states are kept", len(s.states))
			}
		}
		end := int64(n)*int64(sampleTick) + 1
		states := s.finish(&latency.Recording{DurationNS: end})
		var lengths []int64
		before := int64(0)
		for _, rec := range states {
			lengths = append(lengths, rec.DurationNS-before)
			before = rec.DurationNS
		}
		if want := min(4, n+1); len(states) != want || before != end {
			t.Errorf("%d ticks: %d slices, the last ends at %d", n, len(states), before)
		}
		if least, most := slices.Min(lengths), slices.Max(lengths); n > 100 && float64(least) < 0.74*float64(most) {
			t.Errorf("%d ticks: slices of %d", n, lengths)
		}
	}
	var none *slicer
	final := &latency.Recording{}
	if none.due(time.Hour) || cmp.Diff([]*latency.Recording{final}, none.finish(final)) != "" || newSlicer(1, 0) != nil {
		t.Error("a run is cut that should not be")
	}
	known := newSlicer(4, 2*time.Second)
	for i := 1; i <= 100; i++ {
		if known.due(time.Duration(i) * 50 * time.Millisecond) {
			known.add(&latency.Recording{DurationNS: int64(i) * 50e6})
		}
	}
	var ends []int64
	for _, rec := range known.finish(&latency.Recording{DurationNS: 5e9}) {
		ends = append(ends, rec.DurationNS)
	}
	if diff := cmp.Diff([]int64{500e6, 1000e6, 1500e6, 5e9}, ends); diff != "" {
		t.Errorf("ends of slices (-want +got):\n%s", diff)
	}
}
