package main

import "testing"

// compilers are the eight builds of a program in C or C++.
func compilers(p prog) (builds []prog) {
	for _, cc := range [][]string{nil, {"clang"}} {
		for _, level := range []string{"-O0", "-O2"} {
			for _, version := range []string{"-gdwarf-4", "-gdwarf-5"} {
				builds = append(builds, p.with(append(cc, level, version)...))
			}
		}
	}
	return builds
}

// The reasons why a value of C or C++ cannot be shown.
const (
	noVector   = "in a register that a probe cannot read"
	lost       = "optimised out"
	inRegister = "lies in registers: only a constant index can be read"
	dropped    = "the compiler may have dropped it unseen"
	x87        = "long double is a value that cannot be shown"
)

var refusalsC = []refusal{
	// Floating point is passed and returned in registers no probe sees.
	{"c/*/*/*", "c_float", "*", noVector},
	{"c/*/*/*", "c_double", "*", noVector},
	{"c/*/*/*", "c_complex", "v", noVector},
	{"c/*/*/*", "c_long_double", "ret", noVector},
	{"c/*/*/*", "c_double_double", "v.f", noVector},
	{"c/*/*/*", "c_double_double", "v.g", noVector},
	{"c/*/*/*", "c_double_double", "ret.f", noVector},
	{"c/*/*/*", "c_double_double", "ret.g", noVector},
	{"c/*/*/*", "c_nine_doubles", "d1", noVector},
	{"c/*/*/*", "c_nine_doubles", "d8", noVector},
	// Parts of structs are, too.
	{"c/*/*/*", "c_long_double_", "v.f", lost},
	{"c/*/*/*", "c_long_double_", "ret.f", lost},
	{"c/*/*/*", "c_double_long", "v.f", lost},
	{"c/*/*/*", "c_double_long", "ret.f", lost},
	{"c/*/*/*", "c_floats_long", "v.g", lost},
	{"c/*/*/*", "c_floats_long", "ret.g", lost},
	// Extended precision has no text.
	{"c/*/*/*", "c_long_double", "v", x87},
	{"c/*/*/*", "c_long_doubles", "x2", x87},
	{"c/*/*/*", "c_reals", "r.ld", x87},
	// Text must lie in memory.
	{"c/*/*/*", "c_named", "v.name", inRegister},
	{"c/*/*/*", "c_named", "ret.name", inRegister},
	{"c/*/*/*", "c_full", "v.name", inRegister},
	{"c/*/*/*", "c_full", "ret.name", inRegister},
	{"c/*/*/*", "c_find", "ret.why", inRegister},
	// It leaves by a jump to snprintf.
	{"c/*/-O2/*", "c_fill", "ret", "jump to code that is not followed"},
	{"c/*/-O2/*", "c_fill", "str(buffer, ret)", "jump to code that is not followed"},
	// The debug information tells only where its parts are later.
	{"c/*/-O2/*", "c_int128s", "big", lost},
	{"c/clang/-O2/*", "c_int128", "v", lost},
	{"c/clang/-O2/*", "c_stack", "s9", lost},
	{"c/clang/-O2/*", "c_variadic", "format", lost},
	// clang before 16 drops the results of local functions unseen.
	{"c/clang/-O2/*", "c_twin", "ret", dropped},
}

func TestConformC(t *testing.T) {
	const least = 4500
	if n := conform(t, refusalsC, compilers(c("conform"))...); n < least {
		t.Errorf("%d cells, want at least %d", n, least)
	}
}

var refusalsCXX = []refusal{
	// How pointers to members are passed is not known.
	{"cxx/*/-O0/*", "conform::member_pointer", "behind", "calling convention for it is not stable"},
	// A virtual base's place is known only at run time.
	{"cxx/*/*/*", "conform::diamond::facets", "this.id", "has no field \"id\""},
	// The debug information tells only where they are later.
	{"cxx/clang/-O2/*", "conform::null_pointer", "v", lost},
	{"cxx/clang/-O2/*", "conform::pair_value", "p.first", lost},
	{"cxx/clang/-O2/*", "conform::(anonymous namespace)::unnamed_space", "ret", dropped},
	{"cxx/clang/-O2/*", "conform::through<conform::lambdas()::$_0&>", "ret", dropped},
	{"cxx/clang/-O2/*", "conform::lambdas()::$_0::operator()", "ret", dropped},
	{"cxx/clang/-O2/*", "conform::lambdas()::$_1::operator()", "ret", dropped},
}

func TestConformCXX(t *testing.T) {
	const least = 1800
	if n := conform(t, refusalsCXX, compilers(cxx("conform"))...); n < least {
		t.Errorf("%d cells, want at least %d", n, least)
	}
}
