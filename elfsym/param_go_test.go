package elfsym

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

var wantGo = map[string]string{
	"main.(*T).M": "t *main.T rax:8, x string rbx:8+rcx:8, int rdi:8, y []uint8 rsi:8+r8:8+r9:8 -> " +
		"n int rax:8, err error rbx:8+rcx:8",
	"main.T.V": "t main.T rax:8+rbx:8, x int rcx:8 -> int rax:8",
	"main.Kinds": "a interface {} rax:8+rbx:8, e error rcx:8+rdi:8, m map[string]int rsi:8, c chan int r8:8, " +
		"f func(int) int r9:8, p *main.N r10:8 -> int rax:8",
	"main.Eleven": "a int rax:8, b int rbx:8, c int rcx:8, d int rdi:8, e int rsi:8, f int r8:8, g int r9:8, " +
		"h int r10:8, i int r11:8, j int [rsp+8]:8, k int [rsp+16]:8 -> x int rax:8, y int rbx:8",
	"main.ByValue": "c main.Conn rax:4+rbx:1+?:3+rcx:8+rdi:8+rsi:8+r8:8+r9:8, n int r10:8 -> " +
		"main.Conn rax:4+rbx:1+?:3+rcx:8+rdi:8+rsi:8+r8:8+r9:8",
	"main.Arrays":         "a [3]int [rsp+8]:24, o main.One rax:8, n int rbx:8 -> int rax:8, [2]int [rsp+32]:16",
	"main.Floats":         "u float64 !class, n int rax:8, v float32 !class, i main.Inner rbx:4+?:4+?:8 -> float64 !class, int rax:8",
	"main.Unused":         "a int rax:8, b string rbx:8+rcx:8, c main.N rdi:1",
	"main.Empty":          "e struct {}, a int rax:8, z [0]int, b bool rbx:1 -> bool rax:1",
	"main.Cplx":           "c complex128 !class, n int rax:8 -> complex128 !class",
	"main.closures":       "n int rax:8 -> func(int) int rax:8",
	"main.closures.func1": "m int rax:8 -> int rax:8; n int [rdx+8]:8",
	"main.partly":         "s string rax:8+rbx:8, n int rcx:8 -> int rax:8",
	"main.main":           "",
	// The dictionary takes a register in front, or behind the receiver.
	"main.F[go.shape.int]":            "k go.shape.int rbx:8, n int rcx:8 -> go.shape.int rax:8",
	"main.F[go.shape.string]":         "k go.shape.string rbx:8+rcx:8, n int rdi:8 -> go.shape.string rax:8+rbx:8",
	"main.F[go.shape.*uint8]":         "k go.shape.*uint8 rbx:8, n int rcx:8 -> go.shape.*uint8 rax:8",
	"main.(*G[go.shape.int]).Push":    "g *main.G[go.shape.int] rax:8, k go.shape.int rcx:8, n int rdi:8 -> int rax:8",
	"main.(*G[go.shape.string]).Push": "g *main.G[go.shape.string] rax:8, k go.shape.string rcx:8+rdi:8, n int rsi:8 -> int rax:8",
	"main.G[go.shape.string].Peek":    "g main.G[go.shape.string] rax:8+rbx:8, n int rdi:8 -> go.shape.string rax:8+rbx:8",
	"main.GC[go.shape.int]":           "k go.shape.int rbx:8 -> func(int) go.shape.int rax:8",
	"main.GC[go.shape.string].func1":  "n int rax:8 -> go.shape.string rax:8+rbx:8; k go.shape.string [rdx+8]:16",
}

func TestParamsGo(t *testing.T) {
	for _, flags := range []string{"", "-gcflags=-N -l", "-buildmode=pie", "-ldflags=-compressdwarf=false"} {
		t.Run(flags, func(t *testing.T) {
			checkParams(t, goBuild(t, sourceGo, flags), wantGo)
		})
	}
}

func TestParamsGoStripped(t *testing.T) {
	b := goBuild(t, sourceGo, "-ldflags=-s -w")
	if _, err := b.Params(funcNamed(t, b, "main.Eleven")); !errors.Is(err, ErrNoDebugInfo) {
		t.Errorf("error is %v, want %v", err, ErrNoDebugInfo)
	}
}

// TestParamsGoABI0 reads the runtime's functions for assembly.
func TestParamsGoABI0(t *testing.T) {
	b := goBuild(t, sourceGo)
	funcs, err := b.Funcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range funcs {
		if f.Symbol == "runtime.badctxt" || f.Symbol == "internal/bytealg.countGeneric" {
			if _, err := b.Params(f); err != nil {
				t.Error(err)
			}
		}
	}
	d, err := b.debugInfo()
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	f := *funcNamed(t, b, "main.Eleven")
	f.Attr |= ABI0
	fn, err := d.function(&f)
	d.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range fn.assignGo(-1, true).places {
		got = append(got, showPlace(p, AMD64))
	}
	if got, want := strings.Join(got, " "), "[rsp+8]:8 [rsp+16]:8 [rsp+24]:8 [rsp+32]:8 [rsp+40]:8 [rsp+48]:8 [rsp+56]:8 "+
		"[rsp+64]:8 [rsp+72]:8 [rsp+80]:8 [rsp+88]:8 [rsp+96]:8 [rsp+104]:8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInlinedGo(t *testing.T) {
	b := goBuild(t, sourceGo)
	all, err := b.Inlined("main.small", "main.Eleven")
	sites := all["main.small"]
	if err != nil || len(sites) != 1 {
		t.Fatalf("%v, %v; want one site", sites, err)
	}
	s := sites[0]
	if s.PC == 0 || filepath.Base(s.File) != "a.go" || s.In != "main.main" || s.Line == 0 {
		t.Errorf("site is %+v", s)
	}
	if sites := all["main.Eleven"]; len(sites) != 0 {
		t.Errorf("%v, %v; want no site", sites, err)
	}
}

// goBuild compiles source with the given flags for the compiler, of which
// toolchain=VERSION names another one and GOARCH=ARCH another machine.
func goBuild(t *testing.T, source string, flags ...string) *Binary {
	t.Helper()
	dir := t.TempDir()
	symWrite(t, dir, "a.go", source)
	env := []string{"GOFLAGS=", "GOWORK=off"}
	version := "1.26"
	args := []string{"build", "-o", "out"}
	for _, f := range flags {
		tc, other := strings.CutPrefix(f, "toolchain=")
		switch {
		case other:
			goToolchain(t, tc)
			env = append(env, "GOTOOLCHAIN="+tc)
			version = tc[len("go"):strings.LastIndexByte(tc, '.')]
		case strings.HasPrefix(f, "GOARCH="):
			env = append(env, f, "CGO_ENABLED=0")
		case f != "":
			if strings.Contains(f, "external") || strings.Contains(f, "plugin") {
				symTool(t, "gcc")
			}
			args = append(args, f)
		}
	}
	symWrite(t, dir, "go.mod", "module a\n\ngo "+version+"\n")
	symRun(t, dir, env, "go", args...)
	return symOpen(t, dir+"/out", nil)
}

// goToolchain fetches another Go toolchain, and skips the test where that
// cannot be done, except in CI.
func goToolchain(t *testing.T, version string) {
	t.Helper()
	cmd := exec.Command(symTool(t, "go"), "version")
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "GOTOOLCHAIN="+version)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), version) {
		symMissing(t, fmt.Sprintf("Go toolchain %s (%s)", version, out))
	}
}
