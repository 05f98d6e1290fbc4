/*
 * values: every way in which rustc passes and returns a value.
 *
 * Truth: each function below gets the value of its line once, in this order,
 * as its argument v with end counting from 1, and returns it; the last three
 * are called once with the values of their line.
 * Prints:
 *   calls opt_i32 Some(-7) = 1
 *   calls opt_i32 None = 1
 *   calls opt_u64 Some(18446744073709551615) = 1
 *   calls opt_u64 None = 1
 *   calls opt_u8 Some(200) = 1
 *   calls opt_u8 None = 1
 *   calls opt_bool Some(true) = 1
 *   calls opt_bool Some(false) = 1
 *   calls opt_bool None = 1
 *   calls opt_opt_bool Some(Some(true)) = 1
 *   calls opt_opt_bool Some(None) = 1
 *   calls opt_opt_bool None = 1
 *   calls opt_opt_u32 Some(Some(9)) = 1
 *   calls opt_opt_u32 Some(None) = 1
 *   calls opt_opt_u32 None = 1
 *   calls opt_char Some('x') = 1
 *   calls opt_char None = 1
 *   calls opt_ref Some(5) = 1
 *   calls opt_ref None = 1
 *   calls opt_box Some(6) = 1
 *   calls opt_box None = 1
 *   calls opt_str Some("abc") = 1
 *   calls opt_str None = 1
 *   calls opt_string Some("abcd") = 1
 *   calls opt_string None = 1
 *   calls opt_nonzero Some(3) = 1
 *   calls opt_nonzero None = 1
 *   calls opt_order Some(Less) = 1
 *   calls opt_order Some(Greater) = 1
 *   calls opt_order None = 1
 *   calls opt_f64 Some(1.5) = 1
 *   calls opt_f64 None = 1
 *   calls opt_unit Some(()) = 1
 *   calls opt_unit None = 1
 *   calls opt_three Some(Three { a: 1, b: 2, c: 3 }) = 1
 *   calls opt_three None = 1
 *   calls opt_u128 Some(7) = 1
 *   calls opt_id Some(UserId(8)) = 1
 *   calls opt_id None = 1
 *   calls opt_cid Some(CId(8)) = 1
 *   calls opt_cid None = 1
 *   calls res_u32_u32 Ok(1) = 1
 *   calls res_u32_u32 Err(2) = 1
 *   calls res_u32_i32 Ok(1) = 1
 *   calls res_u32_i32 Err(-2) = 1
 *   calls res_u64_box Ok(1) = 1
 *   calls res_u64_box Err(2) = 1
 *   calls res_unit_u32 Ok(()) = 1
 *   calls res_unit_u32 Err(2) = 1
 *   calls res_string_u8 Ok("ok") = 1
 *   calls res_string_u8 Err(2) = 1
 *   calls res_u8_u16 Ok(1) = 1
 *   calls res_u8_u16 Err(2) = 1
 *   calls res_u32_f32 Ok(1) = 1
 *   calls res_pair_u8 Ok((1, 2)) = 1
 *   calls res_pair_u8 Err(3) = 1
 *   calls res_never Ok(4) = 1
 *   calls res_io Ok(4096) = 1
 *   calls event Key(65) = 1
 *   calls event Move { x: 1, y: -2 } = 1
 *   calls event Text("hi") = 1
 *   calls event Quit = 1
 *   calls shape Dot = 1
 *   calls shape Line(3) = 1
 *   calls shape Rect { w: 4, h: 5 } = 1
 *   calls level Low(1) = 1
 *   calls level High(2) = 1
 *   calls tree Leaf = 1
 *   calls tree Node(Node(Leaf, 1), 2) = 1
 *   calls color Red = 1
 *   calls color Green = 1
 *   calls color Blue = 1
 *   calls sign Minus = 1
 *   calls sign Plus = 1
 *   calls opt_sign Some(Minus) = 1
 *   calls opt_sign None = 1
 *   calls far Lowest = 1
 *   calls far Highest = 1
 *   calls opt_far Some(Lowest) = 1
 *   calls opt_far None = 1
 *   calls id UserId(11) = 1
 *   calls id_pair (UserId(12), 13) = 1
 *   calls cid_pair (CId(14), 15) = 1
 *   calls two (16, -17) = 1
 *   calls uneven (18, 19) = 1
 *   calls wide_pair (20, 21) = 1
 *   calls three Three { a: 22, b: 23, c: 24 } = 1
 *   calls mixed Mixed { a: 25, b: 26 } = 1
 *   calls quad Quad { a: 27, b: 28, c: 29 } = 1
 *   calls cpoint CPoint { x: -30, y: 31 } = 1
 *   calls packed Packed { a: 32, b: 33 } = 1
 *   calls aligned Aligned(34) = 1
 *   calls bytes [35, 36, 37] = 1
 *   calls words [38, 39] = 1
 *   calls wide 1267650600228229401496703205376 = 1
 *   calls letter 'é' = 1
 *   calls truth true = 1
 *   calls truth false = 1
 *   calls float 2.5 = 1
 *   calls text "" = 1
 *   calls text "text" = 1
 *   calls slice [40, 41] = 1
 *   calls string "string" = 1
 *   calls vec [42, 43] = 1
 *   calls vec_string ["a", "bc"] = 1
 *   calls box_str "boxed" = 1
 *   calls box_slice [44, 45, 46] = 1
 *   calls box_vec [47] = 1
 *   calls cart Cart { items: [48], owner: "o" } = 1
 *   calls cart_ref Cart { items: [], owner: "" } = 1
 *   calls duration Duration { secs: 49, nanos: Nanoseconds(50) } = 1
 *   calls spread big=[1, 2, 3, 4] s="five" o=Some(UserId(6)) last=7 = 1
 *   calls tight a=1 b=2 c=3 d=4 e=5 w=6 f=7 s="five" = 1
 *   calls foreign p=CPoint { x: 1, y: 2 } n=3 = 1
 */
#[path = "../protocol.rs"]
mod protocol;

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hint::black_box;
use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

#[derive(Clone, Debug)]
pub enum Event {
    Key(u32),
    Move { x: i64, y: i64 },
    Text(String),
    Quit,
}

#[derive(Clone, Debug)]
#[repr(u8)]
pub enum Shape {
    Dot,
    Line(u32),
    Rect { w: u8, h: u16 },
}

#[derive(Clone, Debug)]
#[repr(i16)]
pub enum Level {
    Low(u16) = -300,
    High(u16) = 300,
}

#[derive(Clone, Debug)]
pub enum Tree {
    Leaf,
    Node(Box<Tree>, u8),
}

#[derive(Clone, Copy, Debug)]
pub enum Color {
    Red,
    Green = 5,
    Blue = 200,
}

#[derive(Clone, Copy, Debug)]
#[repr(i8)]
pub enum Sign {
    Minus = -1,
    Plus = 1,
}

#[derive(Clone, Copy, Debug)]
#[repr(i64)]
pub enum Far {
    Lowest = i64::MIN,
    Highest = i64::MAX,
}

#[derive(Clone, Copy, Debug)]
pub struct UserId(pub u32);

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CId(pub u32);

#[derive(Clone, Copy, Debug)]
pub struct Three {
    pub a: u16,
    pub b: u16,
    pub c: u16,
}

#[derive(Clone, Copy, Debug)]
pub struct Mixed {
    pub a: u8,
    pub b: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct Quad {
    pub a: u32,
    pub b: u64,
    pub c: u32,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CPoint {
    pub x: i32,
    pub y: i32,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub struct Packed {
    pub a: u8,
    pub b: u32,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub struct Aligned(pub u64);

#[derive(Clone, Debug)]
pub struct Cart {
    pub items: Vec<u16>,
    pub owner: String,
}

fn said<T: Debug>(v: &T) -> String {
    format!("{v:?}")
}

fn said_duration(d: &Duration) -> String {
    let (secs, nanos) = (d.as_secs(), d.subsec_nanos());
    format!("Duration {{ secs: {secs}, nanos: Nanoseconds({nanos}) }}")
}

macro_rules! pass {
    ($($name:ident $said:ident $type:ty: $($value:expr),*;)*) => {
        $(
            #[inline(never)]
            pub fn $name(v: $type, end: u32) -> $type {
                // Without its name the compiler merges it with its like.
                black_box((stringify!($name), end));
                black_box(v)
            }
        )*
        fn pass_all() {
            $({
                let mut end = 0;
                $(
                    end += 1;
                    let v: $type = $name(black_box($value), black_box(end));
                    protocol::calls(&format!("{} {}", stringify!($name), $said(&v)), 1);
                )*
            })*
        }
    };
}

static FIVE: u32 = 5;

pass! {
    opt_i32 said Option<i32>: Some(-7), None;
    opt_u64 said Option<u64>: Some(u64::MAX), None;
    opt_u8 said Option<u8>: Some(200), None;
    opt_bool said Option<bool>: Some(true), Some(false), None;
    opt_opt_bool said Option<Option<bool>>: Some(Some(true)), Some(None), None;
    opt_opt_u32 said Option<Option<u32>>: Some(Some(9)), Some(None), None;
    opt_char said Option<char>: Some('x'), None;
    opt_ref said Option<&'static u32>: Some(&FIVE), None;
    opt_box said Option<Box<u32>>: Some(Box::new(6)), None;
    opt_str said Option<&'static str>: Some("abc"), None;
    opt_string said Option<String>: Some(String::from("abcd")), None;
    opt_nonzero said Option<NonZeroU32>: NonZeroU32::new(3), None;
    opt_order said Option<Ordering>: Some(Ordering::Less), Some(Ordering::Greater), None;
    opt_f64 said Option<f64>: Some(1.5), None;
    opt_unit said Option<()>: Some(()), None;
    opt_three said Option<Three>: Some(Three { a: 1, b: 2, c: 3 }), None;
    opt_u128 said Option<u128>: Some(7);
    opt_id said Option<UserId>: Some(UserId(8)), None;
    opt_cid said Option<CId>: Some(CId(8)), None;
    res_u32_u32 said Result<u32, u32>: Ok(1), Err(2);
    res_u32_i32 said Result<u32, i32>: Ok(1), Err(-2);
    res_u64_box said Result<u64, Box<u32>>: Ok(1), Err(Box::new(2));
    res_unit_u32 said Result<(), u32>: Ok(()), Err(2);
    res_string_u8 said Result<String, u8>: Ok(String::from("ok")), Err(2);
    res_u8_u16 said Result<u8, u16>: Ok(1), Err(2);
    res_u32_f32 said Result<u32, f32>: Ok(1);
    res_pair_u8 said Result<(u8, u8), u8>: Ok((1, 2)), Err(3);
    res_never said Result<u32, Infallible>: Ok(4);
    res_io said io::Result<usize>: Ok(4096);
    event said Event: Event::Key(65), Event::Move { x: 1, y: -2 }, Event::Text(String::from("hi")), Event::Quit;
    shape said Shape: Shape::Dot, Shape::Line(3), Shape::Rect { w: 4, h: 5 };
    level said Level: Level::Low(1), Level::High(2);
    tree said Tree: Tree::Leaf, Tree::Node(Box::new(Tree::Node(Box::new(Tree::Leaf), 1)), 2);
    color said Color: Color::Red, Color::Green, Color::Blue;
    sign said Sign: Sign::Minus, Sign::Plus;
    opt_sign said Option<Sign>: Some(Sign::Minus), None;
    far said Far: Far::Lowest, Far::Highest;
    opt_far said Option<Far>: Some(Far::Lowest), None;
    id said UserId: UserId(11);
    id_pair said (UserId, u32): (UserId(12), 13);
    cid_pair said (CId, u32): (CId(14), 15);
    two said (u32, i32): (16, -17);
    uneven said (u64, u8): (18, 19);
    wide_pair said (u64, u128): (20, 21);
    three said Three: Three { a: 22, b: 23, c: 24 };
    mixed said Mixed: Mixed { a: 25, b: 26 };
    quad said Quad: Quad { a: 27, b: 28, c: 29 };
    cpoint said CPoint: CPoint { x: -30, y: 31 };
    packed said Packed: Packed { a: 32, b: 33 };
    aligned said Aligned: Aligned(34);
    bytes said [u8; 3]: [35, 36, 37];
    words said [u64; 2]: [38, 39];
    wide said u128: 1 << 100;
    letter said char: 'é';
    truth said bool: true, false;
    float said f64: 2.5;
    text said &'static str: "", "text";
    slice said &'static [u16]: &[40, 41];
    string said String: String::from("string");
    vec said Vec<u32>: vec![42, 43];
    vec_string said Vec<String>: vec![String::from("a"), String::from("bc")];
    box_str said Box<str>: Box::from("boxed");
    box_slice said Box<[u16]>: Box::from([44, 45, 46]);
    box_vec said Box<Vec<u8>>: Box::new(vec![47]);
    cart said Cart: Cart { items: vec![48], owner: String::from("o") };
    cart_ref said &'static Cart: Box::leak(Box::new(Cart { items: vec![], owner: String::new() }));
    duration said_duration Duration: Duration::new(49, 50);
}

/// Has arguments without names, and one that is passed by the address of a copy.
#[inline(never)]
pub fn spread(_: u32, (a, _): (u16, u64), big: [u64; 4], s: &str, o: Option<UserId>, last: u8) -> u16 {
    black_box((&big, s, o, last));
    black_box(a)
}

/// Has more words of arguments than there are registers, and a u128 where one
/// register is left.
#[inline(never)]
pub fn tight(a: u64, b: u64, c: u64, d: u64, e: u64, w: u128, f: u64, s: &str) -> u128 {
    black_box((a, b, c, d, e, f, s));
    black_box(w)
}

/// Has a name like those that follow rustc's own convention, but follows C's.
#[inline(never)]
pub extern "C" fn foreign(p: CPoint, n: u32) -> u32 {
    black_box(p);
    black_box(n)
}

fn many() {
    let (big, s, id) = black_box(([1, 2, 3, 4], "five", UserId(6)));
    black_box(spread(black_box(0), black_box((1, 2)), big, s, Some(id), 7));
    protocol::calls(&format!("spread big={big:?} s={s:?} o={:?} last=7", Some(id)), 1);
    let [a, b, c, d] = big;
    black_box(tight(a, b, c, d, black_box(5), black_box(6), black_box(7), s));
    protocol::calls(&format!("tight a={a} b={b} c={c} d={d} e=5 w=6 f=7 s={s:?}"), 1);
    let p = black_box(CPoint { x: 1, y: 2 });
    black_box(foreign(p, black_box(3)));
    protocol::calls(&format!("foreign p={p:?} n=3"), 1);
}

fn main() {
    protocol::ready();
    pass_all();
    many();
    protocol::done();
}
