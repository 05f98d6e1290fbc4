/*
 * unwind: calls left by a panic that catch_unwind stops.
 *
 * Truth: 103 rounds; each calls guarded, which calls risky under catch_unwind,
 * which calls inner. inner panics when i % 3 == 0, 35 times: inner and risky
 * are unwound 35 times and return 68 times; guarded returns 103 times.
 * Args: "loop": until stdin has a line.
 * Prints:
 *   calls guarded = 103
 *   returns guarded = 103
 *   calls risky = 103
 *   returns risky = 68
 *   unwound risky = 35
 *   calls inner = 103
 *   returns inner = 68
 *   unwound inner = 35
 *   sum 3468
 */
#[path = "../protocol.rs"]
mod protocol;

use std::hint::black_box;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static RISKY: AtomicU64 = AtomicU64::new(0);
static RISKY_BACK: AtomicU64 = AtomicU64::new(0);
static INNER: AtomicU64 = AtomicU64::new(0);
static INNER_BACK: AtomicU64 = AtomicU64::new(0);

#[inline(never)]
pub fn inner(i: i64, fails: bool) -> i64 {
    INNER.fetch_add(1, Relaxed);
    if fails {
        panic!("inner {i}");
    }
    INNER_BACK.fetch_add(1, Relaxed);
    black_box(i)
}

#[inline(never)]
pub fn risky(i: i64, fails: bool) -> i64 {
    RISKY.fetch_add(1, Relaxed);
    // Dropped on the way out, so that risky has a landing pad.
    let held = black_box(vec![i]);
    let r = inner(held[0], fails);
    RISKY_BACK.fetch_add(1, Relaxed);
    black_box(r)
}

#[inline(never)]
pub fn guarded(i: i64, fails: bool) -> i64 {
    black_box(panic::catch_unwind(|| risky(i, fails)).unwrap_or(0))
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    let looping = protocol::looping();
    protocol::ready();
    if looping {
        protocol::watch_stdin();
    }
    let (mut sum, mut rounds) = (0i64, 0i64);
    loop {
        sum += guarded(rounds, rounds % 3 == 0);
        rounds += 1;
        if if looping { protocol::stop_asked() } else { rounds == 103 } {
            break;
        }
    }
    protocol::calls("guarded", rounds as u64);
    println!("returns guarded = {rounds}");
    for (name, all, back) in [("risky", &RISKY, &RISKY_BACK), ("inner", &INNER, &INNER_BACK)] {
        let (all, back) = (all.load(Relaxed), back.load(Relaxed));
        protocol::calls(name, all);
        println!("returns {name} = {back}");
        println!("unwound {name} = {}", all - back);
    }
    println!("sum {sum}");
    protocol::done();
}
