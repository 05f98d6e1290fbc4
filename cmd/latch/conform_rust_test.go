package main

import "testing"

// The reasons why a value of Rust cannot be shown.
const (
	// Floating point is passed and returned in registers no probe sees.
	vectorRust = "in a register that a probe cannot read"
	// The same DWARF describes functions that follow C's convention.
	unstable = `calling convention for it is not stable: the function may be extern "C"`
	// An Option<u128> has a tag of 16 bytes.
	wideTag = "the discriminant has more than 8 bytes"
	// The debug information says where an argument is only behind the code
	// that loads it from the stack.
	onlyLater = "optimised out at the entry: it is stored only later"
)

var refusalsRust = []refusal{
	{"rust/*/*/*", "conform::scalars::f32_", "v", vectorRust},
	{"rust/*/*/*", "conform::scalars::f32_", "ret", vectorRust},
	{"rust/*/*/*", "conform::scalars::f64_", "v", vectorRust},
	{"rust/*/*/*", "conform::scalars::f64_", "ret", vectorRust},
	{"rust/*/*/release", "conform::scalars::nine", "n7", onlyLater},
	{"rust/*/*/release", "conform::scalars::nine", "n8", onlyLater},
	{"rust/*/*/release", "conform::scalars::nine", "n9", onlyLater},
	{"rust/*/*/release", "conform::scalars::split", "q6", onlyLater},
	{"rust/*/*/*", "conform::structs::laid", "ret", unstable},
	{"rust/*/*/*", "conform::structs::laid", "ret.b", unstable},
	{"rust/*/*/*", "conform::structs::laid", "ret.c", unstable},
	{"rust/*/*/*", "conform::structs::packed", "ret", unstable},
	{"rust/*/*/*", "conform::structs::packed", "ret.b", unstable},
	{"rust/*/*/*", "conform::structs::generic_short", "ret", unstable},
	{"rust/*/*/*", "conform::structs::generic_short", "ret.first", unstable},
	{"rust/*/*/*", "conform::structs::generic_short", "ret.second", unstable},
	{"rust/*/*/*", "conform::enums::opt_u128", "e", wideTag},
	{"rust/*/*/*", "conform::enums::opt_u128", "ret", wideTag},
}

func TestConformRust(t *testing.T) {
	const least = 3200
	var builds []prog
	for _, level := range []string{"debug", "release"} {
		builds = append(builds,
			rust("conform").with("v0", "--cfg=v0_names", level),
			rust("conform").with("legacy", "--cfg=legacy_names", level))
	}
	if n := conform(t, refusalsRust, builds...); n < least {
		t.Errorf("%d cells, want at least %d", n, least)
	}
}
