package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/internal/testutil"
)

// samples are the checks that each format has a golden file of.
func samples(t testing.TB) map[string]*Check {
	return map[string]*Check{
		"shop": shopCheck(t), "regressed": regressed(t), "hostile": hostileCheck(), "empty": {},
	}
}

// goldens compares what write makes of each sample, and returns it.
func goldens(t *testing.T, format string, write func(io.Writer, *Check) error) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for name, c := range samples(t) {
		var out bytes.Buffer
		if err := write(&out, c); err != nil {
			t.Fatal(err)
		}
		testutil.Golden(t, "check-"+name+"."+format+".golden", out.Bytes())
		all[name] = out.Bytes()
		if err := write(brokenWriter{}, c); err == nil {
			t.Errorf("%s: no error from a writer that fails", name)
		}
	}
	return all
}

func checkText(t *testing.T, c *Check, opts *TextOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := CheckText(&out, c, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCheckText(t *testing.T) {
	goldens(t, "txt", func(w io.Writer, c *Check) error { return CheckText(w, c, nil) })
	testutil.Golden(t, "check-shop-width=60.txt.golden", []byte(checkText(t, shopCheck(t), &TextOptions{Width: 60})))
	testutil.Golden(t, "check-shop-color.txt.golden", []byte(checkText(t, shopCheck(t), &TextOptions{Color: true})))
}

// TestCheckTextIsSafe holds lines against the width, and what they are made of
// against what a terminal obeys.
func TestCheckTextIsSafe(t *testing.T) {
	for name, c := range samples(t) {
		for _, cells := range []int{40, 60, 80, 100, 200} {
			out := checkText(t, c, &TextOptions{Width: cells})
			for _, line := range strings.Split(out, "\n") {
				if n := width(line); n > cells {
					t.Errorf("%s: %d cells instead of %d: %s", name, n, cells, line)
				}
			}
			if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
				t.Errorf("%s: characters that are not printable:\n%q", name, out)
			}
		}
	}
}

func TestOutcome(t *testing.T) {
	unsure := manyChecks(1)
	unsure.Verdicts = unsure.Verdicts[1:]
	strict := *unsure
	strict.Strict = true
	for _, tt := range []struct {
		c    *Check
		want Outcome
	}{
		{&Check{}, Passed},
		{manyChecks(1), Broken},
		{unsure, Passed},
		{&strict, Unsure},
		{hostileCheck(), Incomplete},
	} {
		if got := tt.c.Outcome(); got != tt.want {
			t.Errorf("%v, want %v", got, tt.want)
		}
	}
}

func TestWriteCheck(t *testing.T) {
	dir := t.TempDir()
	for _, f := range checkFormats {
		path := filepath.Join(dir, "x"+f.suffix)
		if err := CanWriteCheck(path); err != nil {
			t.Error(err)
		}
		if err := WriteCheck(path, shopCheck(t)); err != nil {
			t.Error(err)
		}
		if data, err := os.ReadFile(path); err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", path, len(data), err)
		}
	}
	path := filepath.Join(dir, "x.sarif")
	for what, err := range map[string]error{"before": CanWriteCheck(path), "after": WriteCheck(path, &Check{})} {
		if err == nil || !strings.Contains(err.Error(), "a name must end in .txt") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if got := names(t, dir); len(got) != len(checkFormats) {
		t.Errorf("files %q", got)
	}
}

// Of many verdicts, those that fail stand above the last line.
func TestCheckTextOrder(t *testing.T) {
	c := &Check{}
	for i := range 100 {
		v := budget.Verdict{Budget: "b", Func: fmt.Sprintf("f%02d", i), State: budget.Pass, Action: budget.ActPass}
		switch i {
		case 7:
			v.State, v.Action = budget.Fail, budget.ActFail
		case 3:
			v.State, v.Action = budget.Inconclusive, budget.ActWarn
		}
		c.Verdicts = append(c.Verdicts, v)
	}
	var out strings.Builder
	if err := CheckText(&out, c, nil); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, name := range regexp.MustCompile(`f\d\d`).FindAllString(out.String(), -1) {
		if name == "f02" || name == "f03" || name == "f07" || name == "f99" {
			order = append(order, name)
		}
	}
	if want := []string{"f02", "f99", "f03", "f07"}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v\n%s", order, want, &out)
	}
}
