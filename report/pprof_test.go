package report

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// parsed writes rec as a profile and reads that back.
func parsed(t *testing.T, rec *latency.Recording) *profile.Profile {
	t.Helper()
	var out bytes.Buffer
	if err := Pprof(&out, rec); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPprofGolden(t *testing.T) {
	small := recording(
		function("main.(*Cart).Price", []string{"item.SKU"},
			seriesOf(map[string]string{"item.SKU": "B-1"}, 1000, 1000, 5_000_000),
			seriesOf(map[string]string{"item.SKU": ""}, 5)),
		function("main.total", []string{"n"}, seriesOf(map[string]string{"n": "12"}, 2000)),
	)
	small.Functions[1].Binary, small.Functions[1].BuildID = "/usr/lib/libtotal.so", "beef"
	for name, rec := range map[string]*latency.Recording{"small": small, "drops": dropped(), "systems": systems(), "counted": counted(), "hostile": hostile()} {
		testutil.Golden(t, "pprof-"+name+".golden", []byte(parsed(t, rec).String()))
	}
}

// TestPprofSums holds the profile's sums, in all and per function, against the
// recording's.
func TestPprofSums(t *testing.T) {
	for i, rec := range []*latency.Recording{shop(), dropped(), systems(), manyKeys(), counted(), hostile(), recording()} {
		want := make(map[string][3]int64)
		for _, f := range rec.Functions {
			for _, s := range f.Series {
				v := want[Escape(f.Name)]
				want[Escape(f.Name)] = [3]int64{v[0] + int64(s.Count), v[1] + int64(s.SumNS), v[2] + int64(s.SelfNS)}
			}
		}
		got := make(map[string][3]int64)
		for _, s := range parsed(t, rec).Sample {
			name := s.Location[0].Line[0].Function.Name
			v := got[name]
			got[name] = [3]int64{v[0] + s.Value[0], v[1] + s.Value[1], v[2] + s.Value[2]}
			if s.Value[2] > s.Value[1] {
				t.Errorf("recording %d: self %d of %d", i, s.Value[2], s.Value[1])
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("recording %d (-want +got):\n%s", i, d)
		}
	}
}

func TestPprofShape(t *testing.T) {
	p := parsed(t, shop())
	var types []string
	for _, s := range p.SampleType {
		types = append(types, s.Type+"/"+s.Unit)
	}
	if d := cmp.Diff([]string{"calls/count", "latency/nanoseconds", "self/nanoseconds"}, types); d != "" {
		t.Errorf("sample types (-want +got):\n%s", d)
	}
	if p.DefaultSampleType != "self" || p.Period != 1 || p.PeriodType.Type != "calls" {
		t.Errorf("default %q, period %d %s", p.DefaultSampleType, p.Period, p.PeriodType.Type)
	}
	if m := p.Mapping[0]; m.File != "/usr/bin/shop" || m.BuildID != "c0ffee" || !m.HasFunctions || !m.HasFilenames || !m.HasLineNumbers {
		t.Errorf("first mapping %+v", m)
	}
	if len(p.Mapping) != 2 || p.Mapping[1].BuildID != "beef" {
		t.Errorf("%d mappings: %v", len(p.Mapping), p.Mapping)
	}
	for _, s := range p.Sample {
		for _, name := range []string{"item.SKU", "route", "tenant"} {
			if len(s.Label[name]) != 1 || s.Label[name][0] == "" {
				t.Fatalf("label %q is %q", name, s.Label[name])
			}
		}
		bound := uint64(s.NumLabel["latency"][0])
		if lo, _ := latency.SlotBoundsNS(latency.Slot(bound + 1)); lo != bound || s.NumUnit["latency"][0] != "nanoseconds" {
			t.Fatalf("latency label %v %v", s.NumLabel, s.NumUnit)
		}
	}
}

func TestPprofHostile(t *testing.T) {
	p := parsed(t, hostile())
	check := func(what, s string) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s %q", what, s)
		}
	}
	for _, c := range p.Comments {
		check("comment", c)
	}
	for _, f := range p.Function {
		check("function", f.Name)
		check("symbol", f.SystemName)
		check("file", f.Filename)
	}
	for _, m := range p.Mapping {
		check("mapping", m.File)
		check("build ID", m.BuildID)
	}
	for _, s := range p.Sample {
		if len(s.Label) != 4 {
			t.Errorf("labels %q", s.Label)
		}
		for name, values := range s.Label {
			check("label", name)
			check("value", values[0])
			if name == "latency" || strings.HasPrefix(name, "pprof::") || len(name) > 128 || len(values[0]) > 128 || values[0] == "" {
				t.Errorf("label %q = %q", name, values)
			}
		}
	}
}

// TestPprofCutKeys has two keys that look alike once they are cut.
func TestPprofCutKeys(t *testing.T) {
	long := strings.Repeat("x", 200)
	rec := recording(function("f", []string{"k"},
		seriesOf(map[string]string{"k": long + "1"}, 1000, 2000), seriesOf(map[string]string{"k": long + "2"}, 1000)))
	p := parsed(t, rec)
	if len(p.Sample) != 2 {
		t.Fatalf("%d samples, want 2", len(p.Sample))
	}
	first, second := p.Sample[0].Value, p.Sample[1].Value
	if first[0] != 2 || second[0] != 1 || first[1]+second[1] != 4000 || first[2]+second[2] != 3000 {
		t.Errorf("samples %v and %v", first, second)
	}
}

func TestPprofTooLarge(t *testing.T) {
	s := seriesOf(map[string]string{}, 1000)
	s.SumNS = math.MaxInt64 + 1
	if err := Pprof(brokenWriter{}, recording(function("f", nil, s))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

// TestDistribute holds the parts of random series against the bounds of their
// buckets.
func TestDistribute(t *testing.T) {
	for range 300 {
		durations := make([]uint64, 1+rand.IntN(50))
		for i := range durations {
			durations[i] = rand.Uint64N(1 << (1 + rand.IntN(50)))
		}
		s := seriesOf(nil, durations...)
		parts := distribute(&s)
		var sum uint64
		for i, b := range s.Buckets {
			sum += parts[i]
			lo, hi := max(b.LoNS, s.MinNS)*b.Count, s.SumNS
			if b.HiNS != math.MaxUint64 {
				hi = min(b.HiNS, s.MaxNS) * b.Count
			}
			if parts[i] < lo || parts[i] > hi {
				t.Fatalf("%v: part %d is %d, not in [%d, %d]", s, i, parts[i], lo, hi)
			}
		}
		if sum != s.SumNS {
			t.Fatalf("parts add up to %d, want %d", sum, s.SumNS)
		}
	}
}

// TestDistributeAbsurd has series that contradict themselves: the total holds.
func TestDistributeAbsurd(t *testing.T) {
	for _, s := range []latency.Series{
		{SumNS: 5, Buckets: latency.Histogram{{LoNS: 1000, HiNS: 1044, Count: 3}, {LoNS: 1044, HiNS: 1090, Count: 1}}, MaxNS: 1090},
		{SumNS: math.MaxInt64, Buckets: latency.Histogram{{LoNS: 1000, HiNS: 1044, Count: 3}}, MinNS: 1001, MaxNS: 1010},
		{SumNS: math.MaxInt64, MinNS: 9, MaxNS: 3, Buckets: latency.Histogram{{LoNS: 0, HiNS: 59, Count: 3}, {LoNS: 1044, HiNS: 1090, Count: 1}}},
		{SumNS: math.MaxInt64, MaxNS: math.MaxUint64, Buckets: latency.Histogram{
			{LoNS: 1 << 40, HiNS: 1 << 41, Count: math.MaxUint64}, {LoNS: 1 << 41, HiNS: math.MaxUint64, Count: math.MaxUint64}}},
		{SumNS: 7, Buckets: latency.Histogram{{LoNS: 0, HiNS: 59, Count: 3}}},
	} {
		var sum uint64
		for _, part := range distribute(&s) {
			sum += part
		}
		if sum != s.SumNS {
			t.Errorf("%+v: parts add up to %d", s, sum)
		}
	}
}

// TestPprofTool asks go tool pprof itself what it reads.
func TestPprofTool(t *testing.T) {
	testutil.Need(t, "go")
	rec := recording(
		function("main.handle", []string{"route"},
			seriesOf(map[string]string{"route": "/api"}, spread(100, 2e6, 1)...),
			seriesOf(map[string]string{"route": "404"}, spread(900, 10_000, 1)...)),
		function("main.query", []string{"table"}, seriesOf(map[string]string{"table": "items"}, spread(50, 500_000, 1)...)),
	)
	path := filepath.Join(t.TempDir(), "x.pb.gz")
	if err := WriteFile(path, rec); err != nil {
		t.Fatal(err)
	}
	// The go command builds the tool when it is first asked for it.
	tool, err := exec.Command("go", "tool", "-n", "pprof").Output()
	if err != nil {
		t.Fatalf("go tool -n pprof: %v", err)
	}
	tests := []struct {
		args string
		want []string // regular expressions
	}{
		{"-top", []string{`Type: self`, `Duration: 10s, Total samples = 175.50ms`, `156.75ms 89.32% .* main\.handle$`, `18.75ms 10.68% .* main\.query$`}},
		{"-top -sample_index=calls", []string{`Type: calls`, `1050 total`, `1000 95.24% .* main\.handle$`}},
		{"-top -sample_index=latency -unit=ns", []string{`234000000ns total`, `209000000ns 89.32% .* main\.handle$`}},
		{"-top -sample_index=calls -tagfocus=latency=1ms:", []string{`100, 9.52% of 1050 total`, `main\.handle$`}},
		{"-top -sample_index=latency -tagfocus=latency=1ms:", []string{`200ms, 85.47% of 234ms total`}},
		{"-top -sample_index=calls -tagfocus=route=^404$", []string{`900, 85.71% of 1050 total`}},
		{"-top -sample_index=calls -cum -tagroot=route", []string{` 900 .* 404$`, ` 100 .* /api$`, ` 50 .* \(none\)$`}},
		{"-tags -sample_index=calls", []string{`route: Total 1050`, `900 \(85.71%\): 404`, `table: Total 1050`, `latency: Total .*`, `100 \( ?9.52%\): 1.95ms`}},
		{"-comments", []string{`latch 0.1, kernel 6.18.0`, `exact: calls are counted, not sampled`, `balance: 1,050 entries = 1,050 returns`}},
	}
	for _, tt := range tests {
		cmd := exec.Command(strings.TrimSpace(string(tool)), append(strings.Fields(tt.args), path)...)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", tt.args, err, stderr.String())
		}
		for _, want := range tt.want {
			if !regexp.MustCompile(`(?m)` + want).MatchString(stdout.String()) {
				t.Errorf("%s: no %s in:\n%s", tt.args, want, stdout.String())
			}
		}
		if strings.Contains(stderr.String(), "not available") {
			t.Errorf("%s: %s", tt.args, stderr.String())
		}
	}
}
