package elfsym

import (
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const symCSource = `
#include <stdlib.h>
#include <pthread.h>
__attribute__((noinline)) static int twin(int x) { return x * 3; }
int price(int x) { return twin(x) + 1; }
extern int price_alias(int) __attribute__((alias("price")));
static int impl(int x) { return x + 7; }
static void *resolve(void) { return impl; }
int chosen(int) __attribute__((ifunc("resolve")));
__attribute__((noinline)) int lists(int x) { if (__builtin_expect(x < 0, 0)) { abort(); } return x + 1; }
__asm__(".globl bare\nbare:\n nop\n ret\n.globl bare2\nbare2:\n ret\n");
int other(int);
#ifdef EXIT
void stop(void) { pthread_exit(0); }
#endif
int main(int n, char **v) { (void)v; return price(n) + lists(n) + other(n) + chosen(n); }
`

const symCOther = `
__attribute__((noinline)) static int twin(int x) { return x * 5; }
int other(int x) { return twin(x) + 1; }
`

func symBuildC(t testing.TB, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	symWrite(t, dir, "a.c", symCSource)
	symWrite(t, dir, "b.c", symCOther)
	symRun(t, dir, nil, "gcc", append([]string{"-O2", "-g", "-Wl,--build-id", "-o", "prog", "a.c", "b.c"}, flags...)...)
	return filepath.Join(dir, "prog")
}

func TestFindC(t *testing.T) {
	b := symOpen(t, symBuildC(t), nil)
	if b.Lang() != LangC || !b.IsDyn() {
		t.Errorf("language %v, dyn %v", b.Lang(), b.IsDyn())
	}
	for pattern, want := range map[string][]string{
		"price": {"price"}, "price_alias": {"price"}, "pri*": {"price"}, "/^pr.ce$/": {"price"},
		"chosen": {"chosen"}, "bare": {"bare"}, "bare2": {"bare2"}, "lists": {"lists"}, "?ists": {"lists"},
	} {
		if got, err := symNames(t, b, pattern); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", pattern, got, err, want)
		}
	}
	_, err := symNames(t, b, "twin")
	var amb *AmbiguousError
	if !errors.As(err, &amb) || len(amb.Matches) != 2 || !strings.Contains(err.Error(), "twin means 2 functions: twin at 0x") {
		t.Errorf("twin: %v", err)
	}
	if _, err := symNames(t, b, "prise"); !errors.Is(err, ErrNotFound) || !strings.HasSuffix(err.Error(), "; near it: price") {
		t.Errorf("prise: %v", err)
	}
	for _, none := range []string{"chos*", "*.cold*", "/cold/", "*@plt"} {
		if got, err := symNames(t, b, none); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %q, %v", none, got, err)
		}
	}
	one := func(name string) *Func {
		fs, err := b.Find(Pattern{Text: name})
		if err != nil {
			t.Fatal(err)
		}
		return fs[0]
	}
	if f := one("price"); !slices.Equal(f.Aliases, []string{"price_alias"}) || !f.Has(External) || f.Lang != LangC {
		t.Errorf("price: %+v", f)
	}
	if f := one("chosen"); !f.Has(IFunc) {
		t.Errorf("chosen: %+v", f)
	}
	if f := one("bare"); !f.Has(SizeGuessed) || f.Size != 2 {
		t.Errorf("bare: %+v", f)
	}
	if f := one("lists"); len(f.Parts) != 1 || b.FuncAt(f.Parts[0].Lo) != f {
		t.Errorf("lists: %+v", f)
	}
	if file, line := b.Line(one("price").Addr); filepath.Base(file) != "a.c" || line != 5 {
		t.Errorf("price is at %s:%d", file, line)
	}
}

func TestUnwinds(t *testing.T) {
	dir := t.TempDir()
	symWrite(t, dir, "x.cc", "int main(int n, char **) { try { if (n > 3) throw 1; } catch (int) { return 1; } return 0; }\n")
	symRun(t, dir, nil, "g++", "-o", "x", "x.cc")
	symRun(t, dir, nil, "g++", "-static", "-o", "xs", "x.cc")
	symRun(t, dir, nil, "g++", "-static", "-s", "-o", "xss", "x.cc")
	for path, want := range map[string]string{
		symBuildC(t): "", symBuildC(t, "-DEXIT"): "calls pthread_exit",
		dir + "/x": "uses libstdc++.so.6", dir + "/xs": "has exception handlers", dir + "/xss": "has exception handlers",
	} {
		b := symOpen(t, path, nil)
		if why, err := b.Unwinds(); why != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", path, why, err, want)
		}
	}
	libc := symLib(t, "libc.so.6")
	if why, err := symOpen(t, libc, nil).Unwinds(); why != "" || err != nil {
		t.Errorf("%s: %q, %v", libc, why, err)
	}
}

// symLib returns the path by which gcc links a library.
func symLib(t testing.TB, name string) string {
	t.Helper()
	p := strings.TrimSpace(symRun(t, ".", nil, "gcc", "-print-file-name="+name))
	if !filepath.IsAbs(p) {
		symMissing(t, name)
	}
	return p
}

const symCXXSource = `
#include <string>
#include <cstdio>
namespace ns {
int f(int x) { return x + 1; }
int f(double x) { return (int)x; }
int g(char *s, std::string const &t) { return s[0] + t.size(); }
template <class T> __attribute__((noinline)) T gen(T x) { return x + x; }
struct A { virtual ~A(); virtual int m() { return 1; } int k = 0; };
struct B { virtual ~B() {} virtual int n() { return 2; } int l = 0; };
A::~A() { std::puts("A"); }
struct C : A, B { C(int); ~C() override; int n() override; int operator*(int) const; template <class T> void put(T); };
C::C(int x) { k = x; }
C::~C() { std::puts("C"); }
int C::n() { return 3; }
int C::operator*(int x) const { return x * k; }
template <class T> void C::put(T x) { k += (int)x; }
template void C::put<int>(int);
template void C::put<double>(double);
}
extern "C" int plain(int x) { return x; }
int main(int n, char **v) { ns::C c(n); ns::B *b = &c; return ns::f(n) + ns::f(2.0 * n) + b->n() + ns::gen(n) + ns::gen(1.0 * n) + c * 2 + ns::g(v[0], v[0]) + plain(n); }
`

func TestFindCXX(t *testing.T) {
	dir := t.TempDir()
	symWrite(t, dir, "x.cc", symCXXSource)
	symRun(t, dir, nil, "g++", "-O1", "-fno-inline", "-o", "x", "x.cc")
	b := symOpen(t, dir+"/x", nil)
	if b.Lang() != LangCXX {
		t.Errorf("language %v", b.Lang())
	}
	for pattern, want := range map[string][]string{
		"ns::f(int)": {"_ZN2ns1fEi"}, "ns::f( double )": {"_ZN2ns1fEd"}, "_ZN2ns1fEi": {"_ZN2ns1fEi"},
		"ns::gen": {"_ZN2ns3genIiEET_S1_", "_ZN2ns3genIdEET_S1_"}, "ns::gen<int>": {"_ZN2ns3genIiEET_S1_"},
		"ns::gen<int>(int)": {"_ZN2ns3genIiEET_S1_"}, "ns::C::put": {"_ZN2ns1C3putIiEEvT_", "_ZN2ns1C3putIdEEvT_"},
		"ns::C::n": {"_ZN2ns1C1nEv"}, "ns::C::C": {"_ZN2ns1CC1Ei"}, "ns::C::~C": {"_ZN2ns1CD1Ev"},
		"ns::C::operator*": {"_ZNK2ns1CmlEi"}, "ns::C::operator*(int) const": {"_ZNK2ns1CmlEi"},
		"ns::g(char*, const std::string&)": {"_ZN2ns1gEPcRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"},
		"ns::g":                            {"_ZN2ns1gEPcRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"},
		"plain":                            {"plain"}, "ns::f*": {"_ZN2ns1fEi", "_ZN2ns1fEd"}, "*::gen<*>": {"_ZN2ns3genIiEET_S1_", "_ZN2ns3genIdEET_S1_"},
	} {
		got, err := symNames(t, b, pattern)
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", pattern, got, err, want)
		}
	}
	var amb *AmbiguousError
	if _, err := symNames(t, b, "ns::f"); !errors.As(err, &amb) || len(amb.Matches) != 2 {
		t.Errorf("ns::f: %v", err)
	}
	fs, err := b.Find(Pattern{Text: "_ZThn16_N2ns1C1nEv"})
	if err != nil || !fs[0].Has(Wrapper) {
		t.Errorf("thunk: %v", err)
	}
	if fs, err = b.Find(Pattern{Text: "plain"}); err != nil || fs[0].Lang != LangC {
		t.Errorf("plain: %v", err)
	}
}

const symRustSource = `
mod t {
    #[inline(never)] pub fn gen<T: Copy + Into<f64>>(x: T) -> f64 { std::hint::black_box(x.into()) }
    pub trait Tr { fn go(&self) -> u32; }
    pub struct A(pub u32);
    impl Tr for A { #[inline(never)] fn go(&self) -> u32 { std::hint::black_box(self.0) } }
    #[inline(never)] pub fn plain(x: u32) -> u32 { std::hint::black_box(x) }
}
use t::Tr;
fn main() { let n = std::env::args().count(); println!("{} {} {} {}", t::gen(n as u32), t::gen(n as i8), t::A(n as u32).go(), t::plain(n as u32)); }
`

func TestFindRust(t *testing.T) {
	dir := t.TempDir()
	symWrite(t, dir, "r.rs", symRustSource)
	for _, version := range []string{"legacy", "v0"} {
		args := []string{"-O", "-C", "symbol-mangling-version=" + version, "-o", version, "r.rs"}
		if version == "legacy" {
			args = append([]string{"-Z", "unstable-options"}, args...)
		}
		symRun(t, dir, []string{"RUSTC_BOOTSTRAP=1"}, "rustc", args...)
		b := symOpen(t, filepath.Join(dir, version), nil)
		if b.Lang() != LangRust {
			t.Errorf("%s: language %v", version, b.Lang())
		}
		for pattern, want := range map[string]int{"r::t::gen": 2, "r::t::plain": 1, "<r::t::A as r::t::Tr>::go": 1,
			"r::t::A::go": 1, "r::t::*": 3, "r::main": 1} {
			got, err := symNames(t, b, pattern)
			if err != nil || len(got) != want {
				t.Errorf("%s: %s: %q, %v; want %d", version, pattern, got, err, want)
			}
		}
		fs, err := b.Find(Pattern{Text: "r::t::plain"})
		if err != nil || fs[0].Name != "r::t::plain" || fs[0].Lang != LangRust {
			t.Errorf("%s: %v, %v", version, fs, err)
		}
		if why, err := b.Unwinds(); why == "" || err != nil {
			t.Errorf("%s: unwinds %q, %v", version, why, err)
		}
	}
}

// TestLibraries holds the functions of real files against nm.
func TestLibraries(t *testing.T) {
	paths := []string{symLib(t, "libc.so.6"), symLib(t, "libstdc++.so.6")}
	for _, p := range []string{"/usr/lib/postgresql/15/bin/postgres", "/usr/bin/redis-server"} {
		if _, err := os.Stat(p); err == nil {
			paths = append(paths, p)
		}
	}
	for _, path := range paths {
		b := symOpen(t, path, nil)
		fs, err := b.Funcs()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(fs, func(x, y *Func) int {
			if x.Addr < y.Addr {
				return -1
			}
			return 1
		}) {
			t.Errorf("%s: functions are not sorted by distinct addresses", path)
		}
		byAddr := map[VAddr]*Func{}
		for _, f := range fs {
			byAddr[f.Addr] = f
			if f.Name == "" || f.Size == 0 {
				t.Errorf("%s: %+v", path, f)
			}
		}
		lines, seen := symRun(t, ".", nil, "nm", "-D", "--defined-only", path), 0
		for line := range strings.Lines(lines) {
			w := strings.Fields(line)
			if len(w) != 3 || !strings.Contains("TWi", w[1]) {
				continue
			}
			a, ok := symHex(w[0])
			if b.segment(a, elf.PF_X) == nil {
				continue // a weak object
			}
			f := byAddr[a]
			name := defaultVersion(w[2])
			if !ok || f == nil || f.Symbol != name && !slices.Contains(f.Aliases, name) {
				t.Errorf("%s: %s is missing", path, line)
				continue
			}
			if w[1] == "i" && !f.Has(IFunc) {
				t.Errorf("%s: %s is no IFUNC", path, name)
			}
			seen++
		}
		if seen < 500 {
			t.Errorf("%s: nm has %d functions", path, seen)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	symRun(t, dir, nil, "mkfifo", "fifo")
	elf32 := make([]byte, 64)
	copy(elf32, "\x7fELF\x01\x01\x01")
	for _, c := range []struct {
		path string
		want error
		text string
	}{
		{dir + "/fifo", nil, "not a regular file"},
		{"/dev/null", nil, "not a regular file"},
		{dir, nil, "not a regular file"},
		{dir + "/none", os.ErrNotExist, "no such file"},
		{symWrite(t, dir, "text", "#!/bin/sh\n"), ErrNotELF, "not an ELF file"},
		{symWrite(t, dir, "empty", ""), ErrNotELF, "not an ELF file"},
		{symWrite(t, dir, "short", "\x7fELF\x02\x01"), ErrMalformed, "header of 6 bytes"},
		{symWrite(t, dir, "32", string(elf32)), ErrMachine, "another machine"},
	} {
		b, err := Open(c.path, nil)
		if err == nil {
			t.Errorf("%s opened: %v", c.path, b.Close())
			continue
		}
		if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v; want %v, %q", c.path, err, c.want, c.text)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	b, err := Open(symBuildC(t), &Options{Name: "prog"})
	if err != nil {
		t.Fatal(err)
	}
	if b.Name() != "prog" || b.Size() == 0 || b.Path() == "prog" {
		t.Errorf("%s %s %d", b.Name(), b.Path(), b.Size())
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
}
