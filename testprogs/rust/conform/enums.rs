//! Options, results and enums.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use crate::cells::{Absent, Of, Shown};

/// An enum without data, and the names of its variants.
macro_rules! names {
    ($type:ident: $($variant:ident)*) => {
        impl Shown for $type {
            fn inner(&self) -> String {
                match self { $($type::$variant => stringify!($variant).into()),* }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq)]
pub enum Color {
    Red,
    Green = 5,
    Blue = 200,
}
names!(Color: Red Green Blue);

#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum Byte {
    Low = 1,
    High = 255,
}
names!(Byte: Low High);

#[derive(Clone, Copy, PartialEq)]
#[repr(i32)]
pub enum Sign {
    Minus = -70000,
    Zero = 0,
    Plus = i32::MAX,
}
names!(Sign: Minus Zero Plus);

#[derive(Clone, Copy, PartialEq)]
#[repr(i64)]
pub enum Far {
    Lowest = i64::MIN,
    Highest = i64::MAX,
}
names!(Far: Lowest Highest);
names!(Ordering: Less Equal Greater);

pub enum Event {
    Key(u32),
    Move { x: i64, y: i64 },
    Text(String),
    Quit,
}

impl Shown for Event {
    fn inner(&self) -> String {
        match self {
            Event::Key(k) => format!("Key({})", k.inner()),
            Event::Move { x, y } => format!("Move{{x:{} y:{}}}", x.inner(), y.inner()),
            Event::Text(t) => format!("Text({})", t.inner()),
            Event::Quit => "Quit".into(),
        }
    }
}

#[repr(u8)]
pub enum Shape {
    Dot,
    Line(u32),
    Rect { w: u8, h: i16 },
}

impl Shown for Shape {
    fn inner(&self) -> String {
        match self {
            Shape::Dot => "Dot".into(),
            Shape::Line(n) => format!("Line({})", n.inner()),
            Shape::Rect { w, h } => format!("Rect{{w:{} h:{}}}", w.inner(), h.inner()),
        }
    }
}

/// Prints a part of a variant.
fn part<T: Shown>(c: &Of, expr: &str, v: Option<T>) {
    match v {
        Some(v) => c.put(expr, &v),
        None => c.put(expr, &Absent),
    }
}

address!(&Option<u32> &Event &Color);

#[derive(Clone, Copy)]
pub struct Point {
    pub x: i16,
    pub y: i16,
    pub z: i16,
}
fields!(Point: x y z);

fn leak<T>(v: T) -> &'static mut T {
    Box::leak(Box::new(v))
}

impl Shown for NonZeroU32 {
    fn inner(&self) -> String {
        format!("({})", self.get())
    }
}

pass! {
    (e, nth)
    opt_i32: Option<i32> = Some(i32::MIN), None, Some(7); |c, v| { c.put("$", v); part(c, "$.Some.__0", *v); }
    opt_u8: Option<u8> = Some(200), None; |c, v| { c.put("$", v); part(c, "$.Some.__0", *v); }
    opt_u64: Option<u64> = Some(u64::MAX), None; |c, v| { c.put("$", v); part(c, "$.Some.__0", *v); }
    opt_bool: Option<bool> = Some(true), Some(false), None; |c, v| { c.put("$", v); part(c, "$.Some.__0", *v); }
    opt_char: Option<char> = Some('x'), None; |c, v| { c.put("$", v); part(c, "$.Some.__0", *v); }
    opt_ref: Option<&'static i32> = Some(leak(-5)), None; |c, v| {
        c.put("$", v);
        part(c, "*$.Some.__0", v.copied());
    }
    opt_box: Option<Box<i32>> = Some(Box::new(-6)), None; |c, v| { c.put("$", v); part(c, "*$.Some.__0", v.as_deref().copied()); }
    opt_str: Option<&'static str> = Some("abc"), None, Some(""); |c, v| { c.put("$", v); part(c, "$.Some.__0", *v); }
    opt_string: Option<String> = Some(String::from("abcd")), None; |c, v| { c.put("$", v); part(c, "$.Some.__0", v.as_deref()); }
    opt_vec: Option<Vec<u16>> = Some(vec![8, 9]), None; |c, v| { c.put("$", v); }
    opt_slice: Option<&'static [u16]> = Some(&[10, 11]), None; |c, v| { c.put("$", v); }
    opt_opt_bool: Option<Option<bool>> = Some(Some(true)), Some(None), None; |c, v| {
        c.put("$", v);
        part(c, "$.Some.__0.Some.__0", v.flatten());
    }
    opt_opt_u32: Option<Option<u32>> = Some(Some(12)), Some(None), None; |c, v| {
        c.put("$", v);
        part(c, "$.Some.__0", *v);
        part(c, "$.Some.__0.Some.__0", v.flatten());
    }
    opt_order: Option<Ordering> = Some(Ordering::Less), Some(Ordering::Greater), None; |c, v| { c.put("$", v); }
    opt_sign: Option<Sign> = Some(Sign::Minus), Some(Sign::Zero), None; |c, v| { c.put("$", v); }
    ref_opt_f64: &'static Option<f64> = leak(Some(1.5)), leak(None); |c, v| { c.put("*$", *v); }
    opt_point: Option<Point> = Some(Point { x: 1, y: -2, z: 3 }), None; |c, v| { c.put("$", v); part(c, "$.Some.__0.y", v.map(|p| p.y)); }
    opt_pair: Option<(u8, u8)> = Some((1, 2)), None; |c, v| { c.put("$", v); }
    opt_u128: Option<u128> = Some(u128::MAX), None; |c, v| { c.put("$", v); }
    res_u32: Result<u32, u32> = Ok(13), Err(u32::MAX); |c, v| {
        c.put("$", v);
        part(c, "$.Ok.__0", v.ok());
        part(c, "$.Err.__0", v.err());
    }
    res_mixed: Result<u8, i16> = Ok(255), Err(-300); |c, v| { c.put("$", v); part(c, "$.Ok.__0", v.ok()); part(c, "$.Err.__0", v.err()); }
    res_string: Result<String, i32> = Ok(String::from("fine")), Err(-14); |c, v| {
        c.put("$", v);
        part(c, "$.Ok.__0", v.as_deref().ok());
        part(c, "$.Err.__0", v.as_ref().err().copied());
    }
    res_str: Result<&'static str, u8> = Ok("good"), Err(15); |c, v| { c.put("$", v); }
    res_box: Result<u64, Box<u32>> = Ok(16), Err(Box::new(17)); |c, v| { c.put("$", v); }
    res_opt: Result<Option<u32>, u8> = Ok(Some(18)), Ok(None), Err(19); |c, v| { c.put("$", v); part(c, "$.Err.__0", v.err()); }
    color: Color = Color::Red, Color::Green, Color::Blue; |c, v| {
        c.put("$", v);
        c.put("$ == Green", &(*v == Color::Green));
        c.put("uint8($)", &(*v as u8));
    }
    byte: Byte = Byte::Low, Byte::High; |c, v| { c.put("$", v); c.put("int32($)", &i32::from(*v as u8)); }
    sign: Sign = Sign::Minus, Sign::Zero, Sign::Plus; |c, v| { c.put("$", v); c.put("$ != Minus", &(*v != Sign::Minus)); c.put("int64($)", &i64::from(*v as i32)); }
    far: Far = Far::Lowest, Far::Highest; |c, v| { c.put("$", v); }
    ref_color: &'static Color = leak(Color::Blue); |c, v| { c.put("$", v); c.put("*$", *v); c.put("*$ == Blue", &(**v == Color::Blue)); }
    vec_color: Vec<Color> = vec![Color::Blue, Color::Red]; |c, v| { c.put("$", v); }
    array_sign: [Sign; 2] = [Sign::Plus, Sign::Minus]; |c, v| { c.put("$", v); }
    event: Event = Event::Key(65), Event::Move { x: i64::MIN, y: -2 }, Event::Text(String::from("hi")), Event::Quit; |c, v| {
        c.put("$", v);
        part(c, "$.Key.__0", match v { Event::Key(k) => Some(*k), _ => None });
        part(c, "$.Move.x", match v { Event::Move { x, .. } => Some(*x), _ => None });
        part(c, "$.Move.y", match v { Event::Move { y, .. } => Some(*y), _ => None });
        part(c, "$.Text.__0", match v { Event::Text(t) => Some(&**t), _ => None });
    }
    shape: Shape = Shape::Dot, Shape::Line(u32::MAX), Shape::Rect { w: 255, h: -4 }; |c, v| {
        c.put("$", v);
        part(c, "$.Line.__0", match v { Shape::Line(n) => Some(*n), _ => None });
        part(c, "$.Rect.h", match v { Shape::Rect { h, .. } => Some(*h), _ => None });
    }
    ref_event: &'static Event = leak(Event::Key(66)), leak(Event::Move { x: 1, y: 2 }); |c, v| {
        c.put("$", v);
        c.put("*$", *v);
        part(c, "$.Key.__0", match v { Event::Key(k) => Some(*k), _ => None });
        part(c, "$.Move.y", match v { Event::Move { y, .. } => Some(*y), _ => None });
    }
    ref_opt: &'static Option<u32> = leak(Some(20)), leak(None); |c, v| { c.put("$", v); c.put("*$", *v); part(c, "$.Some.__0", **v); }
}

pub fn all() {
    pass_all();
}
