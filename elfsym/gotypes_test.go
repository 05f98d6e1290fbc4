package elfsym

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"
	"unsafe"
)

// sourceDynamic is a program that prints for each of many values what its
// type's descriptor holds: hash, name offset, whether the value stands in the
// interface's data word, and the name. It is written for Go 1.18.
const sourceDynamic = `
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"
	"unsafe"
)

type Square struct{ side, pad int }

func (s Square) Area() int { return s.side }

type Circle struct{ r float64 }

func (c *Circle) Area() int { return int(c.r) }

type Shape interface{ Area() int }
type Ptr *Square
type Fn func(int, ...string) error
type Table map[string]*Square
type One struct{ p *int }
type Blank struct {
	_ struct{}
	p *int
}
type Two struct{ p, q *int }
type Word uintptr
type Pair[K comparable, V any] struct {
	k K
	v V
}
type List[T any] struct{ next *List[T] }

type eface struct {
	typ  *[6]uint64
	data unsafe.Pointer
}
type iface struct {
	tab *struct {
		inter unsafe.Pointer
		typ   *[6]uint64
	}
	data unsafe.Pointer
}

func local1() interface{} {
	type Local struct{ a int }
	return Local{1}
}

func local2() interface{} {
	type Local struct{ b, c int8 }
	return Local{1, 2}
}

//go:noinline
func takes(any interface{}, err error, s Shape) bool { return any != nil && err != nil && s != nil }

func main() {
	n := len(os.Args)
	sq, ci, e := Square{n, 2}, &Circle{float64(n)}, io.EOF
	ch := make(chan int)
	if !takes(n, e, ci) {
		os.Exit(1)
	}
	values := []interface{}{
		true, n, int8(n), int16(n), int32(n), int64(n), uint(n), uint8(n), uint16(n), uint32(n), uint64(n), uintptr(n),
		float32(n), float64(n), complex64(1), complex128(1), "s", []byte("x"), []int{n}, []string{"x"}, []interface{}{n}, []error{e},
		[3]int{n}, [1]*int{&n}, [0]int{}, [2]string{"a"}, map[string]int{}, map[int][]string{n: nil}, map[Square]*Circle{},
		ch, (<-chan int)(ch), (chan<- int)(ch), make(chan (<-chan string)), func() {}, func(int, string) error { return nil },
		func(...interface{}) (int, bool) { return n, true }, &n, unsafe.Pointer(&n), new(string), new([]byte), new(error), new(interface{}),
		sq, &sq, *ci, ci, Ptr(&sq), Fn(nil), Table{}, One{&n}, Blank{p: &n}, Two{&n, &n}, Word(n), &Two{},
		Pair[string, int]{"a", n}, &Pair[Square, *Circle]{}, Pair[bool, []byte]{}, &List[int]{}, List[Pair[int, string]]{},
		struct{}{}, struct{ A, B int }{1, n}, struct{ p *int }{&n}, &struct{ x Square }{}, []struct{ Name string }{{"x"}},
		errors.New("x"), e, fmt.Errorf("%w", e), &os.PathError{}, &bytes.Buffer{}, strings.NewReader("x"), time.Second, time.Time{},
		&time.Location{}, &sync.Mutex{}, sync.Once{}, os.Stdout, reflect.ValueOf(n), reflect.TypeOf(n), reflect.Int,
		local1(), local2(),
	}
	for _, v := range values {
		e := (*eface)(unsafe.Pointer(&v))
		copied := reflect.New(reflect.TypeOf(v)).Elem()
		copied.Set(reflect.ValueOf(v))
		direct := copied.Type().Size() == 8 && uintptr(e.data) == *(*uintptr)(copied.Addr().UnsafePointer())
		fmt.Printf("%d %d %v %T\n", uint32(e.typ[2]), uint32(e.typ[5]), direct, v)
	}
	for _, s := range []Shape{sq, &sq, ci} {
		fmt.Printf("%d %d itab %T\n", uint32((*iface)(unsafe.Pointer(&s)).tab.typ[2]), uint32((*iface)(unsafe.Pointer(&s)).tab.typ[5]), s)
	}
}
`

// dynamicType is a line of what sourceDynamic prints.
type dynamicType struct {
	id     GoTypeID
	direct string
	name   string
}

func runDynamic(t *testing.T, b *Binary) []dynamicType {
	t.Helper()
	out, err := exec.Command(b.Path()).Output()
	if err != nil {
		t.Fatal(err)
	}
	var types []dynamicType
	for line := range strings.Lines(string(out)) {
		var d dynamicType
		var hash, str uint32
		if _, err := fmt.Sscan(line, &hash, &str, &d.direct); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		d.id = GoTypeID(hash) | GoTypeID(str)<<32
		d.name = strings.SplitN(strings.TrimSpace(line), " ", 4)[3]
		types = append(types, d)
	}
	if len(types) != 84 {
		t.Fatalf("the program printed %d types", len(types))
	}
	return types
}

// goBuilds are ways to build a Go program that change where its types are
// and what of the file tells so.
var goBuilds = [][]string{
	{""}, {"-gcflags=-N -l"}, {"-ldflags=-s -w"}, {"-buildmode=pie"}, {"-buildmode=pie", "-ldflags=-s -w"},
	{"-ldflags=-linkmode=external -s -w"}, {"-buildmode=pie", "-ldflags=-linkmode=external -s -w"},
	{"-buildmode=pie", "-ldflags=-linkmode=external -extldflags=-static-pie -s -w"},
	{"toolchain=go1.18.10", "-ldflags=-s -w"}, {"toolchain=go1.18.10", "-buildmode=pie"},
	{"toolchain=go1.21.13"}, {"toolchain=go1.21.13", "-buildmode=pie", "-ldflags=-s -w"},
	{"toolchain=go1.23.12", "-ldflags=-linkmode=external -s -w"},
}

// TestGoTypes compares with what a running program says of its own types.
func TestGoTypes(t *testing.T) {
	for _, flags := range goBuilds {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			b := goBuild(t, sourceDynamic, flags...)
			for _, d := range runDynamic(t, b) {
				if name, ok := b.GoTypeName(d.id); name != d.name || !ok {
					t.Errorf("%#x is %q, %v; want %q", d.id, name, ok, d.name)
				}
				ids, err := b.GoTypeIDs(d.name)
				want := len(ids)
				switch {
				case d.name == "main.Local" && !strings.Contains(flags[0], "go1.18"):
					want = 2
				case strings.Contains(d.name, "main."):
					want = 1
				}
				if err != nil || len(ids) != want || !slices.Contains(ids, d.id) {
					t.Errorf("%s has ids %#x, %v; want %#x", d.name, ids, err, d.id)
				}
				if _, ok := b.GoTypeName(d.id ^ 1); ok {
					t.Errorf("%#x has a name", d.id^1)
				}
				if _, ok := b.GoTypeName(d.id ^ 1<<33); ok {
					t.Errorf("%#x has a name", d.id^1<<33)
				}
			}
			for alias, name := range map[string]string{"[]byte": "[]uint8", "[]any": "[]interface {}", "struct{}": "struct {}"} {
				x, errX := b.GoTypeIDs(alias)
				y, errY := b.GoTypeIDs(name)
				if errX != nil || errY != nil || len(x) != 1 || len(y) != 1 || x[0] != y[0] {
					t.Errorf("%s is %#x, %v; %s is %#x, %v", alias, x, errX, name, y, errY)
				}
			}
			if ids, err := b.GoTypeIDs("main.Nothing"); !errors.Is(err, ErrNotFound) || ids != nil {
				t.Errorf("main.Nothing is %v, %v", ids, err)
			}
		})
	}
}

// descriptorOf returns the id of a type of this process.
func descriptorOf(t reflect.Type) GoTypeID {
	words := *(*[2]unsafe.Pointer)(unsafe.Pointer(&t))
	d := (*[rtypeLen]byte)(words[1])
	r := rtype{&goTypeTable{data: string(d[:])}, 0}
	return r.id()
}

// TestGoTypesOfThisProcess compares all types that can be reached from some of
// this test's own.
func TestGoTypesOfThisProcess(t *testing.T) {
	b := symOpen(t, "/proc/self/exe", nil)
	seen := map[reflect.Type]bool{}
	var visit func(x reflect.Type)
	visit = func(x reflect.Type) {
		if seen[x] {
			return
		}
		seen[x] = true
		switch x.Kind() {
		case reflect.Map:
			visit(x.Key())
			visit(x.Elem())
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			visit(x.Elem())
		case reflect.Struct:
			for f := range x.Fields() {
				visit(f.Type)
			}
		case reflect.Func:
			for p := range x.Ins() {
				visit(p)
			}
			for p := range x.Outs() {
				visit(p)
			}
		case reflect.Interface:
			for m := range x.Methods() {
				visit(m.Type)
			}
		}
	}
	for _, v := range []any{t, b, elf.File{}, json.Decoder{}, http.Server{}, http.Client{}, template.Template{}, exec.Cmd{}, time.Timer{},
		ast.File{}, os.ErrExist, new(reflect.Type), func(*testing.B, ...error) {}} {
		visit(reflect.TypeOf(v))
	}
	if len(seen) < 500 {
		t.Errorf("only %d types were reached", len(seen))
	}
	for x := range seen {
		id := descriptorOf(x)
		if name, ok := b.GoTypeName(id); name != x.String() || !ok {
			t.Errorf("%#x is %q, %v; want %q", id, name, ok, x)
		}
		if ids, err := b.GoTypeIDs(x.String()); err != nil || !slices.Contains(ids, id) {
			t.Errorf("%s has ids %#x, %v; want %#x", x, ids, err, id)
		}
	}
	made := reflect.StructOf([]reflect.StructField{{Name: "MadeAtRunTime", Type: reflect.TypeFor[int]()}})
	if name, ok := b.GoTypeName(descriptorOf(made)); ok {
		t.Errorf("a type made at run time is %q", name)
	}
}

// TestGoTypesAgainstSymbols compares the descriptors with the symbols that the
// linker leaves in a plugin: each is found, and nothing else is taken for one.
func TestGoTypesAgainstSymbols(t *testing.T) {
	source := "package main\n\nimport \"net/http\"\n\nvar Client http.Client\n\nfunc main() {}\n"
	b := goBuild(t, source, "-buildmode=plugin")
	table, err := b.goTypes()
	if err != nil {
		t.Fatal(err)
	}
	found := map[VAddr]bool{}
	for _, r := range table.types {
		found[table.base+VAddr(r.off)] = true
	}
	syms, err := b.ELF().Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range syms {
		// "type:*" alone bounds them, "type:.eq.T" and its like are functions and names.
		name, ok := strings.CutPrefix(s.Name, "type:")
		if !ok || name == "*" || strings.HasPrefix(name, ".") || s.Section == elf.SHN_UNDEF {
			continue
		}
		if !found[VAddr(s.Value)] {
			t.Errorf("%s was not found", s.Name)
		}
		delete(found, VAddr(s.Value))
	}
	if len(found) > 0 || len(table.types) < 2000 {
		t.Errorf("of %d descriptors %d have no symbol", len(table.types), len(found))
	}
}

// TestGoTypesHostile damages a program's types and their bounds.
func TestGoTypesHostile(t *testing.T) {
	good := goBuild(t, sourceDynamic, "-ldflags=-s -w")
	p, err := good.pcln()
	if err != nil {
		t.Fatal(err)
	}
	ids, err := good.GoTypeIDs("main.Square")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Range{{}, {1, 0}, {0, ^VAddr(0)}, {p.types.Lo, p.types.Lo + maxRead + 1}, {p.types.Hi, p.types.Hi + 1<<20}, {^VAddr(0) - 7, ^VAddr(0)}} {
		b := symOpen(t, good.Path(), nil)
		bad := *p
		bad.types = r
		b.pcln = func() (*pclntab, error) { return &bad, nil }
		if ids, err := b.GoTypeIDs("main.Square"); err == nil {
			t.Errorf("types at %#x: %v", r, ids)
		}
		if name, ok := b.GoTypeName(ids[0]); ok {
			t.Errorf("types at %#x: %s", r, name)
		}
	}
	// Overlapping names must not be read without end.
	data := make([]byte, 1<<20)
	long := strings.Repeat("*", maxNameLen)
	copy(data[8:], append([]byte{0, 0x80, 0x80, 4}, long...))
	for off := 8 + len(long) + 8; off+rtypeLen <= len(data); off += rtypeLen {
		d := data[off:]
		d[rtypeSize], d[rtypePtrBytes], d[rtypeAlign], d[rtypeAlign+1], d[rtypeKind] = 8, 8, 8, 8, byte(reflect.Pointer)
		d[rtypeStr], d[rtypeHash], d[rtypeHash+1] = 8, byte(off/rtypeLen), byte(off/rtypeLen>>8)
	}
	table := &goTypeTable{data: string(data)}
	if err := table.index(); !errors.Is(err, ErrMalformed) {
		t.Errorf("error is %v, want %v", err, ErrMalformed)
	}
}
