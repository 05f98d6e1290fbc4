package elfsym

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sourceRustLayout has functions that take one value each of the types whose
// passing depends on rustc's layout in one way or another.
const sourceRustLayout = `
#![allow(dead_code)]
use std::cell::*; use std::convert::Infallible; use std::hint::black_box; use std::mem::MaybeUninit; use std::num::*;
use std::ops::*; use std::pin::Pin; use std::sync::atomic::*; use std::task::Poll; use std::time::*;
pub struct Wrap(pub u32); #[repr(C)] pub struct CWrap(pub u32);
pub enum Void {}
pub enum E1 { A(u32, Void), B(u16) } pub enum E2 { A(u32, Void), B(u32) } pub enum E3 { A(Void), B(u32), C(u32) }
#[repr(u8)] pub enum E4 { A(u32), B(u32), C } #[repr(C)] pub enum E5 { A(u32), B(u32) } #[repr(C, u8)] pub enum E6 { A(u32), B(u32) }
#[repr(u8)] pub enum E7 { A(u32), B(u32, u8), C } pub enum F1 { A(f32), B(f32) } pub enum F2 { A(f32), B(u32) }
pub enum F3 { A(bool), B(u8) } pub enum F4 { A(char), B(i32), C } pub enum F5 { A(&'static u8), B(usize), C(fn()) }
pub enum F6 { A([u8; 4]), B } pub enum F7 { A((u32,)), B } pub enum F8 { A(u8), B(u16), C(u32) } pub enum F9 { A(u32, ()), B(()) }
pub enum G1 { A(Option<bool>), B } pub enum G2 { A(Option<u32>), B, C } pub enum G3 { A(&'static str), B } pub enum G4 { A(&'static str), B(u8) }
pub union U1 { pub a: u32, pub b: i32 } #[repr(C)] pub union U2 { pub a: u32 } pub union U3 { pub a: u64, pub b: f64 }
pub union U4 { pub a: (u32, u32), pub b: (u32, u32) } pub union U5 { pub a: [u64; 2], pub b: u8 }
#[repr(align(8))] pub struct A8(pub u32); #[repr(align(16))] pub struct A16(pub u32, pub u32); #[repr(packed)] pub struct P1(pub u32, pub u32);
#[repr(packed)] pub struct P2(pub u8, pub u32); #[repr(C)] pub struct C2 { pub a: u8, pub b: u32 } #[repr(C)] pub struct CF(pub f64);
pub struct RF(pub f64); pub struct ZA(pub u32, pub [u64; 0]); pub struct N1(pub (u32, u32), pub ()); pub struct N2(pub (u32, u32), pub u8);
macro_rules! take { ($($n:ident $t:ty;)*) => {
	$(#[inline(never)] pub fn $n(v: $t, end: u32) -> u32 { black_box(&v); black_box(end) })*
	fn all() -> Vec<usize> { vec![$($n as *const () as usize,)*] }
} }
take! {
	t00 E1; t01 E2; t02 E3; t03 E4; t04 E5; t05 E6; t06 E7; t07 F1; t08 F2; t09 F3; t10 F4; t11 F5; t12 F6; t13 F7; t14 F8; t15 F9; t16 G1; t17 G2;
	t18 G3; t19 G4; t20 U1; t21 U2; t22 U3; t23 U4; t24 U5; t25 A8; t26 A16; t27 P1; t28 P2; t29 C2; t30 CF; t31 RF; t32 ZA; t33 N1; t34 N2;
	t35 MaybeUninit<u32>; t36 MaybeUninit<(u32, u32)>; t37 MaybeUninit<[u8; 5]>; t38 Cell<u64>; t39 RefCell<u8>; t40 OnceCell<u32>; t41 UnsafeCell<(u32, u32)>;
	t42 NonZeroU64; t43 Option<NonZeroI8>; t44 Wrapping<u16>; t45 Pin<&'static mut u8>; t46 Instant; t47 Option<Instant>; t48 Option<Duration>; t49 AtomicBool;
	t50 RangeInclusive<u32>; t51 Range<u64>; t52 Option<Range<u32>>; t53 std::alloc::Layout; t54 Poll<Option<u8>>; t55 ControlFlow<u32, u32>; t56 ControlFlow<()>;
	t57 Result<u8, ()>; t58 Result<u32, std::fmt::Error>; t59 std::io::Result<u32>; t60 std::io::Result<u64>; t61 std::io::Error; t62 Result<u64, ParseIntError>;
	t63 Option<std::net::Ipv4Addr>; t64 std::net::Ipv6Addr; t65 Option<Wrap>; t66 Option<CWrap>; t67 (Wrap, u64); t68 [Wrap; 2]; t69 [u8; 8]; t70 [u8; 9];
	t71 (bool, u8); t72 (u8, u32); t73 (f32, f32); t74 (u64, f32); t75 std::str::Chars<'static>; t76 std::vec::IntoIter<u8>; t77 std::rc::Weak<u8>;
	t78 Result<Infallible, u64>; t79 Option<&'static [u8]>; t80 Option<Option<&'static str>>; t81 &'static mut dyn std::fmt::Debug; t82 Option<Box<dyn Fn()>>;
	t83 *const [u8]; t84 (u32, u32, u32); t85 (u128,); t86 (u128, u8); t87 Option<(u64,)>; t88 std::mem::ManuallyDrop<(u8, u64)>; t89 std::io::Result<std::fs::File>;
	t90 std::borrow::Cow<'static, [u8]>; t91 Option<std::fs::File>; t92 std::rc::Rc<str>; t93 std::collections::BTreeMap<u8, u8>; t94 Option<Box<[u8]>>;
}
fn main() { println!("{:?}", black_box(all())); }
`

// unsureRust are those that rustc passes in one of two ways, of which the
// debug information does not say which.
var unsureRust = []string{"t22", "t23", "t24", "t30", "t31", "t65", "t66", "t67"}

// TestRustLayout compares where rustABI places values with the parameters that
// rustc gives the functions in LLVM's language.
func TestRustLayout(t *testing.T) {
	dir := t.TempDir()
	symWrite(t, dir, "a.rs", sourceRustLayout)
	symRun(t, dir, nil, "rustc", "--edition", "2021", "-g", "-C", "symbol-mangling-version=v0", "--emit=llvm-ir=a.ll,link=out", "a.rs")
	b := symOpen(t, filepath.Join(dir, "out"), nil)
	ir, err := os.ReadFile(filepath.Join(dir, "a.ll"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range regexp.MustCompile(`(?m)^define [^@]*@_RNv\w+_1a3(t\d\d)\((.*?)\) unnamed_addr`).FindAllStringSubmatch(string(ir), -1) {
		seen++
		name, want := m[1], irPlaces(t, m[2])
		params, err := b.Params(funcNamed(t, b, "a::"+name))
		if err != nil || params[0].Name != "v" {
			t.Fatalf("%s: %v, %v", name, params, err)
		}
		loc, err := newRustABI(compilerOf(t, b, "a::main")).next(params[0].Type)
		if slices.Contains(unsureRust, name) {
			if !errors.Is(err, errUnknownABI) {
				t.Errorf("%s (%s): %v, %v", name, params[0].Type.Name, loc, err)
			}
			continue
		}
		got := ""
		for _, p := range loc.Pieces {
			switch p.Kind {
			case InReg:
				got += fmt.Sprintf(" %s:%d", p.Reg.Name(AMD64), p.Size)
			case InMem:
				got += fmt.Sprintf(" [%s]", p.Reg.Name(AMD64))
			}
		}
		if got != want || err != nil && !errors.Is(err, ErrUnsupportedClass) {
			t.Errorf("%s (%s): %q, %v, want %q", name, params[0].Type.Name, got, err, want)
		}
		// What the function stores first must be the same.
		if end := params[1]; end.Err != nil || errors.Is(params[0].Err, ErrOptimizedOut) {
			t.Errorf("%s (%s): %s", name, params[0].Type.Name, show(params, AMD64))
		}
	}
	if seen != 95 {
		t.Errorf("%d functions in LLVM's language, want 95", seen)
	}
}

var irAttribute = regexp.MustCompile(`\([^()]*\)`)

// irPlaces returns the integer registers of all parameters but the last.
func irPlaces(t *testing.T, params string) string {
	t.Helper()
	for irAttribute.MatchString(params) {
		params = irAttribute.ReplaceAllString(params, "")
	}
	list := strings.Split(params, ", ")
	out, next := "", 0
	reg := func() string {
		next++
		return sysvArgs[next-1].Name(AMD64)
	}
	for _, p := range list[:len(list)-1] {
		w := strings.Fields(p)
		switch typ := w[0]; {
		case typ == "ptr" && w[len(w)-1] == "%v":
			out += " [" + reg() + "]"
		case typ == "ptr":
			out += " " + reg() + ":8"
		case typ[0] == 'i':
			bits, err := strconv.Atoi(typ[1:])
			if err != nil {
				t.Fatal(err)
			}
			for n := (bits + 7) / 8; n > 0; n -= 8 {
				out += fmt.Sprintf(" %s:%d", reg(), min(n, 8))
			}
		case typ != "float" && typ != "double":
			t.Fatalf("parameter %s", p)
		}
	}
	return out
}
