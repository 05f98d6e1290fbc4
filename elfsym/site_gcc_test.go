package elfsym

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// siteSource holds functions whose shapes the compiler's options below make.
const siteSource = `
#include <stdlib.h>
#define N __attribute__((noinline, noclone))
#ifndef LEAF
#define LEAF
#endif
volatile int sink;
int (*hook)(int);
LEAF N int leaf2(int a) { sink = a; return a * 3; }
N int tail(int a) { if (a > 5) return leaf2(a + 1); sink = a; return 7; }
N int indirect(int a, int (*f)(int)) { sink = a; return f(a); }
N int through(int a) { sink = a; return hook(a); }
N int foreign(int a) { sink = a; return rand_r((unsigned *)&sink); }
N int pick(int a) {
	switch (a) {
	case 0: sink = 3; return 11; case 1: sink = 9; return 5; case 2: sink = 1; return 77;
	case 3: sink = 2; return 13; case 4: sink = 8; return 65; case 5: sink = 4; return 29;
	case 6: sink = 6; return 31; case 7: sink = 5; return 2;
	}
	return leaf2(a);
}
N int fib(int a) { return a < 2 ? a : fib(a - 1) + fib(a - 2) + sink; }
__attribute__((cold, noinline)) void oops(int a) { sink = a; }
N int split(int a) { int r = leaf2(a); if (__builtin_expect(r > 100, 0)) { oops(r); oops(r + 1); sink = r; r = sink; } sink = a; return r + 1; }
__attribute__((noreturn, noinline)) void die(int a) { sink = a; exit(a); }
N int spread(int a) { void *go[] = {&&one, &&two, &&three}; sink = leaf2(a); goto *go[sink % 3]; one: sink = 1; return leaf2(4) + 1; two: sink = 2; return leaf2(6) + 3; three: return leaf2(5) + 9; }
int main(int c, char **v) {
	hook = leaf2;
	int s = tail(c) + indirect(c, leaf2) + through(c) + foreign(c) + pick(c) + fib(c) + split(c) + spread(c);
	if (s == 12345) die(s);
	return 0;
}
`

// buildSites compiles siteSource with gcc and the options.
func buildSites(t *testing.T, compiler string, options ...string) *Binary {
	t.Helper()
	dir := t.TempDir()
	src, out := filepath.Join(dir, "s.c"), filepath.Join(dir, "s")
	if err := os.WriteFile(src, []byte(siteSource), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(toolPath(t, compiler), append(options, "-o", out, src)...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, msg)
	}
	b, err := Open(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func sitesNamed(t *testing.T, b *Binary, name string) (*Func, Sites) {
	t.Helper()
	table, err := b.table()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range table.funcs {
		if f.Symbol == name {
			s, err := b.Sites(f, &SitesOptions{Reads: rdi | rsi})
			if err != nil {
				t.Fatal(err)
			}
			return f, s
		}
	}
	t.Fatalf("no function %s", name)
	return nil, Sites{}
}

func inFunc(f *Func, a VAddr) bool {
	for _, r := range funcRanges(f) {
		if a >= r.Lo && a < r.Hi {
			return true
		}
	}
	return false
}

func TestSitesCompiled(t *testing.T) {
	for _, c := range []struct {
		name     string
		compiler string
		options  []string
		// notTimed are functions without exits that can be known.
		notTimed []string
	}{
		{"O2", "gcc", []string{"-O2"}, nil},
		{"O2 not PIE", "gcc", []string{"-O2", "-no-pie", "-fno-pic"}, nil},
		{"O2 with endbr64", "gcc", []string{"-O2", "-fcf-protection=full"}, nil},
		{"O2 patchable", "gcc", []string{"-O2", "-fpatchable-function-entry=5"}, nil},
		{"O2 without PLT", "gcc", []string{"-O2", "-fno-plt"}, nil},
		{"O0", "gcc", []string{"-O0"}, nil},
		{"O2 stripped of debug", "gcc", []string{"-O2", "-Wl,--strip-debug"}, nil},
		{"clang O2", "clang", []string{"-O2"}, nil},
		{"clang O1 not PIE", "clang", []string{"-O1", "-no-pie", "-fno-pic"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := buildSites(t, c.compiler, c.options...)
			for _, name := range []string{"leaf2", "tail", "indirect", "through", "foreign", "pick", "fib", "split", "spread", "oops", "main"} {
				f, s := sitesNamed(t, b, name)
				if s.NoExit != nil {
					t.Errorf("%s: %v", name, s.NoExit)
				}
				if s.Recursive != (name == "fib") {
					t.Errorf("%s: recursive is %v", name, s.Recursive)
				}
				checkSites(t, b, f, s)
			}
			if _, s := sitesNamed(t, b, "die"); s.NoExit == nil {
				t.Errorf("die has exits %v", s.Exits)
			}
			if strings.Contains(c.name, "O0") || c.compiler == "clang" {
				return
			}

			leaf, _ := sitesNamed(t, b, "leaf2")
			f, s := sitesNamed(t, b, "tail")
			own, others := 0, 0
			for _, x := range s.Exits {
				switch {
				case inFunc(f, x.Addr):
					own++
				case inFunc(leaf, x.Addr):
					others++
				default:
					t.Errorf("tail: exit at %#x", uint64(x.Addr))
				}
			}
			if own != 1 || others != 1 || len(s.Warnings) != 0 {
				t.Errorf("tail: %d exits of its own, %d of leaf, %q", own, others, s.Warnings)
			}
			for _, name := range []string{"indirect", "through", "foreign"} {
				if _, s := sitesNamed(t, b, name); len(s.Exits) != 1 || len(s.Warnings) != 1 {
					t.Errorf("%s: exits %v, %q", name, s.Exits, s.Warnings)
				}
			}
			if _, s := sitesNamed(t, b, "pick"); len(s.Warnings) != 0 {
				t.Errorf("pick: %q", s.Warnings)
			}
			if f, _ := sitesNamed(t, b, "split"); len(f.Parts) == 0 {
				t.Errorf("split has no .cold part, so that this shows nothing")
			}
			f, s = sitesNamed(t, b, "fib")
			if s.Entry.Cost != Emulated {
				t.Errorf("fib: entry %v at +%d", s.Entry.Cost, s.Entry.Addr-f.Addr)
			}
			if c.name == "O2 patchable" && (s.Entry.Addr != f.Addr || s.Entry.Cost != Emulated) {
				t.Errorf("fib: entry %v at +%d, not the first nop", s.Entry.Cost, s.Entry.Addr-f.Addr)
			}
			if c.name == "O2 with endbr64" && s.Entry.Addr < f.Addr+4 {
				t.Errorf("fib: entry at +%d, on endbr64", s.Entry.Addr-f.Addr)
			}
		})
	}
}

// TestSitesStripped checks that code without symbols is bounded by the unwind
// table: tail calls of a static function, and .cold parts.
func TestSitesStripped(t *testing.T) {
	whole := buildSites(t, "gcc", "-O2", "-rdynamic", "-DLEAF=static")
	path := filepath.Join(t.TempDir(), "stripped")
	if msg, err := exec.Command(toolPath(t, "strip"), "-o", path, whole.Path()).CombinedOutput(); err != nil {
		t.Fatalf("strip: %v\n%s", err, msg)
	}
	b, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, name := range []string{"tail", "split", "pick", "fib"} {
		_, want := sitesNamed(t, whole, name)
		_, got := sitesNamed(t, b, name)
		if got.NoExit != nil || got.Entry != want.Entry || len(got.Exits) != len(want.Exits) {
			t.Errorf("%s: stripped %+v, with symbols %+v", name, got, want)
		}
	}
}

func FuzzParseFrames(f *testing.F) {
	f.Add(unhex(f, "14000000 00000000 017a5200 01781001 1b0c0708 90010000 14000000 1c000000 30f8ffff 0a000000 00000000 00000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, r := range parseFrames(b, 0x1000) {
			if r.Hi <= r.Lo {
				t.Fatalf("% x: range %#x to %#x", b, uint64(r.Lo), uint64(r.Hi))
			}
		}
	})
}

func TestParseFrames(t *testing.T) {
	b := unhex(t, "14000000 00000000 017a5200 01781001 1b0c0708 90010000 14000000 1c000000 30f8ffff 0a000000 00000000 00000000")
	got := parseFrames(b, 0x1000)
	if want := (Range{0x1020 - 0x7d0, 0x1020 - 0x7d0 + 10}); len(got) != 1 || got[0] != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}
