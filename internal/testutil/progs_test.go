package testutil

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPrograms builds every program in the ways that change its code most,
// runs it without any probe, and compares what it prints with what its header
// states.
func TestPrograms(t *testing.T) {
	builds := map[string][][]string{
		"c":    {nil, {"clang"}, {"-O0"}},
		"cxx":  {nil, {"clang"}, {"-O0"}},
		"go":   {nil},
		"rust": {{"release"}, {"debug"}},
	}
	for lang, flagSets := range builds {
		for _, name := range programs(t, lang) {
			for _, flags := range flagSets {
				if slices.Contains(ReadHeader(t, lang, name).Needs, "gcc") && slices.Contains(flags, "clang") {
					continue
				}
				t.Run(strings.Join(append([]string{lang, name}, flags...), "/"), func(t *testing.T) {
					t.Parallel()
					checkStated(t, lang, name, Build(t, lang, name, flags...))
				})
			}
		}
	}
}

func checkStated(t *testing.T, lang, name, path string) {
	t.Helper()
	h := ReadHeader(t, lang, name)
	if len(h.Prints) == 0 {
		t.Fatalf("the header of %s/%s does not say what the program prints", lang, name)
	}
	for args, want := range h.Prints {
		lines := Run(t, path, strings.Fields(args)...)
		if diff := cmp.Diff(want, Stated(lines)); diff != "" {
			t.Errorf("%s %s (-stated +printed):\n%s", name, args, diff)
		}
		if len(Tally(t, lines, "calls")) == 0 {
			t.Errorf("%s %s prints no calls", name, args)
		}
		checkBalance(t, lines)
	}
}

// checkBalance holds every function of which returns are told to calls =
// returns + unwound.
func checkBalance(t *testing.T, lines []string) {
	t.Helper()
	calls, returns, unwound := Tally(t, lines, "calls"), Tally(t, lines, "returns"), Tally(t, lines, "unwound")
	for name, n := range returns {
		if u, ok := unwound[name]; ok && calls[name] != n+u {
			t.Errorf("%s: %d calls, but %d returns and %d unwound", name, calls[name], n, u)
		}
	}
}

// programs lists the directories that hold a program.
func programs(t *testing.T, lang string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(Root(t), "testprogs", lang))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "internal" {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		t.Fatalf("no programs in %s", lang)
	}
	return names
}

// TestLoops runs the programs that can be kept under load, and checks that
// they stop when told and that their own counts agree.
func TestLoops(t *testing.T) {
	for _, p := range []struct {
		lang, name string
		worked     string
		each       uint64 // calls come in multiples of it
	}{
		{"c", "fib", "fib", 177},
		{"c", "threads", "handle", 1},
		{"c", "busy", "push_first", 256},
		{"cxx", "exception", "outer", 32},
		{"rust", "unwind", "guarded", 1},
		{"go", "load", "main.Handle", 1},
		{"go", "tight", "main.Small", 1},
		{"go", "shop", "main.serve", 1},
	} {
		t.Run(p.lang+"/"+p.name, func(t *testing.T) {
			t.Parallel()
			prog := Start(t, Build(t, p.lang, p.name), "loop")
			prog.Go()
			prog.Stop()
			lines := prog.Finish()
			if n := Tally(t, lines, "calls")[p.worked]; n == 0 || n%p.each != 0 {
				t.Errorf("%s was called %d times", p.worked, n)
			}
			checkBalance(t, lines)
		})
	}
}
