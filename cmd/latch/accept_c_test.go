package main

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// counts are keys and their counts in order, for tables: "1", 55, "2", 34.
func counts(pairs ...any) map[string]uint64 {
	out := map[string]uint64{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = uint64(pairs[i+1].(int))
	}
	return out
}

func c(name string, args ...string) prog { return prog{lang: "c", name: name, args: args} }

func (p prog) with(flags ...string) prog {
	p.flags = flags
	return p
}

var fibCounts = counts("0", 34, "1", 55, "2", 34, "3", 21, "4", 13, "5", 8, "6", 5, "7", 3, "8", 2, "9", 1, "10", 1)

// TestC measures the C programs; M numbers are rows of Table M in the design.
func TestC(t *testing.T) {
	accept(t, []acceptance{
		{label: "M5", prog: c("fib"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "O0", prog: c("fib").with("-O0"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "clang-dwarf4", prog: c("fib").with("clang", "-gdwarf-4"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "zlib", prog: c("fib").with("-gz=zlib"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "static", prog: c("fib").with("-static"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "static-pie", prog: c("fib").with("-static-pie"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "musl", prog: c("fib").with("musl", "-static"), latch: []string{"fib", "--by", "n"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "strip-debug", prog: c("fib").with("strip-debug"), latch: []string{"fib", "--by", "n=arg0"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "ret-only", prog: c("fib"), latch: []string{"fib", "--by", "n", "--ret-only"},
			want: map[string]string{"fib": allReturned(177)}, keys: map[string]map[string]uint64{"fib": fibCounts}},
		{label: "M6", prog: c("deep"), latch: []string{"descend"}, want: map[string]string{"descend": allReturned(500)}},
		{label: "M7", prog: c("longjmp"), latch: []string{"attempt"}, want: map[string]string{"attempt": unwoundOf(50, 50)}},
		{label: "M7-mixed", prog: c("longjmp", "mixed"), latch: []string{"attempt"},
			want: map[string]string{"attempt": unwoundOf(53, 35)}},
		{label: "M7-nested", prog: c("longjmp", "nested"), latch: []string{"attempt", "middle", "outer"},
			want: map[string]string{"attempt": unwoundOf(47, 42), "middle": unwoundOf(47, 42), "outer": unwoundOf(47, 42)}},
		{label: "M7-ret", prog: c("longjmp", "nested"), latch: []string{"--ret-only", "attempt", "middle", "outer"},
			want: map[string]string{"attempt": unwoundOf(47, 42), "middle": unwoundOf(47, 42), "outer": unwoundOf(47, 42)}},
		{label: "M8", prog: c("threadexit"), latch: []string{"leave"}, want: map[string]string{"leave": unwoundOf(23, 20)}},
		{label: "M9", prog: c("args"), latch: []string{"mixed", "--by", "id", "--by", "z"},
			want: map[string]string{"mixed": allReturned(7)}, keys: map[string]map[string]uint64{"mixed": counts("42 77", 7)}},
		{label: "M9-O0", prog: c("args").with("-O0"), latch: []string{"mixed", "--by", "id", "--by", "z"},
			want: map[string]string{"mixed": allReturned(7)}, keys: map[string]map[string]uint64{"mixed": counts("42 77", 7)}},
		{label: "M9-clang", prog: c("args").with("clang"), latch: []string{"mixed", "--by", "id", "--by", "z"},
			want: map[string]string{"mixed": allReturned(7)}, keys: map[string]map[string]uint64{"mixed": counts("42 77", 7)}},
		{label: "M9-ordinal", prog: c("args"), latch: []string{"mixed", "--by", "arg1", "--by", "arg3"},
			want: map[string]string{"mixed": allReturned(7)}, keys: map[string]map[string]uint64{"mixed": counts("42 77", 7)}},
		{label: "M10", prog: c("args"), latch: []string{"placed", "--by", "id", "--by", "p"},
			want: map[string]string{"placed": allReturned(11)}, keys: map[string]map[string]uint64{"placed": counts("42 {x:1000 y:2000}", 11)}},
		{label: "M10-O0", prog: c("args").with("-O0"), latch: []string{"placed", "--by", "id"},
			want: map[string]string{"placed": allReturned(11)}, keys: map[string]map[string]uint64{"placed": counts("42", 11)}},
		{label: "narrow", prog: c("args"), latch: []string{"narrow", "--by", "arg0", "--by", "arg1", "--by", "arg2", "--by", "arg3", "--by", "arg4"},
			want: map[string]string{"narrow": allReturned(5)},
			keys: map[string]map[string]uint64{"narrow": counts("-1 255 -2 65534 true", 3, "127 0 -32768 1 false", 2)}},
		{label: "wide", prog: c("args"), latch: []string{"wide", "--by", "u", "--by", "ul", "--by", "i", "--by", "l"},
			want: map[string]string{"wide": allReturned(5)},
			keys: map[string]map[string]uint64{"wide": counts("4294967295 18446744073709551615 -1 -9223372036854775808", 5)}},
		{label: "enum", prog: c("args"), latch: []string{"paint", "--by", "arg0"},
			want: map[string]string{"paint": allReturned(11)},
			keys: map[string]map[string]uint64{"paint": counts("RED", 2, "GREEN", 3, "BLUE", 5, "9", 1)}},
		{label: "all", prog: c("args"), latch: []string{"mixed", "placed", "narrow", "wide", "paint", "follow", "scale"},
			want: map[string]string{"mixed": allReturned(7), "placed": allReturned(11), "narrow": allReturned(5), "wide": allReturned(5),
				"paint": allReturned(11), "follow": allReturned(9), "scale": allReturned(5)}},
		{label: "all", prog: c("tail"), latch: []string{"first", "second", "leaf", "even", "odd", "indirect", "leaf2"},
			want: map[string]string{"first": allReturned(101), "second": allReturned(53), "leaf": allReturned(158),
				"even": "42 calls: 7 returned, 35 lost to tail_recursion", "odd": "35 calls: 7 returned, 28 lost to tail_recursion",
				"indirect": allReturned(17), "leaf2": allReturned(17)}},
		{label: "ret-only", prog: c("tail"), latch: []string{"first", "second", "leaf", "--ret-only"},
			want: map[string]string{"first": allReturned(101), "second": allReturned(53), "leaf": allReturned(158)}},
		{label: "alone", prog: c("tail"), latch: []string{"leaf"}, want: map[string]string{"leaf": allReturned(158)}},
		{label: "ret-only", prog: c("mutual"), latch: []string{"ping", "pong", "--ret-only"},
			want: map[string]string{"ping": allReturned(153), "pong": allReturned(150)}},
		{prog: c("endbr"), latch: []string{"framed", "plain", "--by", "arg0"},
			want: map[string]string{"framed": allReturned(307), "plain": allReturned(311)}},
		{prog: c("nop5"), latch: []string{"nop_first", "patchable", "red_zone", "usdt_like"},
			want: map[string]string{"nop_first": allReturned(211), "patchable": allReturned(223), "red_zone": allReturned(2003), "usdt_like": allReturned(227)}},
		{label: "clang", prog: c("nop5").with("clang"), latch: []string{"nop_first", "patchable", "red_zone", "usdt_like"},
			want: map[string]string{"nop_first": allReturned(211), "patchable": allReturned(223), "red_zone": allReturned(2003), "usdt_like": allReturned(227)}},
		{prog: c("ifunc"), latch: []string{"pick_fast", "pick_slow"},
			want: map[string]string{"pick_fast": allReturned(37), "pick_slow": "0 calls: "}},
		{label: "glob", prog: c("samename"), latch: []string{"step*"}, want: map[string]string{"step": allReturned(12)}},
		{prog: c("clones"), latch: []string{"scale", "sum"},
			want: map[string]string{"scale.constprop.0": allReturned(29), "sum.isra.0": allReturned(31)}},
		{prog: c("cold"), latch: []string{"checked", "risky", "fail"},
			want: map[string]string{"checked": allReturned(101), "risky": unwoundOf(53, 6), "fail": unwoundOf(6, 6)}},
		{label: "many", prog: c("stackargs"), latch: []string{"many", "--by", "g", "--by", "h", "--by", "i"},
			want: map[string]string{"many": allReturned(11)}, keys: map[string]map[string]uint64{"many": counts("7 8 9", 7, "7 8 -9", 4)}},
		{label: "many-O0", prog: c("stackargs").with("-O0"), latch: []string{"many", "--by", "g", "--by", "h", "--by", "i"},
			want: map[string]string{"many": allReturned(11)}, keys: map[string]map[string]uint64{"many": counts("7 8 9", 7, "7 8 -9", 4)}},
		{label: "total", prog: c("stackargs"), latch: []string{"total", "--by", "n"},
			want: map[string]string{"total": allReturned(7)}, keys: map[string]map[string]uint64{"total": counts("3", 5, "0", 2)}},
		{label: "by-id", prog: c("structs"), latch: []string{"small", "pair", "large", "blend", "--by", "id"},
			want: map[string]string{"small": allReturned(5), "pair": allReturned(7), "large": allReturned(3), "blend": allReturned(11)},
			keys: map[string]map[string]uint64{"small": counts("31", 5), "pair": counts("37", 7), "large": counts("41", 3), "blend": counts("43", 11)}},
		{label: "by-id-O0", prog: c("structs").with("-O0"), latch: []string{"small", "pair", "large", "blend", "--by", "id"},
			want: map[string]string{"small": allReturned(5), "pair": allReturned(7), "large": allReturned(3), "blend": allReturned(11)},
			keys: map[string]map[string]uint64{"small": counts("31", 5), "pair": counts("37", 7), "large": counts("41", 3), "blend": counts("43", 11)}},
		{label: "hidden-result", prog: c("structs"), latch: []string{"make", "--by", "a", "--by", "b"},
			want: map[string]string{"make": allReturned(13)}, keys: map[string]map[string]uint64{"make": counts("8 9", 13)}},
		{prog: c("strings"), latch: []string{"text", "--by", "str(s)", "--by", "kind"}, want: map[string]string{"text": allReturned(19)},
			keys: keysOf("text", "alpha 0", 3, "beta 0", 2, " 0", 1, "(none) 1", 2, "(unreadable) 2", 2, xs(64)+"… 3", 1, "edge 4", 3,
				"(unreadable) 5", 1, "cold 6", 1, "split-over-pages 7", 2, "\\xff\x1b[31m 8", 1)},
		{label: "char pointer", prog: c("strings"), latch: []string{"text", "--by", "s"},
			keys: keysOf("text", "alpha", 3, "beta", 2, "", 1, "(none)", 2, "(unreadable)", 3, xs(64)+"…", 1, "edge", 3,
				"cold", 1, "split-over-pages", 2, "\\xff\x1b[31m", 1)},
		{prog: c("tiny"), latch: []string{"empty", "same", "hop"},
			want: map[string]string{"empty": allReturned(101), "same": allReturned(103), "hop": allReturned(107)}},
		{prog: c("threads"), latch: []string{"handle", "--by", "kind"}, want: map[string]string{"handle": allReturned(8072)},
			keys: map[string]map[string]uint64{"handle": counts("0", 1616, "1", 1616, "2", 1616, "3", 1616, "4", 1608)}},
		{prog: c("fiber"), latch: []string{"hold", "--by", "arg0"}, want: map[string]string{"hold": allReturned(62)},
			keys: map[string]map[string]uint64{"hold": counts("1", 31, "2", 31)}},
		{prog: c("forkchild"), latch: []string{"work"}, want: map[string]string{"work": allReturned(11)}},
	})
}

// TestAltStack measures calls on a signal handler's own stack. The last of those
// that siglongjmp left may lie untouched there when the program ends, so that
// nothing tells it from one that is under way.
func TestAltStack(t *testing.T) {
	rec := observe(t, c("altstack"), "count", "--by", "arg0")
	if len(rec.Functions) != 1 {
		t.Fatalf("functions %q", balances(rec))
	}
	b := rec.Functions[0].Balance
	if b.Entries != 92 || b.Returns != 82 || b.InFlight+b.Unwound != 10 || b.InFlight > 1 {
		t.Errorf("count: %s", balances(rec)["count"])
	}
	if diff := cmp.Diff(counts("0", 41, "1", 41), keyed(rec, "count")); diff != "" {
		t.Errorf("keys (-stated +recorded):\n%s", diff)
	}
}

// TestAliases measures one address by each of its names.
func TestAliases(t *testing.T) {
	for _, name := range []string{"target", "other_name", "weak_name"} {
		t.Run(name, func(t *testing.T) {
			rec := observe(t, c("alias"), name)
			if len(rec.Functions) != 1 {
				t.Fatalf("one address gives %d functions: %q", len(rec.Functions), balances(rec))
			}
			if got := rec.Functions[0].Balance.Entries; got != 23 {
				t.Errorf("%d calls, not 23", got)
			}
		})
	}
}

// TestDeepNesting holds two functions that call each other deeper than the
// kernel keeps return probes (64) to a balance in which what it drops is named.
func TestDeepNesting(t *testing.T) {
	rec := observe(t, c("mutual"), "ping", "pong")
	for name, calls := range map[string]uint64{"ping": 153, "pong": 150} {
		f := function(t, rec, name)
		if f.Balance.Entries != calls || f.Balance.Returns+f.Balance.Lost["return_probe_nesting"] != calls {
			t.Errorf("%s, by exit %s: %s", name, f.Exit, balances(rec)[name])
		}
	}
}

// TestHandSwitch measures calls that live on coroutines' stacks, between which
// the program switches by instructions of its own, as libco, PHP and Ruby do.
// No symbol tells of that, and return probes, which the kernel pairs by thread,
// would kill the program.
func TestHandSwitch(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("made for amd64")
	}
	testutil.NeedRoot(t)
	exe := compile(t, `#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__asm__(".text\n.globl jump\n.type jump,@function\njump: push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15;"
	"mov %rsp,(%rdi); mov %rsi,%rsp; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret\n.size jump,.-jump\n");
void jump(void **save, void *to);
static void *main_sp, *sp[2];
static int current;
static long returned;
__attribute__((noipa)) long hold(int id) { jump(&sp[id], main_sp); returned++; return id; }
static void body(void) { int id = current; hold(id); jump(&sp[id], main_sp); abort(); }
int main(void)
{
	printf("ready %d\n", getpid());
	fflush(stdout);
	getchar();
	for (int round = 0; round < 31; round++) {
		char *stacks[2];
		for (current = 0; current < 2; current++) {
			void **top = (void **)(((unsigned long)(stacks[current] = malloc(65536)) + 65536) & ~15ul);
			*--top = 0;
			*--top = (void *)body;
			jump(&main_sp, top - 6);
		}
		for (int i = 0; i < 2; i++)
			jump(&main_sp, sp[i]);
		free(stacks[0]);
		free(stacks[1]);
	}
	printf("returned %ld\ndone\n", returned);
	fflush(stdout);
	while (getchar() >= 0) ;
	return 0;
}
`)
	target := waiting{testutil.Start(t, exe)}
	l := startLatch(t, "record", "--json", "-p", target.pid(), "hold", "--by", "id")
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	rec := l.recording()
	testutil.TextUnchanged(t, target.PID(), exe)
	if lines := target.Finish(); !slices.Equal(lines, []string{"returned 62"}) {
		t.Errorf("the program printed %q", lines)
	}
	if got, want := balances(rec)["hold"], allReturned(62); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestCloneParams asks for a parameter that a clone of the function no longer
// has: its constant value, or an error, but never another register's.
func TestCloneParams(t *testing.T) {
	target, exe := begin(t, c("clones"))
	l := startLatch(t, "record", "--json", "-p", target.pid(), "scale", "--by", "by")
	select {
	case <-l.attached:
		target.Go()
		target.WaitDone()
		l.interrupt()
		got := keyed(l.recording(), "scale.constprop.0")
		if got["3"]+got[latency.KeyUnreadable] != 29 || len(got) != 1 {
			t.Errorf("by reads as %v", got)
		}
	case <-l.exited:
		if l.wait() != exitUnmeasured || !strings.Contains(l.said(), "optimised out") {
			t.Errorf("latch ended with %d and says %q", l.wait(), l.said())
		}
		target.Go()
	}
	unharmed(t, c("clones"), exe, target.Prog)
}

// TestExec measures a process that executes another image in mid-call, which
// is no return, though it may count as in flight or as unwound.
func TestExec(t *testing.T) {
	rec := observe(t, c("execself"), "stage", "--by", "n")
	b := function(t, rec, "stage").Balance
	if b.Entries != 8 || b.Returns != 7 || b.InFlight+b.Unwound != 1 {
		t.Errorf("stage: %s", balances(rec)["stage"])
	}
	if diff := cmp.Diff(counts("1", 2, "2", 5), keyed(rec, "stage")); diff != "" {
		t.Errorf("keys (-stated +recorded):\n%s", diff)
	}
}

// TestManyKeys is M11: keys beyond the limit are merged, and nothing is lost.
func TestManyKeys(t *testing.T) {
	rec := observe(t, c("keys"), "keyed", "--by", "v", "--max-keys", "1000")
	f := function(t, rec, "keyed")
	if got, want := balances(rec)["keyed"], allReturned(10100); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	got := keyed(rec, "keyed")
	var sum uint64
	for _, n := range got {
		sum += n
	}
	if sum != 10100 || len(f.Series) != len(got) {
		t.Errorf("%d series add up to %d calls, not 10100", len(f.Series), sum)
	}
	if n := len(got) - 1; got[latency.KeyOther] == 0 || n > 1000 || n < 900 {
		t.Errorf("%d keys of their own, and %d calls merged", n, got[latency.KeyOther])
	}
	all := keyed(observe(t, c("keys"), "keyed", "--by", "v", "--max-keys", "20000"), "keyed")
	want := map[string]uint64{}
	for v := -5000; v < 5000; v++ {
		want[strconv.Itoa(v)]++
		if v%100 == 0 {
			want[strconv.Itoa(v)]++
		}
	}
	for v, n := range want {
		if all[v] != n {
			t.Errorf("v=%s: %d calls, not %d", v, all[v], n)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d keys, not %d", len(all), len(want))
	}
}

// TestKnownDurations is M12. No call is shorter than it says; that none is longer
// would be a claim about the machine, so the estimate is held to the exact
// extremes of the same recording.
func TestKnownDurations(t *testing.T) {
	rec := observe(t, c("sleep"), "nap", "--by", "ms")
	if got, want := balances(rec)["nap"], allReturned(6); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	stated := map[string]uint64{"50": 3, "200": 2, "1200": 1}
	for _, s := range function(t, rec, "nap").Series {
		ms := s.Key["ms"]
		if s.Count != stated[ms] {
			t.Errorf("ms=%s: %d calls, not %d", ms, s.Count, stated[ms])
		}
		least, err := strconv.ParseUint(ms, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		least *= 1e6
		if s.MinNS < least {
			t.Errorf("ms=%s: a call of %d ns", ms, s.MinNS)
		}
		for name, q := range map[string]uint64{"p50": s.P50NS, "p90": s.P90NS, "p99": s.P99NS, "p99.9": s.P999NS} {
			if float64(q) < 0.96*float64(s.MinNS) || float64(q) > 1.04*float64(s.MaxNS) {
				t.Errorf("ms=%s: %s of %d ns, though calls took %d to %d ns", ms, name, q, s.MinNS, s.MaxNS)
			}
		}
		delete(stated, ms)
	}
	if len(stated) > 0 {
		t.Errorf("no series for %v", stated)
	}
}
