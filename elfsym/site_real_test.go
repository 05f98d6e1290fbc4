package elfsym

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// A tally counts what Sites says about the functions of a binary.
type tally struct {
	funcs, nop5, emulated, stepped, timed, warned int

	refused, noExit map[string]int
	example         map[string]error
}

func newTally() *tally {
	return &tally{refused: map[string]int{}, noExit: map[string]int{}, example: map[string]error{}}
}

func (y *tally) add(s Sites, err error) {
	y.funcs++
	if err != nil {
		y.refused[reason(err)]++
		y.example[reason(err)] = err
		return
	}
	switch s.Entry.Cost {
	case Nop5:
		y.nop5++
	case Emulated:
		y.emulated++
	case Stepped:
		y.stepped++
	}
	if s.NoExit == nil {
		y.timed++
	} else {
		y.noExit[reason(s.NoExit)]++
		y.example[reason(s.NoExit)] = s.NoExit
	}
	if len(s.Warnings) > 0 {
		y.warned++
	}
}

func (y *tally) share(n int) float64 { return 100 * float64(n) / float64(max(1, y.funcs)) }

func (y *tally) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d functions: %.1f%% nop5, %.1f%% emulated, %.1f%% stepped; %.1f%% timed, %.1f%% warned",
		y.funcs, y.share(y.nop5), y.share(y.emulated), y.share(y.stepped), y.share(y.timed), y.share(y.warned))
	for _, m := range []map[string]int{y.refused, y.noExit} {
		for why, n := range m {
			fmt.Fprintf(&s, "\n\t%5d %.2f%% %s (%v)", n, y.share(n), why, y.example[why])
		}
	}
	return s.String()
}

// reason returns the kind of an error, by which a tally counts.
func reason(err error) string {
	for _, r := range []error{errNeverReturns, errTooSmall, errManyExits, errForeignFrame, errTooDeep, errTooMany,
		errNowhere, errTailData, errUnsureJump, errNoEntry, errLoop, errKernelRefuses, errStepHarms, errTooLong} {
		if errors.Is(err, r) {
			return r.Error()
		}
	}
	if d := (*decodeError)(nil); errors.As(err, &d) {
		return "cannot decode"
	}
	return regexp.MustCompile("0x[0-9a-f]+|of .*?: ").ReplaceAllString(err.Error(), "..")
}

// TestSitesReal looks for the sites of every function of real programs. What
// can be checked without running them: a site is one of the instructions that
// the linear decoding of its function finds, the entry of a Go function lies
// behind its stack check, no branch of the function leads between its start
// and its entry site, and the exits of a function without tail calls are its
// RETs.
func TestSitesReal(t *testing.T) {
	// The least shares, in percent, of functions with an emulated entry and
	// with exits. etcd is built by a Go that began functions with sub.
	least := map[string][2]float64{
		"libc": {70, 97}, "libcrypto": {58, 98}, "libstdc++": {65, 98}, "postgres": {88, 97}, "redis": {80, 98},
		"etcd": {5, 97}, "go": {85, 98}, "compile": {85, 97},
	}
	for name, path := range realBinaries(t) {
		t.Run(name, func(t *testing.T) {
			b, err := Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			table, err := b.table()
			if err != nil {
				t.Fatal(err)
			}
			y := newTally()
			var elapsed time.Duration
			for _, f := range table.funcs {
				if f.Size == 0 || f.Has(IFunc) {
					continue
				}
				begun := time.Now()
				s, err := b.Sites(f, nil)
				elapsed += time.Since(begun)
				y.add(s, err)
				if err == nil {
					checkSites(t, b, f, s)
				}
			}
			t.Logf("%v in Sites, %v", elapsed.Round(time.Millisecond), y)
			if want := least[name]; y.share(y.emulated) < want[0] || y.share(y.timed) < want[1] {
				t.Errorf("%.1f%% emulated, %.1f%% timed; want at least %v", y.share(y.emulated), y.share(y.timed), want)
			}
			// 1000 functions must take less than a second.
			if each := elapsed / time.Duration(y.funcs); each > time.Millisecond {
				t.Errorf("%v for each function", each)
			}
		})
	}
}

func checkSites(t *testing.T, b *Binary, f *Func, s Sites) {
	text, err := b.text(funcRanges(f))
	if err != nil {
		t.Fatal(err)
	}
	body := newBody(b.arch, f.Addr, text)
	if body.at(s.Entry.Addr) < 0 {
		t.Errorf("%s: the entry %#x is no instruction of it", f.Symbol, uint64(s.Entry.Addr))
	}
	if s.Entry.Cost == Nop5 && s.Entry.Addr != f.Addr {
		t.Errorf("%s: a nop5 at +%d", f.Symbol, s.Entry.Addr-f.Addr)
	}
	rets, leaves := []VAddr(nil), false
	for i := range body.insts {
		in := &body.insts[i]
		switch in.flow {
		case flowRet:
			rets = append(rets, in.pc)
		case flowJumpInd:
			leaves = true
		case flowJump, flowCond:
			leaves = leaves || !body.holds(in.target)
			if in.target > f.Addr && in.target <= s.Entry.Addr {
				t.Errorf("%s: %#x leads to %#x, before the entry %#x", f.Symbol, uint64(in.pc), uint64(in.target), uint64(s.Entry.Addr))
			}
			if in.target == f.Addr && (f.Lang != LangGo || s.Entry.Addr == f.Addr) {
				t.Errorf("%s: %#x leads to the start", f.Symbol, uint64(in.pc))
			}
		}
	}
	if (s.NoExit == nil) != (len(s.Exits) > 0) {
		t.Errorf("%s: %d exits and %v", f.Symbol, len(s.Exits), s.NoExit)
	}
	got := make([]VAddr, 0, len(s.Exits))
	for _, x := range s.Exits {
		got = append(got, x.Addr)
		if x.Addr == s.Entry.Addr {
			t.Errorf("%s: %#x is entry and exit", f.Symbol, uint64(x.Addr))
		}
		if off, err := b.FileOffset(x.Addr); err != nil || off != x.Offset {
			t.Errorf("%s: offset %#x, %v", f.Symbol, uint64(x.Offset), err)
		}
	}
	if !slices.IsSorted(got) {
		t.Errorf("%s: exits not sorted", f.Symbol)
	}
	for _, r := range rets {
		if s.NoExit == nil && !slices.Contains(got, r) {
			t.Errorf("%s: no exit at %#x", f.Symbol, uint64(r))
		}
	}
	fellOff := len(body.insts) > 0 && slices.Contains([]flow{flowNext, flowCond}, body.insts[len(body.insts)-1].flow)
	if s.NoExit == nil && !leaves && !fellOff && len(got) != len(rets) {
		t.Errorf("%s: %d exits, %d RETs", f.Symbol, len(got), len(rets))
	}
}

// TestSitesObjdump holds every instruction of functions without a decoding
// error, and every RET, against objdump.
func TestSitesObjdump(t *testing.T) {
	for name, path := range realBinaries(t) {
		t.Run(name, func(t *testing.T) {
			b, err := Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			table, err := b.table()
			if err != nil {
				t.Fatal(err)
			}
			lo, hi := textRange(t, path)
			if os.Getenv("LATCH_WHOLE_TEXT") == "" {
				hi = min(hi, lo+1<<19)
			}
			var lines []disassembly
			objdump(t, path, lo, hi, func(d disassembly) { lines = append(lines, d) })
			at := func(a VAddr) int {
				return sort.Search(len(lines), func(i int) bool { return lines[i].addr >= a })
			}
			funcs, insts := 0, 0
			for _, f := range table.funcs {
				if f.Size == 0 || uint64(f.Addr) < lo || uint64(f.Addr)+f.Size+maxX86 > hi {
					continue
				}
				text, err := b.text([]Range{{f.Addr, f.Addr + VAddr(f.Size)}})
				if err != nil {
					t.Fatal(err)
				}
				body := newBody(b.arch, f.Addr, text)
				if body.bad != nil || f.Symbol == "RC4_options" || strings.Contains(f.Symbol, "boring/sig.") {
					continue // the two are data in the text section
				}
				funcs++
				i := at(f.Addr)
				for k := range body.insts {
					in := &body.insts[k]
					if k > 0 && body.insts[k-1].legacyOp(0x9b) && lines[i].addr > in.pc {
						continue // objdump joins fwait with what follows
					}
					if i == len(lines) || lines[i].addr != in.pc {
						t.Errorf("%s: objdump has no instruction at %#x", f.Symbol, uint64(in.pc))
						break
					}
					if ret := flowOfText(lines[i].text) == flowRet; ret != (in.flow == flowRet) {
						t.Errorf("%s: %#x: objdump says %s", f.Symbol, uint64(in.pc), lines[i].text)
					}
					i++
					insts++
				}
			}
			t.Logf("%d functions, %d instructions", funcs, insts)
			if funcs < 50 {
				t.Errorf("only %d functions compared", funcs)
			}
		})
	}
}
