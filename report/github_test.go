package report

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
)

// command is a workflow command as the runner reads it: properties up to the
// next "::", each up to the next comma.
var command = regexp.MustCompile(`^::(error|warning) ((?:[a-z]+=[^:,\n]*,?)+)::(.*)$`)

// annotations reads them as the runner does, and returns how many of each kind
// there are.
func annotations(t *testing.T, text string) map[string]int {
	t.Helper()
	n := make(map[string]int)
	for line := range strings.Lines(text) {
		m := command.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Errorf("not an annotation: %q", line)
			continue
		}
		n[m[1]]++
		for _, p := range strings.Split(m[2], ",") {
			name, _, _ := strings.Cut(p, "=")
			if name != "file" && name != "line" && name != "title" {
				t.Errorf("property %q in %q", name, line)
			}
		}
	}
	return n
}

func TestGitHub(t *testing.T) {
	for name, text := range goldens(t, "github", func(w io.Writer, c *Check) error { return GitHub(w, c, "/src") }) {
		annotations(t, string(text))
		printable(t, name, text)
	}
	var out bytes.Buffer
	if err := GitHub(&out, shopCheck(t), "/src/shop"); err != nil {
		t.Fatal(err)
	}
	const want = "::error file=cart.go,line=42,title=latch%3A API handler%3A fail::" +
		"shop.(*API).handle, route=/api: p50 of 24.6ms (19.4ms … 29.9ms) breaks the limit < 5ms, 503 calls\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("no %s in\n%s", want, out.String())
	}
}

// TestGitHubElsewhere points at the budget file where the source is not in the
// workspace.
func TestGitHubElsewhere(t *testing.T) {
	c := shopCheck(t)
	for source, want := range map[string]string{"ci/budget.yaml": "file=ci/budget.yaml", "/ws/b.yaml": "file=b.yaml", "/else/b.yaml": "file=/else/b.yaml"} {
		c.Source = source
		var out bytes.Buffer
		if err := GitHub(&out, c, "/ws"); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "::error "+want+",title="); n != 5 {
			t.Errorf("%s: %d times %s in\n%s", source, n, want, out.String())
		}
	}
}

func TestGitHubIsBounded(t *testing.T) {
	for _, tt := range []struct{ n, want int }{{0, 0}, {9, 9}, {10, 10}, {11, 10}, {5000, 10}} {
		var out bytes.Buffer
		if err := GitHub(&out, manyChecks(tt.n), ""); err != nil {
			t.Fatal(err)
		}
		got := annotations(t, out.String())
		if got["error"] != tt.want || got["warning"] != tt.want {
			t.Errorf("%v of %d", got, tt.n)
		}
		if tt.n == 5000 && strings.Count(out.String(), "title=latch%3A 4%2C991 more::") != 2 {
			t.Errorf("the rest is not counted:\n%s", out.String())
		}
	}
}

func TestWithoutCommands(t *testing.T) {
	var out bytes.Buffer
	if err := WithoutCommands(&out, func() error {
		_, err := io.WriteString(&out, "::error::mine\n")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^::stop-commands::(latch-[A-Z2-7]{26})\n::error::mine\n::(latch-[A-Z2-7]{26})::\n$`).FindStringSubmatch(out.String())
	if m == nil || m[1] != m[2] {
		t.Errorf("%q", out.String())
	}
	if err := WithoutCommands(brokenWriter{}, func() error { return nil }); err == nil {
		t.Error("no error from a writer that fails")
	}
}
