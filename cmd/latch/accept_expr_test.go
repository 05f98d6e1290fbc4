package main

import "testing"

// TestExpressions reads fields, elements and raw memory of C and Go programs.
func TestExpressions(t *testing.T) {
	accept(t, []acceptance{
		{label: "bit-fields", prog: c("structs"), latch: []string{"packed", "--by", "b.kind", "--by", "b.flag", "--by", "b.delta", "--by", "b.rest"},
			keys: map[string]map[string]uint64{"packed": counts("5 1 -3 99", 3)}},
		{label: "by-value", prog: c("structs"), latch: []string{"small", "pair", "--by", "k=id+1"},
			keys: map[string]map[string]uint64{"small": counts("32", 5), "pair": counts("38", 7)}},
		{label: "registers", prog: c("structs"), latch: []string{"small", "--by", "s.a", "--by", "s.b", "--by", "s.c"},
			keys: map[string]map[string]uint64{"small": counts("1 2 3", 5)}},
		{label: "array", prog: c("structs"), latch: []string{"large", "--by", "s.v[0]", "--by", "s.v[4]", "--by", "s.v[id-37]"},
			keys: map[string]map[string]uint64{"large": counts("6 1 1", 3)}},
		{label: "out-of-bounds", prog: c("structs"), latch: []string{"large", "--by", "s.v[id]"},
			keys: map[string]map[string]uint64{"large": counts("(unreadable)", 3)}},
		{label: "raw", prog: c("structs").with("strip-debug"), latch: []string{"packed", "--by", "k=*(*uint32)(arg0)&15", "--by", "f=*(*uint8)(arg0)>>4&1"},
			keys: map[string]map[string]uint64{"packed": counts("5 1", 3)}},
		{label: "result", prog: c("structs"), latch: []string{"pair", "--by", "ret-s.x"},
			keys: map[string]map[string]uint64{"pair": counts("42", 7)}},
		{label: "result-ret-only", prog: c("structs"), latch: []string{"pair", "--by", "ret-s.x", "--ret-only"},
			keys: map[string]map[string]uint64{"pair": counts("42", 7)}},
		{label: "nested", prog: golang("args"), latch: []string{"main.Follow", "--by", "sku=o.Line.SKU", "--by", "o.Qty", "--by", "ret"},
			keys: map[string]map[string]uint64{"main.Follow": counts("alpha -3 2", 31, "(unreadable) (unreadable) 1", 2)}},
		{label: "nested-N-l", prog: golang("args").with("-N -l"), latch: []string{"main.Follow", "--by", "sku=o.Line.SKU", "--by", "o.Qty*2"},
			keys: map[string]map[string]uint64{"main.Follow": counts("alpha -6", 31, "(unreadable) (unreadable)", 2)}},
		{label: "guarded", prog: golang("args"), latch: []string{"main.Follow", "--by", "k=o != nil && o.Line.SKU == \"alpha\"", "--by", "o == nil"},
			keys: map[string]map[string]uint64{"main.Follow": counts("true false", 31, "false true", 2)}},
		{label: "wide", prog: golang("args"), latch: []string{"main.Wide", "--by", "w.A", "--by", "w.C*10+w.F"},
			keys: map[string]map[string]uint64{"main.Wide": counts("1 36", 3)}},
		{label: "slices", prog: golang("args"), latch: []string{"main.Bytes", "--by", "len(b)", "--by", "cap(b) >= len(b)", "--by", "e == nil", "--by", "len(m)"},
			keys: map[string]map[string]uint64{"main.Bytes": counts("3 true true 1", 37)}},
		{label: "stack-array", prog: golang("args"), latch: []string{"main.Pair", "--by", "p[0]", "--by", "p[id&1]"},
			keys: map[string]map[string]uint64{"main.Pair": counts("5 5", 11)}},
		{label: "one", prog: golang("args"), latch: []string{"main.One", "--by", "p[0]"},
			keys: map[string]map[string]uint64{"main.One": counts("9", 5)}},
		{label: "errors", prog: golang("args"), latch: []string{"main.Named", "--by", "failed=err != nil", "--by", "n - id"},
			keys: map[string]map[string]uint64{"main.Named": counts("false 47", 23, "true 1", 2)}},
		{label: "log2", prog: c("fib"), latch: []string{"fib", "--by", "log2(n)"},
			keys: map[string]map[string]uint64{"fib": counts("0", 34, "1", 55, "2", 55, "4", 29, "8", 4)}},
		{label: "buckets", prog: c("fib"), latch: []string{"fib", "--by", "n/4*4"},
			keys: map[string]map[string]uint64{"fib": counts("0", 144, "4", 29, "8", 4)}},
		{label: "comm", prog: c("fib"), latch: []string{"fib", "--by", "comm", "--by", "hasPrefix(comm, \"fi\")", "--by", "pid == tid"},
			keys: map[string]map[string]uint64{"fib": counts("fib true true", 177)}},
	})
}

// TestWhere holds that what a filter rejects is in the balance, to the call.
func TestWhere(t *testing.T) {
	accept(t, []acceptance{
		{label: "entry", prog: c("fib"), latch: []string{"fib", "--by", "n", "--where", "n > 5"},
			want: map[string]string{"fib": "177 calls: 12 returned, 165 filtered"},
			keys: map[string]map[string]uint64{"fib": counts("6", 5, "7", 3, "8", 2, "9", 1, "10", 1)}},
		{label: "no-key", prog: c("fib"), latch: []string{"fib", "--where", "n % 2 == 1"},
			want: map[string]string{"fib": "177 calls: 88 returned, 89 filtered"}},
		{label: "session", prog: c("sleep"), latch: []string{"nap", "--where", "latency > 1*time.Hour"},
			want: map[string]string{"nap": "6 calls: 6 filtered"}},
		{label: "result", prog: c("fib"), latch: []string{"fib", "--by", "ret", "--where", "ret == 1 && n == 2"},
			want: map[string]string{"fib": "177 calls: 34 returned, 143 filtered"},
			keys: map[string]map[string]uint64{"fib": counts("1", 34)}},
		{label: "latency", prog: golang("route"), latch: []string{"main.handle", "--by", "route", "--where", "latency >= 5*time.Millisecond && hasPrefix(route, \"/a\")"},
			want: map[string]string{"main.handle": "17 calls: 7 returned, 10 filtered"},
			keys: map[string]map[string]uint64{"main.handle": counts("/api", 7)}},
		{label: "text", prog: golang("route"), latch: []string{"main.handle", "--by", "route", "--where", "route == \"/größe\" || route == \"\""},
			want: map[string]string{"main.handle": "17 calls: 5 returned, 12 filtered"},
			keys: map[string]map[string]uint64{"main.handle": counts("/größe", 2, "", 3)}},
		{label: "unreadable", prog: golang("args"), latch: []string{"main.Follow", "--where", "o.Qty < 0"},
			want: map[string]string{"main.Follow": "33 calls: 31 returned, 2 lost to where_unreadable"}},
		{label: "guarded", prog: golang("args"), latch: []string{"main.Follow", "--where", "o != nil && o.Qty < 0"},
			want: map[string]string{"main.Follow": "33 calls: 31 returned, 2 filtered"}},
		{label: "none", prog: c("fib"), latch: []string{"fib", "--where", "uid == 4242 || comm != \"fib\""},
			want: map[string]string{"fib": "177 calls: 177 filtered"}},
		{label: "goid", prog: golang("args"), latch: []string{"main.Wide", "--where", "goid == 1"},
			want: map[string]string{"main.Wide": "3 calls: 3 returned"}},
		{label: "multi", prog: c("structs"), latch: []string{"--backend", "uprobe_multi", "pair", "--where", "ret == s.x + 42 && id == 37"},
			want: map[string]string{"pair": "7 calls: 7 returned"}},
		{label: "perf", prog: c("structs"), latch: []string{"--backend", "perf", "packed", "--where", "b.kind == 5 && latency > 0", "--by", "b.flag"},
			want: map[string]string{"packed": "3 calls: 3 returned"}, keys: map[string]map[string]uint64{"packed": counts("1", 3)}},
		{label: "longjmp", prog: c("longjmp"), latch: []string{"attempt", "--where", "pid == 0"},
			want: map[string]string{"attempt": "50 calls: 50 filtered"}},
	})
}

// TestExpressionsCXX reads members of base classes, strings and enums.
func TestExpressionsCXX(t *testing.T) {
	const look = "look(record const&, std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > const&, " +
		"std::basic_string_view<char, std::char_traits<char> >)"
	fields := []string{"look", "--by", "r.id", "--by", "r.width", "--by", "r.kind", "--by", "r.name", "--by", "r.note", "--by", "r.color",
		"--by", "r.on", "--by", "r.load", "--by", "r.code", "--by", "tag"}
	read := keysOf(look, "5 6 -7 a name too long to be kept in place c Green true 2.5 12345678 short", 5,
		"-1 6 -7 a name too long to be kept in place (none) Red true 2.5 12345678 short", 2)
	accept(t, []acceptance{
		{label: "O2", prog: cxx("fields"), latch: fields, keys: read},
		{label: "O0", prog: cxx("fields").with("-O0"), latch: fields, keys: read},
		{label: "clang", prog: cxx("fields").with("clang"), latch: fields, keys: read},
		{label: "dwarf4", prog: cxx("fields").with("-gdwarf-4"), latch: fields, keys: read},
		{label: "where", prog: cxx("fields").with("-O0"), latch: []string{"look", "--by", "view", "--by", "len(view)*10+len(r.name)", "--where", `r.color == Green && hasPrefix(r.name, "a name") && tag == "short" && r.code != "1234567"`},
			want: map[string]string{look: "7 calls: 5 returned, 2 filtered"}, keys: keysOf(look, "view 75", 5)},
		{label: "null", prog: cxx("fields"), latch: []string{"look", "--by", "ret - r.id", "--where", "r.note == NULL || r.note == \"c\" && latency < 0"},
			want: map[string]string{look: "7 calls: 2 returned, 5 filtered"}, keys: keysOf(look, "9", 2)},
		{label: "this", prog: cxx("fields"), latch: []string{"record::weigh", "--by", "this.width * by", "--by", "ret == this.width*by"},
			keys: keysOf("record::weigh(int)", "12 true", 3)},
	})
}
