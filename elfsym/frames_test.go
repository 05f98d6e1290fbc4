package elfsym

import (
	"debug/elf"
	"fmt"
	"math/rand"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// framesSource has what inlining makes of templates, lambdas, constructors,
// recursion and functions with internal linkage.
const framesSource = `
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>
static inline int half(int x) { return x / 2 + rand() % 3; }
namespace shop {
namespace { inline int hidden(int x) { return half(x) + half(x + 1); } }
struct Item {
	int id; std::string name;
	Item(int i, const char *n) : id(hidden(i)), name(n) {}
	bool operator<(const Item &o) const { return id < o.id; }
};
template <typename T> struct Cart {
	std::vector<T> items;
	template <typename F> int each(F f) { int n = 0; for (auto &i : items) n += f(i); return n; }
	void add(int i) { items.emplace_back(i, "thing"); }
};
__attribute__((noinline)) int total(Cart<Item> &c)
{
	std::sort(c.items.begin(), c.items.end());
	return c.each([](Item &i) { return hidden(i.id) + (int)i.name.size(); });
}
}
int fact(int n) { return n < 2 ? 1 : n * fact(n - 1) + half(n); }
int main(int argc, char **argv)
{
	shop::Cart<shop::Item> c;
	std::map<int, std::string> m;
	for (int i = 0; i < argc * 10; i++) { c.add(i); m[i % 7] += argv[0]; }
	printf("%d %zu %d\n", shop::total(c), m.size(), fact(argc));
}
`

// addr2line returns the levels that binutils finds at each address. Names are
// the linker's where there is one.
func addr2line(t testing.TB, path string, addrs []VAddr) [][]Frame {
	t.Helper()
	all := symbolize(t, addrs, "addr2line", "-f", "-i", "-a", "-e", path)
	for i, frames := range all {
		for k, f := range frames {
			pos, _, _ := strings.Cut(f.File, " (discriminator")
			at := strings.LastIndexByte(pos, ':')
			all[i][k].File = pos[:at]
			all[i][k].Line = lineNumber(pos[at+1:])
		}
	}
	return all
}

// llvmSymbolizer is addr2line by LLVM.
func llvmSymbolizer(t testing.TB, path string, addrs []VAddr) [][]Frame {
	t.Helper()
	all := symbolize(t, addrs, "llvm-symbolizer", "-i", "-a", "--no-demangle", "-e", path)
	for i, frames := range all {
		for k, f := range frames {
			pos := strings.Split(f.File, ":") // file:line:column
			all[i][k].File = strings.Join(pos[:len(pos)-2], ":")
			all[i][k].Line = lineNumber(pos[len(pos)-2])
		}
	}
	return all
}

// symbolize runs a tool that prints each address, and for each level at it
// the function and the position, which is left in File.
func symbolize(t testing.TB, addrs []VAddr, tool string, args ...string) [][]Frame {
	t.Helper()
	cmd := exec.Command(symTool(t, tool), args...)
	var in strings.Builder
	for _, a := range addrs {
		fmt.Fprintf(&in, "%#x\n", uint64(a))
	}
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]Frame
	lines := slices.DeleteFunc(strings.Split(string(out), "\n"), func(s string) bool { return s == "" })
	for i := 0; i < len(lines); i++ {
		if strings.HasPrefix(lines[i], "0x") {
			all = append(all, nil)
			continue
		}
		last := &all[len(all)-1]
		*last = append(*last, Frame{Func: lines[i], File: lines[i+1]})
		i++
	}
	if len(all) != len(addrs) {
		t.Fatalf("%s answers for %d of %d addresses", tool, len(all), len(addrs))
	}
	return all
}

func lineNumber(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0 // "?"
	}
	return n
}

// codeAddrs returns up to n addresses inside functions, by far not all at the
// start of an instruction.
func codeAddrs(t testing.TB, b *Binary, n int) []VAddr {
	t.Helper()
	funcs, err := b.Funcs()
	if err != nil {
		t.Fatal(err)
	}
	var all []VAddr
	for _, f := range funcs {
		if f.Has(SizeGuessed) {
			continue
		}
		for _, r := range append([]Range{{f.Addr, f.Addr + VAddr(f.Size)}}, f.Parts...) {
			for a := r.Lo; a < r.Hi; a++ {
				all = append(all, a)
			}
		}
	}
	rand.New(rand.NewSource(1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

type framesTally struct{ addrs, inlined, addr2lineOff, wrong int }

// compareFrames holds Frames against addr2line and, where that says something
// else, against llvm-symbolizer. binutils 2.40 loses levels of DWARF 5 by
// clang, and takes some names and files from the symbol table. Both read dbg.
func compareFrames(t *testing.T, b *Binary, dbg string, addrs []VAddr) framesTally {
	t.Helper()
	tally := framesTally{addrs: len(addrs)}
	var doubtful []VAddr
	for i, want := range addr2line(t, dbg, addrs) {
		got := b.Frames(addrs[i])
		if len(got) > 1 {
			tally.inlined++
		}
		if !sameFrames(b, addrs[i], got, want) {
			doubtful = append(doubtful, addrs[i])
		}
	}
	if tally.addr2lineOff = len(doubtful); tally.addr2lineOff == 0 {
		return tally
	}
	for i, want := range llvmSymbolizer(t, dbg, doubtful) {
		if got := b.Frames(doubtful[i]); !sameFrames(b, doubtful[i], got, want) {
			if tally.wrong++; tally.wrong < 10 {
				t.Errorf("%#x:\n got %+v\nllvm %+v", uint64(doubtful[i]), got, want)
			}
		}
	}
	return tally
}

// sameFrames reports whether got is what another tool says of a.
func sameFrames(b *Binary, a VAddr, got, want []Frame) bool {
	if len(got) != len(want) {
		return false
	}
	for i, g := range got {
		w, outer := want[i], i == len(got)-1
		if g.Inlined == outer || g.Line != w.Line {
			return false
		}
		// Without a line the file is that of the symbol table.
		if w.Line != 0 && !samePath(g.File, w.File) {
			return false
		}
		name := defaultVersion(w.Func)
		if hot := coldParent(name); hot != "" {
			name = hot
		}
		switch f := b.FuncAt(a); {
		case g.Func == demangled(w.Func):
		case strings.HasSuffix(g.Func, "::"+w.Func):
		case "__GI_"+g.Func == w.Func: // how glibc calls itself, for the linker
		case outer && g.Func == f.Name && (name == f.Symbol || name == stripSuffix(f.Symbol) || slices.Contains(f.Aliases, name)):
		default:
			return false
		}
	}
	return true
}

// samePath reports whether x is y, of which x may be the end: a path that is
// relative to a directory that is relative itself.
func samePath(x, y string) bool {
	x, y = filepath.Clean(x), filepath.Clean(y)
	for strings.HasPrefix(x, "../") {
		x = x[len("../"):]
	}
	return x == y || !filepath.IsAbs(x) && strings.HasSuffix(y, "/"+x)
}

// labelled returns the address of a label in the code.
func labelled(t testing.TB, b *Binary, name string) VAddr {
	t.Helper()
	a := VAddr(0)
	err := walkSymbols(b.image(), elf.SHT_SYMTAB, func(s rawSymbol) {
		if s.name == name {
			a = VAddr(s.value)
		}
	})
	if err != nil || a == 0 {
		t.Fatalf("no label %s: %v", name, err)
	}
	return a
}

// TestFramesNames looks at an instruction three functions deep.
func TestFramesNames(t *testing.T) {
	const mark = `__asm__ volatile(".globl mark\nmark: nop" ::: "memory");`
	const inl = "inline __attribute__((always_inline)) "
	for name, test := range map[string]struct {
		file, source string
		command      []string
		want         []string
	}{
		"c": {"a.c", "static " + inl + "int deep(int x) { " + mark + " return x; }\n" +
			"static " + inl + "int mid(int x) {\n\treturn deep(x) + 1;\n}\n" +
			"__attribute__((noinline)) int top(int x) {\n\treturn mid(x) * 2;\n}\n" +
			"int main(int n, char **v) { return top(n); }\n",
			[]string{"gcc", "-g", "-O2"}, []string{"deep 1", "mid 3", "top 6"}},
		"c++": {"a.cc", "namespace ns { namespace { " + inl + "int deep(int x) { " + mark + " return x; } }\n" +
			"template <typename T> struct Box { T v;\n" + inl + "T get(T x) const {\n\treturn deep(x) + v; } };\n" +
			"__attribute__((noinline)) int top(const Box<int> &b, int n) {\n\tauto f = [&](int x) " +
			"__attribute__((always_inline)) { return b.get(x); };\n\treturn f(n) * 2;\n}\n}\n" +
			"int main(int n, char **v) { ns::Box<int> b{n}; return ns::top(b, n); }\n",
			[]string{"g++", "-g", "-O2"}, []string{"ns::(anonymous namespace)::deep 1", "ns::Box<int>::get(int) const 4",
				"ns::top(ns::Box<int> const&, int)::operator() 6", "ns::top(ns::Box<int> const&, int) 7"}},
		// g++ gives static functions no linker name.
		"c++ unnamed": {"a.cc", "namespace ns { struct S { static " + inl + "int mid(int x); };\n" +
			"static " + inl + "int deep(int x) { " + mark + " return x; }\n" +
			"int S::mid(int x) {\n\treturn deep(x) + 1; }\n" +
			"__attribute__((noinline)) int top(int x) {\n\treturn S::mid(x) * 2;\n}\n}\n" +
			"int main(int n, char **v) { return ns::top(n); }\n",
			[]string{"g++", "-g", "-O2"}, []string{"ns::deep 2", "ns::S::mid(int) 4", "ns::top(int) 6"}},
		"rust": {"a.rs", "#![allow(named_asm_labels)] pub mod shop {\n#[inline(always)] fn deep<T>(x: T) -> T { unsafe { std::arch::asm!(\".globl mark\", \"mark:\", \"nop\") }; x }\n" +
			"pub struct Cart(pub u64);\nimpl Cart { #[inline(always)] fn mid(&self) -> u64 {\n    deep(self.0) + 1 } }\n" +
			"#[inline(never)] pub fn top(c: &Cart) -> u64 {\n    c.mid() * 2\n}\n}\n" +
			"fn main() { println!(\"{}\", shop::top(&shop::Cart(std::env::args().count() as u64))); }\n",
			[]string{"rustc", "-g", "-O", "-C", "symbol-mangling-version=v0"}, []string{"a::shop::deep::<u64> 2", "<a::shop::Cart>::mid 5", "a::shop::top 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := compile(t, test.file, test.source, test.command...)
			a := labelled(t, b, "mark")
			var got []string
			for i, f := range b.Frames(a) {
				got = append(got, fmt.Sprintf("%s %d", f.Func, f.Line))
				if f.File != filepath.Join(filepath.Dir(b.Path()), test.file) || f.Inlined != (i+1 < len(test.want)) {
					t.Errorf("%+v", f)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := b.Frames(1); got != nil {
				t.Errorf("at no function: %+v", got)
			}
		})
	}
}

// TestFramesAddr2line compares levels, names and positions with what other
// tools find.
func TestFramesAddr2line(t *testing.T) {
	dir := t.TempDir()
	symWrite(t, dir, "shop.cc", framesSource)
	gxx := func(name string, command ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			symRun(t, dir, nil, command[0], append(command[1:], "-o", name, "shop.cc")...)
			return filepath.Join(dir, name)
		}
	}
	prog := func(lang, name string, flags ...string) func(*testing.T) string {
		return func(t *testing.T) string { return testutil.Build(t, lang, name, flags...) }
	}
	for name, build := range map[string]func(*testing.T) string{
		"c":             prog("c", "strings"),
		"c cold":        prog("c", "cold"),
		"c clang":       prog("c", "cold", "clang"),
		"c static":      prog("c", "keys", "-static"),
		"c++ g++":       gxx("gcc", "g++", "-g", "-O2"),
		"c++ DWARF 4":   gxx("gcc4", "g++", "-g", "-gdwarf-4", "-O3", "-fno-pie", "-no-pie"),
		"c++ clang":     gxx("clang", "clang++", "-g", "-O2"),
		"c++ LTO":       gxx("lto", "g++", "-g", "-O2", "-flto", "-flto-partition=max"),
		"c++ exception": prog("cxx", "exception"),
		"rust":          prog("rust", "strings"),
		"rust legacy":   prog("rust", "mangling", "legacy"),
		"rust v0":       prog("rust", "mangling", "v0"),
		"libc":          func(t *testing.T) string { return symLib(t, "libc.so.6") },
	} {
		t.Run(name, func(t *testing.T) {
			b := symOpen(t, build(t), nil)
			dbg := b.Path()
			if name == "libc" {
				if b.DebugELF() == nil {
					symMissing(t, "debug file of libc (libc6-dbg)")
				}
				dbg = b.debug().path
			}
			tally := compareFrames(t, b, dbg, codeAddrs(t, b, 8000))
			t.Logf("%+v", tally)
			if tally.wrong > 0 || tally.addrs < 300 || tally.inlined*10 < tally.addrs && name != "c static" {
				t.Errorf("%+v", tally)
			}
		})
	}
}

// TestFramesTogether asks from several goroutines at once.
func TestFramesTogether(t *testing.T) {
	path := testutil.Build(t, "rust", "strings")
	addrs := codeAddrs(t, symOpen(t, path, nil), 500)
	alone := symOpen(t, path, nil)
	together := symOpen(t, path, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, a := range addrs {
				if got := together.Frames(a); len(got) == 0 {
					t.Errorf("%#x: nothing", uint64(a))
				}
			}
		})
	}
	wg.Wait()
	for _, a := range addrs {
		if got, want := together.Frames(a), alone.Frames(a); !slices.Equal(got, want) {
			t.Errorf("%#x: %+v, want %+v", uint64(a), got, want)
		}
	}
}

// BenchmarkFrames asks for distinct addresses of a program whose units have
// all been read: a library by DWARF, and the test itself by Go's table.
func BenchmarkFrames(b *testing.B) {
	for _, path := range []string{symLib(b, "libc.so.6"), "/proc/self/exe"} {
		b.Run(filepath.Base(path), func(b *testing.B) {
			bin := symOpen(b, path, nil)
			addrs := codeAddrs(b, bin, 10000)
			for _, a := range addrs {
				bin.Frames(a)
			}
			for i := 0; b.Loop(); i++ {
				bin.Frames(addrs[i%len(addrs)] + 1)
			}
		})
	}
}
