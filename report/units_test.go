package report

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchprof/latch/latency"
)

func TestFormatNS(t *testing.T) {
	tests := []struct {
		ns   float64
		want string
	}{
		{0, "0ns"}, {1, "1ns"}, {59, "59ns"}, {999, "999ns"}, {1000, "1.00µs"}, {1004, "1.00µs"}, {1006, "1.01µs"},
		{9994, "9.99µs"}, {9996, "10.0µs"}, {99_960, "100µs"}, {999_400, "999µs"}, {999_600, "1.00ms"}, {1_234_567, "1.23ms"},
		{50e6, "50.0ms"}, {999.6e6, "1.00s"}, {59.96e9, "60.0s"}, {999.4e9, "999s"}, {1000e9, "16.7min"},
		{3600e9, "60.0min"}, {100e9 * 3600, "100h"}, {math.MaxUint64, "213504d"},
	}
	for _, tt := range tests {
		if got := formatNS(tt.ns); got != tt.want {
			t.Errorf("%v ns = %q, want %q", tt.ns, got, tt.want)
		}
	}
	if got := scaleNS(820.4, 2); got != "820ns" {
		t.Errorf("820.4 ns = %q", got)
	}
}

func TestFormatCountAndShare(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", math.MaxUint64: "18,446,744,073,709,551,615"} {
		if got := formatCount(n); got != want {
			t.Errorf("%d = %q, want %q", n, got, want)
		}
	}
	for _, tt := range []struct {
		part, whole float64
		want        string
	}{{0, 0, "-"}, {0, 5, "0.0%"}, {1, 1e6, "<0.1%"}, {1, 3, "33.3%"}, {1e6 - 1, 1e6, ">99.9%"}, {5, 5, "100.0%"}} {
		if got := formatShare(tt.part, tt.whole); got != tt.want {
			t.Errorf("%v of %v = %q, want %q", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestFormatEstimate(t *testing.T) {
	for _, tt := range []struct {
		durations []uint64
		want      string
	}{
		{nil, "-"}, {[]uint64{1_234_567}, "1.23ms"}, {[]uint64{10, 50}, "≤50ns"}, {[]uint64{0, 0}, "0ns"},
		{[]uint64{5e12, 9e12}, "≥83.3min"}, {[]uint64{1000, 1010, 1020}, "1.01µs"},
	} {
		s := seriesOf(nil, tt.durations...)
		if got := formatEstimate(s.Quantile(0.5)); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.durations, got, tt.want)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"main.(*T).M":        "main.(*T).M",
		"\x1b[31m":           `\x1b[31m`,
		"a\nb\tc\rd\x00\x7f": `a\nb\tc\rd\x00\x7f`,
		`a\nb`:               `a\\nb`,
		"\u202eabc\u2069":    `\u202eabc\u2069`,
		"\u200b\ufeff\u00a0": `\u200b\ufeff\u00a0`,
		"\xff\xc3(":          `\xff\xc3(`,
		"\u009b1m":           `\u009b1m`,
		"\U000e0041":         `\U000e0041`,
		"價é👍":                "價é👍",
		"\ufffd":             "\ufffd",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		in    string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abcd", 1, "…"}, {"abcd", 0, ""}, {"價格表", 6, "價格表"}, {"價格表示", 6, "價格…"},
		{"價格表示", 7, "價格表…"}, {"a\x1bb", 4, "a…"}, {"a\x1bb", 6, `a\x1bb`}, {"e\u0301\u0301x", 2, "e\u0301\u0301x"},
	}
	for _, tt := range tests {
		if got := cutWidth(tt.in, tt.limit); got != tt.want {
			t.Errorf("cutWidth(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
	long := strings.Repeat("價\x01", 1<<16)
	got := cutBytes(long, maxLabel)
	if len(got) > maxLabel || len(got) < maxLabel-8 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("cutBytes = %q", got)
	}
}

func TestWrap(t *testing.T) {
	got := wrap("aaa bbb ccc ddddddddddddd e", 8, 2)
	want := []string{"aaa bbb", "  ccc", "  ddddd…", "  e"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := chopLeft("/usr/lib/libx.so", 8); got != "…libx.so" {
		t.Errorf("chopLeft = %q", got)
	}
}

func TestSparkline(t *testing.T) {
	h := seriesOf(nil, append(spread(100, 1000, 1), 4000, 16_000)...).Buckets
	s := newScale(h, 10)
	if got := s.sparkline(h); got != "█   ▁    ▁" {
		t.Errorf("sparkline %q", got)
	}
	if got := newScale(nil, 10).sparkline(h); got != "" {
		t.Errorf("sparkline of nothing %q", got)
	}
	all := make([]uint64, latency.NumSlots)
	all[0], all[latency.NumSlots-1] = 1, 1
	for cells := 1; cells < 30; cells++ {
		if n := len([]rune(newScale(latency.FromSlots(all), cells).sparkline(latency.FromSlots(all)))); n > cells {
			t.Errorf("%d cells instead of %d", n, cells)
		}
	}
}
