//! Expressions over arguments and results. What is asked of one function is
//! asked of all that have such names, and a function has room for 32 words:
//! hence the many names.

use std::hint::black_box;

use crate::cells::put;

/// A function with integers of many widths, and the values it is called with.
macro_rules! mixed {
    ($name:ident($a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident) $ret:ident $show:block) => {
        mod $name {
            use super::*;

            #[inline(never)]
            pub fn mixed($a: i8, $b: u16, $c: i32, $d: u64, $e: u8, $f: i64) -> i64 {
                black_box((stringify!($name), $a, $b, $c, $d, $e, $f));
                black_box($f).wrapping_add(i64::from(black_box($c)))
            }

            pub fn all() {
                for values in [
                    (i8::MIN, u16::MAX, i32::MIN, u64::MAX, u8::MAX, i64::MIN),
                    (i8::MAX, 1, i32::MAX, 1 << 63, 7, i64::MAX),
                    (-1, 300, -100_000, 1000, 2, -5_000_000_000),
                ] {
                    let ($a, $b, $c, $d, $e, $f) = black_box(values);
                    let $ret = mixed($a, $b, $c, $d, $e, $f);
                    black_box(($a, $b, $c, $d, $e, $f));
                    $show
                }
            }
        }
    };
}

mixed!(sums(a, b, c, d, e, f) _ret {
    const F: &str = "conform::expressions::sums::mixed";
    put(F, "a + 1", &a.wrapping_add(1));
    put(F, "e * 2", &e.wrapping_mul(2));
    put(F, "a + a", &a.wrapping_add(a));
    put(F, "b - 500", &b.wrapping_sub(500));
    put(F, "c * 3", &c.wrapping_mul(3));
    put(F, "-c", &c.wrapping_neg());
    put(F, "a + b", &(i64::from(a) + i64::from(b)));
    put(F, "a * c", &(i64::from(a) * i64::from(c)));
    put(F, "b * e", &(u64::from(b) * u64::from(e)));
    put(F, "d + b", &d.wrapping_add(u64::from(b)));
    put(F, "d + f", &(d as i64).wrapping_add(f));
    put(F, "(c + 1) * 2 - c", &c.wrapping_add(1).wrapping_mul(2).wrapping_sub(c));
});

mixed!(quotients(ga, gb, gc, gd, ge, gf) _ret {
    const F: &str = "conform::expressions::quotients::mixed";
    put(F, "gf / ge", &(gf / i64::from(ge)));
    put(F, "gf % 1000", &(gf % 1000));
    put(F, "gc / 7", &(gc / 7));
    put(F, "gc / -7", &(gc / -7));
    put(F, "gd / 3", &(gd / 3));
    put(F, "gd % 1000", &(gd % 1000));
    put(F, "gb / ge", &(u64::from(gb) / u64::from(ge)));
    put(F, "ga / 10", &(ga / 10));
    put(F, "ga % 10", &(ga % 10));
});

mixed!(bits(ha, hb, hc, hd, he, hf) _ret {
    const F: &str = "conform::expressions::bits::mixed";
    put(F, "hd & 255", &(hd & 255));
    put(F, "hd | hb", &(hd | u64::from(hb)));
    put(F, "hb ^ 4660", &(hb ^ 4660));
    put(F, "hc &^ 15", &(hc & !15));
    put(F, "hd >> 4", &(hd >> 4));
    put(F, "hf >> 4", &(hf >> 4));
    put(F, "ha >> 1", &(ha >> 1));
    put(F, "he << 1", &(he << 1));
    put(F, "hd << 3", &(hd << 3));
    put(F, "^hb", &!hb);
    put(F, "log2(hd)", &(1u64 << hd.ilog2()));
    put(F, "log2(hb)", &(1u16 << hb.ilog2()));
    put(F, "log2(hc)", &if hc < 1 { 0 } else { 1i32 << hc.ilog2() });
});

mixed!(comparisons(ka, kb, kc, kd, ke, kf) _ret {
    const F: &str = "conform::expressions::comparisons::mixed";
    put(F, "ka < kb", &(i32::from(ka) < i32::from(kb)));
    put(F, "kf < kd", &(i128::from(kf) < i128::from(kd)));
    put(F, "ka == -1", &(ka == -1));
    put(F, "kc >= ka", &(kc >= i32::from(ka)));
    put(F, "kd <= 1000", &(kd <= 1000));
    put(F, "kd > kf && kb != 300", &(i128::from(kd) > i128::from(kf) && kb != 300));
    put(F, "ka > 0 || ke == 2", &(ka > 0 || ke == 2));
    put(F, "!(kc < 0)", &(kc >= 0));
    put(F, "ka + kb > kc", &(i64::from(ka) + i64::from(kb) > i64::from(kc)));
});

mixed!(conversions(ma, mb, mc, md, me, mf) _ret {
    const F: &str = "conform::expressions::conversions::mixed";
    put(F, "uint8(ma)", &(ma as u8));
    put(F, "int8(mb)", &(mb as i8));
    put(F, "int16(md)", &(md as i16));
    put(F, "uint64(ma)", &(ma as u64));
    put(F, "uint64(mc)", &(mc as u64));
    put(F, "uint32(mf)", &(mf as u32));
    put(F, "int8(me)", &(me as i8));
    put(F, "int64(md)", &(md as i64));
    put(F, "bool(ma < 0)", &(ma < 0));
    put(F, "arg3", &md);
    put(F, "arg5", &mf);
});

mixed!(results(pa, pb, pc, pd, pe, pf) ret {
    const F: &str = "conform::expressions::results::mixed";
    black_box((pb, pd));
    put(F, "ret", &ret);
    put(F, "ret + pe", &ret.wrapping_add(i64::from(pe)));
    put(F, "ret - pf", &ret.wrapping_sub(pf));
    put(F, "ret < pf", &(ret < pf));
    put(F, "ret == pf || pa < 0", &(ret == pf || pa < 0));
    put(F, "int32(ret) - pc", &(ret as i32).wrapping_sub(pc));
});

/// Has text and a sequence, and an index into it.
#[inline(never)]
pub fn texts(s: &str, o: &String, w: &[i32], i: usize) -> usize {
    black_box((s, w, i, o));
    black_box(s).len() + black_box(w).len()
}

fn words() {
    const F: &str = "conform::expressions::texts";
    for (s, i, o) in [("alpha", 0, "alpha"), ("", 2, "al"), ("alphabet", 1, "")] {
        let (s, i, o) = black_box((s, i, String::from(o)));
        let w = black_box(vec![i32::MIN, 5, i32::MAX]);
        let ret = texts(s, &o, &w, i);
        put(F, "s", s);
        put(F, "w", &w[..]);
        put(F, "i", &i);
        put(F, "*o", &o);
        put(F, "w[i]", &w[i]);
        put(F, "w[len(w) - 1]", &w[2]);
        put(F, "w[1] + w[0]", &w[1].wrapping_add(w[0]));
        put(F, "w[i] < 0", &(w[i] < 0));
        put(F, "len(s) + len(w)", &(s.len() + w.len()));
        put(F, "len(s) == len(*o)", &(s.len() == o.len()));
        put(F, "s == \"alpha\"", &(s == "alpha"));
        put(F, "s != \"alpha\"", &(s != "alpha"));
        put(F, "*o == \"\"", &o.is_empty());
        put(F, "hasPrefix(s, \"alph\")", &s.starts_with("alph"));
        put(F, "hasPrefix(*o, \"al\") && i == 2", &(o.starts_with("al") && i == 2));
        put(F, "len(s) > 0 && i < 1", &(!s.is_empty() && i < 1));
        put(F, "ret", &ret);
        put(F, "ret == len(s)", &(ret == s.len()));
        put(F, "w[ret % 3]", &w[ret % 3]);
    }
}

pub fn all() {
    sums::all();
    quotients::all();
    bits::all();
    comparisons::all();
    conversions::all();
    results::all();
    words();
}
