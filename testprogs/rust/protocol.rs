//! What every test program in Rust says and waits for; testprogs/c/protocol.h
//! explains it.
#![allow(dead_code)]

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Prints "ready PID" and waits for a line.
pub fn ready() {
    println!("ready {}", std::process::id());
    read_line();
}

/// Prints "done" and waits for a line or the end of stdin.
pub fn done() {
    println!("done");
    read_line();
}

fn read_line() {
    io::stdout().flush().unwrap();
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).unwrap();
}

/// Whether the program was told to work until stdin has a line.
pub fn looping() -> bool {
    std::env::args().nth(1).as_deref() == Some("loop")
}

static STOP: AtomicBool = AtomicBool::new(false);

/// Makes stop_asked true once stdin has a line or has ended.
pub fn watch_stdin() {
    std::thread::spawn(|| {
        read_line();
        STOP.store(true, Ordering::Relaxed);
    });
}

pub fn stop_asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Prints a count of calls.
pub fn calls(what: &str, n: u64) {
    println!("calls {what} = {n}");
}
