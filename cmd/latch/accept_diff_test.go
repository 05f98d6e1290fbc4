package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// madeRun is a recording of two routes, of which /api takes so many
// microseconds.
func madeRun(machine string, micros float64) *latency.Recording {
	series := func(route string, base float64) latency.Series {
		s := latency.Series{Key: map[string]string{"route": route}, MinNS: 1 << 62}
		slots := make([]uint64, latency.NumSlots)
		for i := range 400 {
			ns := uint64(base * 1000 * (1 + float64(i)/400))
			slots[latency.Slot(ns)]++
			s.MinNS, s.MaxNS = min(s.MinNS, ns), max(s.MaxNS, ns)
			s.SumNS += ns
			s.Count++
		}
		s.SelfNS = s.SumNS
		s.Buckets = latency.FromSlots(slots)
		s.Fill()
		return s
	}
	f := latency.Function{
		Name: "shop.handle", Symbol: "shop.handle", Binary: "/usr/bin/shop", Lang: "go", Exit: "ret", By: []string{"route"},
		Series: []latency.Series{series("/", 1000), series("/api", micros)},
	}
	f.Balance = latency.Balance{Entries: 800, Returns: 800}
	return &latency.Recording{
		Schema: latency.Schema, Start: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), DurationNS: 1e9, Kernel: "6.18.0",
		Machine: machine, Latch: "test", Functions: []latency.Function{f},
	}
}

// saveRuns writes recordings in which /api takes these times, as check --save
// does, and returns the path.
func saveRuns(t *testing.T, machine string, micros ...float64) string {
	t.Helper()
	runs := new(budget.Runs)
	for _, us := range micros {
		runs.Recordings = append(runs.Recordings, madeRun(machine, us))
	}
	var out bytes.Buffer
	if err := runs.Encode(&out); err != nil {
		t.Fatal(err)
	}
	file, err := os.CreateTemp(t.TempDir(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// row is one of the JSON of latch diff.
type row struct {
	Func, Metric, Verdict string
	Key                   map[string]string
	Change                *struct {
		Ratio   float64
		RatioLo *float64 `json:"ratio_lo"`
		P       float64
	}
}

func diffRows(t *testing.T, args ...string) []row {
	t.Helper()
	l := startLatch(t, append([]string{"diff", "--json"}, args...)...)
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d: %s", code, l.said())
	}
	var doc struct {
		Schema string
		Rows   []row
	}
	if err := json.Unmarshal(l.stdout.Bytes(), &doc); err != nil || doc.Schema != "latch.diff/v1" {
		t.Fatalf("schema %q, %v", doc.Schema, err)
	}
	return doc.Rows
}

func TestDiff(t *testing.T) {
	old := saveRuns(t, "m", 3000, 3010, 2990, 3020, 2980)
	slow := saveRuns(t, "m", 3900, 3910, 3890, 3920, 3880)
	want := map[string]string{"/ p50": "same", "/ p99": "same", "/api p50": "worse", "/api p99": "worse"}
	for _, r := range diffRows(t, old, slow) {
		name := r.Key["route"] + " " + r.Metric
		if r.Verdict != want[name] || r.Func != "shop.handle" {
			t.Errorf("%s %s is %s, want %s", r.Func, name, r.Verdict, want[name])
		}
		if slower := r.Key["route"] == "/api"; slower && (r.Change.Ratio < 0.29 || r.Change.Ratio > 0.31 || *r.Change.RatioLo < 0.25 || r.Change.P > 0.05) {
			t.Errorf("%s: %+v", name, r.Change)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no rows %v", want)
	}
	for _, r := range diffRows(t, slow, old, "--metric", "mean", "--metric", "over2ms,rate") {
		if r.Key["route"] == "/api" && r.Metric == "mean" && r.Verdict != "better" {
			t.Errorf("%+v", r)
		}
	}

	dir := t.TempDir()
	outputs := []string{"-o", filepath.Join(dir, "x.md"), "-o", filepath.Join(dir, "x.csv"), "-o", filepath.Join(dir, "x.txt"), "-o", filepath.Join(dir, "x.json")}
	l := startLatch(t, append([]string{"diff", "--fail-on-worse", old, slow}, outputs...)...)
	if code := l.wait(); code != exitBroken || !strings.Contains(l.said(), "latch: 2 of 4 became worse (--fail-on-worse)") {
		t.Errorf("latch ended with %d: %s", code, l.said())
	}
	if !strings.Contains(l.stdout.String(), "\n4 rows: 2 worse, 0 better, 2 same, 0 cannot tell\n") {
		t.Errorf("latch printed %s", l.stdout.String())
	}
	for i := 1; i < len(outputs); i += 2 {
		if text, err := os.ReadFile(outputs[i]); err != nil || !bytes.Contains(text, []byte("worse")) {
			t.Errorf("%s holds %q, %v", outputs[i], text, err)
		}
	}
}

// TestDiffJoins compares single recordings, given one by one.
func TestDiffJoins(t *testing.T) {
	var args []string
	for i := range 5 {
		args = append(args, "--old", saveRuns(t, "m", 3000+float64(i)), "--new", saveRuns(t, "m", 2000+float64(i)))
	}
	for _, r := range diffRows(t, args...) {
		if want := map[string]string{"/": "same", "/api": "better"}[r.Key["route"]]; r.Verdict != want {
			t.Errorf("%v %s is %s, want %s", r.Key, r.Metric, r.Verdict, want)
		}
	}
	for _, r := range diffRows(t, args[1], args[3]) {
		if want := map[string]string{"/": "cannot tell", "/api": "cannot tell"}[r.Key["route"]]; r.Verdict != want || r.Change.RatioLo == nil || *r.Change.RatioLo != -1 {
			t.Errorf("one run a side: %+v", r)
		}
	}
}

func TestDiffRefuses(t *testing.T) {
	a, b := saveRuns(t, "m", 3000), saveRuns(t, "another", 3000)
	for _, tt := range []struct {
		code  int
		words []string
		args  []string
	}{
		{exitUsage, []string{"name two recordings"}, nil},
		{exitUsage, []string{"name two recordings", "1 were given"}, []string{a}},
		{exitUsage, []string{"--metric", "p101", "between 0 and 100"}, []string{a, a, "--metric", "p101"}},
		{exitUsage, []string{"--min-change 5", "a percentage is wanted"}, []string{a, a, "--min-change", "5"}},
		{exitUsage, []string{"--confidence 100%", "below 100%"}, []string{a, a, "--confidence", "100%"}},
		{exitUsage, []string{"a name must end in .json"}, []string{a, a, "-o", "x.html"}},
		{exitUsage, []string{b, "twice"}, []string{a, b, "-o", b}},
		{exitUnmeasured, []string{"no such file"}, []string{a, filepath.Join(t.TempDir(), "nosuch.json")}},
		{exitUnmeasured, []string{"/etc/passwd"}, []string{"/etc/passwd", a}},
		{exitUnmeasured, []string{"machine", "another", "--allow-unlike"}, []string{a, b}},
		{exitUnmeasured, []string{"machines", "another"}, []string{a, a, "--new", b}},
	} {
		refuse(t, tt.code, tt.words, append([]string{"diff"}, tt.args...)...)
	}
	l := startLatch(t, "diff", "--allow-unlike", a, b)
	if code := l.wait(); code != 0 || !strings.Contains(l.stdout.String(), `warning: machine ["another"], was ["m"]`) {
		t.Errorf("latch ended with %d: %s%s", code, l.said(), l.stdout.String())
	}
}

// TestUnread gives latch an output that nobody reads any more, as head(1) leaves
// it: what is to be in files is there, and the exit status is that of the signal.
func TestUnread(t *testing.T) {
	a, b := saveRuns(t, "m", 3000), saveRuns(t, "m", 3000)
	exe := testutil.Build(t, "go", "route")
	for _, args := range [][]string{
		{"report", a}, {"diff", a, b},
		{"record", "main.handle", "--", exe},
		{"check", "--exe", "route", "--expect", "calls(main.handle) >= 0", "--", "sh", "-c", exe + " >/dev/null"},
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		path := filepath.Join(t.TempDir(), "out.json")
		cmd := exec.Command(latchPath(t), slices.Insert(args, 1, "-o", path)...)
		cmd.Stdout, cmd.Env = write, offGitHub()
		said, err := stderrOf(cmd)
		write.Close()
		if code := cmd.ProcessState.ExitCode(); code != exitPipe || strings.Contains(said, "broken pipe") {
			t.Errorf("%q ended with %d, %v: %s", args, code, err, said)
		}
		if text, err := os.ReadFile(path); err != nil || !json.Valid(text) {
			t.Errorf("%q: %v, %s", args, err, text)
		}
	}
}

// stderrOf runs a command and returns what it says.
func stderrOf(cmd *exec.Cmd) (string, error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	return said.String(), err
}

// TestReportFormats converts a saved recording into each plain format.
func TestReportFormats(t *testing.T) {
	from, dir := saveRuns(t, "m", 3000), t.TempDir()
	for suffix, want := range map[string]string{
		".folded": "shop.handle;route=/api 1798499967\n", ".csv": `"shop.handle","shop.handle","/usr/bin/shop","go","",0,"/api",400,`,
		".md": "| `/api` | 400 |", ".bench": "BenchmarkLatency/func=shop.handle/route=_api 400 4496249.9 ns/op ",
	} {
		path := filepath.Join(dir, "x"+suffix)
		l := startLatch(t, "report", from, "-o", path)
		if code := l.wait(); code != 0 || l.said() != fmt.Sprintf("latch: wrote %s", path) {
			t.Errorf("latch ended with %d: %s", code, l.said())
		}
		if text, err := os.ReadFile(path); err != nil || !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s: no %s in %s, %v", suffix, want, text, err)
		}
	}
}
