//! Numbers, truth values and letters.

use std::hint::black_box;

use crate::cells::put;


pass! {
    (v, end)
    i8_: i8 = i8::MIN, i8::MAX, -1; |c, v| { c.put("$", v); }
    i16_: i16 = i16::MIN, i16::MAX, -2; |c, v| { c.put("$", v); }
    i32_: i32 = i32::MIN, i32::MAX, -3; |c, v| { c.put("$", v); }
    i64_: i64 = i64::MIN, i64::MAX, -4; |c, v| { c.put("$", v); }
    i128_: i128 = i128::MIN, i128::MAX, -5; |c, v| { c.put("$", v); }
    isize_: isize = isize::MIN, isize::MAX, -6; |c, v| { c.put("$", v); }
    u8_: u8 = u8::MIN, u8::MAX; |c, v| { c.put("$", v); }
    u16_: u16 = u16::MIN, u16::MAX; |c, v| { c.put("$", v); }
    u32_: u32 = u32::MIN, u32::MAX; |c, v| { c.put("$", v); }
    u64_: u64 = u64::MIN, u64::MAX; |c, v| { c.put("$", v); }
    u128_: u128 = u128::MIN, u128::MAX, 1 << 64; |c, v| { c.put("$", v); }
    usize_: usize = usize::MIN, usize::MAX; |c, v| { c.put("$", v); }
    bool_: bool = true, false; |c, v| { c.put("$", v); }
    char_: char = 'x', 'é', '\u{1f980}'; |c, v| { c.put("$", v); }
    f32_: f32 = 1.25; |c, v| { c.put("$", v); }
    f64_: f64 = 2.5; |c, v| { c.put("$", v); }
}

/// Returns what is not its argument.
#[inline(never)]
pub fn widened(k1: i8, k2: u16) -> i64 {
    i64::from(black_box(k1)) * i64::from(black_box(k2))
}

/// Has more arguments than there are registers.
#[allow(clippy::too_many_arguments)]
#[inline(never)]
pub fn nine(n1: u64, n2: i32, n3: u16, n4: i8, n5: bool, n6: char, n7: i64, n8: u8, n9: i16) -> u64 {
    black_box((n1, n2, n3, n4, n5, n6));
    black_box(n7);
    black_box(n8);
    black_box(n9);
    black_box(n1)
}

/// Has a number that does not fit in the registers that are left.
#[allow(clippy::too_many_arguments)]
#[inline(never)]
pub fn split(q1: u64, q2: u64, q3: u64, q4: u64, q5: u64, q6: u128, q7: u32, q8: &str) -> u128 {
    black_box((q1, q2, q3, q4, q5));
    black_box((q7, q8));
    black_box(q6)
}

/// Has arguments of both kinds of registers.
#[inline(never)]
pub fn between(f1: f64, b1: i32, f2: f32, b2: i64) -> i64 {
    black_box((f1, b1, f2, b2));
    black_box(b2)
}

/// Returns nothing.
#[inline(never)]
pub fn nothing(z: u16, unit: ()) {
    black_box((z, unit));
}

/// Has arguments without names.
#[inline(never)]
pub fn parts(_: u32, (x1, _): (u16, u64), big: [u64; 4], last: u8) -> u16 {
    black_box((&big, last));
    black_box(x1)
}

fn stack() {
    const NINE: &str = "conform::scalars::nine";
    for sign in [1i8, -1] {
        let n1 = black_box(u64::MAX - 1);
        let (n2, n3, n4, n5, n6) = black_box((i32::from(sign) * 70000, 65535, sign * 100, sign < 0, 'ß'));
        let (n7, n8, n9) = black_box((i64::from(sign) << 40, 200, i16::from(sign) * 300));
        let ret = nine(n1, n2, n3, n4, n5, n6, n7, n8, n9);
        put(NINE, "n1", &n1);
        put(NINE, "n2", &n2);
        put(NINE, "n3", &n3);
        put(NINE, "n4", &n4);
        put(NINE, "n5", &n5);
        put(NINE, "n6", &n6);
        put(NINE, "n7", &n7);
        put(NINE, "n8", &n8);
        put(NINE, "n9", &n9);
        put(NINE, "ret", &ret);
    }
    const SPLIT: &str = "conform::scalars::split";
    let (q1, q6, q7, q8) = black_box((u64::MAX, u128::MAX - 7, 77u32, "on the stack"));
    let ret = split(q1, q1 - 1, q1 - 2, q1 - 3, q1 - 4, q6, q7, q8);
    put(SPLIT, "q1", &q1);
    put(SPLIT, "q5", &(q1 - 4));
    put(SPLIT, "q6", &q6);
    put(SPLIT, "q7", &q7);
    put(SPLIT, "q8", q8);
    put(SPLIT, "len(q8)", &q8.len());
    put(SPLIT, "ret", &ret);
}

fn unusual() {
    const BETWEEN: &str = "conform::scalars::between";
    let (b1, b2) = black_box((-5, i64::MIN));
    let ret = between(black_box(0.5), b1, black_box(0.25), b2);
    put(BETWEEN, "b1", &b1);
    put(BETWEEN, "b2", &b2);
    put(BETWEEN, "ret", &ret);
    let z = black_box(4321);
    nothing(z, ());
    put("conform::scalars::nothing", "z", &z);
    const PARTS: &str = "conform::scalars::parts";
    let (x1, big, last) = black_box((65535, [1, 2, 3, u64::MAX], 255));
    let f: fn(u32, (u16, u64), [u64; 4], u8) -> u16 = black_box(parts);
    let ret = f(black_box(1), black_box((x1, 2)), big, last);
    put(PARTS, "arg1.__0", &x1);
    put(PARTS, "big", &big);
    put(PARTS, "big[3]", &big[3]);
    put(PARTS, "last", &last);
    put(PARTS, "ret", &ret);
}

pub fn all() {
    pass_all();
    stack();
    for a in [i8::MIN, i8::MAX] {
        let b = black_box(u16::MAX);
        let ret = widened(black_box(a), b);
        put("conform::scalars::widened", "k1", &a);
        put("conform::scalars::widened", "k2", &b);
        put("conform::scalars::widened", "ret", &ret);
    }
    unusual();
}
