package elfsym

import (
	"fmt"
	"math/rand"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// goFramesSource asks the runtime itself for the levels at the addresses that
// it reads, as this file has them: expandFinalInlineFrame gives a pc for each
// level, as profiles need it, and CallersFrames what is there.
const goFramesSource = `package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"runtime"
	_ "runtime/pprof"
	"sort"
	"strconv"
	_ "unsafe"
)

//go:linkname expand runtime/pprof.runtime_expandFinalInlineFrame
func expand(stk []uintptr) []uintptr

func half[T int | uint8](x T) T { return x/2 + T(len(os.Args)) }

type cart struct{ items []int }

func (c *cart) each(f func(int) int) (n int) {
	for _, i := range c.items {
		n += f(i)
	}
	return n + half(n)
}

//go:noinline
func total(c *cart) int {
	sort.Slice(c.items, func(i, j int) bool { return half(c.items[i]) < half(c.items[j]) })
	return c.each(func(i int) int { return half(i) + int(half(uint8(i))) })
}

func main() {
	main, _ := strconv.ParseUint(os.Args[1], 0, 64)
	bias := uint64(reflect.ValueOf(total).Pointer()) - main
	total(&cart{[]int{3, 1, 2}})
	in, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		a, _ := strconv.ParseUint(in.Text(), 0, 64)
		frames := runtime.CallersFrames(expand([]uintptr{uintptr(a + bias + 1)}))
		for {
			f, more := frames.Next()
			fmt.Fprintf(out, "%s\t%s\t%d\t", f.Function, f.File, f.Line)
			if !more {
				break
			}
		}
		fmt.Fprintln(out)
	}
}
`

// goAddrs returns n addresses inside Go functions, by far not all at the
// start of an instruction. CallersFrames takes the last byte of a function for
// the next one.
func goAddrs(t testing.TB, b *Binary, n int) []VAddr {
	t.Helper()
	tab, err := b.pcln()
	if err != nil {
		t.Fatal(err)
	}
	var all []VAddr
	for i := range tab.entries {
		f := &tab.entries[i]
		for a := f.addr; f.exact && a+1 < f.end; a += 3 {
			all = append(all, a)
		}
	}
	rand.New(rand.NewSource(1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

// runtimeName is the name of a Go function as the runtime prints it.
func runtimeName(s string) string {
	return brackets.ReplaceAllString(strings.ReplaceAll(s, "·", "."), "[...]")
}

type goTally struct{ addrs, inlined, deep, wrappers, wrong int }

// compareGo holds what frames says against what the runtime says of each
// address.
func compareGo(t *testing.T, b *Binary, frames func(VAddr) []Frame, addrs []VAddr, all [][]Frame) (n goTally) {
	t.Helper()
	tab, err := b.pcln()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range all {
		got := frames(addrs[i])
		n.addrs++
		if len(want) > 1 {
			n.inlined++
		}
		if len(want) > 2 {
			n.deep++
		}
		// The runtime hides a wrapper behind what was inlined into it.
		if f := tab.at(addrs[i]); len(got) == len(want)+1 && tab.hasWrapper && f.id == tab.wrapper {
			outer := got[len(got)-1]
			want = append(slices.Clip(want), Frame{Func: f.name, File: outer.File, Line: outer.Line})
			n.wrappers++
		}
		same := len(got) == len(want)
		for k := 0; same && k < len(got); k++ {
			g, w := got[k], want[k]
			if w.Func == "" {
				w.Func = tab.name(0) // it takes the offset 0 for none
			}
			same = runtimeName(g.Func) == runtimeName(w.Func) && g.File == w.File && g.Line == w.Line && g.Inlined == (k+1 < len(got))
		}
		if !same {
			if n.wrong++; n.wrong < 10 {
				t.Errorf("%#x:\n    got %+v\nruntime %+v", uint64(addrs[i]), got, want)
			}
		}
	}
	return n
}

// askRuntime runs the program of goFramesSource at path.
func askRuntime(t *testing.T, path string, total VAddr, addrs []VAddr) (all [][]Frame) {
	t.Helper()
	cmd := exec.Command(path, fmt.Sprintf("%#x", uint64(total)))
	var in strings.Builder
	for _, a := range addrs {
		fmt.Fprintf(&in, "%#x\n", uint64(a))
	}
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\t\n"), "\t")
		var frames []Frame
		for ; len(fields) >= 3; fields = fields[3:] {
			frames = append(frames, Frame{Func: fields[0], File: fields[1], Line: lineNumber(fields[2])})
		}
		all = append(all, frames)
	}
	if len(all) != len(addrs) {
		t.Fatalf("the runtime answers for %d of %d addresses", len(all), len(addrs))
	}
	return all
}

// TestFramesGo compares levels, names and positions with what the program's
// own runtime says.
func TestFramesGo(t *testing.T) {
	const noCgo = "CGO_ENABLED=0"
	for _, g := range []symGoBuild{
		{name: "DWARF", env: []string{noCgo}},
		{name: "stripped", env: []string{noCgo}, flags: []string{"-ldflags=-s -w"}},
		{name: "stripped pie", env: []string{noCgo}, flags: []string{"-buildmode=pie", "-ldflags=-s -w"}},
		{name: "cgo", flags: []string{"-ldflags=-linkmode external"}, cgo: true},
		{name: "go1.18", env: []string{noCgo, "GOTOOLCHAIN=go1.18.10"}},
		{name: "go1.18 stripped", env: []string{noCgo, "GOTOOLCHAIN=go1.18.10"}, flags: []string{"-ldflags=-s -w"}},
		{name: "go1.21 stripped pie", env: []string{noCgo, "GOTOOLCHAIN=go1.21.13"}, flags: []string{"-buildmode=pie", "-ldflags=-s -w"}},
		{name: "go1.23 stripped", env: []string{noCgo, "GOTOOLCHAIN=go1.23.12"}, flags: []string{"-ldflags=-s -w"}},
	} {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			b := symOpen(t, g.buildSource(t, goFramesSource, "empty.s"), nil)
			if has := b.DebugELF() != nil; has == strings.Contains(g.name, "stripped") {
				t.Fatalf("has DWARF: %v", has)
			}
			addrs := goAddrs(t, b, 20000)
			total, err := b.Find(Pattern{Text: "main.total"})
			if err != nil {
				t.Fatal(err)
			}
			all := askRuntime(t, b.Path(), total[0].Addr, addrs)
			n := compareGo(t, b, b.Frames, addrs, all)
			t.Logf("%+v", n)
			if n.wrong > 0 || n.addrs != 20000 || n.inlined < 1000 || n.deep < 100 {
				t.Errorf("%+v", n)
			}
			if g.name == "DWARF" {
				n := compareGo(t, b, dwarfLevels(b), addrs, all)
				t.Logf("by DWARF: %+v", n)
				if n.wrong > 0 {
					t.Errorf("by DWARF: %+v", n)
				}
			}
		})
	}
}

// dwarfLevels is Frames as if there were no function table. Go's compiler
// writes no rows for what it generates.
func dwarfLevels(b *Binary) func(VAddr) []Frame {
	return func(a VAddr) []Frame {
		f := b.FuncAt(a)
		frames, own := b.dwarfFrames(f, a)
		if !own {
			return []Frame{{Func: f.sourceName()}}
		}
		if in := &frames[0]; in.File == "" {
			in.File, in.Line = "<autogenerated>", 1
		}
		return frames
	}
}

// TestFramesSelf asks the runtime of the test itself.
func TestFramesSelf(t *testing.T) {
	b := symOpen(t, "/proc/self/exe", nil)
	here := reflect.ValueOf(TestFramesSelf).Pointer()
	own := funcNamed(t, b, "github.com/latchprof/latch/elfsym.TestFramesSelf")
	bias := here - uintptr(own.Addr)
	addrs := goAddrs(t, b, 50000)
	all := make([][]Frame, len(addrs))
	for i, a := range addrs {
		// With a second pc the first is taken for a physical frame's.
		frames := runtime.CallersFrames([]uintptr{uintptr(a) + bias + 1, here + 1})
		for {
			f, more := frames.Next()
			if !more {
				break
			}
			all[i] = append(all[i], Frame{Func: f.Function, File: f.File, Line: f.Line})
		}
	}
	n := compareGo(t, b, b.Frames, addrs, all)
	t.Logf("%+v", n)
	if n.wrong > 0 || n.addrs != 50000 || n.inlined < 5000 || n.deep < 1000 {
		t.Errorf("%+v", n)
	}
}
