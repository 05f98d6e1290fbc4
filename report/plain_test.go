package report

import (
	"bytes"
	"encoding/csv"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// plainGoldens compares what write makes of recordings, and calls check with
// it.
func plainGoldens(t *testing.T, format string, write func(io.Writer, *latency.Recording) error, check func(t *testing.T, rec *latency.Recording, text []byte)) {
	t.Helper()
	for name, rec := range map[string]*latency.Recording{
		"shop": shop(), "drops": dropped(), "systems": systems(), "counted": counted(), "hostile": hostile(), "empty": recording(),
		"nasty": hostileCheck().Runs.Recordings[0],
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := write(&out, rec); err != nil {
				t.Fatal(err)
			}
			testutil.Golden(t, format+"-"+name+".golden", out.Bytes())
			check(t, rec, out.Bytes())
			if err := write(brokenWriter{}, rec); err == nil {
				t.Error("no error from a writer that fails")
			}
		})
	}
}

// TestFolded reads the stacks as flamegraph.pl does, and holds their sum
// against that of the recording.
func TestFolded(t *testing.T) {
	line := regexp.MustCompile(`^(.+) (\d+)$`)
	plainGoldens(t, "folded", Folded, func(t *testing.T, rec *latency.Recording, text []byte) {
		printable(t, "folded", text)
		var sum, self, calls uint64
		for l := range strings.Lines(string(text)) {
			m := line.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
			if m == nil {
				t.Fatalf("not a stack: %q", l)
			}
			n, err := strconv.ParseUint(m[2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		for _, f := range rec.Functions {
			total := latency.Total(f.Series)
			self += total.SelfNS
			calls += total.Count
		}
		if want := self; sum != want && (timed(rec) || sum != calls) {
			t.Errorf("the stacks add up to %d, not %d", sum, want)
		}
	})
}

func TestFoldedFrames(t *testing.T) {
	rec := recording(function("a;b 7", []string{"k;"}, seriesOf(map[string]string{"k;": ";c\\"}, 400)))
	var out bytes.Buffer
	if err := Folded(&out, rec); err != nil {
		t.Fatal(err)
	}
	const want = `a\x3bb 7;k\x3b=\x3bc\\ 300` + "\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestCSV(t *testing.T) {
	plainGoldens(t, "csv", CSV, func(t *testing.T, rec *latency.Recording, text []byte) {
		printable(t, "csv", bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		rows := readCSV(t, text)
		want := 1
		for _, f := range rec.Functions {
			want += len(f.Series)
		}
		if len(rows) != want {
			t.Errorf("%d rows, want %d", len(rows), want)
		}
	})
}

// readCSV reads rows, all of the same length, none with a text that a
// spreadsheet takes for a formula.
func readCSV(t *testing.T, text []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if _, err := strconv.ParseFloat(cell, 64); err != nil && strings.IndexAny(cell, "=+-@＝＋－＠\t\r") == 0 {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	return rows
}

func TestCSVFormulas(t *testing.T) {
	key := func(v string) map[string]string { return map[string]string{"=k": v} }
	rec := recording(function("@SUM(1)", []string{"=k"},
		seriesOf(key("=1+1"), 100), seriesOf(key("-2"), 100), seriesOf(key("＝1"), 100), seriesOf(key("\t=1"), 100), seriesOf(key(`a"b;=1`), 100)))
	var out bytes.Buffer
	if err := CSV(&out, rec); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"by.=k"`, `"'@SUM(1)"`, `"'=1+1"`, `"'-2"`, `"'＝1"`, `"\t=1"`, `"a""b;=1"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	readCSV(t, out.Bytes())
}

func TestMarkdown(t *testing.T) {
	plainGoldens(t, "markdown", Markdown, func(t *testing.T, rec *latency.Recording, text []byte) {
		printable(t, "markdown", text)
		tableCells(t, "markdown", string(text))
	})
	var out bytes.Buffer
	if err := Markdown(&out, manyKeys()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\n280 more series\n") || strings.Count(out.String(), "\n| `SELECT") != defaultTop {
		t.Errorf("not the first series and a count of the others:\n%s", out.String())
	}
}
