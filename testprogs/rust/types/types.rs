/*
 * types: enums, bools, options, tuples, generics and traits.
 *
 * Truth: paint(Color): Red 2, Green (5) 3, Blue (-3) 5. flag(bool): true 7,
 * false 3. narrow(u8, i16, u64): 11 times with 255, -2, u64::MAX. maybe(Option<u32>):
 * Some(9) 3, None 2. event(&Event): Key(65) 5, Move{1,2} 7. doubled::<i32> 13
 * times, doubled::<u64> 17 times. <Square as Shape>::area(scale) 19 times
 * and <Circle as Shape>::area(scale) 23 times, by dyn Shape.
 * Prints:
 *   calls paint Red = 2
 *   calls paint Green = 3
 *   calls paint Blue = 5
 *   calls flag true = 7
 *   calls flag false = 3
 *   calls narrow a=255 b=-2 c=18446744073709551615 = 11
 *   calls maybe Some(9) = 3
 *   calls maybe None = 2
 *   calls event Key = 5
 *   calls event Move = 7
 *   calls doubled::<i32> = 13
 *   calls doubled::<u64> = 17
 *   calls <Square as Shape>::area = 19
 *   calls <Circle as Shape>::area = 23
 *   checksum 4458
 */
#[path = "../protocol.rs"]
mod protocol;

use std::hint::black_box;
use std::ops::Add;

#[derive(Clone, Copy)]
#[repr(i32)]
pub enum Color {
    Red,
    Green = 5,
    Blue = -3,
}

pub enum Event {
    Key(u32),
    Move { x: i64, y: i64 },
}

pub trait Shape {
    fn area(&self, scale: i64) -> i64;
}

pub struct Square(i64);
pub struct Circle {
    radius: i64,
}

impl Shape for Square {
    #[inline(never)]
    fn area(&self, scale: i64) -> i64 {
        black_box(scale) * self.0
    }
}

impl Shape for Circle {
    #[inline(never)]
    fn area(&self, scale: i64) -> i64 {
        black_box(scale) + self.radius
    }
}

#[inline(never)]
pub fn paint(c: Color) -> i64 {
    black_box(c) as i64
}

#[inline(never)]
pub fn flag(on: bool) -> i64 {
    black_box(on) as i64
}

#[inline(never)]
pub fn narrow(a: u8, b: i16, c: u64) -> i64 {
    black_box(a) as i64 + black_box(b) as i64 + (black_box(c) == u64::MAX) as i64
}

#[inline(never)]
pub fn maybe(v: Option<u32>) -> i64 {
    black_box(v).map_or(-1, |v| v as i64)
}

#[inline(never)]
pub fn event(e: &Event) -> i64 {
    match black_box(e) {
        Event::Key(k) => *k as i64,
        Event::Move { x, y } => x + y,
    }
}

#[inline(never)]
pub fn doubled<T: Add<Output = T> + Copy>(v: T) -> T {
    black_box(v) + v
}

fn main() {
    let shapes: [Box<dyn Shape>; 2] = [Box::new(Square(3)), Box::new(Circle { radius: 4 })];
    let shapes = black_box(shapes);
    protocol::ready();
    let mut sum = 0i64;
    for (c, times) in [(Color::Red, 2), (Color::Green, 3), (Color::Blue, 5)] {
        (0..times).for_each(|_| sum += paint(c));
    }
    (0..10).for_each(|i| sum += flag(i < 7));
    (0..11).for_each(|_| sum += narrow(255, -2, u64::MAX));
    (0..5).for_each(|i| sum += maybe(if i < 3 { Some(9) } else { None }));
    (0..5).for_each(|_| sum += event(&Event::Key(65)));
    (0..7).for_each(|_| sum += event(&Event::Move { x: 1, y: 2 }));
    (0..13i32).for_each(|i| sum += doubled(i) as i64);
    (0..17u64).for_each(|i| sum += doubled(i) as i64);
    (0..19).for_each(|i| sum += shapes[0].area(i));
    (0..23).for_each(|i| sum += shapes[1].area(i));
    for (what, n) in [
        ("paint Red", 2),
        ("paint Green", 3),
        ("paint Blue", 5),
        ("flag true", 7),
        ("flag false", 3),
        ("narrow a=255 b=-2 c=18446744073709551615", 11),
        ("maybe Some(9)", 3),
        ("maybe None", 2),
        ("event Key", 5),
        ("event Move", 7),
        ("doubled::<i32>", 13),
        ("doubled::<u64>", 17),
        ("<Square as Shape>::area", 19),
        ("<Circle as Shape>::area", 23),
    ] {
        protocol::calls(what, n);
    }
    println!("checksum {sum}");
    protocol::done();
}
