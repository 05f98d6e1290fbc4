package elfsym

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const sourceRust = `
use std::hint::black_box;
#[derive(Clone, Copy)] pub enum Color { Red = 1, Green, Blue = 9 }
#[derive(Clone, Copy)] pub struct Pair { pub a: u32, pub b: u64 }
#[derive(Clone, Copy)] pub struct Three { pub a: u16, pub b: u16, pub c: u16 }
#[derive(Clone, Copy)] pub struct Big { pub a: [u64; 5] }
pub struct Wrap(pub u32);
pub enum Shape { Circle(f64), Square(u64, u64), Empty }
pub struct Cart { pub items: Vec<u32>, pub owner: String }
impl Cart {
    #[inline(never)] pub fn price(&self, sku: &str, n: i32) -> u64 { black_box(self.items.len() as u64 + sku.len() as u64 + n as u64) }
}
#[inline(never)] pub fn lookup(key: &str, n: u32) -> u32 { black_box(key.len() as u32 + n) }
#[inline(never)] pub fn scalars(a: i8, b: bool, c: char, d: u64, e: f64, f: Color) -> i64 { black_box(a as i64 + b as i64 + c as i64 + d as i64 + e as i64 + f as i64) }
#[inline(never)] pub fn slices(s: &[u32], m: &mut [u8], p: Pair) -> usize { m[0] = 1; black_box(s.len() + m.len() + p.a as usize + p.b as usize) }
#[inline(never)] pub fn big(b: Big, id: u32) -> u32 { black_box(b.a[1] as u32 + id) }
#[inline(never)] pub fn retbig(id: u64) -> Big { black_box(Big { a: [id; 5] }) }
#[inline(never)] pub fn retstr(s: &str) -> &str { black_box(&s[1..]) }
#[inline(never)] pub fn owned(s: String, id: u32) -> usize { black_box(s.len() + id as usize) }
#[inline(never)] pub fn shape(s: &Shape, id: u32) -> u32 { black_box(match s { Shape::Circle(r) => *r as u32, Shape::Square(a, _) => *a as u32, Shape::Empty => id }) }
#[inline(never)] pub fn opt(id: u32, o: Option<u32>, z: u32) -> u32 { black_box(id + o.unwrap_or(1) + z) }
#[inline(never)] pub fn wrap(w: Wrap, t: Three, id: u32) -> u32 { black_box(w.0 + t.a as u32 + t.b as u32 + t.c as u32 + id) }
#[inline(never)] pub fn wide(a: u32, w: u128, b: u32) -> u128 { black_box(w + a as u128 + b as u128) }
#[inline(never)] pub fn gen<T: Into<u64> + Copy>(t: T, n: u32) -> u64 { black_box(t.into() + n as u64) }
#[inline(never)] pub extern "C" fn ext(p: Pair, id: u32) -> u32 { black_box(p.a + p.b as u32 + id) }
#[inline(never)] pub fn many(a: u64, b: &str, c: u64, d: u64, e: &str, f: u64) -> usize { black_box(a as usize + b.len() + c as usize + d as usize + e.len() + f as usize) }
fn main() {
    let n = std::env::args().count() as u32;
    let c = Cart { items: vec![n], owner: String::from("x") };
    let mut m = [1u8; 3];
    println!("{} {} {} {} {} {}", c.price("sku", 3), lookup("alpha", n), scalars(1, true, 'x', 2, 3.0, Color::Blue), slices(&[n], &mut m, Pair { a: n, b: 1 }), big(Big { a: [1; 5] }, n), retbig(n as u64).a[0]);
    println!("{} {} {} {} {} {} {} {} {} {} {}", retstr("abc"), owned(String::from("abc"), n), shape(&Shape::Square(n as u64, 1), n), opt(n, Some(n), n), wrap(Wrap(n), Three { a: 1, b: 2, c: 3 }, n), wide(n, n as u128, n), gen(n, n), gen(n as u8, n), ext(Pair { a: n, b: 2 }, n), many(1, "b", 2, 3, "e", 4), c.owner);
    let _ = (Color::Red as u8, Color::Green as u8, Shape::Circle(1.0), Shape::Empty);
}
`

// wantRust is what rustc 1.95 does without optimisation; checked by
// TestRustValues against a debugger.
var wantRust = map[string]string{
	"price":   "self &Cart rdi:8, sku &str rsi:8+rdx:8, n i32 rcx:4 -> u64 rax:8",
	"lookup":  "key &str rdi:8+rsi:8, n u32 rdx:4 -> u32 rax:4",
	"scalars": "a i8 rdi:1, b bool rsi:1, c char rdx:4, d u64 rcx:8, e f64 !class, f Color r8:1 -> i64 rax:8",
	"slices":  "s &[u32] rdi:8+rsi:8, m &mut [u8] rdx:8+rcx:8, p Pair r8:8+r9:4+?:4 -> usize rax:8",
	"big":     "b Big [rdi+0]:40, id u32 rsi:4 -> u32 rax:4",
	"retbig":  "id u64 rsi:8 -> Big [rax+0]:40",
	"retstr":  "s &str rdi:8+rsi:8 -> &str rax:8+rdx:8",
	"owned":   "s String [rdi+0]:24, id u32 rsi:4 -> usize rax:8",
	"shape":   "s &Shape rdi:8, id u32 rsi:4 -> u32 rax:4",
	"opt":     "id u32 rdi:4, o Option<u32> rsi:4+rdx:4, z u32 rcx:4 -> u32 rax:4",
	"wrap":    "w Wrap rdi:4, t Three rsi:6, id u32 rdx:4 -> u32 rax:4",
	"wide":    "a u32 rdi:4, w u128 rsi:8+rdx:8, b u32 rcx:4 -> u128 rax:8+rdx:8",
	"ext":     "p Pair rdi:8+rsi:8, id u32 rdx:4 -> u32 rax:4", // its padding too, as C has it
	"many": "a u64 rdi:8, b &str rsi:8+rdx:8, c u64 rcx:8, d u64 r8:8, " +
		"e &str r9:8+[rsp+8]:8, f u64 [rsp+16]:8 -> usize rax:8",
}

// wantOptimisedRust is what remains when constants have been propagated and
// arguments dropped: the position says nothing any more.
var wantOptimisedRust = map[string]string{
	"price":  "self &Cart !out, sku &str ?:8+=3:8, n i32 =3:4 -> u64 rax:8",
	"lookup": "key &str ?:8+=5:8, n u32 rdi:4 -> u32 !out",
	"owned":  "s String [rdi+0]:24, id u32 rsi:4 -> usize rax:8",
	"opt":    "id u32 rdi:4, o Option<u32> =1:4+rsi:4, z u32 rdx:4 -> u32 !out",
	"wide":   "a u32 rdi:4, w u128 rsi:8+rdx:8, b u32 rcx:4 -> u128 rax:8+rdx:8",
}

func TestParamsRust(t *testing.T) {
	for cmd, want := range map[string]map[string]string{
		"rustc -g":                               wantRust,
		"rustc -g -C symbol-mangling-version=v0": wantRust,
		"rustc -g -O":                            wantOptimisedRust,
	} {
		t.Run(cmd, func(t *testing.T) {
			t.Parallel()
			b := compile(t, "a.rs", sourceRust, strings.Fields(cmd)...)
			for name, w := range want {
				params, err := b.Params(rustFunc(t, b, name))
				if got := show(params, b.Arch()); got != w || err != nil {
					t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, w)
				}
			}
		})
	}
}

// rustFunc returns the function of crate a with the given last name.
func rustFunc(t *testing.T, b *Binary, name string) *Func {
	t.Helper()
	funcs, err := b.Funcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range funcs {
		base, _, _ := strings.Cut(f.Name, "(")
		switch base {
		case "a::" + name, "a::Cart::" + name, "<a::Cart>::" + name:
			return f
		}
	}
	t.Fatalf("no function %s", name)
	return nil
}

// TestRustValues stops a program at the functions' first instructions and
// reads there what Params says.
func TestRustValues(t *testing.T) {
	b := compile(t, "a.rs", sourceRust, "rustc", "-g", "-C", "relocation-model=static", "-C", "link-arg=-no-pie")
	for name, want := range map[string][]uint64{
		"price":   {0, 0, 3, 3},             // self, sku, n
		"scalars": {1, 1, 'x', 2, 9},        // without e
		"slices":  {0, 1, 0, 3, 1, 1},       // lengths, Pair{a: 1, b: 1}
		"many":    {1, 0, 1, 2, 3, 0, 1, 4}, // strings of one byte
		"wide":    {1, 1, 0, 1},             // a, w, b
	} {
		params, err := b.Params(rustFunc(t, b, name))
		if err != nil {
			t.Fatal(err)
		}
		got := gdbValues(t, b, rustFunc(t, b, name), params)
		for i := range want {
			if len(got) != len(want) || want[i] != 0 && got[i] != want[i] {
				t.Errorf("%s: got %d, want %d (0: any)", name, got, want)
				break
			}
		}
	}
}

// gdbValues returns the parameters' words where gdb first stops in f.
func gdbValues(t *testing.T, b *Binary, f *Func, params []Param) []uint64 {
	t.Helper()
	args := []string{"-nx", "-batch", "-ex", "set language c", "-ex", fmt.Sprintf("break *%d", f.Addr), "-ex", "run"}
	for _, p := range params {
		if p.Result || p.Err != nil {
			continue
		}
		for _, q := range p.Loc.Pieces {
			mask := uint64(1)<<(8*min(q.Size, 7)) - 1
			if q.Size >= 8 {
				mask = ^uint64(0)
			}
			switch q.Kind {
			case InReg:
				args = append(args, "-ex", fmt.Sprintf("printf \"=%%lu\\n\", (unsigned long)$%s & %#xUL", q.Reg.Name(AMD64), mask))
			case InMem:
				for off := int64(0); off < q.Size; off += 8 {
					args = append(args, "-ex", fmt.Sprintf("printf \"=%%lu\\n\", *(unsigned long *)($%s + %d) & %#xUL", q.Reg.Name(AMD64), q.Off+off, mask))
				}
			}
		}
	}
	out := symRun(t, filepath.Dir(b.Path()), nil, "gdb", append(args, "-ex", "kill", b.Path())...)
	var values []uint64
	for line := range strings.Lines(out) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "="); ok {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, n)
		}
	}
	return values
}
