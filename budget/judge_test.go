package budget

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/latchprof/latch/latency"
)

func parse(t *testing.T, text string) Budget {
	t.Helper()
	b, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// describe writes what a verdict says on one line.
func describe(v *Verdict) string {
	s := fmt.Sprintf("%s [%s] %s: %s/%s %d calls", v.Func, keyText(v.Key), v.Expect, v.State, v.Action, v.Calls)
	if v.Above+v.AboveMost > 0 {
		s += fmt.Sprintf(" %d-%d above", v.Above, v.AboveMost)
	}
	if v.Need > 0 {
		s += fmt.Sprintf(" need %d", v.Need)
	}
	if len(v.Reasons) > 0 {
		s += "; " + strings.Join(v.Reasons, "; ")
	}
	return s
}

func keyText(key []Matcher) string {
	var parts []string
	for _, m := range key {
		parts = append(parts, m.String())
	}
	return strings.Join(parts, ", ")
}

func route(r string) map[string]string { return map[string]string{"route": r} }

// A limit at 5 ms, inside of a bucket, is judged by the exact count; without it
// by what the bucket leaves open.
func TestJudgeAtTheLimit(t *testing.T) {
	const limit, under, above = 5_000_000, 4_990_000, 5_010_000
	if latency.Slot(under) != latency.Slot(above) {
		t.Fatal("the two do not share a bucket")
	}
	b := parse(t, "p99(f) <= 5ms")
	for _, tt := range []struct {
		over  bool
		calls []uint64
		want  string
	}{
		{true, repeat(299, under, 0, 0), "pass/pass 299 calls"},
		{true, repeat(990, under, 10, above), "inconclusive/warn 1000 calls 10-10 above; the calls are at the limit itself"},
		{true, repeat(9960, under, 40, above), "pass/pass 10000 calls 40-40 above"},
		{true, repeat(9850, under, 150, above), "fail/fail 10000 calls 150-150 above"},
		{true, repeat(9920, under, 80, above), "pass/pass 10000 calls 80-80 above"},
		{true, repeat(992, under, 8, above), "inconclusive/warn 1000 calls 8-8 above need 6990; 1000 calls are too few"},
		{true, repeat(987, under, 13, above), "inconclusive/warn 1000 calls 13-13 above need 3770; 1000 calls are too few"},
		{false, repeat(9920, under, 80, above), "inconclusive/warn 10000 calls 0-10000 above; calls above this limit were not counted: by the buckets they are 0 to 10000"},
		{false, repeat(9920, 1_000_000, 80, above), "pass/pass 10000 calls 0-80 above"},
		{false, repeat(9920, 1_000_000, 180, 9_000_000), "fail/fail 10100 calls 180-180 above"},
	} {
		b.MinCalls = 1
		var limits []uint64
		if tt.over {
			limits = b.LimitsNS()
		}
		got := Judge(RunsOf(recording(function("f", nil, seriesOf(map[string]string{}, limits, tt.calls...)))), []Budget{b}, nil)
		if want := "f [] p99 <= 5ms: " + tt.want; len(got) != 1 || describe(&got[0]) != want {
			t.Errorf("%s\nwant %s", describe(&got[0]), want)
		}
		if v := got[0]; v.State == Pass && v.Hi > limit || v.State == Fail && v.Lo <= limit || !(v.Lo <= v.Estimate && v.Estimate <= v.Hi) {
			t.Errorf("%s: %v in %v to %v", describe(&v), v.Estimate, v.Lo, v.Hi)
		}
	}
}

// "< 5ms" and "<= 5ms" differ by calls of exactly 5 ms; lower limits turn both.
func TestJudgeComparisons(t *testing.T) {
	const at = 5_000_000
	for text, want := range map[string]State{
		"p50(f) < 5ms": Fail, "p50(f) <= 5ms": Pass, "p50(f) > 5ms": Fail, "p50(f) >= 5ms": Pass,
		"max(f) < 5ms": Fail, "max(f) <= 5ms": Pass, "max(f) > 5ms": Fail, "max(f) >= 5ms": Pass,
		"mean(f) < 5ms": Fail, "mean(f) <= 5ms": Pass, "mean(f) > 5ms": Fail, "mean(f) >= 5ms": Pass,
		"over5ms(f) < 1%": Pass, "over5ms(f) <= 0%": Pass, "over4.999999ms(f) < 1%": Fail, "over4999us(f) <= 0%": Fail, "over4999us(f) > 99%": Pass,
		"calls(f) >= 1000": Pass, "calls(f) > 1000": Fail, "calls(f) < 1000": Fail,
		"rate(f) >= 100/s": Pass, "rate(f) < 100/s": Fail,
	} {
		b := parse(t, text)
		rec := recording(function("f", nil, seriesOf(map[string]string{}, b.LimitsNS(), repeat(1000, at, 0, 0)...)))
		v := Judge(RunsOf(rec), []Budget{b}, nil)[0]
		if v.State != want {
			t.Errorf("%s: %s, want %s", text, describe(&v), want)
		}
		if v.Expect.Metric.Kind == Quantile && (v.Lo > at || v.Hi < at || v.Lo < at*0.95 || v.Hi > at*1.05) {
			t.Errorf("%s: %v to %v", text, v.Lo, v.Hi)
		}
	}
}

// Calls of which nothing is known turn what they can, and no more.
func TestJudgeLosses(t *testing.T) {
	for _, tt := range []struct {
		text           string
		lost, inFlight uint64
		calls          []uint64
		want           string
	}{
		{"p99(f) < 5ms", 0, 0, repeat(9960, 1e6, 40, 6e6), "pass/pass 10000 calls 40-40 above"},
		{"p99(f) < 5ms", 20, 20, repeat(9960, 1e6, 40, 6e6), "pass/pass 10000 calls 40-40 above"},
		{"p99(f) < 5ms", 60, 2, repeat(9960, 1e6, 40, 6e6), "inconclusive/warn 10000 calls 40-40 above; calls of which too little is known could turn it: 60 lost (calls full), 2 still in flight"},
		{"p99(f) < 5ms", 500, 0, repeat(9700, 1e6, 300, 6e6), "fail/fail 10000 calls 300-300 above"},
		{"p99(f) < 5ms", 50_000, 0, repeat(9700, 1e6, 300, 6e6), "inconclusive/warn 10000 calls 300-300 above; calls of which too little is known could turn it: 50000 lost (calls full)"},
		{"max(f) < 5ms", 0, 1, repeat(1000, 1e6, 0, 0), "inconclusive/warn 1000 calls; calls of which too little is known could turn it: 1 still in flight"},
		{"max(f) < 5ms", 0, 1, repeat(1000, 1e6, 1, 6e6), "fail/fail 1001 calls 1-1 above"},
		{"calls(f) < 1001", 0, 1, repeat(1000, 1e6, 0, 0), "inconclusive/warn 1000 calls; calls of which too little is known could turn it: 1 still in flight"},
		{"calls(f) >= 1000", 7, 1, repeat(1000, 1e6, 0, 0), "pass/pass 1000 calls"},
		{"mean(f) < 2ms", 1, 0, repeat(1000, 1e6, 0, 0), "pass/pass 1000 calls; a single run: the mean is that of its own calls and has no interval"},
		{"mean(f) < 2ms", 1000, 0, repeat(900, 1e6, 100, 9e6), "inconclusive/warn 1000 calls; a single run: the mean is that of its own calls and has no interval; calls of which too little is known could turn it: 1000 lost (calls full)"},
	} {
		b := parse(t, tt.text)
		f := function("f", nil, seriesOf(map[string]string{}, b.LimitsNS(), tt.calls...))
		lose(&f, tt.lost, tt.inFlight)
		rec := recording(f)
		if err := rec.Check(); err != nil {
			t.Fatal(err)
		}
		v := Judge(RunsOf(rec), []Budget{b}, nil)[0]
		if got, want := describe(&v), "f [] "+b.Expect[0].String()+": "+tt.want; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func TestJudgeKeys(t *testing.T) {
	limits := []uint64{4_999_999}
	handle := function("shop.(*API).handle", []string{"route"},
		seriesOf(route("/api"), limits, repeat(1000, 1e6, 0, 0)...),
		seriesOf(route("/slow"), limits, repeat(900, 1e6, 100, 9e6)...),
		seriesOf(route("/rare"), limits, 1e6, 2e6),
	)
	other := function("shop.(*API).serve", nil, seriesOf(map[string]string{}, limits, repeat(500, 1e6, 0, 0)...))
	counted := function("shop.log", nil, latency.Series{Key: map[string]string{}, Count: 12})
	counted.Exit = latency.ExitNone
	rec := recording(handle, other, counted)
	merged := recording(function("shop.(*API).handle", []string{"route"},
		seriesOf(route("/api"), limits, repeat(1000, 1e6, 0, 0)...),
		seriesOf(route(latency.KeyOther), limits, repeat(100, 1e6, 900, 9e6)...)))
	unreadable := recording(function("shop.(*API).handle", []string{"route"},
		seriesOf(route("/api"), limits, repeat(1000, 1e6, 0, 0)...),
		seriesOf(route(latency.KeyUnreadable), limits, repeat(100, 1e6, 900, 9e6)...)))

	for _, tt := range []struct {
		rec  *latency.Recording
		text string
		by   string
		want []string
	}{
		{rec, "p99(shop.(*API).handle, route=/api) < 5ms", "", []string{"shop.(*API).handle [route=/api] p99 < 5ms: pass/pass 1000 calls"}},
		{rec, "p99(shop.(*API).handle, route=/slow) < 5ms", "", []string{"shop.(*API).handle [route=/slow] p99 < 5ms: fail/fail 1000 calls 100-100 above"}},
		{rec, "p99(shop.(*API).handle, route!=/slow) < 5ms", "", []string{"shop.(*API).handle [route!=/slow] p99 < 5ms: pass/pass 1002 calls"}},
		{rec, "p99(shop.(*API).handle, route=~^/[as]) < 5ms", "", []string{"shop.(*API).handle [route=~^/[as]] p99 < 5ms: fail/fail 2000 calls 100-100 above"}},
		{rec, "p99(shop.(*API).handle, route=/rare) < 5ms", "", []string{"shop.(*API).handle [route=/rare] p99 < 5ms: missing/fail 2 calls need 300; 2 calls are fewer than min_calls, 300"}},
		{rec, "p99(shop.(*API).handle, route=/gone) < 5ms", "", []string{"shop.(*API).handle [route=/gone] p99 < 5ms: missing/fail 0 calls; no call has returned"}},
		{rec, "calls(shop.(*API).handle, route=/gone) <= 0", "", []string{"shop.(*API).handle [route=/gone] calls <= 0: pass/pass 0 calls"}},
		{rec, "p99(shop.(*API).handle, tenant=a) < 5ms", "", []string{"shop.(*API).handle [tenant=a] p99 < 5ms: missing/fail 0 calls; it was not recorded by tenant"}},
		{rec, "p99(shop.(*API).nothing) < 5ms", "", []string{"shop.(*API).nothing [] p99 < 5ms: missing/fail 0 calls; no function of this name was measured"}},
		{rec, "p99(shop.log) < 5ms", "", []string{"shop.log [] p99 < 5ms: missing/fail 12 calls; its calls are counted, but not timed"}},
		{rec, "calls(shop.log) < 5", "", []string{"shop.log [] calls < 5: fail/fail 12 calls"}},
		{rec, "p99(shop.*handle) < 50ms", "route", []string{
			"shop.(*API).handle [route=/api] p99 < 50ms: pass/pass 1000 calls",
			"shop.(*API).handle [route=/rare] p99 < 50ms: inconclusive/warn 2 calls need 300; 2 calls are fewer than min_calls, 300",
			"shop.(*API).handle [route=/slow] p99 < 50ms: pass/pass 1000 calls",
		}},
		{rec, "p99(/API/) < 5ms", "", []string{
			"shop.(*API).handle [] p99 < 5ms: fail/fail 2002 calls 100-100 above",
			"shop.(*API).serve [] p99 < 5ms: pass/pass 500 calls",
		}},
		// A key with a series of its own is merged nowhere, what others hold is open.
		{merged, "p99(shop.(*API).handle, route=/api) < 5ms", "", []string{"shop.(*API).handle [route=/api] p99 < 5ms: pass/pass 1000 calls"}},
		{merged, "p99(shop.(*API).handle, route=~api) < 5ms", "", []string{"shop.(*API).handle [route=~api] p99 < 5ms: inconclusive/warn 1000 calls; calls of which too little is known could turn it: 1000 with a key that was merged or could not be read"}},
		{merged, "p99(shop.(*API).handle, route=/x) < 5ms", "", []string{"shop.(*API).handle [route=/x] p99 < 5ms: missing/fail 0 calls; no call has returned, but 1000 with a key that was merged or could not be read"}},
		{merged, "p99(shop.(*API).handle, route=(other)) < 5ms", "", []string{"shop.(*API).handle [route=(other)] p99 < 5ms: fail/fail 1000 calls 900-900 above"}},
		{unreadable, "p99(shop.(*API).handle, route=/api) < 5ms", "", []string{"shop.(*API).handle [route=/api] p99 < 5ms: inconclusive/warn 1000 calls; calls of which too little is known could turn it: 1000 with a key that was merged or could not be read"}},
		{unreadable, "p99(shop.(*API).handle, route=/api) < 500us", "", []string{"shop.(*API).handle [route=/api] p99 < 500us: fail/fail 1000 calls 1000-1000 above"}},
	} {
		if err := tt.rec.Check(); err != nil {
			t.Fatal(err)
		}
		b := parse(t, tt.text)
		if tt.by != "" {
			b.By = []string{tt.by}
		}
		var got []string
		verdicts := Judge(RunsOf(tt.rec), []Budget{b}, nil)
		for i := range verdicts {
			got = append(got, describe(&verdicts[i]))
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", tt.text, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}

// Of many keys at the limit some look bad by chance.
func TestJudgeManyKeys(t *testing.T) {
	var series []latency.Series
	for i := range 40 {
		above := 10
		if i == 0 {
			above = 18 // p 0.014
		} else if i == 1 {
			above = 60
		}
		series = append(series, seriesOf(route(fmt.Sprintf("/%02d", i)), nil, repeat(1000-above, 1e6, above, 9e6)...))
	}
	b := parse(t, "p99(f) < 5ms")
	b.By = []string{"route"}
	verdicts := Judge(RunsOf(recording(function("f", []string{"route"}, series...))), []Budget{b}, nil)
	want := []string{
		"f [route=/00] p99 < 5ms: inconclusive/warn 1000 calls 18-18 above; among 40 keys one is that far off by chance",
		"f [route=/01] p99 < 5ms: fail/fail 1000 calls 60-60 above",
	}
	for i := range want {
		if got := describe(&verdicts[i]); got != want[i] {
			t.Errorf("%s\nwant %s", got, want[i])
		}
	}
	if !Broken(verdicts) || !Unsure(verdicts) {
		t.Error("the verdicts as a whole are neither broken nor unsure")
	}
}

func TestJudgeActions(t *testing.T) {
	rec := recording(function("f", nil, seriesOf(map[string]string{}, nil, repeat(10, 1e6, 0, 0)...)))
	b := parse(t, "p99(f) < 5ms")
	b.MinCalls, b.OnInconclusive, b.OnMissing = 1, ActFail, ActPass
	if v := Judge(RunsOf(rec), []Budget{b}, nil)[0]; v.State != Inconclusive || v.Action != ActFail || v.Need != 299 || !math.IsInf(v.Hi, 1) {
		t.Errorf("%s, up to %v", describe(&v), v.Hi)
	}
	b.MinCalls = 11
	if v := Judge(RunsOf(rec), []Budget{b}, nil)[0]; v.State != Missing || v.Action != ActPass {
		t.Error(describe(&v))
	}
}

// Runs are judged together, numbers of calls each by itself.
func TestJudgeRuns(t *testing.T) {
	run := func(calls []uint64) *latency.Recording {
		return recording(function("f", nil, seriesOf(map[string]string{}, []uint64{4_999_999}, calls...)))
	}
	runs := RunsOf(run(repeat(200, 1e6, 0, 0)), run(repeat(199, 2e6, 1, 9e6)), run(repeat(230, 1e6, 0, 0)))
	for text, want := range map[string]string{
		"p99(f) < 5ms":      "pass/pass 630 calls 1-1 above",
		"calls(f) >= 200":   "pass/pass 630 calls",
		"calls(f) >= 201":   "inconclusive/warn 630 calls; some of 3 runs keep the limit",
		"rate(f) > 23/s":    "fail/fail 630 calls",
		"mean(f) < 5ms":     "pass/pass 630 calls",
		"mean(f) < 2ms":     "inconclusive/warn 630 calls; 3 runs or slices differ too much to tell",
		"p99(f) < baseline": "inconclusive/warn 630 calls; there is no baseline to compare with",
	} {
		b := parse(t, text)
		v := Judge(runs, []Budget{b}, nil)[0]
		if got := describe(&v); !strings.HasSuffix(got, ": "+want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	runs.Slices = true
	b := parse(t, "calls(f) >= 630")
	if v := Judge(runs, []Budget{b}, nil)[0]; v.State != Pass || v.Estimate != 630 {
		t.Error(describe(&v))
	}
}

func TestRunsFile(t *testing.T) {
	one := recording(function("f", nil, seriesOf(map[string]string{}, []uint64{5000}, 1000, 9000)))
	for _, runs := range []*Runs{RunsOf(one), RunsOf(one, one), {Slices: true, Recordings: []*latency.Recording{one}}} {
		var text, again bytes.Buffer
		if err := runs.Encode(&text); err != nil {
			t.Fatal(err)
		}
		back, err := LoadRuns(bytes.NewReader(text.Bytes()))
		if err != nil {
			t.Fatalf("%v in %s", err, text.Bytes())
		}
		if err := back.Encode(&again); err != nil || !bytes.Equal(text.Bytes(), again.Bytes()) || back.Slices != runs.Slices {
			t.Errorf("%v, %+v:\n%s", err, back, again.Bytes())
		}
	}
	for text, want := range map[string]string{
		"":                           "read recording: empty",
		"{}":                         `read recording: schema "": not a recording of schema latch.recording/v1`,
		`{"schema":"latch.runs/v1"}`: "read runs: 0 recordings, not 1 to 1000",
		`{"schema":"latch.runs/v1","recordings":[null]}`: `run 1: read recording: schema "": not a recording of schema latch.recording/v1`,
		`{"schema":"latch.runs/v2","recordings":[]}`:     `read recording: schema "latch.runs/v2": not a recording of schema latch.recording/v1`,
	} {
		if _, err := LoadRuns(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}
