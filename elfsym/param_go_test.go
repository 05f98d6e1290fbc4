package elfsym

import (
	"fmt"
	"strings"
	"testing"
)

const sourceGo = `
package main

import "fmt"

type T struct{ a, b int }
type N uint8
type Conn struct {
	id   uint32
	ok   bool
	name string
	bits []byte
}
type One [1]int
type Inner struct{ x int32; y float64 }
type G[K any] struct{ v K }
type S struct { T; f func() }

var sink any

//go:noinline
func (t *T) M(x string, _ int, y []byte) (n int, err error) { sink = x; return len(y), nil }

//go:noinline
func (t T) V(x int) int { return t.a + t.b + x }

//go:noinline
func F[K any](k K, n int) K { fmt.Println(n); return k }

//go:noinline
func (g *G[K]) Push(k K, n int) int { g.v = k; return n }

//go:noinline
func (g G[K]) Peek(n int) K { sink = n; return g.v }

//go:noinline
func Kinds(a any, e error, m map[string]int, c chan int, f func(int) int, p *N) int { return len(m) + cap(c) }

//go:noinline
func Eleven(a, b, c, d, e, f, g, h, i, j, k int) (x, y int) { return a + k, j }

//go:noinline
func ByValue(c Conn, n int) Conn { c.id += uint32(n); return c }

//go:noinline
func Arrays(a [3]int, o One, n int) (int, [2]int) { return a[n] + o[0], [2]int{n, 1} }

//go:noinline
func Floats(u float64, n int, v float32, i Inner) (float64, int) { return u + float64(v), n + int(i.x) }

//go:noinline
func Unused(a int, b string, c N) {}

//go:noinline
func Empty(e struct{}, a int, z [0]int, b bool) bool { return b && a > 1 }

//go:noinline
func Cplx(c complex128, n int) complex128 { return c + complex(float64(n), 0) }

//go:noinline
func closures(n int) func(int) int { return func(m int) int { sink = m; return n + m } }

//go:noinline
func GC[K any](k K) func(n int) K { return func(n int) K { sink = n; return k } }

//go:noinline
func partly(s string, n int) int { if n > 5 { return n }; sink = s; return len(s) }

func small(n int) int { return n + 2 }

func main() {
	t := &T{}
	n := len(fmt.Sprint("x"))
	fmt.Println(t.M("x", n, nil))
	fmt.Println(t.V(n), F(n, 2), F("s", n), F(t, n))
	g := &G[string]{}
	fmt.Println(g.Push("x", n), g.Peek(n), (&G[int]{}).Push(n, n), G[int]{}.Peek(n))
	fmt.Println(Kinds(n, nil, nil, nil, nil, nil))
	fmt.Println(Eleven(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, n))
	fmt.Println(ByValue(Conn{name: "x"}, n))
	fmt.Println(Arrays([3]int{}, One{}, n))
	fmt.Println(Floats(1, n, 2, Inner{}))
	Unused(n, "b", 1)
	fmt.Println(Empty(struct{}{}, n, [0]int{}, true), Cplx(1i, n))
	fmt.Println(closures(n)(n), GC(n)(n), GC("s")(n), partly("s", n), small(n))
}
`

func TestDumpGo(t *testing.T) {
	for _, flags := range []string{"", "-gcflags=-N -l"} {
		b := goBuild(t, sourceGo, flags)
		fmt.Println("==", flags)
		for _, f := range must(b.Funcs()) {
			if strings.HasPrefix(f.Symbol, "main.") {
				p, err := b.Params(f)
				fmt.Println(f.Symbol, show(p, b.Arch()), err)
			}
		}
		fmt.Println(b.Inlined("main.small"))
	}
}

// goBuild compiles source with the given flags for the compiler.
func goBuild(t *testing.T, source string, flags ...string) *Binary {
	t.Helper()
	dir := t.TempDir()
	symWrite(t, dir, "a.go", source)
	symWrite(t, dir, "go.mod", "module a\n\ngo 1.21\n")
	args := []string{"build", "-o", "out"}
	for _, f := range flags {
		if f != "" {
			args = append(args, f)
		}
	}
	symRun(t, dir, []string{"GOFLAGS=", "GOWORK=off"}, "go", args...)
	return symOpen(t, dir+"/out", nil)
}
