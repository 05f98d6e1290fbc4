package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/latency"
)

func golang(name string, args ...string) prog { return prog{lang: "go", name: name, args: args} }

func xs(n int) string { return strings.Repeat("x", n) }

// TestGo measures the Go programs; M numbers are rows of Table M.
func TestGo(t *testing.T) {
	accept(t, []acceptance{
		{label: "M1", prog: golang("sleepers"), latch: []string{"main.Nap"}, want: map[string]string{"main.Nap": allReturned(120)}},
		{label: "M2", prog: golang("rec"), latch: []string{"main.Deep"}, want: map[string]string{"main.Deep": allReturned(4020)}},
		{label: "M14", prog: golang("tight"), latch: []string{"main.Small"}, want: map[string]string{"main.Small": allReturned(100000)}},
		{label: "shapes", prog: golang("generic"), latch: []string{"main.F", "--by", "n"},
			keys: map[string]map[string]uint64{"main.F[go.shape.int]": counts("42", 11), "main.F[go.shape.string]": counts("43", 7),
				"main.F[go.shape.*uint8]": counts("44", 8), "main.F[go.shape.struct { main.x int; main.y int }]": counts("45", 2)}},
		{label: "methods", prog: golang("generic"), latch: []string{"main.(*Stack).Push"},
			want: map[string]string{"main.(*Stack[go.shape.int]).Push": allReturned(13), "main.(*Stack[go.shape.string]).Push": allReturned(17)}},
		{label: "stripped", prog: golang("generic").with("-s -w"), latch: []string{"main.F*"}},
		{prog: golang("iface"), latch: []string{"main.Square.Area", "main.(*Base).Name", "--by", "arg1"},
			want: map[string]string{"main.Square.Area": allReturned(18), "main.(*Base).Name": allReturned(18)}},
		{label: "glob", prog: golang("iface"), latch: []string{"main.*Area", "main.*Name"},
			want: map[string]string{"main.Square.Area": allReturned(18), "main.(*Base).Name": allReturned(18)}},
		{prog: golang("closure"), latch: []string{"main.adder.func1", "main.(*Counter).Add", "main.background", "main.later"},
			want: map[string]string{"main.adder.func1": allReturned(7), "main.(*Counter).Add": allReturned(16),
				"main.background": allReturned(3), "main.later": allReturned(13)}},
		{label: "Eleven", prog: golang("args"), latch: []string{"main.Eleven", "--by", "a", "--by", "i", "--by", "j", "--by", "k"},
			keys: keysOf("main.Eleven", "1 9 10 11", 7)},
		{label: "id", prog: golang("args"), latch: []string{"main.Pair", "main.One", "main.Wide", "main.Mixed", "main.Complex", "main.Blank", "main.Named", "--by", "id"},
			keys: map[string]map[string]uint64{"main.Pair": counts("42", 11), "main.One": counts("43", 5), "main.Wide": counts("44", 3),
				"main.Mixed": counts("42", 13), "main.Complex": counts("45", 17), "main.Blank": counts("46", 19), "main.Named": counts("47", 23, "-1", 2)}},
		{label: "Mixed", prog: golang("args"), latch: []string{"main.Mixed", "--by", "id", "--by", "z"}, keys: keysOf("main.Mixed", "42 77", 13)},
		{label: "Small", prog: golang("args"), latch: []string{"main.Small", "--by", "a", "--by", "b", "--by", "c", "--by", "d", "--by", "e"},
			keys: keysOf("main.Small", "-1 255 -2 4294967295 true", 29)},
		{label: "Named", prog: golang("args"), latch: []string{"main.Named", "--by", "ret"}, want: map[string]string{"main.Named": allReturned(25)}},
		{label: "nooptim", prog: golang("args").with("-N -l"), latch: []string{"main.Mixed", "main.Pair", "--by", "id"},
			keys: map[string]map[string]uint64{"main.Mixed": counts("42", 13), "main.Pair": counts("42", 11)}},
		{prog: golang("inlined"), latch: []string{"main.partly", "main.empty", "main.single"},
			want: map[string]string{"main.partly": allReturned(11), "main.empty": allReturned(13), "main.single": allReturned(17)}},
		// Without a way out they are only counted, each call as its own return.
		{prog: golang("never"), latch: []string{"main.Spin", "main.Forever"},
			want: map[string]string{"main.Spin": allReturned(3), "main.Forever": allReturned(5)}},
		{prog: golang("goexit"), latch: []string{"main.Outer", "main.Inner", "main.Cleanup"},
			want: map[string]string{"main.Outer": unwoundOf(43, 21), "main.Inner": unwoundOf(43, 21), "main.Cleanup": allReturned(43)}},
		{prog: golang("panics"), latch: []string{"main.Recovers", "main.Fails", "main.Top", "main.Again", "main.Catch", "main.InDefer", "main.Deferred", "main.Recover3", "main.Nil"},
			want: map[string]string{"main.Recovers": allReturned(7), "main.Fails": unwoundOf(14, 14), "main.Top": allReturned(7), "main.Again": unwoundOf(7, 7),
				"main.Catch": allReturned(7), "main.InDefer": unwoundOf(7, 7), "main.Deferred": unwoundOf(7, 7), "main.Recover3": allReturned(7), "main.Nil": unwoundOf(7, 7)}},
		{prog: golang("rangefunc"), latch: []string{"main.note", "main.visit"},
			want: map[string]string{"main.note": allReturned(35), "main.visit": allReturned(7)}},
		// The program itself digests its result: the 54th call.
		{prog: golang("digest"), latch: []string{"main.Sum", "crypto/sha256.Sum256"},
			want: map[string]string{"main.Sum": allReturned(53), "crypto/sha256.Sum256": allReturned(54)}},
		{prog: golang("strings"), latch: []string{"main.Look", "--by", "key"}, want: map[string]string{"main.Look": allReturned(78)},
			keys: keysOf("main.Look", "plain", 7, "", 2, "\x1b[2J\x1b]0;title\a", 3, "a\x00b", 5, `\xff\xfe\xc3(`, 11, "line\n\"quoted\"", 13,
				"\u202egnirts", 17, xs(64)+"…", 20)},
		{prog: golang("cgo"), latch: []string{"main.GoOuter", "main.GoInner", "c_middle", "c_leaf", "main.GoPanic", "main.GoBoom"},
			want: map[string]string{"main.GoOuter": allReturned(11), "main.GoInner": allReturned(11), "c_middle": allReturned(11), "c_leaf": allReturned(24),
				"main.GoPanic": allReturned(3), "main.GoBoom": unwoundOf(3, 3)}},
	})
}

// TestGoLoad measures everything that makes frames hard to pair, in all link
// modes and in older versions of Go.
func TestGoLoad(t *testing.T) {
	want := map[string]string{"main.Handle": unwoundOf(488, 72), "main.Grow": allReturned(15616), "main.Safe": allReturned(72),
		"main.Mid": unwoundOf(72, 72), "main.Boom": unwoundOf(72, 72), "main.Quit": unwoundOf(72, 72)}
	funcs := []string{"main.Handle", "main.Grow", "main.Safe", "main.Mid", "main.Boom", "main.Quit"}
	var rows []acceptance
	for _, flags := range [][]string{nil, {"-s -w"}, {"-N -l"}, {"pie"}, {"pie", "-s -w"}, {"cgo"}, {"cgo", "-s -w"}, {"static-pie"}, {"static-pie", "-s -w"},
		{"toolchain=go1.21.13"}, {"toolchain=go1.21.13", "-s -w"}, {"toolchain=go1.24.10"}, {"toolchain=go1.24.10", "pie", "-s -w"}} {
		label := strings.Join(flags, ",")
		rows = append(rows, acceptance{label: label, prog: golang("load").with(flags...), latch: funcs, want: want})
	}
	accept(t, rows)
	rec := observe(t, golang("load"), "main.Handle", "--by", "kind")
	var sum uint64
	for _, n := range keyed(rec, "main.Handle") {
		sum += n
	}
	if got := slices.Sorted(mapKeys(keyed(rec, "main.Handle"))); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) || sum != 416 {
		t.Errorf("keys %q of %d calls", got, sum)
	}
}

func mapKeys(m map[string]uint64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestGoPanicThroughC measures a C frame that a Go panic leaves: the last of
// them may lie untouched on the system stack, so that it seems in flight.
func TestGoPanicThroughC(t *testing.T) {
	rec := observe(t, golang("cgo"), "c_panic")
	b := function(t, rec, "c_panic").Balance
	if b.Entries != 3 || b.InFlight+b.Unwound != 3 || b.InFlight > 1 {
		t.Errorf("c_panic: %s", balances(rec)["c_panic"])
	}
}

// TestSelfTime holds the time that a call spends in another measured
// function against what it spends itself.
func TestSelfTime(t *testing.T) {
	rec := observe(t, golang("route"), "main.handle", "main.query", "--by", "name=arg0")
	want := map[string]map[string]uint64{
		"main.handle": counts("/api", 7, "/health", 5, "", 3, "/größe", 2),
		"main.query":  counts("orders", 7, "größe", 2),
	}
	total, self := map[string]uint64{}, map[string]uint64{}
	for name, keys := range want {
		if diff := cmp.Diff(keys, keyed(rec, name)); diff != "" {
			t.Errorf("keys of %s (-stated +recorded):\n%s", name, diff)
		}
		for _, s := range function(t, rec, name).Series {
			total[name] += s.SumNS
			self[name] += s.SelfNS
			least := map[string]uint64{"main.handle": 2e6, "main.query": 3e6}[name]
			if s.SelfNS < s.Count*least {
				t.Errorf("%s %q: %d calls spent only %d ns themselves", name, s.Key, s.Count, s.SelfNS)
			}
			if n := s.Key["name"]; (n == "/api" || n == "/größe") && s.MinNS < 5e6 {
				t.Errorf("%s %q: a call of %d ns", name, n, s.MinNS)
			}
		}
	}
	if self["main.query"] != total["main.query"] {
		t.Errorf("query calls nothing measured: %d ns of %d are its own", self["main.query"], total["main.query"])
	}
	if got := total["main.handle"] - self["main.handle"]; got != total["main.query"] {
		t.Errorf("handle spent %d ns in query, which took %d", got, total["main.query"])
	}
}

// TestSleepers checks that goroutines on few threads are not mixed up (M1).
func TestSleepers(t *testing.T) {
	rec := observe(t, golang("sleepers"), "main.Nap", "--by", "id")
	f := function(t, rec, "main.Nap")
	if len(f.Series) != 40 {
		t.Errorf("%d ids, not 40", len(f.Series))
	}
	for _, s := range f.Series {
		if s.Count != 3 || s.MinNS < 100e6 {
			t.Errorf("id %s: %d calls, the shortest %d ns", s.Key["id"], s.Count, s.MinNS)
		}
	}
}

// TestHostileOutput checks that strings of the target cannot reach a
// terminal unescaped.
func TestHostileOutput(t *testing.T) {
	target, exe := begin(t, golang("strings"))
	l := startLatch(t, "record", "-p", target.pid(), "main.Look", "--by", "key")
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d: %s", code, l.said())
	}
	unharmed(t, golang("strings"), exe, target.Prog)
	out := l.stdout.String()
	for _, r := range out {
		if r != '\n' && r < ' ' || r == 0x7f || r == '\u202e' {
			t.Errorf("the table holds %q", r)
		}
	}
	if !strings.Contains(out, "plain") || !strings.Contains(out, `\x1b[2J`) {
		t.Errorf("the table does not show the keys:\n%s", out)
	}
}

// TestUnreadableKinds checks that what is in a vector register becomes an
// error or "(unreadable)", never another parameter's value.
func TestUnreadableKinds(t *testing.T) {
	for _, row := range []struct {
		prog
		fn, by string
	}{
		{c("args"), "mixed", "a"}, {c("args"), "mixed", "b"}, {c("args"), "scale", "x"}, {golang("args"), "main.Mixed", "x"},
		{golang("args"), "main.Complex", "c"}, {c("structs"), "blend", "s"},
	} {
		t.Run(row.name+"/"+row.fn+"/"+row.by, func(t *testing.T) {
			target, exe := begin(t, row.prog)
			l := startLatch(t, "record", "--json", "-p", target.pid(), row.fn, "--by", row.by)
			select {
			case <-l.attached:
				target.Go()
				target.WaitDone()
				l.interrupt()
				for key := range keyed(l.recording(), row.fn) {
					if key != latency.KeyUnreadable {
						t.Errorf("%s of %s reads as %q", row.by, row.fn, key)
					}
				}
			case <-l.exited:
				if l.wait() != exitUnmeasured || !strings.HasPrefix(l.said(), "latch: ") || l.stdout.Len() > 0 {
					t.Errorf("latch ended with %d and says %q", l.wait(), l.said())
				}
				target.Go()
			}
			unharmed(t, row.prog, exe, target.Prog)
		})
	}
}
