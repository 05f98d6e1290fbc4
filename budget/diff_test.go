package budget

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/latchprof/latch/latency"
)

// uniform returns runs in which every call of f takes the same time, one for
// each of the times in microseconds.
func uniform(name string, micros ...uint64) *Runs {
	r := new(Runs)
	for _, us := range micros {
		r.Recordings = append(r.Recordings, recording(function(name, nil, seriesOf(map[string]string{}, nil, repeat(500, us*1000, 0, 0)...))))
	}
	return r
}

func TestCompare(t *testing.T) {
	c := compare([]float64{100, 101, 102, 103, 104}, []float64{120, 121, 122, 123, 124}, 0.95)
	if c.Before != 102 || c.After != 122 || c.Diff != 20 || c.DiffLo != 17 || c.DiffHi != 23 || math.Abs(c.P-2.0/252) > 1e-9 || math.Abs(c.Ratio-20.0/102) > 1e-3 {
		t.Errorf("%+v", c)
	}
	if c := compare([]float64{1, 2, 3}, []float64{7, 8, 9}, 0.95); c.P < 0.05 || !math.IsInf(c.Hi, 1) || c.Lo != -1 {
		t.Errorf("three runs a side: %+v", c)
	}
	if c := compare([]float64{0, 0, 0, 0}, []float64{0, 1, 1, 1}, 0.95); !math.IsInf(c.Ratio, 1) || c.Lo != 0 || c.Diff != 1 {
		t.Errorf("from nothing: %+v", c)
	}
	if c := compare([]float64{5, 5, 5, 5}, []float64{5, 5, 5, 5}, 0.95); c.P != 1 || c.Lo != 0 || c.Hi != 0 {
		t.Errorf("all the same: %+v", c)
	}
	for alpha, want := range map[float64]int{0.05: 4, 0.5: 2, 0.001: 7} {
		if n := needRuns(alpha); n != want {
			t.Errorf("alpha %v needs %d runs, want %d", alpha, n, want)
		}
	}
}

// The interval of the change holds the true one as often as it says.
func TestChangeCovers(t *testing.T) {
	const seed, trials = 3, 1000
	rnd := rand.New(rand.NewPCG(seed, 5))
	for _, n := range [][2]int{{4, 4}, {5, 5}, {10, 7}, {60, 60}} {
		covered := 0
		draw := func(n int, by float64) []float64 {
			out := make([]float64, n)
			for i := range out {
				out[i] = math.Exp(0.1*rnd.NormFloat64()) * by
			}
			return out
		}
		for range trials {
			if c := compare(draw(n[0], 1), draw(n[1], 1.2), 0.95); c.Lo <= 0.2 && 0.2 <= c.Hi {
				covered++
			}
		}
		t.Logf("seed %d, %v runs: %d of %d", seed, n, covered, trials)
		if atMost(uint64(covered), trials, 0.95) < 1e-3 {
			t.Errorf("%v runs: only %d of %d intervals hold the change", n, covered, trials)
		}
	}
}

func TestHolm(t *testing.T) {
	if got, want := holm([]float64{0.01, 0.04, 0.03, 0.005}), []float64{0.03, 0.06, 0.06, 0.02}; !near(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := holm([]float64{0.9, 0.8}); !near(got, []float64{1, 1}) {
		t.Errorf("%v", got)
	}
	if holm(nil) == nil {
		t.Error("nil")
	}
}

func near(a, b []float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-12 {
			return false
		}
	}
	return len(a) == len(b)
}

func TestJudgeBaseline(t *testing.T) {
	base := uniform("f", 1000, 1010, 1020, 1030, 1040)
	slices := func(r *Runs) *Runs { return &Runs{Slices: true, Recordings: r.Recordings} }
	lossy := uniform("f", 1200, 1210, 1220, 1230, 1240)
	for _, rec := range lossy.Recordings {
		f := &rec.Functions[0]
		*f = function("f", nil, seriesOf(map[string]string{}, nil, repeat(250, 1000_000, 250, 1_200_000)...))
		lose(f, 300, 0)
	}
	for _, tt := range []struct {
		text      string
		now, base *Runs
		minEffect int
		want      string
	}{
		{"p99 <= baseline+10%", uniform("f", 1200, 1210, 1220, 1230, 1240), base, 0, "fail/fail 2500 calls"},
		{"p99 <= baseline+10%", uniform("f", 1200, 1210, 1220, 1230, 1240), base, 500_000, "pass/pass 2500 calls"},
		{"p99 <= baseline+100us", uniform("f", 1200, 1210, 1220, 1230, 1240), base, 0, "fail/fail 2500 calls"},
		{"p99 <= baseline+500us", uniform("f", 1200, 1210, 1220, 1230, 1240), base, 0, "pass/pass 2500 calls"},
		{"p99 <= baseline+10%", uniform("f", 1001, 1011, 1021, 1031, 1041), base, 0, "pass/pass 2500 calls"},
		{"p99 <= baseline+1%", uniform("f", 1001, 1011, 1021, 1031, 1041), base, 0, "inconclusive/warn 2500 calls; the change may lie on either side of the limit"},
		{"p99 <= baseline+10%", uniform("f", 900, 1011, 1500, 1800, 1900), base, 0, "inconclusive/warn 2500 calls; the runs differ too much among themselves to tell"},
		{"p99 <= baseline+10%", uniform("f", 2000), uniform("f", 1000), 0, "inconclusive/warn 500 calls; 1 and 1 runs are too few: it takes 4 a side"},
		{"p99 <= baseline+10%", uniform("f", 1125, 1130, 1135, 1140, 1145), slices(base), 0, "inconclusive/warn 2500 calls; the change may lie on either side of the limit"},
		{"p99 <= baseline+10%", slices(uniform("f", 1300, 1310, 1320, 1330, 1340)), base, 0, "fail/fail 2500 calls; slices of one run do not show how much runs differ"},
		{"p99 <= baseline+10%", uniform("f", 1200), uniform("g", 1000), 0, "missing/fail 500 calls; the baseline has no such function"},
		{"p99.9 <= baseline+10%", uniform("f", 1200), base, 0, "missing/fail 500 calls; the baseline has too few such calls in every run"},
		{"rate >= baseline", uniform("f", 1, 1, 1, 1), uniform("f", 1, 1, 1, 1), 0, "pass/pass 2000 calls"},
		{"p50 >= baseline", uniform("f", 900, 901, 902, 903, 904), base, 0, "fail/fail 2500 calls"},
		{"p60 <= baseline+10%", lossy, base, 0, "inconclusive/warn 2500 calls; calls that were lost or merged could turn it"},
	} {
		e, err := parseExpectation(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		b := Defaults()
		b.Func, b.Expect = "f", []Expectation{e}
		b.Expect[0].MinEffect = 0
		if tt.minEffect > 0 {
			b.Expect[0].MinEffect = 500_000
		}
		v := Judge(tt.now, []Budget{b}, tt.base)[0]
		if got, want := describe(&v), "f [] "+tt.text+": "+tt.want; got != want {
			t.Errorf("%s\nwant %s\n%+v", got, want, v.Change)
		}
	}

	// With so many limits at once, five runs cannot tell.
	b := Defaults()
	b.Func = "f"
	for i := range 10 {
		e, err := parseExpectation(fmt.Sprintf("p%d <= baseline", 50+i))
		if err != nil {
			t.Fatal(err)
		}
		b.Expect = append(b.Expect, e)
	}
	v := Judge(uniform("f", 1200, 1210, 1220, 1230, 1240), []Budget{b}, base)[0]
	if want := "5 and 5 runs are too few for 10 comparisons at once: it takes 6 a side"; v.State != Inconclusive || v.Reasons[0] != want {
		t.Errorf("%s, want %s", describe(&v), want)
	}
}

func TestDiff(t *testing.T) {
	run := func(slow, fast uint64, gone bool) *latency.Recording {
		handle := function("handle", []string{"route"},
			seriesOf(route("/a"), nil, repeat(300, slow*1000, 0, 0)...), seriesOf(route("/b"), nil, repeat(300, fast*1000, 0, 0)...))
		fs := []latency.Function{handle, function("same", nil, seriesOf(map[string]string{}, nil, repeat(300, 1_000_000+fast, 0, 0)...))}
		name := "came"
		if gone {
			name = "gone"
		}
		return recording(append(fs, function(name, nil, seriesOf(map[string]string{}, nil, 1000)))...)
	}
	old, now := new(Runs), new(Runs)
	for i := range uint64(8) {
		old.Recordings = append(old.Recordings, run(1000+i, 900+i, true))
		now.Recordings = append(now.Recordings, run(1300+i, 700+i, false))
	}
	d, err := Diff(old, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range d.Rows {
		got = append(got, fmt.Sprintf("%s %q %s: %d -> %d %s %s", r.Func, r.Key, r.Metric, r.CallsBefore, r.CallsAfter, r.Trend, strings.Join(r.Reasons, "; ")))
	}
	want := []string{
		`came [] p50: 0 -> 8 cannot tell there are no such calls in the old recordings`,
		`came [] p99: 0 -> 8 cannot tell there are no such calls in the old recordings`,
		`handle ["/a"] p50: 2400 -> 2400 worse `,
		`handle ["/a"] p99: 2400 -> 2400 worse `,
		`handle ["/b"] p50: 2400 -> 2400 better `,
		`handle ["/b"] p99: 2400 -> 2400 better `,
		`same [] p50: 2400 -> 2400 same `,
		`same [] p99: 2400 -> 2400 same `,
		`gone [] p50: 8 -> 0 cannot tell there are no such calls in the new recordings`,
		`gone [] p99: 8 -> 0 cannot tell there are no such calls in the new recordings`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !reflect.DeepEqual(d.Warnings, []string{`both sides are of the same build ["c0ffee"]`}) {
		t.Errorf("warnings %q", d.Warnings)
	}
	if c := d.Rows[2].Change; c.Before != 1_003_500 || c.After != 1_303_500 || !(0.29 < c.Lo && c.Hi < 0.31) {
		t.Errorf("%+v", c)
	}
}

func TestUnlike(t *testing.T) {
	old, now := uniform("f", 1, 2), uniform("f", 1)
	r := now.Recordings[0]
	r.Machine, r.Kernel, r.Latch, r.Overhead.EntryNS, r.Functions[0].BuildID = "8 x Xeon", "6.1", "0.2", 200, "beef"
	_, err := Diff(old, now, nil)
	if !errors.Is(err, ErrUnlike) || err.Error() != `compare recordings: machine ["8 x Xeon"], was ["2 x Xeon"]: not measured alike` {
		t.Errorf("error %v", err)
	}
	d, err := Diff(old, now, &DiffOptions{AllowUnlike: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`machine ["8 x Xeon"], was ["2 x Xeon"]: not measured alike`, `kernel ["6.1"], was ["6.18.0"]`, `latch ["0.2"], was ["0.1"]`,
		"a pair of probes cost 1200 ns, was 6000 ns",
	}
	if !reflect.DeepEqual(d.Warnings, want) {
		t.Errorf("warnings %q, want %q", d.Warnings, want)
	}
	r.Machine = ""
	if _, err := Diff(old, now, nil); err != nil {
		t.Errorf("an unknown machine: %v", err)
	}
}

// Functions of one name are told apart by their files, others go by the name
// alone, whatever a build calls their binary.
func TestGroups(t *testing.T) {
	static := func(file, binary string) latency.Function {
		f := function("init", nil, seriesOf(map[string]string{}, nil, 1000))
		f.File, f.Binary = file, binary
		return f
	}
	a, b := RunsOf(recording(static("/x/a.c", "/old/shop"), static("/x/b.c", "/old/shop"))), RunsOf(recording(static("/y/b.c", "/new/shop")))
	was, is := groups(a, b), groups(b, a)
	if len(was) != 2 || len(is) != 1 || matching(was, is[0]) != was[1] {
		t.Errorf("%d and %d groups", len(was), len(is))
	}
	a, b = RunsOf(recording(static("/x/a.c", "/old/shop"))), RunsOf(recording(static("/x/a.c", "/new/shop-2")))
	if matching(groups(a, b), groups(b, a)[0]) == nil {
		t.Error("another binary is another function")
	}
}

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		f       latency.Function
		want    bool
	}{
		{"main.(*T).M", latency.Function{Name: "main.(*T).M"}, true},
		{"main.(*T).M", latency.Function{Name: "main.(*UT).M"}, false},
		{"main.(*", latency.Function{Name: "main.(*UT).M"}, true},
		{"main.(*)*", latency.Function{Name: "main.(*UT).M"}, true},
		{"main.(*T).*", latency.Function{Name: "main.(*T).M"}, true},
		{"main.?", latency.Function{Name: "main.f"}, true},
		{"ns::f", latency.Function{Name: "ns::f(char*, int)", Lang: "c++"}, true},
		{"ns::f(char*, int)", latency.Function{Name: "ns::f(char*, int)", Lang: "c++"}, true},
		{"ns::f(char*, int)", latency.Function{Name: "ns::f(char**, int)", Lang: "c++"}, false},
		{"_Zf", latency.Function{Name: "f", Symbol: "_Zf"}, true},
		{"main.Map", latency.Function{Name: "main.Map[go.shape.int]", Lang: "go"}, true},
		{"libc:getaddrinfo", latency.Function{Name: "getaddrinfo", Binary: "/usr/lib/libc.so.6"}, true},
		{"libm:getaddrinfo", latency.Function{Name: "getaddrinfo", Binary: "/usr/lib/libc.so.6"}, false},
		{"/usr/lib/libc.so.6:getaddrinfo", latency.Function{Name: "getaddrinfo", Binary: "/usr/lib/libc.so.6"}, true},
		{"k:tcp_sendmsg", latency.Function{Name: "tcp_sendmsg", Lang: "kernel"}, true},
		{"sys:write", latency.Function{Name: "sys:write", Symbol: "write", Lang: "kernel"}, true},
		{"sys:*rite", latency.Function{Name: "sys:write", Symbol: "write", Lang: "kernel"}, true},
		{"sys:/^w/", latency.Function{Name: "sys:write", Symbol: "write", Lang: "kernel"}, true},
		{"write", latency.Function{Name: "sys:write", Symbol: "write", Lang: "kernel"}, false},
		{"sys:write", latency.Function{Name: "write", Lang: "c"}, false},
		{"tcp_sendmsg", latency.Function{Name: "k:tcp_sendmsg", Lang: "kernel"}, true},
		{"/^main\\./", latency.Function{Name: "main.f"}, true},
		{"/^ain\\./", latency.Function{Name: "main.f"}, false},
		{"type:.eq.T", latency.Function{Name: "type:.eq.T"}, true},
	} {
		p, err := parsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := p.matches(&tt.f); got != tt.want {
			t.Errorf("%s matches %s: %v", tt.pattern, tt.f.Name, got)
		}
	}
}
