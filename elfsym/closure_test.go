package elfsym

import (
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

const sourceClosure = `
package main

import (
	"fmt"
	"os"
	"sync"
)

type point struct{ x, y int }
type big struct{ a [40]int }
type Counter struct{ n int }
type G[T any] struct{ v T }

var sink any

//go:noinline
func adder(base int) func(int) int { return func(n int) int { sink = base; return base + n } }

//go:noinline
func folded(base int) func(int) int { return func(n int) int { sink = nil; return base + n } }

//go:noinline
func counter() func(int) int { c := 0; return func(d int) int { c += d; return c } }

//go:noinline
func many(s string, b []byte, e error, p *point, pt point, f func(int) int, i8 int8, ok bool, fl float64) func(int) int {
	return func(n int) int {
		for i := range n {
			sink = e
			if ok && fl > 2 {
				sink = i8
			}
			sink = pt
			n += f(i) + len(s) + len(b) + p.x
			sink = s
		}
		return n + len(b)
	}
}

//go:noinline
func large(b big, k int) func() int { return func() int { sink = k; return b.a[k] } }

type six struct{ a, b, c, d, e, f int }
type pointers struct {
	p       *int
	q       *string
	r, s, t int
}

//go:noinline
func array(u [3]string) func() int {
	return func() int {
		n := 0
		for _, s := range u {
			n += len(s)
		}
		return n
	}
}

//go:noinline
func wide(v six, u [3]string) func() { return func() { use(v, u) } }

//go:noinline
func use(v six, u [3]string) { sink = v.a + len(u[0]) }

//go:noinline
func reading(v pointers) func() int { return func() int { return *v.p + v.t } }

//go:noinline
func writing(v pointers) func(int) int { return func(n int) int { v.t += n; return v.t + *v.p } }

//go:noinline
func boxed(p, q point) func() { return func() { sink = p; sink = q } }

//go:noinline
func nested(a int, s string) func(int) func(int) int {
	return func(b int) func(int) int {
		sink = b
		return func(c int) int { sink = s; sink = a; sink = b; return a + b + c + len(s) }
	}
}

//go:noinline
func generic[T any](t T, n int) func(int) any { return func(m int) any { sink = n; return t } }

//go:noinline
func (g *G[T]) Clo(k int) func(int) any { return func(n int) any { sink = k; return any(g.v) } }

//go:noinline
func (c *Counter) Add(n int) int { c.n += n; return c.n }

//go:noinline
func value(c *Counter) func(int) int { return c.Add }

//go:noinline
func later(n int, sum *int) { *sum += n }

//go:noinline
func deferring(n int, sum *int) { defer later(n, sum); *sum++ }

//go:noinline
func recovering(n int) (r int, err error) {
	x := n * 2
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("%v %d", e, x)
		}
		r += x
	}()
	return n, nil
}

//go:noinline
func each(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

//go:noinline
func visit(n int, tag string) (sum int) {
	for v := range each(n) {
		sink = tag
		if v > 1000 {
			return -1
		}
		sum += v
	}
	return sum
}

//go:noinline
func direct(base int, s string) (r int) {
	acc := 0
	func(a int) {
		defer func() { recover() }()
		sink = a
		acc += a + base
		r = len(s)
	}(base + 1)
	return acc + r
}

//go:noinline
func started(base int) int {
	var wg sync.WaitGroup
	wg.Add(1)
	res := 0
	go func(k int) { sink = base; res += base + k; sink = k; wg.Done() }(base)
	wg.Wait()
	return res
}

func main() {
	n, sum := len(os.Args), 0
	fmt.Println(adder(n)(1), folded(n)(1), counter()(n), nested(n, "s")(2)(3), large(big{}, n)(), value(&Counter{})(n))
	fmt.Println(many("s", nil, nil, &point{}, point{n, 4}, adder(1), 3, n > 0, 1.5)(n), generic(1, n)(1), generic("1", n)(1), (&G[string]{}).Clo(n)(n))
	wide(six{}, [3]string{})()
	boxed(point{n, 1}, point{n, 2})()
	fmt.Println(array([3]string{"a"})(), reading(pointers{p: &n})(), writing(pointers{p: &n})(1))
	deferring(n, &sum)
	fmt.Println(recovering(n))
	fmt.Println(visit(5, "t"), direct(n, "abc"), started(n), sum)
}
`

// wantClosure is what both optimised and plain code say.
var wantClosure = map[string]string{
	"main.adder":                           "base int rax:8 -> func(int) int rax:8",
	"main.adder.func1":                     "n int rax:8 -> int rax:8; base int [rdx+8]:8",
	"main.counter.func1":                   "d int rax:8 -> int rax:8; &c *int [rdx+8]:8",
	"main.large.func1":                     " -> int rax:8; k int [rdx+8]:8, &b *main.big [rdx+16]:8",
	"main.nested.func1":                    "b int rax:8 -> func(int) int rax:8; s string [rdx+8]:16, a int [rdx+24]:8",
	"main.nested.func1.1":                  "c int rax:8 -> int rax:8; s string [rdx+8]:16, a int [rdx+24]:8, b int [rdx+32]:8",
	"main.generic[go.shape.int]":           "t go.shape.int rbx:8, n int rcx:8 -> func(int) interface {} rax:8",
	"main.generic[go.shape.int].func1":     "m int rax:8 -> interface {} rax:8+rbx:8; n int [rdx+8]:8, t go.shape.int [rdx+16]:8",
	"main.(*G[go.shape.string]).Clo.func1": "n int rax:8 -> interface {} rax:8+rbx:8; k int [rdx+8]:8, g *main.G[go.shape.string] [rdx+16]:8",
	"main.recovering.func1":                "; &err *error [rdx+8]:8, x int [rdx+16]:8, &r *int [rdx+24]:8",
	"main.each.func1":                      "yield func(int) bool rax:8; n int [rdx+8]:8",
	"main.visit-range1":                    "v int rax:8; tag string [rdx+16]:16, &sum *int [rdx+32]:8",
	"main.started.func1":                   "k int rax:8; base int [rdx+8]:8, &res *int [rdx+16]:8, &wg *sync.WaitGroup [rdx+24]:8",
	// What needs an address is described as if it were captured by reference.
	"main.writing.func1": "n int rax:8 -> int rax:8; &v *main.pointers [rdx+8]:8",
	// The literal is passed what it has captured; which of s and a is a
	// parameter cannot be told.
	"main.direct.func1": "s string rdi:8+rsi:8, a int r8:8; &acc *int rax:8, base int rbx:8, &r *int rcx:8",
	// Wrappers have no variables of the source.
	"main.deferring.deferwrap1": "",
	"main.(*Counter).Add-fm":    "n int rax:8 -> int rax:8",
}

func TestCaptured(t *testing.T) {
	plain := map[string]string{
		"main.folded.func1": "n int rax:8 -> int rax:8; base int [rdx+8]:8",
		"main.many.func1": "n int rax:8 -> int rax:8; e error [rdx+8]:16, ok bool [rdx+24]:1, fl float64 [rdx+32]:8, i8 int8 [rdx+40]:1, " +
			"pt main.point [rdx+48]:16, f func(int) int [rdx+64]:8, s string [rdx+72]:16, b []uint8 [rdx+88]:24, p *main.point [rdx+112]:8",
		"main.array.func1":   " -> int rax:8; u [3]string [rdx+8]:48",
		"main.wide.func1":    "; v main.six [rdx+8]:48, u [3]string [rdx+56]:48",
		"main.reading.func1": " -> int rax:8; v main.pointers [rdx+8]:40",
		"main.boxed.func1":   "; p main.point [rdx+8]:16, q main.point [rdx+24]:16",
	}
	// Of base and v no address or copy is ever in a register, so that nothing
	// describes them. The address of q is computed when the context is no
	// longer where it was.
	optimised := map[string]string{
		"main.folded.func1":  "n int rax:8 -> int rax:8",
		"main.reading.func1": " -> int rax:8",
		"main.boxed.func1":   "; p main.point [rdx+8]:16, q main.point !out",
	}
	newest := map[string]string{
		"main.array.func1": " -> int rax:8; u [3]string [rdx+8]:48",
		"main.wide.func1":  "; u [3]string [rdx+56]:48",
	}
	for _, flags := range [][]string{{""}, {"-buildmode=pie"}, {"toolchain=go1.23.12"}} {
		b := goBuild(t, sourceClosure, flags...)
		checkParams(t, b, wantClosure)
		checkParams(t, b, optimised)
		if !strings.HasPrefix(flags[0], "toolchain=") {
			checkParams(t, b, newest)
		}
		checkContextAtEntry(t, b)
	}
	b := goBuild(t, sourceClosure, "-gcflags=-N -l")
	checkParams(t, b, wantClosure)
	checkParams(t, b, plain)
	checkContextAtEntry(t, b)
	arm := goBuild(t, sourceClosure, "GOARCH=arm64")
	checkParams(t, arm, map[string]string{
		"main.adder.func1":   "n int x0:8 -> int x0:8; base int [x26+8]:8",
		"main.counter.func1": "d int x0:8 -> int x0:8; &c *int [x26+8]:8",
		"main.visit-range1":  "v int x0:8; tag string [x26+16]:16, &sum *int [x26+32]:8",
		"main.writing.func1": "n int x0:8 -> int x0:8; &v *main.pointers [x26+8]:8",
		"main.direct.func1":  "s string x3:8+x4:8, a int x5:8; &acc *int x0:8, base int x1:8, &r *int x2:8",
	})
}

// TestCapturedIndex numbers what is captured apart from the parameters.
func TestCapturedIndex(t *testing.T) {
	b := goBuild(t, sourceClosure, "-gcflags=-N -l")
	for name, want := range map[string]string{"main.adder.func1": "n0 r0 base0", "main.nested.func1.1": "c0 r0 s0 a1 b2", "main.direct.func1": "s0 a1 acc0 base1 r2"} {
		params, err := b.Params(funcNamed(t, b, name))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range params {
			s := p.Name
			if p.Result {
				s = "r"
			}
			got = append(got, s+string(rune('0'+p.Index)))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s has %s, want %s", name, s, want)
		}
	}
}

// checkContextAtEntry decodes what each closure does before its entry site:
// nothing of it may write the context register or memory that a variable may
// be in.
func checkContextAtEntry(t *testing.T, b *Binary) {
	t.Helper()
	funcs, err := b.Funcs()
	if err != nil {
		t.Fatal(err)
	}
	closures := 0
	for _, f := range funcs {
		params, err := b.Params(f)
		if err != nil {
			continue
		}
		var reads RegSet
		for _, p := range params {
			if p.Captured {
				reads |= p.Loc.Regs()
			}
		}
		if reads&RegSet(0).Add(regRDX) == 0 {
			continue
		}
		closures++
		sites, err := b.Sites(f, &SitesOptions{Reads: reads, ReadsMemory: true})
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		code, err := b.Text(f.Addr, sites.Entry.Addr)
		if err != nil {
			t.Fatal(err)
		}
		for len(code) > 0 {
			in, err := x86asm.Decode(code, 64)
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			switch dst := in.Args[0].(type) {
			case x86asm.Reg:
				if in.Op != x86asm.CMP && (dst == x86asm.RDX || dst == x86asm.EDX || dst == x86asm.DX || dst == x86asm.DL) {
					t.Errorf("%s: %v stands before its entry site", f.Name, in)
				}
			case x86asm.Mem:
				if in.Op != x86asm.CMP {
					t.Errorf("%s: %v stands before its entry site", f.Name, in)
				}
			}
			code = code[in.Len:]
		}
	}
	if closures < 15 {
		t.Errorf("only %d closures were looked at", closures)
	}
}

// TestNothingCaptured reads what compilers before Go 1.23 write.
func TestNothingCaptured(t *testing.T) {
	source := strings.ReplaceAll(sourceClosure, "for i := range n {", "for i := 0; i < n; i++ {")
	source = strings.Replace(source, "for v := range each(n) {", "for v := 0; v < n; v++ {", 1)
	b := goBuild(t, source, "toolchain=go1.21.13", "-gcflags=-N -l")
	checkParams(t, b, map[string]string{
		"main.adder.func1":                 "n int rax:8 -> int rax:8",
		"main.recovering.func1":            "",
		"main.generic[go.shape.int].func1": "m int rax:8 -> interface {} rax:8+rbx:8",
	})
}
