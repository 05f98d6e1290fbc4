package elfsym

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGoTypeOfValues looks up every type that a program prints, and compares
// descriptor and data word with what it says.
func TestGoTypeOfValues(t *testing.T) {
	// Up to Go 1.25 there is no debug information about what is only put into
	// an interface, and what is made of other types cannot do without.
	const missing = "[1]*int, main.Ptr, main.One, main.List[main.Pair[int,string]], struct { p *int }, []struct { Name string }"
	for _, v := range []struct {
		flags   []string
		missing string
	}{
		{[]string{""}, ""}, {[]string{"-gcflags=-N -l"}, ""}, {[]string{"-buildmode=pie"}, ""}, {[]string{"-ldflags=-linkmode=external"}, ""},
		{[]string{"-buildmode=pie", "-ldflags=-linkmode=external"}, ""},
		{[]string{"toolchain=go1.18.10"}, "[]error, [1]*int, [0]int" + strings.TrimPrefix(missing, "[1]*int")},
		{[]string{"toolchain=go1.21.13"}, missing},
		{[]string{"toolchain=go1.23.12", "-buildmode=pie"}, missing},
	} {
		t.Run(strings.Join(v.flags, " "), func(t *testing.T) {
			b := goBuild(t, sourceDynamic, v.flags...)
			var missing []string
			for _, d := range runDynamic(t, b) {
				typ, err := b.GoType(d.name)
				switch {
				case err != nil && strings.Contains(err.Error(), " means 2 types: "):
					if d.name != "main.Local" && d.name != "*sync.Mutex" && d.name != "sync.Mutex" {
						t.Error(err)
					}
					continue
				case errors.Is(err, ErrNotFound):
					missing = append(missing, d.name)
					continue
				case err != nil:
					t.Errorf("%s: %v", d.name, err)
					continue
				}
				id, err := b.GoTypeDescriptor(typ)
				if shared := strings.Contains(v.flags[0], "go1.18") && d.name == "main.Local"; shared != errors.Is(err, errSharedID) {
					t.Errorf("%s: %v", d.name, err)
				} else if !shared && (err != nil || id != d.id) {
					t.Errorf("%s (%s) has descriptor %#x, %v; want %#x", d.name, typ.Name, id, err, d.id)
				}
				if direct := d.direct == "true"; d.direct != "itab" && typ.DirectIface() != direct {
					t.Errorf("%s stands in the data word: %v, want %v", d.name, typ.DirectIface(), direct)
				}
			}
			if got := strings.Join(missing, ", "); got != v.missing {
				t.Errorf("missing are %s\nwant %s", got, v.missing)
			}
		})
	}
}

func TestGoTypeNames(t *testing.T) {
	const source = `
package main

import (
	"fmt"
	html "html/template"
	"net/http"
	"text/template"
)

type Square struct{ side int }
type Shape interface{ Area() int }
type Inner struct{ s Shape; a any; e error }

func (s Square) Area() int { return s.side }

//go:noinline
func takes(r *http.Request, i Inner, xs ...map[string]*http.Request) any { return i.s }

func main() {
	fmt.Println(template.New("x"), html.New("y"), takes(nil, Inner{s: &Square{}}), map[string]*http.Request{})
	fmt.Println(http.ListenAndServe("", nil), []byte("x"), func(http.ResponseWriter, *http.Request) {})
}
`
	b := goBuild(t, source, "-buildmode=pie")
	for name, want := range map[string]string{
		"main.Square": "main.Square struct", "*main.Square": "*main.Square pointer", "*net/http.Request": "*net/http.Request pointer",
		"*http.Request": "*net/http.Request pointer", "http.Request": "net/http.Request struct", " []byte ": "[]uint8 slice",
		"map[string]*http.Request": "map[string]*net/http.Request map", "text/template.Template": "text/template.Template struct",
		"any": "interface {} interface empty", "interface{}": "interface {} interface empty",
		"error": "error interface", "main.Shape": "main.Shape interface", "http.ResponseWriter": "net/http.ResponseWriter interface",
		"int": "int int", "rune": "int32 int", "***main.Inner": "***main.Inner pointer",
		"func(http.ResponseWriter, *http.Request)": "func(net/http.ResponseWriter, *net/http.Request) func",
	} {
		typ, err := b.GoType(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := typ.Name + " " + kinds[typ.Kind]
		if typ.EmptyInterface {
			got += " empty"
		}
		if got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"main.Sqare":          "main.Sqare: no such type; near it: main.Square",
		"nowhere.Nothing12":   "nowhere.Nothing12: no such type",
		"*main.":              "*main.: no such type",
		"":                    ": no such type",
		"template.Template":   "template.Template means 2 types: html/template.Template, text/template.Template",
		"**template.Template": "**template.Template means 2 types: *html/template.Template, *text/template.Template",
	} {
		if _, err := b.GoType(name); err == nil || !strings.HasPrefix(err.Error(), b.Name()+": "+want) || errors.Is(err, ErrNotFound) == strings.Contains(want, "means") {
			t.Errorf("%q: error is %v, want %s", name, err, want)
		}
	}
	checkDescriptors(t, b)
	stripped := goBuild(t, source, "-ldflags=-s -w")
	if _, err := stripped.GoType("main.Square"); !errors.Is(err, ErrNoDebugInfo) {
		t.Errorf("error is %v, want %v", err, ErrNoDebugInfo)
	}
}

// checkDescriptors asks for the descriptors of types that come from elsewhere
// than GoType.
func checkDescriptors(t *testing.T, b *Binary) {
	t.Helper()
	params, err := b.Params(funcNamed(t, b, "main.takes"))
	if err != nil {
		t.Fatal(err)
	}
	square, err := b.GoType("main.Square")
	if err != nil {
		t.Fatal(err)
	}
	fields, err := params[1].Type.Fields()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		typ  *Type
		name string // "" where there is no descriptor
	}{
		{params[0].Type, "*http.Request"}, {params[2].Type, ""}, {square, "main.Square"}, {PointerTo(square), "*main.Square"},
		{PointerTo(PointerTo(square)), ""}, {ArrayOf(square, 3), ""}, {fields[0].Type, "main.Shape"}, {fields[1].Type, "interface {}"}, {fields[2].Type, "error"},
	} {
		id, err := b.GoTypeDescriptor(v.typ)
		if name, ok := b.GoTypeName(id); name != v.name || ok == errors.Is(err, ErrNotFound) {
			t.Errorf("the descriptor of %s is %q, %v; want %q", v.typ.Name, name, err, v.name)
		}
	}
	for i, empty := range []bool{false, true, false} {
		if fields[i].Type.EmptyInterface != empty {
			t.Errorf("%s is an empty interface: %v", fields[i].Type.Name, !empty)
		}
	}
	other := symOpen(t, b.Path(), nil)
	if id, err := other.GoTypeDescriptor(square); err == nil {
		t.Errorf("a type of another image has descriptor %#x", id)
	}
}

// TestGoTypeHostile reads types that go in circles.
func TestGoTypeHostile(t *testing.T) {
	b := compile(t, "a.s", strings.Replace(hostileSource, ".quad .Lend-f; .byte 0x0c", ".quad .Lend-f; .byte 0x16", 1), "gcc", "-no-pie")
	typ, err := b.GoType("S")
	if err != nil || typ.Kind != KindStruct || typ.Size != 16 || typ.DirectIface() {
		t.Errorf("S is %+v, %v", typ, err)
	}
	if _, err := b.GoTypeDescriptor(typ); !errors.Is(err, errNoGo) {
		t.Errorf("error is %v, want %v", err, errNoGo)
	}
	if _, err := b.GoType("T"); !errors.Is(err, ErrNotFound) {
		t.Errorf("error is %v, want %v", err, ErrNotFound)
	}
	var circle *Type
	circle = &Type{Kind: KindStruct, Name: "circle", fields: func() ([]Field, error) { return []Field{{Name: "c", Type: circle}}, nil }}
	if circle.DirectIface() {
		t.Error("a struct that holds itself stands in a data word")
	}
}

// TestGoTypeMutated damages the debug information of a Go program at random,
// always in the same way.
func TestGoTypeMutated(t *testing.T) {
	good := goBuild(t, sourceClosure, "-gcflags=-N -l", "-ldflags=-compressdwarf=false")
	data, err := os.ReadFile(good.Path())
	if err != nil {
		t.Fatal(err)
	}
	info := good.ELF().Section(".debug_info")
	out := filepath.Join(t.TempDir(), "bad")
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		bad := slices.Clone(data)
		for range 64 {
			bad[info.Offset+rnd.Uint64N(info.Size)] = byte(rnd.Uint32())
		}
		if err := os.WriteFile(out, bad, 0o755); err != nil {
			t.Fatal(err)
		}
		b := symOpen(t, out, nil)
		for _, name := range []string{"main.point", "*main.G[int]", "string", "point"} {
			if typ, err := b.GoType(name); err == nil {
				useType(typ, 0)
				_, _ = b.GoTypeDescriptor(typ)
			}
		}
		for _, name := range []string{"main.many.func1", "main.direct.func1", "main.boxed.func1"} {
			if params, err := b.Params(funcNamed(t, b, name)); err == nil {
				for _, p := range params {
					useType(p.Type, 0)
				}
			}
		}
	}
}
