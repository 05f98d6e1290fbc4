//! Methods, traits, generics and closures.

use std::fmt::Debug;
use std::hint::black_box;

use crate::cells::{put, Shown};

/// A function's name by what its symbol tells: the older way of mangling knows
/// of no type arguments.
const fn named(v0: &'static str, legacy: &'static str) -> &'static str {
    if cfg!(v0_names) {
        v0
    } else {
        legacy
    }
}

#[derive(Clone, Copy)]
pub struct Square {
    pub side: u32,
    pub id: i64,
}
fields!(Square: side id);
address!(&Square &mut Square &Circle);

pub struct Circle {
    pub radius: u16,
    pub name: String,
}

pub trait Shape {
    fn area(&self, scale: u32) -> u64;

    /// Is one function for each type that has it.
    #[inline(never)]
    fn twice(&self, by: i64) -> i64 {
        black_box(self);
        black_box(by) * 2
    }
}

impl Shape for Square {
    #[inline(never)]
    fn area(&self, scale: u32) -> u64 {
        black_box(self);
        u64::from(self.side) * u64::from(self.side) * u64::from(black_box(scale))
    }
}

impl Shape for Circle {
    #[inline(never)]
    fn area(&self, scale: u32) -> u64 {
        black_box(self);
        3 * u64::from(self.radius) * u64::from(self.radius) * u64::from(black_box(scale))
    }
}

impl Square {
    #[inline(never)]
    pub fn new(side: u32, id: i64) -> Square {
        black_box(Square { side, id })
    }

    #[inline(never)]
    pub fn taken(self, by: i16) -> i64 {
        black_box(self).id + i64::from(black_box(by))
    }

    #[inline(never)]
    pub fn lent(&self, by: i16) -> i64 {
        black_box(self).id - i64::from(black_box(by))
    }

    #[inline(never)]
    pub fn grow(&mut self, by: u32) -> &mut Square {
        black_box(&mut *self).side += black_box(by);
        black_box(self)
    }
}

#[inline(never)]
pub fn doubled<T: Copy + Debug + std::ops::Add<Output = T>>(v: T) -> T {
    let w = black_box(v);
    w + w
}

#[inline(never)]
pub fn second<T: Copy, const N: usize>(v: [T; N]) -> T {
    black_box(v)[1]
}

#[inline(never)]
pub fn dispatched(s: &dyn Shape, scale: u32) -> u64 {
    black_box(s).area(black_box(scale))
}

#[inline(never)]
pub fn called(f: fn(u32) -> u32, n: u32) -> u32 {
    black_box(f)(black_box(n))
}

fn doubles<T: Shown + Copy + Debug + std::ops::Add<Output = T>>(name: &str, v: T) {
    let v = black_box(v);
    let ret = doubled(v);
    put(name, "v", &v);
    put(name, "ret", &ret);
}

fn squares() {
    const NEW: &str = named("<conform::methods::Square>::new", "conform::methods::Square::new");
    const TAKEN: &str = named("<conform::methods::Square>::taken", "conform::methods::Square::taken");
    const LENT: &str = named("<conform::methods::Square>::lent", "conform::methods::Square::lent");
    const GROW: &str = named("<conform::methods::Square>::grow", "conform::methods::Square::grow");
    let (side, id) = black_box((100_000, i64::MIN + 7));
    let mut square = Square::new(side, id);
    put(NEW, "side", &side);
    put(NEW, "id", &id);
    put(NEW, "ret", &square);
    put(NEW, "ret.side", &square.side);
    put(NEW, "ret.id", &square.id);
    let by = black_box(-7i16);
    let ret = square.taken(by);
    put(TAKEN, "self", &square);
    put(TAKEN, "self.side", &square.side);
    put(TAKEN, "self.id", &square.id);
    put(TAKEN, "by", &by);
    put(TAKEN, "ret", &ret);
    let ret = square.lent(by);
    put(LENT, "self", &&square);
    put(LENT, "*self", &square);
    put(LENT, "self.side", &square.side);
    put(LENT, "self.id", &square.id);
    put(LENT, "self.id + by", &(square.id + i64::from(by)));
    put(LENT, "by", &by);
    put(LENT, "ret", &ret);
    let before = square;
    let grown = square.grow(black_box(5));
    put(GROW, "self", &&mut *grown);
    put(GROW, "*self", &before);
    put(GROW, "self.side", &before.side);
    put(GROW, "by", &5);
    put(GROW, "ret", &&mut *grown);
    put(GROW, "*ret", &*grown);
    put(GROW, "ret.side", &grown.side);
}

fn traits() {
    const SQUARE: &str = "<conform::methods::Square as conform::methods::Shape>::area";
    const CIRCLE: &str = "<conform::methods::Circle as conform::methods::Shape>::area";
    const DISPATCHED: &str = "conform::methods::dispatched";
    let square = black_box(Square { side: 3, id: -4 });
    let circle = black_box(Circle { radius: 65535, name: "round".into() });
    for scale in [1, 10] {
        let scale = black_box(scale);
        let ret = square.area(scale);
        put(SQUARE, "self", &&square);
        put(SQUARE, "*self", &square);
        put(SQUARE, "self.id", &square.id);
        put(SQUARE, "scale", &scale);
        put(SQUARE, "ret", &ret);
        let ret = dispatched(black_box(&circle), scale);
        put(DISPATCHED, "scale", &scale);
        put(DISPATCHED, "ret", &ret);
        put(CIRCLE, "self", &&circle);
        put(CIRCLE, "self.radius", &circle.radius);
        put(CIRCLE, "self.name", &circle.name);
        put(CIRCLE, "scale", &scale);
        put(CIRCLE, "ret", &ret);
    }
}

fn provided() {
    const SQUARE: &str = named("<conform::methods::Square as conform::methods::Shape>::twice", "conform::methods::Shape::twice");
    let square = black_box(Square { side: 7, id: -70 });
    let by = black_box(-1 << 40);
    let ret = square.twice(by);
    put(SQUARE, "self", &&square);
    put(SQUARE, "self.side", &square.side);
    put(SQUARE, "by", &by);
    put(SQUARE, "ret", &ret);
}

fn closures() {
    const FIRST: &str = named("conform::methods::closures::{closure#0}", "conform::methods::closures::{{closure}}");
    const CALLED: &str = "conform::methods::called";
    let base = black_box(1000i64);
    let sum = move |x: u32, y: i8| {
        black_box((x, y));
        base + i64::from(x) + i64::from(y)
    };
    let add: &dyn Fn(u32, i8) -> i64 = black_box(&sum);
    let (x, y) = black_box((u32::MAX, -1));
    let ret = add(x, y);
    put(FIRST, "x", &x);
    put(FIRST, "y", &y);
    put(FIRST, "ret", &ret);
    let n = black_box(21);
    let ret = called(doubled::<u32>, n);
    put(CALLED, "n", &n);
    put(CALLED, "ret", &ret);
    put(named("conform::methods::doubled::<u32>", "conform::methods::doubled"), "v", &n);
    put(named("conform::methods::doubled::<u32>", "conform::methods::doubled"), "ret", &ret);
}

pub fn all() {
    squares();
    traits();
    provided();
    closures();
    doubles(named("conform::methods::doubled::<i32>", "conform::methods::doubled"), -8i32);
    doubles(named("conform::methods::doubled::<u8>", "conform::methods::doubled"), 100u8);
    doubles(named("conform::methods::doubled::<i64>", "conform::methods::doubled"), 1i64 << 40);
    doubles(named("conform::methods::doubled::<u128>", "conform::methods::doubled"), 1u128 << 100);
    let v = black_box([1u64, u64::MAX, 3]);
    let ret = second(v);
    put(named("conform::methods::second::<u64, 3>", "conform::methods::second"), "v", &v);
    put(named("conform::methods::second::<u64, 3>", "conform::methods::second"), "ret", &ret);
    let v = black_box([-1i8, -2]);
    let ret = second(v);
    put(named("conform::methods::second::<i8, 2>", "conform::methods::second"), "v", &v);
    put(named("conform::methods::second::<i8, 2>", "conform::methods::second"), "ret", &ret);
}
