package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// accepts runs a tool that judges data, and returns what it says.
func accepts(t *testing.T, data []byte, tool string, args ...string) string {
	t.Helper()
	testutil.Need(t, tool)
	cmd := exec.Command(tool, args...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s\n%s", tool, err, out, data)
	}
	return string(out)
}

// printable fails the test unless text is lines of printable characters.
func printable(t *testing.T, name string, text []byte) {
	t.Helper()
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("%s: characters that are not printable:\n%q", name, text)
	}
}

func TestCheckJSON(t *testing.T) {
	for name, text := range goldens(t, "json", CheckJSON) {
		var doc checkJSON
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if doc.Schema != CheckSchema || len(doc.Verdicts) != len(samples(t)[name].Verdicts) {
			t.Errorf("%s: schema %q, %d verdicts", name, doc.Schema, len(doc.Verdicts))
		}
	}
}

func TestJUnit(t *testing.T) {
	for name, text := range goldens(t, "xml", JUnit) {
		printable(t, name, text)
		accepts(t, text, "xmllint", "--noout", "--schema", "testdata/junit.xsd", "-")
		var doc junitSuites
		if err := xml.Unmarshal(text, &doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var out bytes.Buffer
	if err := JUnit(&out, manyChecks(20_000)); err != nil {
		t.Fatal(err)
	}
	accepts(t, out.Bytes(), "xmllint", "--noout", "--huge", "--schema", "testdata/junit.xsd", "-")
	if n := out.Len() - maxSystemOut; n > 40_000*600 {
		t.Errorf("%d bytes beside the table", n)
	}
}

func TestOpenMetrics(t *testing.T) {
	for name, text := range goldens(t, "om", OpenMetrics) {
		printable(t, name, text)
		if out := accepts(t, text, "promtool", "check", "metrics"); out != "" {
			t.Errorf("%s: promtool says %s", name, out)
		}
		// Prometheus' reader of OpenMetrics wants times, which are not in the file.
		file := filepath.Join(t.TempDir(), "x.om")
		timed := regexp.MustCompile(`(?m)^[^#].*$`).ReplaceAll(text, []byte("$0 1700000000"))
		if err := os.WriteFile(file, timed, 0o666); err != nil {
			t.Fatal(err)
		}
		accepts(t, nil, "promtool", "tsdb", "create-blocks-from", "openmetrics", file, t.TempDir())
		if !bytes.HasSuffix(text, []byte("\n# EOF\n")) || bytes.Count(text, []byte("\n# EOF\n")) != 1 {
			t.Errorf("%s: no end, or more than one:\n%s", name, text)
		}
		seen := make(map[string]bool)
		for line := range strings.Lines(string(text)) {
			sample, _, _ := cutLast(line, " ")
			if seen[sample] {
				t.Errorf("%s: twice: %s", name, sample)
			}
			seen[sample] = true
		}
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// TestBench reads the lines of two checks with benchstat itself.
func TestBench(t *testing.T) {
	goldens(t, "bench", func(w io.Writer, c *Check) error {
		var out bytes.Buffer
		if err := CheckBench(&out, c); err != nil {
			return err
		}
		_, err := w.Write(bytes.ReplaceAll(out.Bytes(), []byte("goarch: "+runtime.GOARCH), []byte("goarch: GOARCH")))
		return err
	})
	dir := t.TempDir()
	for name, runs := range map[string]*budget.Runs{"old": runsAt(1), "new": runsAt(1.3)} {
		if err := WriteCheck(filepath.Join(dir, name+".bench"), &Check{Runs: runs}); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", "golang.org/x/perf/cmd/benchstat", "-row", "/func,/route", "-filter", ".unit:p99-ns",
		"old="+filepath.Join(dir, "old.bench"), "new="+filepath.Join(dir, "new.bench"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("benchstat: %v\n%s", err, out)
	}
	for _, want := range []string{"shop.(*API).handle _api", "+29.84% (p=0.008 n=5)", "~ (p=1.000 n=5)"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in benchstat's table:\n%s", want, out)
		}
	}
}

// TestBenchNames keeps names apart that look alike once they are escaped, and
// the last hyphen from being read as GOMAXPROCS.
func TestBenchNames(t *testing.T) {
	rec := recording(function("f", []string{"k"},
		seriesOf(map[string]string{"k": "/a"}, 100), seriesOf(map[string]string{"k": "_a"}, 100),
		seriesOf(map[string]string{"k": "b-42"}, 100), seriesOf(map[string]string{"k": "b c=d"}, 100)))
	names := benchNames([]*latency.Recording{rec})
	seen := make(map[string]bool)
	for _, name := range names {
		if seen[name] || strings.ContainsFunc(name, unicode.IsSpace) || strings.Count(name, "/") != 2 {
			t.Errorf("a bad name, or twice: %q", name)
		}
		seen[name] = true
	}
	for _, want := range []string{"BenchmarkLatency/func=f/k=b_42", "BenchmarkLatency/func=f/k=b_c=d"} {
		if !seen[want] {
			t.Errorf("no %s among %q", want, names)
		}
	}
}

func TestCheckMarkdown(t *testing.T) {
	for name, text := range goldens(t, "md", CheckMarkdown) {
		printable(t, name, text)
		tableCells(t, name, string(text))
	}
}

// tableCells holds every row of a table against its heading: as many pipes that
// are not escaped.
func tableCells(t *testing.T, name, text string) {
	t.Helper()
	want := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "|") {
			want = 0
			continue
		}
		n := strings.Count(line, "|") - strings.Count(line, `\|`)
		if want == 0 {
			want = n
		}
		if n != want {
			t.Errorf("%s: %d pipes instead of %d: %s", name, n, want, line)
		}
	}
}

// TestMarkdownReader holds names against what GitHub's own reader of Markdown
// makes of a table of them.
func TestMarkdownReader(t *testing.T) {
	names := []string{nasty, "a|b", "`x", "a`b``c", `a\|b`, `\`, "<script>", "**b** _i_ ~~s~~ [l](u) &amp; @all #1", "- x", " y "}
	var m markdown
	m.left = maxSummary
	var rows [][]string
	for _, n := range names {
		rows = append(rows, []string{code(n), "next"})
	}
	m.table([]string{"name", "count:"}, rows)
	page := accepts(t, []byte(m.out.String()), "cmark-gfm", "-e", "table", "-e", "autolink", "-e", "strikethrough")
	for _, n := range names {
		if want := "<td><code>" + strings.ReplaceAll(html.EscapeString(Escape(n)), "&#34;", "&quot;") + "</code></td>\n<td align=\"right\">next</td>"; !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"f": "`f`", "": "", "a|b": "`a\\|b`", "`x": "`` `x ``", "a`b``c": "```a`b``c```", " ": "`   `", "\n": "`\\n`", `\`: "`\\\\`",
	} {
		if got := code(in); got != want {
			t.Errorf("code(%q) = %s, want %s", in, got, want)
		}
	}
}

// TestStepSummaryIsBounded fills a step's summary in two steps.
func TestStepSummaryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	for i := range 2 {
		if err := AppendSummary(path, manyChecks(10_000)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxSummary || len(text) < maxSummary-1000 {
			t.Errorf("%d bytes after %d", len(text), i+1)
		}
		if !strings.HasSuffix(string(text), " more rows were left out.\n") {
			t.Errorf("ends in %q", text[len(text)-200:])
		}
		tableCells(t, "summary", string(text))
	}
	if err := AppendSummary(filepath.Join(path, "x"), &Check{}); err == nil {
		t.Error("no error for a path below a file")
	}
}

func FuzzFormats(f *testing.F) {
	f.Add(nasty)
	f.Add("a|b\\|c`d``")
	f.Fuzz(func(t *testing.T, s string) {
		c := hostileCheck()
		c.Verdicts[0].Func, c.Verdicts[0].Budget, c.Verdicts[0].Key[0].Value, c.Source = s, s, s, s
		c.Runs.Recordings[0].Functions[0].Name, c.Warnings[0], c.Incomplete = s, s, s
		for name, write := range map[string]func(io.Writer, *Check) error{
			"junit": JUnit, "openmetrics": OpenMetrics, "bench": CheckBench, "markdown": CheckMarkdown,
			"github": func(w io.Writer, c *Check) error { return GitHub(w, c, "/src") },
			"folded": func(w io.Writer, c *Check) error { return Folded(w, c.Runs.Recordings[0]) },
			"csv":    func(w io.Writer, c *Check) error { return CSV(w, c.Runs.Recordings[0]) },
		} {
			var out bytes.Buffer
			if err := write(&out, c); err != nil {
				t.Fatal(err)
			}
			printable(t, name, bytes.ReplaceAll(out.Bytes(), []byte("\r\n"), []byte("\n")))
			switch name {
			case "csv":
				if rows := readCSV(t, out.Bytes()); len(rows) != 2 {
					t.Errorf("%d rows: %q", len(rows), rows)
				}
			case "folded":
				if frames := strings.Count(out.String(), ";") + 1; frames != 2 {
					t.Errorf("%d frames: %q", frames, out.String())
				}
			case "junit":
				var doc junitSuites
				if err := xml.Unmarshal(out.Bytes(), &doc); err != nil {
					t.Errorf("%v:\n%s", err, out.Bytes())
				}
			case "markdown":
				tableCells(t, name, out.String())
			case "github":
				annotations(t, out.String())
			}
		}
	})
}
