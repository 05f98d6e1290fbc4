package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// A translation is a block of docs/from-bpftrace.md, under a heading of its own:
// lines of bpftrace, then what latch has for them.
type translation struct {
	heading string
	latch   []string // lines to be run as they stand
	refused []string // lines that wait for functions of the kernel
}

// The beginnings of the lines of a block. Others are none of a translation.
const (
	bpftraceLine = "bpftrace "
	latchLine    = "latch "
	cannotLine   = "# latch cannot: "
	notYetLine   = "# latch cannot yet: "
)

// translations reads the page, and fails where it is not in the form that it
// promises: each heading of the third level has one block, which asks bpftrace,
// and then latch or says why not.
func translations(t *testing.T) []translation {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testutil.Root(t), "docs", "from-bpftrace.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n### ")
	if strings.Contains(sections[0], "```") {
		t.Fatal("a block stands above all headings of the third level")
	}
	var out []translation
	for _, section := range sections[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		parts := strings.Split(body, "```")
		if len(parts) != 3 || !strings.HasPrefix(parts[1], "sh\n"+bpftraceLine) {
			t.Fatalf("%s: has no block of its own that begins with a line of bpftrace", heading)
		}
		tr := translation{heading: heading}
		answers := 0
		for line := range strings.Lines(strings.TrimPrefix(parts[1], "sh\n")) {
			line = strings.TrimSpace(line)
			later, isLater := strings.CutPrefix(line, notYetLine)
			why, isNever := strings.CutPrefix(line, cannotLine)
			switch {
			case strings.HasPrefix(line, bpftraceLine) && answers == 0:
				continue
			case strings.HasPrefix(line, latchLine):
				tr.latch = append(tr.latch, line)
			case isLater && strings.HasPrefix(later, latchLine):
				tr.refused = append(tr.refused, later)
			case isNever && why != "":
			default:
				t.Fatalf("%s: %q is neither bpftrace's nor latch's, nor says that latch cannot", heading, line)
			}
			answers++
		}
		if answers == 0 {
			t.Fatalf("%s: is not answered", heading)
		}
		out = append(out, tr)
	}
	return out
}

// A staged is what surrounds a line of the page: the shell's variables, what
// happens once latch looks, and what must be in its answer.
type staged struct {
	env   []string
	act   func()
	judge func(out, said string)
}

// run runs a line of the page. One that says when it ends does so by itself, the
// others are interrupted when everything has happened.
func (s *staged) run(t *testing.T, line string) {
	t.Helper()
	cmd := scripted(t, line)
	cmd.Env = append(cmd.Env, s.env...)
	l := startTool(t, cmd)
	if s.act != nil {
		l.waitAttached()
		s.act()
		if words := strings.Fields(line); !slices.Contains(words, "-d") && !slices.Contains(words, "--until") {
			l.interrupt()
		}
	}
	if code := l.wait(); code != exitOK {
		t.Fatalf("%s\nended with %d\n%s", line, code, l.said())
	}
	s.judge(l.stdout.String(), l.said())
	if t.Failed() {
		t.Logf("%s\n%s\n%s", line, l.stdout.String(), l.said())
	}
}

// TestFromBpftrace runs each line of docs/from-bpftrace.md that begins with latch,
// as it stands there, against what is known to happen meanwhile; and holds that
// those marked as not yet possible are refused for that reason, so that the page
// changes with latch.
func TestFromBpftrace(t *testing.T) {
	testutil.NeedRoot(t)
	left := make(map[string]bool)
	for heading := range stages {
		left[heading] = true
	}
	for _, tr := range translations(t) {
		stage := stages[tr.heading]
		delete(left, tr.heading)
		t.Run(tr.heading, func(t *testing.T) {
			if len(stage) != len(tr.latch) {
				t.Fatalf("%d lines of latch, but %d are known here", len(tr.latch), len(stage))
			}
			for i, line := range tr.latch {
				stage[i](t).run(t, line)
			}
			for _, line := range tr.refused {
				refuseTool(t, scripted(t, line), exitUsage, []string{"kernel functions cannot be measured yet"})
			}
		})
	}
	for heading := range left {
		t.Errorf("the page has nothing under %q", heading)
	}
}
