package elfsym

import (
	"fmt"
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

func TestDumpRust(t *testing.T) {
	for _, cmd := range []string{"rustc -g", "rustc -g -O", "rustc -g -C symbol-mangling-version=v0"} {
		b := compile(t, "a.rs", sourceRust, strings.Fields(cmd)...)
		fmt.Println("==", cmd)
		for _, n := range strings.Fields("out::Cart::price price lookup scalars slices big retbig retstr owned shape opt wrap wide gen ext many") {
			for _, f := range must(b.Funcs()) {
				base, _, _ := strings.Cut(f.Name, "(")
				if base == n || base == "a::"+n || base == "a::"+n+"::<u32>" || base == "a::Cart::"+n || base=="<a::Cart>::"+n {
					p, err := b.Params(f)
					fmt.Println(f.Name, show(p, b.Arch()), err)
				}
			}
		}
	}
}
func must[T any](v T, err error) T { return v }
