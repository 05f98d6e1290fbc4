/*
 * mangling: names that legacy mangling cannot tell apart.
 *
 * Truth: store::load::<u32> is called 11 times, store::load::<u64> 7 times: two
 * symbols, both "mangling::store::load" once the hash is dropped. cache::load
 * is called 5 times, Cart::price 13 times, <Cart as Priced>::tax 3 times.
 * Prints:
 *   calls store::load::<u32> = 11
 *   calls store::load::<u64> = 7
 *   calls cache::load = 5
 *   calls Cart::price = 13
 *   calls <Cart as Priced>::tax = 3
 *   sum 313
 */
#[path = "../protocol.rs"]
mod protocol;

use std::hint::black_box;

pub mod store {
    #[inline(never)]
    pub fn load<T: Into<u64> + Copy>(key: T) -> u64 {
        std::hint::black_box(key).into()
    }
}

pub mod cache {
    #[inline(never)]
    pub fn load(key: u64) -> u64 {
        std::hint::black_box(key) + 1
    }
}

pub struct Cart {
    items: u64,
}

impl Cart {
    #[inline(never)]
    pub fn price(&self, discount: u64) -> u64 {
        self.items + black_box(discount)
    }
}

pub trait Priced {
    fn tax(&self, percent: u64) -> u64;
}

impl Priced for Cart {
    #[inline(never)]
    fn tax(&self, percent: u64) -> u64 {
        self.items * black_box(percent)
    }
}

fn main() {
    let cart = black_box(Cart { items: 9 });
    protocol::ready();
    let mut sum = 0;
    (0..11u32).for_each(|i| sum += store::load(i));
    (0..7u64).for_each(|i| sum += store::load(i));
    (0..5).for_each(|i| sum += cache::load(i));
    (0..13).for_each(|i| sum += cart.price(i));
    (0..3).for_each(|i| sum += cart.tax(i));
    protocol::calls("store::load::<u32>", 11);
    protocol::calls("store::load::<u64>", 7);
    protocol::calls("cache::load", 5);
    protocol::calls("Cart::price", 13);
    protocol::calls("<Cart as Priced>::tax", 3);
    println!("sum {sum}");
    protocol::done();
}
