//! How the parts of conform print what latch has to show.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static LOUD: AtomicBool = AtomicBool::new(false);
static CELLS: AtomicU64 = AtomicU64::new(0);

/// Finds out whether the program is to print values.
pub fn choose() {
    LOUD.store(std::env::args().nth(1).as_deref() == Some("values"), Ordering::Relaxed);
}

/// The number of values so far.
pub fn count() -> u64 {
    CELLS.load(Ordering::Relaxed)
}

/// A value that latch can show.
pub trait Shown {
    /// How it looks inside of another.
    fn inner(&self) -> String;

    /// How it looks alone, as JSON.
    fn json(&self) -> String {
        quoted(&self.inner())
    }
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// Values that look the same everywhere.
macro_rules! plain {
    ($($type:ty)*) => {
        $(impl Shown for $type {
            fn inner(&self) -> String {
                format!("{self:?}")
            }
            fn json(&self) -> String {
                self.inner()
            }
        })*
    };
}

plain!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize bool f32 f64);

impl Shown for char {
    fn inner(&self) -> String {
        quoted(&self.to_string())
    }
    fn json(&self) -> String {
        self.inner()
    }
}

impl Shown for str {
    fn inner(&self) -> String {
        quoted(self)
    }
    fn json(&self) -> String {
        self.inner()
    }
}

macro_rules! text {
    ($($type:ty)*) => {
        $(impl Shown for $type {
            fn inner(&self) -> String {
                (**self).inner()
            }
            fn json(&self) -> String {
                (**self).json()
            }
        })*
    };
}

text!(&str String Box<str>);

impl<T: Shown> Shown for [T] {
    fn inner(&self) -> String {
        format!("[{}]", self.iter().map(Shown::inner).collect::<Vec<_>>().join(" "))
    }
}

impl<T: Shown, const N: usize> Shown for [T; N] {
    fn inner(&self) -> String {
        self[..].inner()
    }
}

macro_rules! sequence {
    ($($type:ty)*) => {
        $(impl<T: Shown> Shown for $type {
            fn inner(&self) -> String {
                self[..].inner()
            }
        })*
    };
}

sequence!(Vec<T> &[T] &mut [T] Box<[T]>);

/// What is shown by its address.
macro_rules! address {
    ($($type:ty)*) => {
        $(impl Shown for $type {
            fn inner(&self) -> String {
                format!("{:p}", &raw const **self)
            }
        })*
    };
}

/// What a sequence of things that are not shown looks like.
pub struct Counted(pub &'static str, pub usize);

impl Shown for Counted {
    fn inner(&self) -> String {
        format!("{}({})", self.0, self.1)
    }
}

/// What is shown for the field of a variant that is not there.
pub struct Absent;

impl Shown for Absent {
    fn inner(&self) -> String {
        "(none)".into()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn inner(&self) -> String {
        match self {
            Some(v) => format!("Some({})", v.inner()),
            None => "None".into(),
        }
    }
}

impl<T: Shown, E: Shown> Shown for Result<T, E> {
    fn inner(&self) -> String {
        match self {
            Ok(v) => format!("Ok({})", v.inner()),
            Err(e) => format!("Err({})", e.inner()),
        }
    }
}

impl<A: Shown, B: Shown> Shown for (A, B) {
    fn inner(&self) -> String {
        format!("({} {})", self.0.inner(), self.1.inner())
    }
}

impl<A: Shown, B: Shown, C: Shown> Shown for (A, B, C) {
    fn inner(&self) -> String {
        format!("({} {} {})", self.0.inner(), self.1.inner(), self.2.inner())
    }
}

impl<T: Shown> Shown for Box<T> {
    fn inner(&self) -> String {
        format!("{:p}", &raw const **self)
    }
}

/// Structs, in the order of their declaration.
macro_rules! fields {
    ($type:ty: $($field:ident)*) => {
        impl $crate::cells::Shown for $type {
            fn inner(&self) -> String {
                let all = [$(format!(concat!(stringify!($field), ":{}"), self.$field.inner())),*];
                format!("{{{}}}", all.join(" "))
            }
        }
    };
}

/// Prints what an expression is in a function.
pub fn put<T: Shown + ?Sized>(function: &str, expr: &str, v: &T) {
    CELLS.fetch_add(1, Ordering::Relaxed);
    if LOUD.load(Ordering::Relaxed) {
        println!("value {function}: {expr} = {}", v.json());
    }
}

/// A function, and what stands for $ in expressions.
pub struct Of(pub &'static str, pub &'static str);

impl Of {
    pub fn put<T: Shown + ?Sized>(&self, expr: &str, v: &T) {
        put(self.0, &expr.replace('$', self.1), v);
    }

    /// Asks only of the argument. What is asked of one result is asked of all,
    /// and a function has room for 32 words.
    pub fn arg<T: Shown + ?Sized>(&self, expr: &str, v: &T) {
        if self.1 != "ret" {
            self.put(expr, v);
        }
    }
}

/// Functions that return their first argument; the second counts the calls.
/// What they are called with, and what to ask of the argument and the result.
macro_rules! pass {
    (($arg:ident, $end:ident) $($name:ident: $type:ty = $($value:expr),+; |$c:ident, $v:ident| $show:block)*) => {
        $(
            #[inline(never)]
            pub fn $name($arg: $type, $end: u32) -> $type {
                // Without its name the compiler merges it with its like.
                std::hint::black_box((stringify!($name), $end));
                std::hint::black_box($arg)
            }
        )*

        #[allow(clippy::redundant_closure_call)]
        fn pass_all() {
            $({
                const NAME: &str = concat!(module_path!(), "::", stringify!($name));
                fn show($c: &$crate::cells::Of, $v: &$type) $show
                let mut end = 0;
                $(
                    end += 1;
                    let v: $type = std::hint::black_box($value);
                    show(&$crate::cells::Of(NAME, stringify!($arg)), &v);
                    $crate::cells::put(NAME, stringify!($end), &end);
                    let ret = std::hint::black_box($name(v, std::hint::black_box(end)));
                    show(&$crate::cells::Of(NAME, "ret"), &ret);
                )+
            })*
        }
    };
}
