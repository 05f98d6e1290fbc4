package elfsym

import (
	"errors"
	"fmt"
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

// show writes parameters as "name type place, ... -> name type place".
func show(params []Param, arch Arch) string {
	var in, out []string
	for _, p := range params {
		s := strings.TrimSpace(p.Name + " " + p.Type.Name + " " + showPlace(p, arch))
		if p.Result {
			out = append(out, s)
		} else {
			in = append(in, s)
		}
	}
	s := strings.Join(in, ", ")
	if len(out) > 0 {
		s += " -> " + strings.Join(out, ", ")
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
			s = append(s, fmt.Sprintf("%s:%d", q.Reg.Name(arch), q.Size))
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
// whichever compiler and whichever optimisation.
var wantC = map[string]string{
	"m9":        "a double !class, id int rsp:4",
}

func TestParamsC(t *testing.T) {
	for _, cmd := range []string{
		"gcc -g -O0", "gcc -g -O2", "gcc -g -gdwarf-4 -O0", "gcc -g -gdwarf-4 -O2", "gcc -g -gz -O2", "gcc -g -gdwarf64 -O2",
		"clang -g -O0", "clang -g -O2", "clang -g -gdwarf-4 -O2", "clang -g -gdwarf-4 -O0", "clang -gdwarf-5 -O2", "clang -gdwarf-5 -O0", "clang -gdwarf-5 -O0 -fomit-frame-pointer",
	} {
		t.Run(strings.ReplaceAll(cmd, " ", ""), func(t *testing.T) {
			checkParams(t, compile(t, "a.c", sourceC, strings.Fields(cmd)...), wantC)
		})
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
struct V { int v; }; struct L : virtual V { __attribute__((noinline)) L(int a) { sink = a; } }; struct R : L { R(int a) : L(a) {} };
}
int main(int argc, char **argv) {
	ns::Class *c = new ns::Class(argc); int i = argc;
	ns::shared g = c->give(argc);
	ns::R r(argc);
	return c->method(argc, "x") + ns::Class::fixed(argc) + (int)c->virt(ns::mode::fast, {1, 2}, ns::shared(&i), 3) + ns::twice(i) + ns::twice((long)i) + ns::over(i) + ns::over(1., 2) + ns::pack(i, 2L, 'c') + *g.p + r.v;
}
`

func TestDump(t *testing.T) {
	for _, cmd := range []string{"g++ -std=c++17 -g -O0", "g++ -std=c++17 -g -O2","g++ -std=c++17 -gdwarf-4 -O2", "clang++ -std=c++17 -g -O0","clang++ -std=c++17 -gdwarf-5 -O2"} {
		b := compile(t, "a.cc", sourceCXX, strings.Fields(cmd)...)
		fmt.Println("==", cmd)
		for _, n := range strings.Fields("ns::Class::method ns::Class::fixed ns::Class::give ns::Class::virt _ZN2ns5twiceIlEET_S1_ _ZN2ns4overEi _ZN2ns4overEdl _ZN2ns4packIJlcEEEiiDpT_") {
			p, err := b.Params(funcNamed(t, b, n))
			fmt.Println(n, show(p, b.Arch()), err)
		}
	}
}
