package elfsym

import (
	"fmt"
	"strings"
	"testing"
)

// kinds names the kinds for tests.
var kinds = [...]string{"?", "void", "bool", "int", "uint", "float", "complex", "pointer", "enum", "struct", "union",
	"array", "string", "str", "slice", "interface", "map", "chan", "func", "variant"}

// describe writes a type with what it is made of, depth levels deep.
func describe(t *testing.T, typ *Type, depth int) string {
	t.Helper()
	s := fmt.Sprintf("%s/%d", kinds[typ.Kind], typ.Size)
	if typ.Kind == KindArray {
		s += fmt.Sprintf("[%d]", typ.Len)
	}
	for _, e := range typ.Enum {
		s += fmt.Sprintf(" %s=%d", e.Name, e.Value)
	}
	if depth == 0 {
		return s
	}
	elem, err := typ.Elem()
	if err != nil {
		t.Fatal(err)
	}
	if elem != nil {
		s += " of " + describe(t, elem, depth-1)
	}
	if typ.Kind != KindStruct && typ.Kind != KindUnion {
		return s
	}
	fields, err := typ.Fields()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range fields {
		d := fmt.Sprintf("%s@%d %s", f.Name, f.Offset, describe(t, f.Type, depth-1))
		if f.BitSize > 0 {
			d += fmt.Sprintf(" bits %d+%d", f.BitOffset, f.BitSize)
		}
		if f.Embedded {
			d += " embedded"
		}
		out = append(out, d)
	}
	return s + "{" + strings.Join(out, "; ") + "}"
}

func checkTypes(t *testing.T, b *Binary, fn *Func, want []string) {
	t.Helper()
	params, err := b.Params(fn)
	if err != nil {
		t.Fatal(err)
	}
	if len(params) != len(want) {
		t.Fatalf("%d parameters and results, want %d", len(params), len(want))
	}
	for i, p := range params {
		if got := p.Type.Name + " " + describe(t, p.Type, 2); got != want[i] {
			t.Errorf("%s:\n got %s\nwant %s", p.Name, got, want[i])
		}
	}
}

func TestTypesC(t *testing.T) {
	const source = `
typedef enum { a = -1, b = 5 } en;
struct node { struct node *next; en e; char name[8]; union { int i; float f; }; unsigned x : 3, y : 7; int m[2][3]; };
typedef struct node node_t;
int f(const node_t *n, volatile en e, char *const s, void *v, unsigned char c, int (*g)(int), double *d) { return n->e + e + *s + c; }
int main() { return 0; }
`
	for _, flags := range []string{"-gdwarf-4 -gstrict-dwarf", "-gdwarf-5", "-gdwarf-3 -gstrict-dwarf"} {
		b := compile(t, "a.c", source, append([]string{"gcc"}, strings.Fields(flags)...)...)
		checkTypes(t, b, funcNamed(t, b, "f"), []string{
			"const node_t * pointer/8 of struct/56{next@0 pointer/8; e@8 enum/4 a=-1 b=5; name@12 array/8[8]; @20 union/4 embedded; " +
				"x@24 uint/4 bits 0+3; y@24 uint/4 bits 3+7; m@28 array/24[2]}",
			"volatile en enum/4 a=-1 b=5",
			"char * const pointer/8 of int/1",
			"void * pointer/8",
			"unsigned char uint/1",
			"int (*)() pointer/8 of func/8",
			"double * pointer/8 of float/8",
			"int int/4",
		})
	}
}

func TestTypesGo(t *testing.T) {
	const source = `
package main

type Base struct{ ID uint16 }
type Conn struct {
	*Base
	Name string
	Tags []string
	In   [2]Base
	next *Conn
}
type Mode int8

//go:noinline
func f(c *Conn, m Mode, x map[string]int, i any, e error, ch chan int, fn func(), u uintptr, bs []byte, r rune) string { return c.Name }

func main() { f(&Conn{Base: &Base{}}, 1, nil, nil, nil, nil, nil, 0, nil, 0) }
`
	b := goBuild(t, source)
	checkTypes(t, b, funcNamed(t, b, "main.f"), []string{
		"*main.Conn pointer/8 of struct/64{Base@0 pointer/8 embedded; Name@8 string/16; Tags@24 slice/24; In@48 array/4[2]; next@56 pointer/8}",
		"main.Mode int/1", "map[string]int map/8", "interface {} interface/16", "error interface/16", "chan int chan/8", "func() func/8",
		"uintptr uint/8", "[]uint8 slice/24 of uint/1", "int32 int/4", "string string/16",
	})
}

func TestTypesRust(t *testing.T) {
	b := compile(t, "a.rs", sourceRust, "rustc", "-g")
	for name, want := range map[string][]string{
		"lookup":  {"&str str/16", "u32 uint/4", "u32 uint/4"},
		"scalars": {"i8 int/1", "bool bool/1", "char uint/4", "u64 uint/8", "f64 float/8", "Color enum/1 Red=1 Green=2 Blue=9", "i64 int/8"},
		"shape":   {"&Shape pointer/8 of variant/24", "u32 uint/4", "u32 uint/4"},
		"slices":  {"&[u32] slice/16 of uint/4", "&mut [u8] slice/16 of uint/1", "Pair struct/16{a@8 uint/4; b@0 uint/8}", "usize uint/8"},
	} {
		checkTypes(t, b, rustFunc(t, b, name), want)
	}
}

func TestInlinedCXX(t *testing.T) {
	const source = `
namespace ns { struct S { int n; __attribute__((always_inline)) inline int get(int x) { return n + x; } }; }
extern "C" { volatile int sink; __attribute__((noinline)) int user(ns::S *s, int x) { sink = x; return s->get(x) + s->get(sink); } }
int main(int argc, char **) { ns::S s{argc}; return user(&s, argc); }
`
	// clang has no range for the second call: it folded it into the first.
	for cc, n := range map[string]int{"g++": 2, "clang++": 1} {
		b := compile(t, "a.cc", source, cc, "-g", "-O2", "-w")
		for _, name := range []string{"ns::S::get", "ns::S::get(int)"} {
			all, err := b.Inlined(name)
			sites := all[name]
			if err != nil || len(sites) != n || sites[0].In != "user" || !strings.HasSuffix(sites[0].File, "a.cc") || sites[0].Line != 3 {
				t.Errorf("%s: %s is inlined at %+v, %v", cc, name, sites, err)
			}
		}
	}
}

// TestBitFields reads bit-fields that go on behind their storage unit, in
// each way compilers write them.
func TestBitFields(t *testing.T) {
	const source = `
struct bits { unsigned a : 12; unsigned b : 30; int c : 12; unsigned long long d : 58; } __attribute__((packed));
int f(struct bits *p) { return p->c; }
int main() { return 0; }
`
	for _, cc := range []string{"gcc", "clang"} {
		for _, version := range []string{"-gdwarf-3", "-gdwarf-4", "-gdwarf-5"} {
			b := compile(t, "a.c", source, cc, version, "-gstrict-dwarf")
			params, err := b.Params(funcNamed(t, b, "f"))
			if err != nil {
				t.Fatal(err)
			}
			elem, err := params[0].Type.Elem()
			if err != nil {
				t.Fatal(err)
			}
			fields, err := elem.Fields()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range fields {
				if end := f.BitOffset + f.BitSize; f.BitOffset < 0 || end > 64 {
					t.Errorf("%s %s: %s has bits %d to %d", cc, version, f.Name, f.BitOffset, end)
				}
				got = append(got, fmt.Sprintf("%s@%d+%d", f.Name, 8*f.Offset+f.BitOffset, f.BitSize))
			}
			if got, want := strings.Join(got, " "), "a@0+12 b@12+30 c@42+12 d@54+58"; got != want {
				t.Errorf("%s %s: %s, want %s", cc, version, got, want)
			}
		}
	}
}
