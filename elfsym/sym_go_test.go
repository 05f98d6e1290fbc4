package elfsym

import (
	"debug/elf"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const symGoSource = `package main

import (
	"fmt"
	"os"
)

type Item struct{ SKU string }
type Cart struct{ n int }
type Shower interface{ Show(i Item) int }

//go:noinline
func (c *Cart) Price(i Item) int { return len(i.SKU) + c.n }

//go:noinline
func (c Cart) Show(i Item) int { return len(i.SKU) * c.n }

type Stack[T any] struct{ all []T }

//go:noinline
func (s *Stack[T]) Push(x T) { s.all = append(s.all, x) }

//go:noinline
func Gen[T any](x T, n int) int { return len(fmt.Sprint(x)) + n }

//go:noinline
func show(s Shower) int { return s.Show(Item{"b"}) }

func main() {
	c := &Cart{len(os.Args)}
	a, b := &Stack[int]{}, &Stack[string]{}
	a.Push(1)
	b.Push("x")
	fmt.Println(c.Price(Item{"a"}), show(c), show(*c), Gen(1, 2), Gen("x", 2), Gen(1.5, 1))
}
`

const symCgoSource = `package main

// #include <stdlib.h>
// __attribute__((noinline)) static int twice(int x) { return 2 * x; }
// int native(int x) { return twice(x) + abs(x); }
import "C"

func init() { _ = C.native(3) }
`

type symGoBuild struct {
	name  string
	env   []string
	flags []string
	cgo   bool
}

var symGoBuilds = []symGoBuild{
	{name: "internal", env: []string{"CGO_ENABLED=0"}},
	{name: "pie", env: []string{"CGO_ENABLED=0"}, flags: []string{"-buildmode=pie"}},
	{name: "cgo", flags: []string{"-ldflags=-linkmode external"}, cgo: true},
	{name: "cgo pie", flags: []string{"-buildmode=pie"}, cgo: true},
	{name: "static pie", flags: []string{"-buildmode=pie", "-ldflags=-linkmode external -extldflags -static-pie"}, cgo: true},
	{name: "go1.18", env: []string{"CGO_ENABLED=0", "GOTOOLCHAIN=go1.18.10"}},
	{name: "go1.21 pie", env: []string{"CGO_ENABLED=0", "GOTOOLCHAIN=go1.21.13"}, flags: []string{"-buildmode=pie"}},
	{name: "go1.23 cgo", env: []string{"GOTOOLCHAIN=go1.23.12"}, flags: []string{"-ldflags=-linkmode external"}, cgo: true},
}

// build builds the program; it skips when an older toolchain is not there.
func (g symGoBuild) build(t *testing.T) string {
	t.Helper()
	return g.buildSource(t, symGoSource)
}

// buildSource builds a program of main.go and empty files.
func (g symGoBuild) buildSource(t *testing.T, source string, empty ...string) string {
	t.Helper()
	dir := t.TempDir()
	symWrite(t, dir, "go.mod", "module shop\n\ngo 1.18\n")
	symWrite(t, dir, "main.go", source)
	for _, name := range empty {
		symWrite(t, dir, name, "")
	}
	if g.cgo {
		symTool(t, "gcc")
		symWrite(t, dir, "native.go", symCgoSource)
	}
	env := append([]string{"GOFLAGS=-mod=mod", "GOWORK=off"}, g.env...)
	if i := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, "GOTOOLCHAIN=") }); i >= 0 {
		cmd := exec.Command(symTool(t, "go"), "version")
		cmd.Dir, cmd.Env = dir, append(cmd.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			symMissing(t, env[i]+": "+string(out))
		}
	}
	symRun(t, dir, env, "go", append(append([]string{"build", "-o", "shop"}, g.flags...), ".")...)
	return filepath.Join(dir, "shop")
}

// TestGoLinkModes compares the functions of a program whose symbols were
// stripped with what nm says of the same program before.
func TestGoLinkModes(t *testing.T) {
	for _, g := range symGoBuilds {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			path := g.build(t)
			stripped := path + ".stripped"
			symRun(t, ".", nil, "strip", "--strip-all", "-o", stripped, path)
			want := symNM(t, path)
			full, bare := symOpen(t, path, nil), symOpen(t, stripped, nil)
			symCompareGo(t, full, want, false)
			symCompareGo(t, bare, want, true)
			symGoNames(t, full)
			symGoNames(t, bare)
			x, errX := full.GoInfo()
			y, errY := bare.GoInfo()
			if errX != nil || errY != nil {
				t.Fatal(errX, errY)
			}
			if x.TextStart != y.TextStart || x.TextEnd != y.TextEnd || x.TextStart == 0 || x.GoidOffset != y.GoidOffset {
				t.Errorf("GoInfo differs: %+v, stripped %+v", x, y)
			}
			tab, err := bare.pcln()
			if err != nil {
				t.Fatal(err)
			}
			for _, shift := range []VAddr{0, 0x20, 0x100, 0x780} {
				r := Range{tab.text.Lo + shift, tab.text.Hi}
				if got := bare.plausibleText(tab, r); got != (shift == 0) {
					t.Errorf("text shifted by %#x plausible: %v", shift, got)
				}
			}
			if goid, err := full.dwarfGoid(); err != nil || goid != x.GoidOffset {
				t.Errorf("goid offset %d in DWARF (%v), %d in %+v", goid, err, x.GoidOffset, x)
			}
			if x.CurgOffset != y.CurgOffset || x.SchedBPOffset != y.SchedBPOffset {
				t.Errorf("GoInfo differs: %+v, stripped %+v", x, y)
			}
			if curg, bp := full.schedOffsets(""); curg != x.CurgOffset || bp != x.SchedBPOffset {
				t.Errorf("curg at %d and sched.bp at %d in DWARF, in %+v", curg, bp, x)
			}
			if y.TLSG != 0 && y.TLSG != x.TLSG {
				t.Errorf("offset of g: %d, stripped %d", x.TLSG, y.TLSG)
			}
			if !g.cgo && y.TLSG != -8 {
				t.Errorf("offset of g: %d, want -8", y.TLSG)
			}
		})
	}
}

var symNMLine = regexp.MustCompile(`^([0-9a-f]+) ([0-9a-f]{16})? ?[tTwWi] (.*)\n$`)

var brackets = regexp.MustCompile(`\[.*\]`)

// symNM returns address -> names of text symbols, and sizes.
func symNM(t *testing.T, path string) map[VAddr]symNMEntry {
	t.Helper()
	all := map[VAddr]symNMEntry{}
	for line := range strings.Lines(symRun(t, ".", nil, "nm", "-S", path)) {
		m := symNMLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		a, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		size, err := strconv.ParseUint("0"+m[2], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		e := all[VAddr(a)]
		all[VAddr(a)] = symNMEntry{append(e.names, m[3]), max(size, e.size)}
	}
	return all
}

type symNMEntry struct {
	names []string
	size  uint64
}

func symCompareGo(t *testing.T, b *Binary, want map[VAddr]symNMEntry, stripped bool) {
	t.Helper()
	fs, err := b.Funcs()
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.GoInfo()
	if err != nil {
		t.Fatal(err)
	}
	inGo := 0
	for _, f := range fs {
		if f.Addr < g.TextStart || f.Addr >= g.TextEnd {
			if f.Lang == LangGo {
				t.Errorf("%s outside of the Go text is Go", f.Name)
			}
			continue
		}
		inGo++
		if f.Lang != LangGo {
			t.Errorf("%s is %v", f.Name, f.Lang)
		}
		w, ok := want[f.Addr]
		if !ok {
			t.Errorf("%s at %#x is no symbol", f.Name, f.Addr)
			continue
		}
		plain := func(n string) string { return strings.TrimSuffix(strings.ReplaceAll(n, "·", "."), ".abi0") }
		if strings.Contains(f.Name, "[...]") { // Go 1.18 abbreviates
			plain = func(n string) string { return brackets.ReplaceAllString(n, "[]") }
		}
		same := slices.ContainsFunc(w.names, func(n string) bool { return plain(n) == plain(f.Name) })
		if !same {
			t.Errorf("%#x is %s, want %q", f.Addr, f.Name, w.names)
		}
		if !f.Has(SizeGuessed) && f.Size != w.size {
			t.Errorf("%s: %d bytes, want %d", f.Name, f.Size, w.size)
		}
		if at := b.FuncAt(f.Addr + VAddr(f.Size) - 1); at != f {
			t.Errorf("FuncAt the end of %s is %v", f.Name, at)
		}
		if slices.ContainsFunc(w.names, func(n string) bool { return strings.HasSuffix(n, ".abi0") }) && !stripped && !f.Has(ABI0) {
			t.Errorf("%s is not ABI0", f.Name)
		}
	}
	wantGo := 0
	for a, w := range want {
		if a >= g.TextStart && a < g.TextEnd && w.size > 0 {
			wantGo++
			if b.FuncAt(a) == nil {
				t.Errorf("%q at %#x is missing", w.names, a)
			}
		}
	}
	if inGo < wantGo || inGo < 1000 {
		t.Errorf("%d Go functions, nm has %d", inGo, wantGo)
	}
	if stripped && b.elf.Section(".symtab") != nil {
		t.Error("not stripped")
	}
}

func symGoNames(t *testing.T, b *Binary) {
	t.Helper()
	for pattern, want := range map[string]int{
		"main.(*Cart).Price": 1, "main.Cart.Show": 1, "main.(*Cart).Show": 1, "main.Gen": 3, "main.Gen[...]": 3,
		"main.(*Stack[...]).Push": 2, "main.(*Stack).Push": 2, "main.main": 1, "main.(*Cart).*": 1,
		"runtime.memmove": 1, "runtime.mcall": 1,
	} {
		got, err := symNames(t, b, pattern)
		if err != nil || len(got) != want {
			t.Errorf("%s: %q, %v; want %d", pattern, got, err, want)
		}
	}
	all, err := b.Find(Pattern{Text: "main.(*Cart).Show"})
	if err != nil || !all[0].Has(Wrapper) {
		t.Errorf("main.(*Cart).Show: %v; want a wrapper", err)
	}
	mcall, err := b.Find(Pattern{Text: "runtime.mcall"})
	if err != nil || !mcall[0].Has(NeverReturns|ABI0) || mcall[0].Has(Wrapper) {
		t.Errorf("runtime.mcall: %v; want assembly that never returns", err)
	}
	price, err := b.Find(Pattern{Text: "main.(*Cart).Price"})
	if err != nil {
		t.Fatal(err)
	}
	if file, line := b.Line(price[0].Addr); filepath.Base(file) != "main.go" || line != 13 {
		t.Errorf("main.(*Cart).Price is at %s:%d", file, line)
	}
	_, err = symNames(t, b, "price")
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "main.(*Cart).Price") {
		t.Errorf("price: %v", err)
	}
	for _, f := range price {
		off, err := b.FileOffset(f.Addr)
		if back, ok := b.VAddrOf(off); err != nil || !ok || back != f.Addr {
			t.Errorf("offset %#x of %#x leads to %#x (%v)", off, f.Addr, back, err)
		}
	}
}

// TestGoToolchain reads the toolchain's own programs, as shipped.
func TestGoToolchain(t *testing.T) {
	root := strings.TrimSpace(symRun(t, ".", nil, "go", "env", "GOROOT"))
	path := filepath.Join(root, "bin", "go")
	b := symOpen(t, path, nil)
	if b.Lang() != LangGo || b.Arch() == ArchUnknown || b.BuildID() == "" {
		t.Errorf("%v %v %q", b.Lang(), b.Arch(), b.BuildID())
	}
	got, err := symNames(t, b, "cmd/go/internal/work.(*Builder).Do")
	if err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
	if why, err := b.Unwinds(); why != "" || err != nil {
		t.Errorf("unwinds: %q, %v", why, err)
	}
	nm := symRun(t, ".", nil, "go", "tool", "nm", path)
	addr := map[string]VAddr{}
	for line := range strings.Lines(nm) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(f) == 3 && (f[1] == "T" || f[1] == "t") {
			a, err := strconv.ParseUint(f[0], 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			addr[f[2]] = VAddr(a)
		}
	}
	fs, err := b.Funcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fs {
		if a, ok := addr[f.Symbol]; ok && a != f.Addr && !f.Has(Wrapper) && !f.Has(ABI0) {
			t.Errorf("%s at %#x, nm says %#x", f.Symbol, f.Addr, a)
		}
	}
	for _, p := range b.elf.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X == 0 {
			if _, err := b.FileOffset(VAddr(p.Vaddr)); err == nil {
				t.Errorf("%#x is data, but has a probe's offset", p.Vaddr)
			}
		}
	}
}
