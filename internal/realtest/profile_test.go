package realtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/latchprof/latch/latency"
)

// The profile of a measurement says what its JSON says, by the package that
// defines the format and by the tool that people use.
func testProfile(t *testing.T, pg *postgres) {
	s := pg.connect(t)
	s.run(repeatSQL)
	dir := t.TempDir()
	prof, text := filepath.Join(dir, "spi.pb.gz"), filepath.Join(dir, "spi.json")
	r := record(t, pidFlag(s.backend), "SPI_execute_extended", "--by", "sql=str(arg0)", "-o", prof, "-o", text)
	const slow = "select 5 from pg_sleep(0.002)"
	s.run("select repeat_sql(23, 'select 2');", "select repeat_sql(31, 'select 3');", "select repeat_sql(7, '"+slow+"');")
	shown := function(t, r.stop(), "SPI_execute_extended")
	s.unharmed(pg)

	file, err := os.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f := function(t, load(t, file), "SPI_execute_extended")
	all(t, f, 61)
	if a, b := sumOf(f, 0), sumOf(shown, 0); a != b {
		t.Errorf("the file has %+v, but --json printed %+v", a, b)
	}
	checkSums(t, prof, f)
	checkTool(t, prof, f, slow)
}

// sums are a function's totals.
type sums struct{ calls, latencyNS, selfNS int64 }

// sumOf adds up the series of f. With a bound, only the buckets whose lower
// bound reaches it count, and only calls.
func sumOf(f *latency.Function, atLeastNS uint64) (s sums) {
	for _, one := range f.Series {
		s.latencyNS += int64(one.SumNS)
		s.selfNS += int64(one.SelfNS)
		for _, b := range one.Buckets {
			if b.LoNS >= atLeastNS {
				s.calls += int64(b.Count)
			}
		}
	}
	return s
}

// checkSums adds up the samples of the profile.
func checkSums(t *testing.T, path string, f *latency.Function) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, err := profile.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	var got sums
	bySQL := make(map[string]uint64)
	for _, s := range p.Sample {
		got.calls += s.Value[0]
		got.latencyNS += s.Value[1]
		got.selfNS += s.Value[2]
		bySQL[strings.Join(s.Label["sql"], "|")] += uint64(s.Value[0])
	}
	if want := sumOf(f, 0); got != want {
		t.Errorf("the profile sums up to %+v, the JSON to %+v", got, want)
	}
	for sql, n := range counts(t, f) {
		if bySQL[sql] != n {
			t.Errorf("the profile has %d calls of %q, the JSON %d", bySQL[sql], sql, n)
		}
		delete(bySQL, sql)
	}
	if len(bySQL) > 0 {
		t.Errorf("the profile has more: %v", bySQL)
	}
}

// checkTool reads the profile with go tool pprof.
func checkTool(t *testing.T, path string, f *latency.Function, slow string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Fatal(err)
	}
	pprof := func(args ...string) string {
		args = append(append([]string{"tool", "pprof", "-symbolize=none"}, args...), path)
		return output(t, exec.Command("go", args...))
	}
	nodes := regexp.MustCompile(`Showing nodes accounting for (\d+)(?:ns)?, .* of (\d+)(?:ns)? total`)
	accounted := func(out string) (shown, all int64) {
		m := nodes.FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("pprof says\n%s", out)
		}
		shown, _ = strconv.ParseInt(m[1], 10, 64)
		all, _ = strconv.ParseInt(m[2], 10, 64)
		return shown, all
	}
	want, slowOnes := sumOf(f, 0), sumOf(f, 1_000_000).calls
	if slowOnes < 7 {
		t.Errorf("%d calls of 1 ms or more, but 7 slept longer", slowOnes)
	}
	top := []string{"-top", "-nodecount=50", "-nodefraction=0", "-edgefraction=0"}
	for _, c := range []struct {
		args       []string
		shown, all int64
	}{
		{[]string{"-sample_index=calls"}, want.calls, want.calls},
		{[]string{"-sample_index=latency", "-unit=ns"}, want.latencyNS, want.latencyNS},
		{[]string{"-unit=ns"}, want.selfNS, want.selfNS},
		{[]string{"-sample_index=calls", "-tagfocus=latency=1ms:"}, slowOnes, want.calls},
	} {
		out := pprof(append(top, c.args...)...)
		if shown, all := accounted(out); shown != c.shown || all != c.all {
			t.Errorf("pprof %q accounts for %d of %d, want %d of %d\n%s", c.args, shown, all, c.shown, c.all, out)
		}
		if !strings.Contains(out, "SPI_execute_extended") {
			t.Errorf("pprof %q does not name the function:\n%s", c.args, out)
		}
	}

	tags := pprof("-tags", "-sample_index=calls")
	roots := pprof(append(top, "-sample_index=calls", "-tagroot=sql")...)
	for sql, n := range counts(t, f) {
		for what, out := range map[string]string{
			fmt.Sprintf(`(?m)^ +%d \( *[\d.]+%%\): %s$`, n, regexp.QuoteMeta(sql)): tags,
			fmt.Sprintf(`(?m)^ +0 .* %d +[\d.]+%% +%s$`, n, regexp.QuoteMeta(sql)): roots,
		} {
			if !regexp.MustCompile(what).MatchString(out) {
				t.Errorf("pprof does not say %s:\n%s", what, out)
			}
		}
	}
	if !strings.Contains(tags, slow) || !strings.Contains(tags, " latency: Total 61") {
		t.Errorf("pprof -tags says\n%s", tags)
	}
}
