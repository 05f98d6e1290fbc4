//! Structs, tuples and what is in them.

use std::hint::black_box;

use crate::cells::{put, Absent, Shown};

#[derive(Clone, Copy)]
pub struct One {
    pub only: i16,
}
fields!(One: only);

#[derive(Clone, Copy)]
pub struct Two {
    pub a: u32,
    pub b: i64,
}
fields!(Two: a b);

#[derive(Clone, Copy)]
pub struct Small {
    pub a: u8,
    pub b: i16,
    pub c: i8,
}
fields!(Small: a b c);

#[derive(Clone, Copy)]
pub struct Three {
    pub a: u8,
    pub b: u64,
    pub c: i32,
}
fields!(Three: a b c);

#[derive(Clone, Copy)]
pub struct Five {
    pub a: bool,
    pub b: char,
    pub c: f64,
    pub d: i128,
    pub e: u16,
}
fields!(Five: a b c d e);

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Laid {
    pub a: u8,
    pub b: u32,
    pub c: u16,
}
fields!(Laid: a b c);

#[derive(Clone, Copy)]
#[repr(C, packed)]
pub struct Packed {
    pub a: u8,
    pub b: i32,
}

impl Shown for Packed {
    fn inner(&self) -> String {
        format!("{{a:{} b:{}}}", { self.a }, { self.b })
    }
}

pub struct Named {
    pub name: String,
    pub n: u32,
}
fields!(Named: name n);

pub struct Lent<'a> {
    pub text: &'a str,
    pub n: i8,
}
fields!(Lent<'_>: text n);

pub struct Nested {
    pub id: UserId,
    pub two: Two,
    pub name: &'static str,
}
fields!(Nested: id two name);

pub struct Cart {
    pub items: Vec<u16>,
    pub owner: Box<Named>,
    pub next: Option<&'static Two>,
}

#[derive(Clone, Copy)]
pub struct UserId(pub u32);

impl Shown for UserId {
    fn inner(&self) -> String {
        format!("({})", self.0)
    }
}

#[derive(Clone, Copy)]
pub struct Span(pub i64, pub i64);

impl Shown for Span {
    fn inner(&self) -> String {
        format!("({} {})", self.0, self.1)
    }
}

#[derive(Clone, Copy)]
pub struct Pair<A, B> {
    pub first: A,
    pub second: B,
}
fields!(Pair<u8, i64>: first second);
fields!(Pair<i16, u16>: first second);

address!(&Two &Three &Five &Named &mut Named &Nested &Cart &(u8, i64));

fn leak<T>(v: T) -> &'static mut T {
    Box::leak(Box::new(v))
}

fn five() -> Five {
    Five { a: true, b: 'λ', c: -0.5, d: i128::MIN, e: 65535 }
}

fn named(name: &str) -> Named {
    Named { name: name.into(), n: u32::MAX }
}

pass! {
    (s, call)
    one: One = One { only: -1 }; |c, v| { c.put("$", v); c.put("$.only", &v.only); }
    two: Two = Two { a: 1, b: -2 }, Two { a: u32::MAX, b: i64::MIN }; |c, v| {
        c.put("$", v);
        c.put("$.a", &v.a);
        c.put("$.b", &v.b);
        c.put("$.a == 1 && $.b < 0", &(v.a == 1 && v.b < 0));
    }
    small: Small = Small { a: 255, b: -300, c: -4 }; |c, v| { c.put("$", v); c.put("$.a", &v.a); c.put("$.b", &v.b); c.put("$.c", &v.c); }
    three: Three = Three { a: 200, b: u64::MAX, c: -3 }; |c, v| { c.put("$", v); c.put("$.a", &v.a); c.put("$.b", &v.b); c.put("$.c", &v.c); }
    many: Five = five(); |c, v| {
        c.put("$", v);
        c.put("$.a", &v.a);
        c.put("$.b", &v.b);
        c.put("$.c", &v.c);
        c.put("$.d", &v.d);
        c.put("$.e", &v.e);
    }
    laid: Laid = Laid { a: 1, b: u32::MAX, c: 3 }; |c, v| { c.put("$", v); c.put("$.b", &v.b); c.put("$.c", &v.c); }
    packed: Packed = Packed { a: 1, b: -2 }; |c, v| { c.put("$", v); c.put("$.b", &{ v.b }); }
    name: Named = named("n"), named(""); |c, v| { c.put("$", v); c.put("$.name", &v.name); c.put("$.n", &v.n); c.put("len($.name)", &v.name.len()); }
    lent: Lent<'static> = Lent { text: "lent", n: -1 }; |c, v| { c.put("$", v); c.put("$.text", &v.text); c.put("$.n", &v.n); }
    nested: Nested = Nested { id: UserId(5), two: Two { a: 6, b: -7 }, name: "eight" }; |c, v| {
        c.put("$", v);
        c.put("$.two", &v.two);
        c.put("$.two.b", &v.two.b);
        c.put("$.name", &v.name);
        c.put("$.id", &v.id);
    }
    id: UserId = UserId(11); |c, v| { c.put("$", v); c.put("$.__0", &v.0); }
    span: Span = Span(-12, i64::MAX); |c, v| { c.put("$", v); c.put("$.__0", &v.0); c.put("$.__1", &v.1); }
    generic: Pair<u8, i64> = Pair { first: 255, second: -13 }; |c, v| { c.put("$", v); c.put("$.first", &v.first); c.put("$.second", &v.second); }
    generic_short: Pair<i16, u16> = Pair { first: -14, second: 65535 }; |c, v| { c.put("$", v); c.put("$.first", &v.first); c.put("$.second", &v.second); }
    pair: (u32, i32) = (u32::MAX, -15); |c, v| { c.put("$", v); c.put("$.__0", &v.0); c.put("$.__1", &v.1); }
    uneven: (u8, u64) = (255, 16); |c, v| { c.put("$", v); c.put("$.__0", &v.0); c.put("$.__1", &v.1); }
    triple: (bool, char, i64) = (true, 't', -17); |c, v| { c.put("$", v); c.put("$.__1", &v.1); c.put("$.__2", &v.2); }
    tuple_text: (&'static str, u16) = ("in a tuple", 18); |c, v| { c.put("$", v); c.put("$.__0", &v.0); c.put("$.__1", &v.1); }
    ref_pair: &'static (u8, i64) = leak((19, -20)); |c, v| { c.put("$", v); c.put("*$", *v); c.put("$.__1", &v.1); }
    ref_two: &'static Two = leak(Two { a: 21, b: -22 }); |c, v| { c.put("$", v); c.put("*$", *v); c.put("$.a", &v.a); c.put("$.b", &v.b); }
    ref_five: &'static Five = leak(five()); |c, v| {
        c.put("*$", *v);
        c.put("$.a", &v.a);
        c.put("$.b", &v.b);
        c.put("$.c", &v.c);
        c.put("$.d", &v.d);
        c.put("$.e", &v.e);
    }
    ref_named: &'static Named = leak(named("by reference")); |c, v| { c.put("*$", *v); c.put("$.name", &v.name); c.put("hasPrefix($.name, \"by\")", &v.name.starts_with("by")); }
    mut_named: &'static mut Named = leak(named("mutable")); |c, v| { c.put("$", v); c.put("$.name", &v.name); c.put("$.n", &v.n); }
    box_two: Box<Two> = Box::new(Two { a: 23, b: -24 }); |c, v| { c.put("$", v); c.put("*$", &**v); c.put("$.b", &v.b); }
    vec_two: Vec<Two> = vec![Two { a: 1, b: -1 }, Two { a: 2, b: -2 }]; |c, v| { c.put("$", v); c.arg("$[1]", &v[1]); }
    slice_two: &'static [Two] = &[Two { a: 3, b: -3 }, Two { a: 4, b: -4 }]; |c, v| { c.arg("$[1].b", &v[1].b); }
    vec_id: Vec<UserId> = vec![UserId(1), UserId(u32::MAX)]; |c, v| { c.put("$", v); }
    array_two: [Small; 2] = [Small { a: 1, b: -1, c: 1 }, Small { a: 2, b: -2, c: -2 }]; |c, v| { c.put("$", v); c.arg("$[1]", &v[1]); c.arg("$[1].c", &v[1].c); }
    ref_nested: &'static Nested = leak(Nested { id: UserId(25), two: Two { a: 26, b: -27 }, name: "28" }); |c, v| {
        c.put("*$", *v);
        c.put("$.id.__0", &v.id.0);
        c.put("$.two.a", &v.two.a);
        c.put("$.name", &v.name);
    }
    cart: Cart = Cart { items: vec![29, 30], owner: Box::new(named("o")), next: Some(leak(Two { a: 31, b: -32 })) },
            Cart { items: vec![33, 34], owner: Box::new(named("")), next: None }; |c, v| {
        c.put("$.items", &v.items);
        c.put("$.items[1]", &v.items[1]);
        c.put("len($.items)", &v.items.len());
        c.put("$.owner.name", &v.owner.name);
        c.put("$.next", &v.next);
        match v.next {
            Some(two) => c.put("$.next.Some.__0.b", &two.b),
            None => c.put("$.next.Some.__0.b", &Absent),
        }
    }
    ref_cart: &'static Cart = leak(Cart { items: vec![35], owner: Box::new(named("r")), next: None }); |c, v| {
        c.put("$", v);
        c.put("$.items", &v.items);
        c.put("$.owner.n", &v.owner.n);
        c.put("$.next", &v.next);
    }
}

/// Returns a field of an element.
#[inline(never)]
pub fn element(twos: &[Two], j: usize) -> i64 {
    black_box((twos, j));
    black_box(twos)[black_box(j)].b
}

pub fn all() {
    pass_all();
    const ELEMENT: &str = "conform::structs::element";
    for j in [1, 0] {
        let twos = black_box(vec![Two { a: 5, b: -5 }, Two { a: 6, b: i64::MAX }]);
        let ret = element(&twos, black_box(j));
        put(ELEMENT, "twos", &twos);
        put(ELEMENT, "twos[j]", &twos[j]);
        put(ELEMENT, "twos[j].a", &twos[j].a);
        put(ELEMENT, "twos[j].b", &twos[j].b);
        put(ELEMENT, "ret", &ret);
        put(ELEMENT, "ret == twos[j].b", &(ret == twos[j].b));
    }
}
