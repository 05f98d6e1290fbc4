package main

import "testing"

func cxx(name string, args ...string) prog { return prog{lang: "cxx", name: name, args: args} }

func rust(name string, args ...string) prog { return prog{lang: "rust", name: name, args: args} }

// keysOf is the expectation for the keys of one function.
func keysOf(name string, pairs ...any) map[string]map[string]uint64 {
	return map[string]map[string]uint64{name: counts(pairs...)}
}

// TestCXX measures the C++ programs.
func TestCXX(t *testing.T) {
	thrown := map[string]string{"shop::outer(int, bool)": allReturned(103), "shop::middle(int, bool)": unwoundOf(103, 35),
		"shop::inner(int, bool)": unwoundOf(114, 46), "shop::rethrow(int)": unwoundOf(11, 11)}
	exception := []string{"shop::outer", "shop::middle", "shop::inner", "shop::rethrow"}
	accept(t, []acceptance{
		{label: "M3", prog: cxx("exception"), latch: exception, want: thrown},
		{label: "clang", prog: cxx("exception").with("clang"), latch: exception, want: thrown},
		{label: "O0", prog: cxx("exception").with("-O0"), latch: exception, want: thrown},
		{label: "static", prog: cxx("exception").with("-static"), latch: exception, want: thrown},
		{label: "full names", prog: cxx("overload"),
			latch: []string{"ns::f(double, int)", "ns::f(int)", "ns::f(char const*)", "other::f(int)", "f(int)"},
			want: map[string]string{"ns::f(double, int)": allReturned(7), "ns::f(int)": allReturned(11), "ns::f(char const*)": allReturned(13),
				"other::f(int)": allReturned(5), "f(int)": allReturned(3)}},
		{label: "one", prog: cxx("overload"), latch: []string{"ns::f(double, int)", "--by", "id"},
			want: map[string]string{"ns::f(double, int)": allReturned(7)}, keys: keysOf("ns::f(double, int)", "42", 7)},
		{label: "string", prog: cxx("overload"), latch: []string{"ns::f(char const*)", "--by", "str(arg0)"},
			want: map[string]string{"ns::f(char const*)": allReturned(13)}, keys: keysOf("ns::f(char const*)", "alpha", 13)},
		{label: "symbol", prog: cxx("overload"), latch: []string{"_ZN2ns1fEi"}, want: map[string]string{"ns::f(int)": allReturned(11)}},
		{label: "glob", prog: cxx("overload"), latch: []string{"ns::f*"},
			want: map[string]string{"ns::f(double, int)": allReturned(7), "ns::f(int)": allReturned(11), "ns::f(char const*)": allReturned(13)}},
		{label: "regexp", prog: cxx("overload"), latch: []string{`/^(ns|other)::f\(int\)$/`},
			want: map[string]string{"ns::f(int)": allReturned(11), "other::f(int)": allReturned(5)}},
		{prog: cxx("template"), latch: []string{"biggest<int>", "biggest<long>", "biggest<double>", "box<int>::put", "box<char const*>::put"},
			want: map[string]string{"biggest<int>(int, int)": allReturned(11), "biggest<long>(long, long)": allReturned(7),
				"biggest<double>(double, double)": allReturned(5), "box<int>::put(int, int)": allReturned(13),
				"box<char const*>::put(char const*, int)": allReturned(3)}},
		{prog: cxx("virtual"), latch: []string{"circle::area", "square::area"},
			want: map[string]string{"circle::area(int)": allReturned(17), "square::area(int)": allReturned(5)}},
		{label: "glob", prog: cxx("virtual"), latch: []string{"*area*"},
			want: map[string]string{"circle::area(int)": allReturned(17), "square::area(int)": allReturned(5)}},
		{prog: cxx("ctor"), latch: []string{"item::item", "item::~item", "tagged::tagged", "special::special"},
			want: map[string]string{"item::item(int)": allReturned(23), "item::~item()": allReturned(23), "tagged::tagged(int)": allReturned(10),
				"special::special(int)": allReturned(10)}},
		{label: "clang", prog: cxx("ctor").with("clang"), latch: []string{"item::item", "item::~item", "tagged::tagged", "special::special"},
			want: map[string]string{"item::item(int)": allReturned(23), "item::~item()": allReturned(23), "tagged::tagged(int)": allReturned(10),
				"special::special(int)": allReturned(10)}},
		{label: "int", prog: cxx("enumclass"), latch: []string{"shop::paint", "--by", "c"},
			want: map[string]string{"shop::paint(shop::color)": allReturned(10)},
			keys: keysOf("shop::paint(shop::color)", "red", 2, "green", 3, "blue", 5)},
		{label: "byte", prog: cxx("enumclass"), latch: []string{"shop::weigh", "--by", "arg0"},
			want: map[string]string{"shop::weigh(shop::level)": allReturned(7)}, keys: keysOf("shop::weigh(shop::level)", "high", 7)},
		{label: "method", prog: cxx("enumclass"), latch: []string{"shop::order::total", "--by", "discount"},
			want: map[string]string{"shop::order::total(int) const": allReturned(11)}, keys: keysOf("shop::order::total(int) const", "-1", 11)},
		{prog: cxx("coroutine"), latch: []string{"numbers(long)", "step", "*actor*"},
			want: map[string]string{"numbers(long)": allReturned(7), "step(long)": allReturned(35),
				"_Z7numbersPZ7numberslE17_Z7numbersl.Frame.actor": allReturned(49)}},
	})
}

// TestRust measures the Rust programs.
func TestRust(t *testing.T) {
	panicked := map[string]string{"unwind::guarded": allReturned(103), "unwind::risky": unwoundOf(103, 35), "unwind::inner": unwoundOf(103, 35)}
	unwind := []string{"unwind::guarded", "unwind::risky", "unwind::inner"}
	mangled := map[string]string{"mangling::store::load": allReturned(18), "mangling::cache::load": allReturned(5),
		"mangling::Cart::price": allReturned(13), "<mangling::Cart as mangling::Priced>::tax": allReturned(3)}
	mangling := []string{"mangling::store::load", "mangling::cache::load", "mangling::Cart::price", "<mangling::Cart as mangling::Priced>::tax"}
	const lookup = "strings::lookup"
	accept(t, []acceptance{
		{label: "M4", prog: rust("unwind"), latch: unwind, want: panicked},
		{label: "debug", prog: rust("unwind").with("debug"), latch: unwind, want: panicked},
		{label: "legacy", prog: rust("mangling").with("legacy"), latch: mangling, want: mangled},
		{label: "v0", prog: rust("mangling").with("v0"), latch: []string{"mangling::store::load*", "mangling::cache::load", "<mangling::Cart>::price", "<mangling::Cart as mangling::Priced>::tax"},
			want: map[string]string{"mangling::store::load::<u32>": allReturned(11), "mangling::store::load::<u64>": allReturned(7),
				"mangling::cache::load": allReturned(5), "<mangling::Cart>::price": allReturned(13), "<mangling::Cart as mangling::Priced>::tax": allReturned(3)}},
		{label: "M13", prog: rust("strings"), latch: []string{lookup, "--by", "key"}, want: map[string]string{lookup: allReturned(29)},
			keys: keysOf(lookup, "alpha", 11, "beta", 7, "", 5, "größe", 3, xs(64)+"…", 2, "a\x00b", 1)},
		{label: "debug", prog: rust("strings").with("debug"), latch: []string{lookup, "--by", "key", "--str-len", "400"}, want: map[string]string{lookup: allReturned(29)},
			keys: keysOf(lookup, "alpha", 11, "beta", 7, "", 5, "größe", 3, xs(300), 2, "a\x00b", 1)},
		{label: "enum", prog: rust("types"), latch: []string{"types::paint", "--by", "c"}, want: map[string]string{"types::paint": allReturned(10)},
			keys: keysOf("types::paint", "Red", 2, "Green", 3, "Blue", 5)},
		{label: "bool", prog: rust("types"), latch: []string{"types::flag", "--by", "on"}, want: map[string]string{"types::flag": allReturned(10)},
			keys: keysOf("types::flag", "true", 7, "false", 3)},
		{label: "integers", prog: rust("types"), latch: []string{"types::narrow", "--by", "a", "--by", "b", "--by", "c"},
			want: map[string]string{"types::narrow": allReturned(11)}, keys: keysOf("types::narrow", "255 -2 18446744073709551615", 11)},
		{label: "rest", prog: rust("types"), latch: []string{"types::maybe", "types::event", "types::doubled", "<types::Square as types::Shape>::area", "<types::Circle as types::Shape>::area"},
			want: map[string]string{"types::maybe": allReturned(5), "types::event": allReturned(12), "types::doubled": allReturned(30),
				"<types::Square as types::Shape>::area": allReturned(19), "<types::Circle as types::Shape>::area": allReturned(23)}},
		{prog: rust("resume").with("legacy"), latch: []string{"resume::step", "resume::fetch::{{closure}}"},
			want: map[string]string{"resume::step": allReturned(21), "resume::fetch::{{closure}}": allReturned(28)}},
	})
}
