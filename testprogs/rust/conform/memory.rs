//! References, boxes, text and sequences.


use crate::cells::{Counted, Shown};

address!(&i32 &mut i32 &&i32 &f64 &f32 &u128 &bool &char &i8 &[u16; 3]);
address!(&String &mut String &Vec<i16> &mut Vec<i16>);

fn leak<T>(v: T) -> &'static mut T {
    Box::leak(Box::new(v))
}

pass! {
    (m, at)
    ref_i32: &'static i32 = leak(-7), leak(i32::MAX); |c, v| {
        c.put("$", v);
        c.put("*$", *v);
        c.put("*$ + 1", &v.wrapping_add(1));
    }
    ref_i8: &'static i8 = leak(-8); |c, v| { c.put("*$", *v); c.put("int64(*$) * 1000", &(i64::from(**v) * 1000)); }
    ref_bool: &'static bool = leak(true), leak(false); |c, v| { c.put("*$", *v); c.put("!*$", &!**v); }
    ref_char: &'static char = leak('ü'); |c, v| { c.put("*$", *v); }
    ref_u128: &'static u128 = leak(u128::MAX - 1); |c, v| { c.put("*$", *v); }
    ref_f64: &'static f64 = leak(-1.5e300), leak(0.1); |c, v| { c.put("$", v); c.put("*$", *v); c.put("*$ < 0", &(**v < 0.0)); }
    ref_f32: &'static f32 = leak(0.1); |c, v| { c.put("*$", *v); }
    mut_i32: &'static mut i32 = leak(-9); |c, v| { c.put("$", v); c.put("*$", &**v); }
    ref_ref: &'static &'static i32 = leak(&*leak(-10)); |c, v| {
        c.put("$", v);
        c.put("*$", *v);
        c.put("**$", **v);
    }
    box_i32: Box<i32> = Box::new(-11); |c, v| { c.put("$", v); c.put("*$", &**v); }
    box_box: Box<Box<u16>> = Box::new(Box::new(12)); |c, v| { c.put("$", v); c.put("**$", &***v); }
    str_: &'static str = "", "text", "a \"quoted\" \\ é"; |c, v| {
        c.put("$", v);
        c.put("len($)", &v.len());
        c.put("$ == \"text\"", &(*v == "text"));
        c.put("$ != \"\"", &!v.is_empty());
        c.put("hasPrefix($, \"te\")", &v.starts_with("te"));
    }
    ref_str: &'static &'static str = leak("nested"); |c, v| { c.put("*$", *v); }
    string: String = String::new(), String::from("string"); |c, v| {
        c.put("$", v);
        c.put("len($)", &v.len());
        c.put("$ == \"string\"", &(v == "string"));
        c.put("hasPrefix($, \"st\")", &v.starts_with("st"));
    }
    ref_string: &'static String = leak(String::from("by reference")); |c, v| {
        c.put("$", v);
        c.put("*$", *v);
        c.put("*$ == \"by reference\"", &(*v == "by reference"));
        c.put("len(*$)", &v.len());
    }
    mut_string: &'static mut String = leak(String::from("mutable")); |c, v| { c.put("$", v); c.put("*$", &**v); }
    box_str: Box<str> = Box::from("boxed"), Box::from(""); |c, v| { c.put("$", v); c.put("len($)", &v.len()); }
    slice: &'static [u16] = &[], &[1, 65535, 3]; |c, v| { c.put("$", v); c.put("len($)", &v.len()); }
    slice_i64: &'static [i64] = &[i64::MIN, -1, i64::MAX]; |c, v| {
        c.put("$", v);
        c.arg("$[0]", &v[0]);
        c.arg("$[2]", &v[2]);
        c.arg("$[0] < $[1]", &(v[0] < v[1]));
        c.put("$[at]", &v[1]);
    }
    slice_bytes: &'static [u8] = b"raw"; |c, v| {
        c.put("len($)", &v.len());
        c.arg("$[1]", &v[1]);
        c.put("str($, 2)", "ra");
    }
    slice_mut: &'static mut [i32] = &mut leak([-1, 2])[..]; |c, v| { c.put("$", v); c.arg("$[0]", &v[0]); }
    slice_pairs: &'static [(u32, u32)] = &[(1, 2), (3, 4)]; |c, v| { c.put("$", v); c.arg("$[1]", &v[1]); c.put("len($)", &v.len()); }
    slice_str: &'static [&'static str] = &["a", "bc"]; |c, v| {
        c.put("$", &Counted("&[&str]", v.len()));
        c.arg("$[1]", &v[1]);
    }
    vec: Vec<u32> = vec![], vec![42, u32::MAX]; |c, v| { c.put("$", v); c.put("len($)", &v.len()); }
    vec_bool: Vec<bool> = vec![true, false]; |c, v| { c.put("$", v); c.arg("$[0]", &v[0]); }
    vec_i8: Vec<i8> = vec![-1, 0, 1]; |c, v| { c.put("$", v); c.arg("$[0]", &v[0]); c.put("$[at]", &v[1]); }
    vec_char: Vec<char> = vec!['a', 'é']; |c, v| { c.put("$", v); c.arg("$[1]", &v[1]); }
    vec_string: Vec<String> = vec![String::from("a"), String::from("bc")]; |c, v| {
        c.put("$", &Counted("Vec<String>", v.len()));
        c.arg("$[1]", &v[1]);
        c.arg("len($[1])", &v[1].len());
    }
    ref_vec: &'static Vec<i16> = leak(vec![-5, 6]); |c, v| { c.put("$", v); c.put("len(*$)", &v.len()); c.arg("(*$)[1]", &v[1]); c.arg("$[1]", &v[1]); }
    mut_vec: &'static mut Vec<i16> = leak(vec![-7]); |c, v| { c.put("$", v); c.put("*$", &**v); c.arg("(*$)[0]", &v[0]); }
    box_slice: Box<[u16]> = Box::from([44, 45, 46]); |c, v| { c.put("$", v); c.put("len($)", &v.len()); c.arg("$[2]", &v[2]); }
    array: [i32; 3] = [i32::MIN, 0, i32::MAX]; |c, v| { c.put("$", v); c.arg("$[0]", &v[0]); c.arg("$[2]", &v[2]); c.put("len($)", &v.len()); }
    array_short: [u8; 4] = [1, 2, 3, 255]; |c, v| { c.put("$", v); c.arg("$[3]", &v[3]); }
    array_long: [u64; 5] = [1, 2, 3, 4, u64::MAX]; |c, v| { c.put("$", v); c.arg("$[4]", &v[4]); c.put("$[at]", &v[1]); }
    ref_array: &'static [u16; 3] = leak([7, 8, 9]); |c, v| { c.put("$", v); c.put("*$", *v); c.arg("(*$)[1]", &v[1]); c.arg("$[1]", &v[1]); }
    raw: *const i32 = &raw const *leak(-13); |c, v| { c.put("$", &Pointer(*v as usize)); c.put("*$", unsafe { &**v }); }
}

/// A raw pointer.
struct Pointer(usize);

impl Shown for Pointer {
    fn inner(&self) -> String {
        format!("{:#x}", self.0)
    }
}

pub fn all() {
    pass_all();
}
