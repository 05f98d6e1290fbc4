package main

import (
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/testutil"
)

// A cell is what one expression is in one function.
type cell struct{ fn, expr string }

func (c cell) String() string { return c.fn + ": " + c.expr }

// A refusal is an expression that must not be readable in some builds.
type refusal struct {
	builds   string // as path.Match has it, against "c/gcc/-O2/-gdwarf-4"
	fn, expr string // of the cell; "*" is all
	reason   string // a part of the message
}

func (r *refusal) covers(build string, c cell) bool {
	is := func(pattern, s string) bool { return pattern == "*" || pattern == s }
	ok, err := path.Match(r.builds, build)
	return err == nil && ok && is(r.fn, c.fn) && is(r.expr, c.expr)
}

// A build is the program in one build, and what is known of it.
type build struct {
	prog
	name, exe string
	alone     []string // what it prints without latch
	cells     []cell
	// funcs are the program's names of functions by latch's, and patterns
	// what selects them.
	funcs    map[string]string
	patterns []string
	// shown are the cells that can be shown; true for those with a result.
	// refused are the others, with the reason.
	shown   map[cell]bool
	refused map[cell]string
}

// newBuild builds the program, runs it, and finds out what can be shown of it.
func newBuild(t *testing.T, p prog) *build {
	t.Helper()
	p.args = []string{"values"}
	b := &build{
		prog: p, name: buildName(p), exe: testutil.Build(t, p.lang, p.name, p.flags...),
		funcs: map[string]string{}, shown: map[cell]bool{}, refused: map[cell]string{},
	}
	b.alone = testutil.Run(t, b.exe, p.args...)
	b.cells, _ = cellsOf(t, b.alone)
	file, err := elfsym.Open(b.exe, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	envs := map[string][]*fetch.Env{}
	for _, c := range b.cells {
		if envs[c.fn] == nil {
			envs[c.fn] = b.find(t, file, c.fn)
		}
		b.compile(t, c, envs[c.fn])
	}
	return b
}

// buildName is "c/gcc/-O2/-gdwarf-4" or "go/-N -l".
func buildName(p prog) string {
	words := append([]string{p.lang}, p.flags...)
	if (p.lang == "c" || p.lang == "cxx") && !slices.Contains(words, "clang") {
		words = slices.Insert(words, 1, "gcc")
	}
	return strings.Join(words, "/")
}

// find returns what expressions in the functions of one name are compiled in.
func (b *build) find(t *testing.T, file *elfsym.Binary, name string) []*fetch.Env {
	t.Helper()
	pattern, err := elfsym.ParsePattern(name)
	if err != nil {
		t.Fatal(err)
	}
	found, err := file.Find(pattern)
	var several *elfsym.AmbiguousError
	if errors.As(err, &several) {
		if pattern, err = elfsym.ParsePattern("/^" + regexp.QuoteMeta(name) + `(\(|$)/`); err == nil {
			found, err = file.Find(pattern)
		}
	}
	if err != nil {
		t.Errorf("%s: no function %s: %v", b.name, name, err)
		return []*fetch.Env{}
	}
	b.patterns = append(b.patterns, pattern.String())
	var envs []*fetch.Env
	for _, f := range found {
		b.funcs[f.Name] = name
		env := &fetch.Env{Arch: file.Arch(), Lang: f.Lang, Binary: file}
		env.Params, env.NoParams = file.Params(f)
		envs = append(envs, env)
	}
	return envs
}

// compile notes that the cell can be shown in one of its functions, or why
// not.
func (b *build) compile(t *testing.T, c cell, envs []*fetch.Env) {
	t.Helper()
	e, err := fetch.Parse(c.expr)
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range envs {
		p, err := fetch.Compile([]*fetch.Expr{e}, nil, env)
		if err == nil {
			b.shown[c] = p.Parts[0].Result
			delete(b.refused, c)
			return
		}
		b.refused[c] = strings.Split(err.Error(), "\n")[0]
	}
}

// cellsOf reads the lines "value FUNCTION: EXPRESSION = JSON", of which a
// function has one for each call.
func cellsOf(t *testing.T, lines []string) (cells []cell, values map[cell][]any) {
	t.Helper()
	values = map[cell][]any{}
	for _, line := range lines {
		rest, ok := strings.CutPrefix(line, "value ")
		if !ok {
			continue
		}
		name, rest, ok1 := strings.Cut(rest, ": ")
		expr, text, ok2 := strings.Cut(rest, " = ")
		if !ok1 || !ok2 {
			t.Fatalf("no value in %q", line)
		}
		var v any
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		c := cell{name, expr}
		if values[c] == nil {
			cells = append(cells, c)
		}
		values[c] = append(values[c], v)
	}
	return cells, values
}

// conform holds what latch trace shows of all the program's functions, in all
// its builds at once, against what the program itself prints; and what cannot
// be shown against the table. It returns the number of cells.
func conform(t *testing.T, refusals []refusal, progs ...prog) (cells int) {
	t.Helper()
	var builds []*build
	var targets []waiting
	var args []string
	for _, p := range progs {
		b := newBuild(t, p)
		builds = append(builds, b)
		target, _ := begin(t, b.prog)
		targets = append(targets, target)
		args = append(args, "-p", target.pid())
		cells += len(b.cells)
	}
	l := startLatch(t, slices.Concat([]string{"trace", "--json", "--all"}, args, asked(builds))...)
	l.waitAttached()
	for _, target := range targets {
		target.Go()
	}
	for _, target := range targets {
		target.WaitDone()
	}
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch trace ended with %d\n%s", code, l.said())
	}
	calls := l.calls()
	for i, b := range builds {
		t.Run(b.name, func(t *testing.T) {
			output := targets[i].WaitDone()
			unharmed(t, b.prog, b.exe, targets[i].Prog)
			if diff := cmp.Diff(withoutAddresses(b.alone), withoutAddresses(output)); diff != "" {
				t.Errorf("printed (-alone +traced):\n%s", diff)
			}
			b.compare(t, calls, targets[i].PID(), output)
			b.hidden(l.said())
			b.judge(t, refusals)
		})
	}
	return cells
}

// asked are the functions and the expressions of all builds.
func asked(builds []*build) []string {
	var patterns, shows []string
	for _, b := range builds {
		patterns = append(patterns, b.patterns...)
		for c := range b.shown {
			shows = append(shows, c.expr)
		}
	}
	slices.Sort(patterns)
	slices.Sort(shows)
	args := slices.Compact(patterns)
	for _, expr := range slices.Compact(shows) {
		args = append(args, "--show", expr)
	}
	return args
}

// compare holds what latch showed of one process against what that printed.
func (b *build) compare(t *testing.T, calls []tracedCall, pid int, output []string) {
	t.Helper()
	_, want := cellsOf(t, output)
	got := map[cell][]any{}
	for _, call := range calls {
		if call.PID != pid {
			continue
		}
		name, ok := b.funcs[call.Func]
		if !ok {
			t.Errorf("a call of %s, which is none of the program's functions", call.Func)
		}
		for which, values := range []map[string]any{call.Args, call.Ret} {
			for expr, v := range values {
				c := cell{name, expr}
				got[c] = append(got[c], v)
				if result, ok := b.shown[c]; ok && result != (which == 1) {
					t.Errorf("%s is not where it belongs: args %v, ret %v", c, call.Args, call.Ret)
				}
			}
		}
	}
	for _, c := range b.cells {
		if _, ok := b.shown[c]; !ok {
			continue
		}
		if len(got[c]) == 0 {
			b.refused[c] = notShown
		} else if !slices.EqualFunc(got[c], want[c], same) {
			t.Errorf("%s: latch shows %v, the program prints %v", c, got[c], want[c])
		}
	}
}

// hidden finds the reasons for what could be compiled and is not shown.
func (b *build) hidden(said string) {
	for _, line := range strings.Split(said, "\n") {
		what, why, ok := strings.Cut(strings.TrimPrefix(line, "latch: "), " is not shown: ")
		for name, fn := range b.funcs {
			expr, of := strings.CutPrefix(what, name+": ")
			if c := (cell{fn, expr}); ok && of && b.refused[c] == notShown {
				b.refused[c] = why
			}
		}
	}
}

// judge holds what is refused against the table.
func (b *build) judge(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, c := range b.cells {
		why, refused := b.refused[c]
		i := slices.IndexFunc(refusals, func(r refusal) bool { return r.covers(b.name, c) })
		switch {
		case !refused && i >= 0:
			t.Errorf("%s is readable after all", c)
		case refused && i < 0:
			t.Errorf("%s is refused: %s", c, why)
		case refused && !strings.Contains(why, refusals[i].reason):
			t.Errorf("%s is refused: %s, want %q", c, why, refusals[i].reason)
		}
	}
}

// notShown is the reason where latch has not given one yet.
const notShown = "it is not shown"

// same compares two JSON values. Whole numbers are compared as text, so that
// no digit is lost.
func same(got, want any) bool {
	g, ok1 := got.(json.Number)
	w, ok2 := want.(json.Number)
	if !ok1 || !ok2 || g == w {
		return got == want
	}
	x, err1 := strconv.ParseFloat(g.String(), 64)
	y, err2 := strconv.ParseFloat(w.String(), 64)
	fraction := strings.ContainsAny(g.String()+w.String(), ".e")
	return err1 == nil && err2 == nil && fraction && x == y
}

var address = regexp.MustCompile(`0x[0-9a-f]+`)

// withoutAddresses are lines without what differs from run to run.
func withoutAddresses(lines []string) []string {
	out := []string{}
	for _, line := range testutil.Stated(lines) {
		out = append(out, address.ReplaceAllString(line, "0x…"))
	}
	return out
}
