package elfsym

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// compile writes source as name into a new directory and runs the command
// there, with -o OUT added.
func compile(t *testing.T, name, source string, command ...string) *Binary {
	t.Helper()
	dir := t.TempDir()
	symWrite(t, dir, name, source)
	symRun(t, dir, nil, command[0], append(command[1:], "-o", "out", name)...)
	return symOpen(t, filepath.Join(dir, "out"), nil)
}

// funcNamed returns the function with the symbol or the name.
func funcNamed(t *testing.T, b *Binary, name string) *Func {
	t.Helper()
	funcs, err := b.Funcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range funcs {
		if f.Symbol == name || f.Name == name {
			return f
		}
	}
	for _, f := range funcs {
		if base, _, _ := strings.Cut(f.Name, "("); base == name || strings.HasSuffix(base, "::"+name) {
			return f
		}
	}
	t.Fatalf("no function %s", name)
	return nil
}

// show writes parameters as "name type place, ... -> name type place", and
// what is captured as "; name type place" with an & if by reference.
func show(params []Param, arch Arch) string {
	var in, out, captured []string
	for _, p := range params {
		s := strings.TrimSpace(p.Name + " " + p.Type.Name + " " + showPlace(p, arch))
		switch {
		case p.Captured && p.ByRef:
			captured = append(captured, "&"+s)
		case p.Captured:
			captured = append(captured, s)
		case p.Result:
			out = append(out, s)
		default:
			in = append(in, s)
		}
	}
	s := strings.Join(in, ", ")
	if len(out) > 0 {
		s += " -> " + strings.Join(out, ", ")
	}
	if len(captured) > 0 {
		s += "; " + strings.Join(captured, ", ")
	}
	return s
}

func showPlace(p Param, arch Arch) string {
	switch {
	case errors.Is(p.Err, ErrUnsupportedClass):
		return "!class"
	case errors.Is(p.Err, ErrOptimizedOut):
		return "!out"
	case p.Err != nil:
		return "!" + p.Err.Error()
	}
	var s []string
	for _, q := range p.Loc.Pieces {
		switch q.Kind {
		case InReg:
			name := q.Reg.Name(arch)
			if q.Off > 0 {
				name += fmt.Sprintf(">>%d", 8*q.Off)
			}
			s = append(s, fmt.Sprintf("%s:%d", name, q.Size))
		case InMem:
			s = append(s, fmt.Sprintf("[%s%+d]:%d", q.Reg.Name(arch), q.Off, q.Size))
		case Const:
			s = append(s, fmt.Sprintf("=%d:%d", q.Value, q.Size))
		default:
			s = append(s, fmt.Sprintf("?:%d", q.Size))
		}
	}
	return strings.Join(s, "+")
}

// checkParams compares Params with what is wanted, by function.
func checkParams(t *testing.T, b *Binary, want map[string]string) {
	t.Helper()
	for name, w := range want {
		params, err := b.Params(funcNamed(t, b, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := show(params, b.Arch()); got != w {
			t.Errorf("%s:\n got %s\nwant %s", name, got, w)
		}
	}
}

const sourceC = `
#include <stdarg.h>
#include <stdbool.h>
struct p { long x, y; };
struct s12 { int a, b, c; };
struct s40 { long a[5]; };
struct mix { long n; double d; };
struct fl { float a, b; };
struct __attribute__((packed)) pk { char c; long n; };
enum color { red = 1, green, blue = -7 };
typedef unsigned short port;
#define N __attribute__((noinline, noipa))
#ifdef __clang__
#undef N
#define N __attribute__((noinline))
#endif
volatile long sink;
N int m9(double a, int id, double b, long z) { sink += z; return id + (int)(a + b); }
N int m10(struct p p, int id) { sink += p.x + p.y; return id; }
N int s12(struct s12 s, int id) { sink += s.a + s.b + s.c; return id; }
N long s40(struct s40 s, long id) { sink += s.a[1]; return id; }
N long mixed(struct mix m, struct fl f, int id) { sink += m.n + (long)m.d + (long)f.a + (long)f.b; return id; }
N struct s40 retbig(long a, int b) { struct s40 s = {{a, b}}; sink += a; return s; }
N struct p retpair(long a) { struct p p = {a, a}; sink += a; return p; }
N struct mix retmix(long a) { struct mix m = {a, a}; sink += a; return m; }
N double retdouble(long a) { sink += a; return a; }
N int variadic(const char *fmt, int n, ...) { va_list l; va_start(l, n); int r = va_arg(l, int); va_end(l); sink += *fmt + n; return r; }
N int sub(bool b, signed char c, port s, enum color e) { sink += b + c + s; return e; }
N long nine(long a, long b, long c, long d, long e, long f, long g, int h, struct s12 i) { sink += a+b+c+d+e+f; return g + h + i.b; }
N int packed(struct pk p, int id) { sink += p.n; return id; }
N __int128 wide(int a, __int128 w) { sink += a; return w; }
N long ld(long double x, long id) { sink += (long)x; return id; }
N void ptr(const char *s, void *v, int (*fn)(int)) { sink += *s + (long)v + fn(1); }
static N int hidden(int a, struct s12 s) { sink += a + s.b; return a; }
static int one(int x) { return x; }
int main(int argc, char **argv) {
	struct p p = {1, 2}; struct s12 s = {1, 2, 3}; struct s40 b = {{1}}; struct mix m = {1, 2}; struct fl f = {1, 2}; struct pk k = {1, 2};
	for (int i = 0; i < argc; i++) {
		sink += m9(1, i, 2, i) + m10(p, i) + s12(s, i) + s40(b, i) + mixed(m, f, i) + retbig(i, i).a[0] + retpair(i).x + retmix(i).n;
		sink += retdouble(i) + variadic("x", i, i) + sub(i, i, i, red) + nine(i,i,i,i,i,i,i,i,s) + packed(k, i) + wide(i, i) + ld(i, i);
		ptr("x", argv, one); sink += hidden(i, s);
	}
	return 0;
}
`

// wantC is where the arguments of sourceC are by the platform's convention,
// whatever the compiler does.
var wantC = map[string]string{
	"m9":        "a double !class, id int rdi:4, b double !class, z long rsi:8 -> int rax:4",
	"m10":       "p p rdi:8+rsi:8, id int rdx:4 -> int rax:4",
	"s12":       "s s12 rdi:8+rsi:4, id int rdx:4 -> int rax:4",
	"s40":       "s s40 [rsp+8]:40, id long rdi:8 -> long rax:8",
	"mixed":     "m mix rdi:8+?:8, f fl !class, id int rsi:4 -> long rax:8",
	"retbig":    "a long rsi:8, b int rdx:4 -> s40 [rax+0]:40",
	"retpair":   "a long rdi:8 -> p rax:8+rdx:8",
	"retmix":    "a long rdi:8 -> mix rax:8+?:8",
	"retdouble": "a long rdi:8 -> double !class",
	"variadic":  "fmt const char * rdi:8, n int rsi:4 -> int rax:4",
	"sub":       "b _Bool rdi:1, c signed char rsi:1, s port rdx:2, e color rcx:4 -> int rax:4",
	"nine": "a long rdi:8, b long rsi:8, c long rdx:8, d long rcx:8, e long r8:8, f long r9:8, " +
		"g long [rsp+8]:8, h int [rsp+16]:4, i s12 [rsp+24]:12 -> long rax:8",
	"packed": "p pk [rsp+8]:9, id int rdi:4 -> int rax:4",
	"wide":   "a int rdi:4, w __int128 rsi:8+rdx:8 -> __int128 rax:8+rdx:8",
	"ld":     "x long double [rsp+8]:16, id long rdi:8 -> long rax:8",
	"ptr":    "s const char * rdi:8, v void * rsi:8, fn int (*)() rdx:8",
	"hidden": "a int rdi:4, s s12 rsi:8+rdx:4 -> int rax:4",
	"main":   "argc int rdi:4, argv char ** rsi:8 -> int rax:4",
}

// wantOptimisedC is what gcc and clang leave out at -O2: what a function does
// not use, and what a local function may have been freed from.
var wantOptimisedC = map[string]map[string]string{
	"gcc": {
		"wide":   "a int rdi:4, w __int128 !out -> __int128 rax:8+rdx:8",
		"hidden": "a int rdi:4, s s12 !out -> int rax:4",
	},
	"clang": {
		"s12":    "s s12 ?:8+rsi:4, id int rdx:4 -> int rax:4",
		"mixed":  "m mix rdi:8+?:8, f fl !out, id int rsi:4 -> long rax:8",
		"wide":   "a int rdi:4, w __int128 !out -> __int128 rax:8+rdx:8",
		"hidden": "a int rdi:4, s s12 rsi:4+?:8 -> int !out",
	},
}

func TestParamsC(t *testing.T) {
	for _, cmd := range []string{
		"gcc -g -O0", "gcc -g -O2", "gcc -gdwarf-4 -O0", "gcc -gdwarf-4 -O2", "gcc -g -gz -O2", "gcc -g -gdwarf64 -O2",
		"clang -gdwarf-4 -O0", "clang -gdwarf-4 -O2", "clang -gdwarf-5 -O0", "clang -gdwarf-5 -O2",
		"clang -gdwarf-5 -O0 -fomit-frame-pointer",
	} {
		t.Run(cmd, func(t *testing.T) {
			t.Parallel()
			want := maps.Clone(wantC)
			cc, _, _ := strings.Cut(cmd, " ")
			if strings.Contains(cmd, "-O2") {
				maps.Copy(want, wantOptimisedC[cc])
			}
			if cc == "gcc" {
				for name, w := range want {
					want[name] = gccLong.Replace(w)
				}
			}
			checkParams(t, compile(t, "a.c", sourceC, strings.Fields(cmd)...), want)
		})
	}
}

// gccLong gives long the name that gcc has for it.
var gccLong = strings.NewReplacer("long double", "long double", "long ", "long int ")

// TestParamsSeparate reads a debug file that lies beside the program.
func TestParamsSeparate(t *testing.T) {
	dir := t.TempDir()
	symWrite(t, dir, "a.c", sourceC)
	symRun(t, dir, nil, "gcc", "-g", "-O2", "-o", "out", "a.c")
	symRun(t, dir, nil, "objcopy", "--only-keep-debug", "out", "out.debug")
	symRun(t, dir, nil, "objcopy", "--strip-debug", "--remove-section=.note.gnu.build-id", "--add-gnu-debuglink=out.debug", "out", "bin")
	b := symOpen(t, filepath.Join(dir, "bin"), &Options{DebugDir: dir})
	checkParams(t, b, map[string]string{"m10": wantC["m10"]})
}

func TestParamsNoDebugInfo(t *testing.T) {
	b := compile(t, "a.c", sourceC, "gcc", "-O2")
	if _, err := b.Params(funcNamed(t, b, "m9")); !errors.Is(err, ErrNoDebugInfo) {
		t.Errorf("error is %v, want %v", err, ErrNoDebugInfo)
	}
	// A function without debug information in a program that has some.
	b = compile(t, "a.c", sourceC, "gcc", "-O2", "-g")
	if _, err := b.Params(funcNamed(t, b, "_start")); !errors.Is(err, ErrNoDebugInfo) {
		t.Errorf("error is %v, want %v", err, ErrNoDebugInfo)
	}
}

const sourceCXX = `
#include <string>
#include <cstdio>
namespace ns {
enum class mode : unsigned char { fast = 3, slow };
struct triv { int a, b; };
struct shared { int *p; shared(int *q) : p(q) {} shared(const shared &o) : p(o.p) {} ~shared() { p = nullptr; } };
class Class {
	int id;
public:
	explicit Class(int i) : id(i) {}
	virtual ~Class() {}
	__attribute__((noinline)) int method(int x, const std::string &s);
	__attribute__((noinline)) static int fixed(int x);
	__attribute__((noinline)) shared give(int x);
	__attribute__((noinline)) virtual long virt(mode m, triv t, shared s, int n);
};
volatile int sink;
int Class::method(int x, const std::string &s) { sink = x; return id + (int)s.size(); }
int Class::fixed(int x) { sink = x; return x; }
shared Class::give(int x) { sink = x; return shared(&id); }
long Class::virt(mode m, triv t, shared s, int n) { sink = n + *s.p; return (int)m + t.b; }
template <typename T> __attribute__((noinline)) T twice(T x) { sink = 1; return x + x; }
__attribute__((noinline)) int over(int x) { sink = x; return x; }
__attribute__((noinline)) int over(double x, long n) { sink = (int)x; return n; }
template <typename... A> __attribute__((noinline)) int pack(int n, A... a) { sink = n; return (n + ... + (int)a); }
struct unary { unary() {} unary(unary &&o) : n(o.n) {} int n = 1, m = 0; };
struct holder { unary u; };
struct plain { plain() = default; plain(const plain &) = default; ~plain() = default; int n = 0; };
__attribute__((noinline)) holder aggregate(unary u, plain v, holder o, int n) { sink = u.n + v.n + o.u.n + n; return holder(); }
struct V { int v; }; struct L : virtual V { __attribute__((noinline)) L(int a) { sink = a; } }; struct R : L { R(int a) : L(a) {} };
}
int main(int argc, char **argv) {
	ns::Class *c = new ns::Class(argc); int i = argc;
	ns::shared g = c->give(argc);
	ns::R r(argc);
	ns::sink = ns::aggregate(ns::unary(), ns::plain(), ns::holder(), argc).u.n;
	return c->method(argc, "x") + ns::Class::fixed(argc) + (int)c->virt(ns::mode::fast, {1, 2}, ns::shared(&i), 3) + ns::twice(i) + ns::twice((long)i) + ns::over(i) + ns::over(1., 2) + ns::pack(i, 2L, 'c') + *g.p + r.v;
}
`

// wantCXX has no names of types that differ between compilers.
var wantCXX = map[string]string{
	"ns::Class::method":        "this rdi:8, x rsi:4, s rdx:8 -> rax:4",
	"ns::Class::fixed":         "x rdi:4 -> rax:4",
	"ns::Class::give":          "this rsi:8, x rdx:4 -> [rax+0]:8",
	"ns::Class::virt":          "this rdi:8, m rsi:1, t rdx:8, s [rcx+0]:8, n r8:4 -> rax:8",
	"_ZN2ns5twiceIlEET_S1_":    "x rdi:8 -> rax:8",
	"_ZN2ns4overEi":            "x rdi:4 -> rax:4",
	"_ZN2ns4overEdl":           "x !class, n rdi:8 -> rax:4",
	"_ZN2ns4packIJlcEEEiiDpT_": "n rdi:4, rsi:8, rdx:1 -> rax:4",
	"ns::aggregate":            "u [rsi+0]:8, v rdx:4, o [rcx+0]:8, n r8:4 -> [rax+0]:8",
}

func TestParamsCXX(t *testing.T) {
	for _, cmd := range []string{"g++ -g -O0", "g++ -gdwarf-4 -O0", "g++ -g -O2", "g++ -gdwarf-4 -O2", "clang++ -g -O0", "clang++ -gdwarf-4 -O0", "clang++ -gdwarf-5 -O2"} {
		t.Run(cmd, func(t *testing.T) {
			t.Parallel()
			want := maps.Clone(wantCXX)
			if strings.HasPrefix(cmd, "clang++") {
				want["_ZN2ns4packIJlcEEEiiDpT_"] = "n rdi:4, a rsi:8, a rdx:1 -> rax:4"
			}
			if cmd == "clang++ -gdwarf-5 -O2" {
				want["ns::Class::virt"] = "this !out, m rsi:1, t rdx:4+rdx>>32:4, s [rcx+0]:8, n r8:4 -> rax:8"
			}
			if strings.HasSuffix(cmd, "-O0") {
				want["_ZN2ns1LC2Ei"] = "this rdi:8, a rdx:4" // its VTT is in rsi
			}
			b := compile(t, "a.cc", sourceCXX, append(strings.Fields(cmd), "-std=c++17")...)
			for name, w := range want {
				params, err := b.Params(funcNamed(t, b, name))
				for i := range params {
					params[i].Type = &Type{}
				}
				if got := strings.ReplaceAll(show(params, b.Arch()), "  ", " "); got != w || err != nil {
					t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, w)
				}
			}
		})
	}
}

// TestParamsAligned places structs that the source aligns on the stack, where
// the debug information knows them only relative to a frame.
func TestParamsAligned(t *testing.T) {
	const source = `
struct al { long x, y; } __attribute__((aligned(16)));
struct in { char c; struct { __attribute__((aligned(32))) long x; } at[1]; };
volatile long sink;
__attribute__((noinline)) long f(long a, long b, long c, long d, long e, long f, long g, struct al s, int h) { sink = g + h; return s.x; }
__attribute__((noinline)) long k(struct al s, long a, long b, long c, long d, int e, struct in i, long f) { sink = f; return s.y + i.at[0].x; }
int main(void) { struct al s = { 1, 2 }; struct in i = { 0 }; return f(1, 2, 3, 4, 5, 6, 7, s, 9) + k(s, 1, 2, 3, 4, 5, i, 6); }
`
	for _, flags := range []string{"clang -O2", "clang -O2 -gdwarf-4", "clang -O0", "gcc -O2", "gcc -O0 -gdwarf-4"} {
		b := compile(t, "a.c", source, append(strings.Fields(flags), "-g")...)
		params := map[string]string{}
		for name, i := range map[string]int{"f": 7, "k": 6} {
			all, err := b.Params(funcNamed(t, b, name))
			if err != nil {
				t.Fatal(err)
			}
			params[name] = showPlace(all[i], b.Arch())
		}
		if want := map[string]string{"f": "[rsp+24]:16", "k": "[rsp+40]:64"}; !maps.Equal(params, want) {
			t.Errorf("%s: %v, want %v", flags, params, want)
		}
	}
}

// TestLoclistsHeader tells the two formats of a header apart where the lists
// before one end with the mark of the other.
func TestLoclistsHeader(t *testing.T) {
	tail := []byte{5, 0, 8, 0, 1, 0, 0, 0} // version, sizes, one offset
	for _, c := range []struct {
		before []byte
		wide   bool
	}{
		{[]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0x1a, 0x9f, 0x00, 0x30, 0, 0, 0}, false},
		{[]byte{0x0f, 0xff, 0xff, 0xff, 0xff, 0x1a, 0x9f, 0x00, 0x30, 0, 0, 0}, false},
		{[]byte{0xff, 0xff, 0xff, 0xff, 0x30, 0, 0, 0, 0, 0, 0, 0}, true},
		{[]byte{0x30, 0, 0, 0}, false},
	} {
		base := uint64(len(c.before) + len(tail))
		b := append(append(c.before, tail...), 8, 0, 0, 0, 0, 0, 0, 0)
		if got := wideHeader(b[:base]); got != c.wide {
			t.Errorf("% x: in the 64-bit format: %v, want %v", b, got, c.wide)
		}
		s := locSections{loclists: b}
		if off, err := s.listOffset(base, 0); err != nil || off != base+8 {
			t.Errorf("% x: the list is at %d, %v, want %d", b, off, err, base+8)
		}
	}
}

// TestParamsPairs does not take the registers that gcc's code moves a pair of
// words to for those it is passed in.
func TestParamsPairs(t *testing.T) {
	const source = `
#define USE(v) __asm__ volatile("" : : "r"(v) : "memory")
__attribute__((noipa)) __int128 f(int z, __int128 v) { USE(v); USE(z); return v; }
static __attribute__((noinline)) __int128 g(__int128 v, int z) { USE(v); USE(z); return v; }
int main(int n, char **v) { return (int)(f(n, n) + g(**v, n)); }
`
	checkParams(t, compile(t, "a.c", source, "gcc", "-O2", "-g"), map[string]string{
		"f": "z int rdi:4, v __int128 rsi:8+rdx:8 -> __int128 rax:8+rdx:8",
		"g": "v __int128 !out, z int rdx:4 -> __int128 rax:8+rdx:8",
	})
}

// TestParamsShifted places the fields of a small struct in the parts of a
// register, as clang describes them.
func TestParamsShifted(t *testing.T) {
	const source = `
struct handy { int n; short m, o; };
long f(struct handy h, int z) { return h.n + h.m - h.o + z; }
int main(void) { return 0; }
`
	for _, flags := range []string{"-gdwarf-4", "-gdwarf-5"} {
		checkParams(t, compile(t, "a.c", source, "clang", "-O2", flags), map[string]string{
			"f": "h handy rdi:4+rdi>>32:2+rdi>>48:2, z int rsi:4 -> long rax:8",
		})
	}
}
