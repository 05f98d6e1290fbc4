package elfsym

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// sourceCases has the shapes of functions that are hard to place. It is
// written for Go 1.18.
const sourceCases = `
package main

import (
	"errors"
	"fmt"
	"os"
)

var sink interface{}

type num interface{ ~int | ~float64 | ~int8 }
type pt struct{ x, y int }
type pair[K comparable, V any] struct {
	k K
	v V
}
type list[T any] struct {
	head *node[T]
	n    int
}
type node[T any] struct {
	v    T
	next *node[T]
}
type emb[T any] struct {
	list[T]
	extra int8
}
type small struct {
	a int8
	b int64
	c [1]string
	d struct{}
	e bool
}
type arr struct {
	a [2]int
	n int
}
type nested struct {
	p pt
	s string
	i interface{}
	u uint8
}
type wide struct {
	a, b int
	s, t string
	u    []int
}

//go:noinline
func Sum[T num](xs ...T) (t T) {
	for _, x := range xs {
		t += x
	}
	sink = t
	return
}

//go:noinline
func Two[K comparable, V any](k K, n int, v V) (V, int, K) { sink = n; return v, n, k }

//go:noinline
func Ptr[T any](p *T, n int) (*T, error) {
	sink = n
	if n > 100 {
		return nil, errors.New("x")
	}
	return p, nil
}

//go:noinline
func Arr[T any](a [2]T, n int, b [1]T) (int, [2]T) { sink = a; return n, a }

//go:noinline
func Shapeless[T any](n int) int { var z T; sink = z; return n }

//go:noinline
func Blank[T any](_ T, n int, _ string) int { sink = n; return n }

//go:noinline
func (l *list[T]) Push(v T, n int) int { l.head = &node[T]{v, l.head}; l.n += n; return l.n }

//go:noinline
func (l list[T]) Len(n int) (r int, ok bool) { sink = n; return l.n + n, true }

//go:noinline
func (e *emb[T]) Ext(n int8, v ...T) (T, bool) {
	sink = v
	if len(v) > 0 {
		return v[0], true
	}
	var z T
	e.extra += n
	return z, false
}

//go:noinline
func (l *list[T]) Each(f func(T, int) bool) func(int) int {
	for n := l.head; n != nil; n = n.next {
		if !f(n.v, l.n) {
			break
		}
	}
	return func(k int) int { var z T; sink = z; return l.n + k }
}

//go:noinline
func Results() (a, b, c, d, e, f, g, h, i, j, k int) { sink = 1; return 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }

//go:noinline
func Unnamed(n int, s string) (int, string, error, []byte, *int, int8, bool) { sink = s; return n, s, nil, nil, &n, 3, true }

//go:noinline
func Mixed(a [3]int, n int8) (x int8, b [3]int, y int16, f float64, z string) { sink = a; return n, a, 5, 1.5, "z" }

//go:noinline
func Structs(v small, n nested) (nested, small) { sink = v.b; return n, v }

//go:noinline
func ArrStruct(a arr, n int) (arr, int) { sink = n; return a, n }

//go:noinline
func Variadic(format string, args ...interface{}) (n int, err error) { sink = args; return len(args), nil }

//go:noinline
func Wide(i wide, n int, j wide) wide { sink = n; return j }

//go:noinline
func Never(int, string) {}

//go:noinline
func Second(_ int, n int) {}

//go:noinline
func Middle(a int, _ string, n int) (_ int, err error) { sink = a; return 3, nil }

func main() {
	n := len(os.Args)
	fmt.Println(Sum(1, 2, n), Sum(1.5), Sum[int8](1), Shapeless[string](n), Blank("x", n, "y"))
	fmt.Println(Two("k", n, 1.5))
	fmt.Println(Two(pt{1, 2}, n, []int{1}))
	fmt.Println(Ptr(&n, 1))
	fmt.Println(Arr([2]string{"a", "b"}, n, [1]string{"c"}))
	l := &list[string]{}
	fmt.Println(l.Push("a", n))
	fmt.Println(l.Len(n))
	fmt.Println((&emb[int]{}).Ext(3, 1, 2))
	fmt.Println(l.Each(func(s string, k int) bool { sink = n; return k > 0 })(2))
	fmt.Println(Results())
	fmt.Println(Unnamed(n, "x"))
	fmt.Println(Mixed([3]int{}, 2))
	fmt.Println(Structs(small{}, nested{}))
	fmt.Println(ArrStruct(arr{}, n))
	fmt.Println(Variadic("x", 1))
	fmt.Println(Wide(wide{}, n, wide{a: n}))
	Never(1, "")
	Second(1, n)
	fmt.Println(Middle(n, "", 2))
}
`

// wantCases is what is the same for all versions of Go. In the names of shapes,
// which Go 1.18 numbers, # stands for the number.
var wantCases = map[string]string{
	"main.Results": " -> a int rax:8, b int rbx:8, c int rcx:8, d int rdi:8, e int rsi:8, f int r8:8, g int r9:8, h int r10:8, i int r11:8, " +
		"j int [rsp+8]:8, k int [rsp+16]:8",
	"main.Unnamed": "n int rax:8, s string rbx:8+rcx:8 -> int rax:8, string rbx:8+rcx:8, error rdi:8+rsi:8, []uint8 r8:8+r9:8+r10:8, " +
		"*int r11:8, int8 [rsp+8]:1, bool [rsp+9]:1",
	"main.Mixed": "a [3]int [rsp+8]:24, n int8 rax:1 -> x int8 rax:1, b [3]int [rsp+32]:24, y int16 rbx:2, f float64 !class, z string rcx:8+rdi:8",
	"main.Structs": "v main.small rax:1+?:7+rbx:8+rcx:8+rdi:8+rsi:1+?:7, n main.nested [rsp+8]:56 -> " +
		"main.nested rax:8+rbx:8+rcx:8+rdi:8+rsi:8+r8:8+r9:1+?:7, main.small [rsp+64]:40",
	"main.ArrStruct": "a main.arr [rsp+8]:24, n int rax:8 -> main.arr [rsp+32]:24, int rax:8",
	"main.Variadic":  "format string rax:8+rbx:8, args []interface {} rcx:8+rdi:8+rsi:8 -> n int rax:8, err error rbx:8+rcx:8",
	"main.Wide": "i main.wide rax:8+rbx:8+rcx:8+rdi:8+rsi:8+r8:8+r9:8+r10:8+r11:8, n int [rsp+8]:8, j main.wide [rsp+16]:72 -> " +
		"main.wide rax:8+rbx:8+rcx:8+rdi:8+rsi:8+r8:8+r9:8+r10:8+r11:8",
	"main.Sum[go.shape.int8#0]": "xs []go.shape.int8#0 rbx:8+rcx:8+rdi:8 -> t go.shape.int8#0 rax:1",
	"main.Two[go.shape.string#0,go.shape.float64#1]": "k go.shape.string#0 rbx:8+rcx:8, n int rdi:8, v go.shape.float64#1 !class -> " +
		"go.shape.float64#1 !class, int rax:8, go.shape.string#0 rbx:8+rcx:8",
	"main.Two[go.shape.struct { main.x int; main.y int }#0,go.shape.[]int#1]": "k go.shape.struct { main.x int; main.y int }#0 rbx:8+rcx:8, " +
		"n int rdi:8, v go.shape.[]int#1 rsi:8+r8:8+r9:8 -> go.shape.[]int#1 rax:8+rbx:8+rcx:8, int rdi:8, " +
		"go.shape.struct { main.x int; main.y int }#0 rsi:8+r8:8",
	"main.Ptr[go.shape.int#0]": "p *go.shape.int#0 rbx:8, n int rcx:8 -> *go.shape.int#0 rax:8, error rbx:8+rcx:8",
	"main.Arr[go.shape.string#0]": "a [2]go.shape.string#0 [rsp+8]:32, n int rbx:8, b [1]go.shape.string#0 rcx:8+rdi:8 -> " +
		"int rax:8, [2]go.shape.string#0 [rsp+40]:32",
	"main.Shapeless[go.shape.string#0]": "n int rbx:8 -> int rax:8",
}

// wantMethods has the dictionary behind the receiver, as from Go 1.20 on.
var wantMethods = map[string]string{
	"main.(*list[go.shape.string]).Push": "l *main.list[go.shape.string] rax:8, v go.shape.string rcx:8+rdi:8, n int rsi:8 -> int rax:8",
	"main.list[go.shape.string].Len":     "l main.list[go.shape.string] rax:8+rbx:8, n int rdi:8 -> r int rax:8, ok bool rbx:1",
	"main.(*emb[go.shape.int]).Ext":      "e *main.emb[go.shape.int] rax:8, n int8 rcx:1, v []go.shape.int rdi:8+rsi:8+r8:8 -> go.shape.int rax:8, bool rbx:1",
	"main.(*list[go.shape.string]).Each": "l *main.list[go.shape.string] rax:8, f func(go.shape.string, int) bool rcx:8 -> func(int) int rax:8",
}

// wantFirst has it in front, as before.
var wantFirst = map[string]string{
	"main.(*list[go.shape.string_0]).Push": "l *main.list[go.shape.string_0] rbx:8, v go.shape.string_0 rcx:8+rdi:8, n int rsi:8 -> int rax:8",
	"main.list[go.shape.string_0].Len":     "l main.list[go.shape.string_0] rbx:8+rcx:8, n int rdi:8 -> r int rax:8, ok bool rbx:1",
	"main.(*emb[go.shape.int_0]).Ext": "e *main.emb[go.shape.int_0] rbx:8, n int8 rcx:1, v []go.shape.int_0 rdi:8+rsi:8+r8:8 -> " +
		"go.shape.int_0 rax:8, bool rbx:1",
	"main.(*list[go.shape.string_0]).Each.func1": "k int rax:8 -> int rax:8",
}

// wantBlank has the parameters without a name.
var wantBlank = map[string]string{
	"main.Blank[go.shape.string]": "go.shape.string rbx:8+rcx:8, n int rdi:8, string rsi:8+r8:8 -> int rax:8",
	"main.Never":                  "int rax:8, string rbx:8+rcx:8",
	"main.Second":                 "int rax:8, n int rbx:8",
	"main.Middle":                 "a int rax:8, string rbx:8+rcx:8, n int rdi:8 -> int rax:8, err error rbx:8+rcx:8",
}

// shapes replaces the marks in names.
func shapes(want map[string]string, numbered bool) map[string]string {
	r := strings.NewReplacer("#0", "", "#1", "")
	if numbered {
		r = strings.NewReplacer("#0", "_0", "#1", "_1")
	}
	out := map[string]string{}
	for name, w := range want {
		out[r.Replace(name)] = r.Replace(w)
	}
	return out
}

func TestParamsGoCases(t *testing.T) {
	for _, flags := range [][]string{{""}, {"-gcflags=-N -l"}, {"-buildmode=pie"}, {"-ldflags=-linkmode=external"}, {"toolchain=go1.23.12"}} {
		b := goBuild(t, sourceCases, flags...)
		for _, want := range []map[string]string{shapes(wantCases, false), wantMethods, wantBlank} {
			checkParams(t, b, want)
		}
	}
}

// TestParamsGoBlanks reads programs of compilers that leave out parameters
// without a name, so that the others have no known index.
func TestParamsGoBlanks(t *testing.T) {
	for _, v := range []struct {
		toolchain string
		numbered  bool
	}{{"go1.18.10", true}, {"go1.21.13", false}} {
		for _, flags := range []string{"", "-gcflags=-N -l"} {
			b := goBuild(t, sourceCases, "toolchain="+v.toolchain, flags)
			checkParams(t, b, shapes(wantCases, v.numbered))
			checkParams(t, b, map[bool]map[string]string{true: wantFirst, false: wantMethods}[v.numbered])
			blank := shapes(map[string]string{"main.Blank[go.shape.string#0]": "n int rdi:8 -> int rax:8"}, v.numbered)
			blank["main.Never"] = ""
			blank["main.Middle"] = "a int rax:8, n int rdi:8 -> int rax:8, err error rbx:8+rcx:8"
			blank["main.Second"] = "n int rbx:8"
			checkParams(t, b, blank)
			params, err := b.Params(funcNamed(t, b, "main.Middle"))
			if err != nil || len(params) != 4 {
				t.Fatal(params, err)
			}
			if got := fmt.Sprint(params[0].Index, params[1].Index, params[2].Index, params[3].Index); got != "-1 -1 0 1" {
				t.Errorf("%s: main.Middle has indices %s", v.toolchain, got)
			}
		}
	}
}

// TestArgWidth holds the size of every call's area against the convention.
func TestArgWidth(t *testing.T) {
	for _, flags := range [][]string{{""}, {"-gcflags=-N -l"}, {"GOARCH=arm64"}} {
		b := goBuild(t, sourceCases, flags...)
		funcs, err := b.Funcs()
		if err != nil {
			t.Fatal(err)
		}
		d, err := b.debugInfo()
		if err != nil {
			t.Fatal(err)
		}
		fit := 0
		for _, f := range funcs {
			d.mu.Lock()
			fn, err := d.function(f)
			d.mu.Unlock()
			if errors.Is(err, ErrNoDebugInfo) || err == nil && (fn.unit.lang != dwLangGo || len(fn.args) == 0) {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
				continue
			}
			a, err := fn.placeGo()
			width, known := fn.argWidth()
			if err != nil || !known || a.width != width {
				t.Errorf("%s: %d bytes of arguments, want %d: %v", f.Name, a.width, width, err)
			}
			fit++
		}
		if fit < 1000 {
			t.Errorf("%v: only %d functions were looked at", flags, fit)
		}
	}
}
