/*
 * strings: &str keys, which have a length and no terminator.
 *
 * Truth: lookup(key: &str, n) is called 11 times with "alpha", 7 with "beta"
 * (both lie inside one longer string), 5 with "", 3 with "größe", 2 with 300
 * 'x', and 1 time with "a\0b". owned(&String) is called 3 times with "gamma".
 * Prints:
 *   calls lookup alpha = 11
 *   calls lookup beta = 7
 *   calls lookup "" = 5
 *   calls lookup größe = 3
 *   calls lookup xxx... = 2
 *   calls lookup "a\0b" = 1
 *   calls owned gamma = 3
 *   sum 812
 */
#[path = "../protocol.rs"]
mod protocol;

use std::hint::black_box;

#[inline(never)]
pub fn lookup(key: &str, n: u64) -> u64 {
    black_box(key);
    key.len() as u64 + n
}

#[inline(never)]
pub fn owned(key: &String) -> u64 {
    black_box(key);
    key.len() as u64
}

fn main() {
    let joined = black_box(String::from("alphabetagamma"));
    let long = "x".repeat(300);
    let gamma = String::from("gamma");
    let plan: [(&str, &str, u64); 6] = [
        (&joined[..5], "alpha", 11),
        (&joined[5..9], "beta", 7),
        ("", "\"\"", 5),
        ("größe", "größe", 3),
        (&long, "xxx...", 2),
        ("a\0b", "\"a\\0b\"", 1),
    ];
    protocol::ready();
    let mut sum = 0;
    for (key, _, times) in plan {
        for n in 0..times {
            sum += lookup(key, n);
        }
    }
    for _ in 0..3 {
        sum += owned(&gamma);
    }
    for (_, name, times) in plan {
        protocol::calls(&format!("lookup {name}"), times);
    }
    protocol::calls("owned gamma", 3);
    println!("sum {sum}");
    protocol::done();
}
