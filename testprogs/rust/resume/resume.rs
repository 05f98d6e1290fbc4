/*
 * resume: an async fn is polled, and each poll is a call.
 *
 * Truth: fetch(key) is called 7 times, inlined. Its body, resume::fetch::{{closure}}
 * (by v0 names fetch::{closure#0} or {async_fn#0}), is polled 4 times for
 * each, as it waits 3 times: 28 calls, of which 21 return Pending. step, which
 * the body calls between its waits, has 21 calls.
 * Prints:
 *   calls fetch = 7
 *   calls fetch body = 28
 *   calls step = 21
 *   sum 84
 */
#[path = "../protocol.rs"]
mod protocol;

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

static STEPS: AtomicU64 = AtomicU64::new(0);

#[inline(never)]
pub fn step(key: u64) -> u64 {
    STEPS.fetch_add(1, Relaxed);
    black_box(key)
}

/// Once is pending the first time it is polled.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}

pub async fn fetch(key: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..3 {
        sum += step(key) + 1;
        Once(false).await;
    }
    sum
}

fn main() {
    protocol::ready();
    let (mut polls, mut sum) = (0, 0);
    let mut context = Context::from_waker(Waker::noop());
    for key in 0..7 {
        // Boxed as dyn, or the body would be inlined here.
        let mut task: Pin<Box<dyn Future<Output = u64>>> = black_box(Box::pin(fetch(key)));
        loop {
            polls += 1;
            if let Poll::Ready(v) = task.as_mut().poll(&mut context) {
                sum += v;
                break;
            }
        }
    }
    protocol::calls("fetch", 7);
    protocol::calls("fetch body", polls);
    protocol::calls("step", STEPS.load(Relaxed));
    println!("sum {sum}");
    protocol::done();
}
