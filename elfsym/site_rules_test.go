package elfsym

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A fakeImage is code in memory for the rules' tests: functions by address.
type fakeImage struct {
	arch  Arch
	funcs []*Func
	text  map[VAddr][]byte
	data  map[VAddr][]byte
	stubs Range
}

func (m *fakeImage) surroundings(f *Func) *surroundings {
	in := func(chunks map[VAddr][]byte, lo, hi VAddr) ([]byte, error) {
		for at, b := range chunks {
			if lo >= at && hi <= at+VAddr(len(b)) {
				return b[lo-at : hi-at], nil
			}
		}
		return nil, fmt.Errorf("nothing at %#x", uint64(lo))
	}
	return &surroundings{
		arch:       m.arch,
		compiledGo: f.Lang == LangGo,
		text: func(ranges []Range) ([]code, error) {
			var text []code
			for _, r := range ranges {
				b, err := in(m.text, r.Lo, r.Hi)
				if err != nil {
					return nil, err
				}
				text = append(text, code{r.Lo, b})
			}
			return text, nil
		},
		data: func(a VAddr, n int) ([]byte, error) { return in(m.data, a, a+VAddr(n)) },
		funcAt: func(a VAddr) *Func {
			for _, f := range m.funcs {
				for _, r := range funcRanges(f) {
					if a >= r.Lo && a < r.Hi {
						return f
					}
				}
			}
			return nil
		},
		frameAt: func(VAddr) (Range, bool) { return Range{}, false },
		isStub:  func(a VAddr) bool { return a >= m.stubs.Lo && a < m.stubs.Hi },
	}
}

func (m *fakeImage) sites(t *testing.T, f *Func, opts *SitesOptions, inside ...VAddr) (Sites, error) {
	t.Helper()
	env := m.surroundings(f)
	text, err := env.text(funcRanges(f))
	if err != nil {
		t.Fatal(err)
	}
	if opts == nil {
		opts = &SitesOptions{}
	}
	return findSites(env, newBody(m.arch, f.Addr, text), f, inside, opts)
}

// The function under test lies at base, leaf and its kin behind it.
const (
	base   = VAddr(0x1000)
	leafAt = VAddr(0x2000) // nop; ret
	plt    = VAddr(0x3000) // endbr64; bnd jmp *GOT(rip)
	cold   = VAddr(0x4000)
	table4 = VAddr(0x5000)
)

// one returns an image with the function of these bytes.
func one(t *testing.T, lang Lang, bytes string) (*fakeImage, *Func) {
	t.Helper()
	b := unhex(t, bytes)
	f := &Func{Symbol: "f", Addr: base, Size: uint64(len(b)), Lang: lang}
	l := &Func{Symbol: "leaf", Addr: leafAt, Size: 2}
	return &fakeImage{
		arch:  AMD64,
		funcs: []*Func{f, l},
		text: map[VAddr][]byte{
			base:   b,
			leafAt: unhex(t, "90 c3"),
			plt:    unhex(t, "f3 0f 1e fa f2 ff 25 00 10 00 00 0f 1f 44 00 00"),
		},
		data:  map[VAddr][]byte{},
		stubs: Range{plt, plt + 16},
	}, f
}

func offsets(sites []Site) []int {
	var o []int
	for _, s := range sites {
		o = append(o, int(s.Addr-base))
	}
	return o
}

const (
	rdi = RegSet(1 << 5)
	rsi = RegSet(1 << 4)
)

func TestEntry(t *testing.T) {
	for _, c := range []struct {
		name   string
		bytes  string
		reads  RegSet
		memory bool
		entry  int // offset
		cost   Cost
	}{
		{"push first", "55 48 89 e5 5d c3", rdi, false, 0, Emulated},
		{"push behind endbr64", "f3 0f 1e fa 55 5d c3", rdi, false, 4, Emulated},
		{"endbr64 and nothing cheap", "f3 0f 1e fa 48 89 f8 c3", rdi, false, 0, Stepped},
		{"push behind other registers", "48 89 f8 31 c9 41 54 41 5c c3", rdi, false, 5, Emulated},
		{"push behind a read register", "48 89 f7 41 54 41 5c c3", rdi, false, 0, Stepped},
		{"the same, not read", "48 89 f7 41 54 41 5c c3", rsi, false, 3, Emulated},
		{"the low byte of a read register", "40 b7 01 41 54 41 5c c3", rdi, false, 0, Stepped},
		{"push behind sub rsp", "48 83 ec 18 55 5d 48 83 c4 18 c3", 0, false, 0, Stepped},
		{"push behind a store, memory not read", "48 89 07 55 5d c3", rdi, false, 3, Emulated},
		{"push behind a store, memory read", "48 89 07 55 5d c3", rdi, true, 0, Stepped},
		{"push behind a load, memory read", "48 8b 07 55 5d c3", rdi, true, 3, Emulated},
		{"je is the site", "48 85 ff 74 01 c3 31 c0 c3", rdi, false, 3, Emulated},
		{"push behind je", "48 85 ff 3e 74 01 c3 55 5d c3", rdi, false, 0, Stepped},
		{"call is the site", "48 89 f8 e8 f8 0f 00 00 c3", rdi, false, 3, Emulated},
		{"jmp is the site", "48 85 ff eb 01 c3 55 5d c3", rdi, false, 3, Emulated},
		{"behind a syscall", "48 89 f8 0f 05 55 5d c3", rdi, false, 0, Stepped},
		{"a loop leads to the push", "31 c0 55 5d ff c0 75 fa c3", rdi, false, 0, Stepped},
		{"a loop leads before the push", "31 c9 31 c0 55 5d ff c0 75 f8 c3", rdi, false, 0, Stepped},
		{"nop5 first", "0f 1f 44 00 00 55 5d c3", rdi, false, 0, Nop5},
		{"another nop5 first", "66 0f 1f 40 00 31 c0 c3", rdi, false, 0, Nop5},
		{"nop5 behind endbr64", "f3 0f 1e fa 0f 1f 44 00 00 31 c0 c3", rdi, false, 0, Stepped},
		{"nop5 in a leaf with a red zone", "89 7c 24 fc 0f 1f 44 00 00 8b 44 24 fc c3", rsi, false, 0, Stepped},
		{"nop4 is no nop5", "0f 1f 40 00 31 c0 c3", rdi, false, 0, Stepped},
		{"1-byte nops of a patchable entry", "90 90 90 90 90 31 c0 c3", rdi, false, 0, Emulated},
		{"pause", "f3 90 31 c0 c3", rdi, false, 0, Emulated},
		{"lock first, mov next", "f0 48 ff 07 31 c0 c3", rdi, false, 4, Stepped},
		{"rep movsb behind mov", "48 89 f8 48 89 d1 f3 a4 c3", rdi, false, 0, Stepped},
		{"unknown instruction ends the line", "31 c0 0f a2 55 5d c3", 0, false, 0, Stepped},
		{"undecodable behind the first", "55 48 89 e5 06 5d c3", rdi, false, 0, Emulated},
		{"push of a read register", "57 5f c3", rdi, false, 0, Emulated},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, f := one(t, LangC, c.bytes)
			s, err := m.sites(t, f, &SitesOptions{Reads: c.reads, ReadsMemory: c.memory})
			if err != nil {
				t.Fatal(err)
			}
			if got := int(s.Entry.Addr - base); got != c.entry || s.Entry.Cost != c.cost {
				t.Errorf("entry at +%d, %v; want +%d, %v", got, s.Entry.Cost, c.entry, c.cost)
			}
		})
	}
}

func TestEntryRefused(t *testing.T) {
	for name, c := range map[string]struct {
		lang  Lang
		bytes string
		want  error
	}{
		"loop to the start":         {LangC, "ff c8 75 fc c3", errLoop},
		"jump to the start":         {LangC, "85 ff 74 02 eb fa c3", errLoop},
		"Go loop without a check":   {LangGo, "48 ff c8 75 fb c3", errLoop},
		"only hlt":                  {LangC, "f4", errKernelRefuses},
		"a jump behind lock, first": {LangC, "f0 48 ff 07 75 fb c3", errNoEntry},
	} {
		t.Run(name, func(t *testing.T) {
			m, f := one(t, c.lang, c.bytes)
			if s, err := m.sites(t, f, nil); !errors.Is(err, c.want) {
				t.Errorf("got %+v, %v; want %v", s, err, c.want)
			}
		})
	}
	m, f := one(t, LangC, "55 5d c3")
	f.Attr = IFunc
	if _, err := (&Binary{arch: m.arch}).Sites(f, nil); err == nil || !strings.Contains(err.Error(), "resolver") {
		t.Errorf("resolver: %v", err)
	}
}

// TestEntryInside checks that a second entry point of hand-written assembly
// ends the line.
func TestEntryInside(t *testing.T) {
	m, f := one(t, LangC, "48 89 f8 55 5d c3")
	s, err := m.sites(t, f, nil, base+3)
	if err != nil || s.Entry.Addr != base {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestEntryNop5AcrossPages(t *testing.T) {
	m, f := one(t, LangC, "0f 1f 44 00 00 c3")
	m.text[base+0x0ffd] = m.text[base]
	delete(m.text, base)
	delete(m.text, leafAt)
	f.Addr += 0xffd
	s, err := m.sites(t, f, nil)
	if err != nil || s.Entry.Addr != f.Addr || s.Entry.Cost != Stepped {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestEntryGo(t *testing.T) {
	const grow = "e8 00 00 00 00 " // call morestack
	for _, c := range []struct {
		name  string
		bytes string
		attr  Attr
		reads RegSet
		entry int
		cost  Cost
		exits []int
	}{
		{"cmp, jbe", "49 3b 66 10 76 04 55 5d c3 90" + grow + "eb ef", 0, 1, 6, Emulated, []int{8}},
		{"cmp, long jbe", "49 3b 66 10 0f 86 04 00 00 00 55 5d c3 90" + grow + "eb eb", 0, 1, 10, Emulated, []int{12}},
		{"sub behind it, before Go 1.21", "49 3b 66 10 76 09 48 83 ec 18 48 83 c4 18 c3" + grow + "eb ea", 0, 1, 6, Stepped, []int{14}},
		{"lea, cmp, jbe", "4c 8d 64 24 f8 4d 3b 66 10 76 03 55 5d c3" + grow + "eb eb", 0, 1, 11, Emulated, []int{13}},
		{"huge frame: mov, sub, jb, cmp, jbe",
			"49 89 e4 49 81 ec 00 00 01 00 72 09 4d 3b 66 10 76 03 55 5d c3" + grow + "eb e4", 0, 1, 18, Emulated, []int{20}},
		{"arguments are spilled around morestack",
			"49 3b 66 10 76 03 55 5d c3 48 89 44 24 08" + grow + "48 8b 44 24 08 eb e6", 0, 1, 6, Emulated, []int{8}},
		{"ABI0 with g from TLS", "64 4c 8b 34 25 f8 ff ff ff 49 3b 66 10 76 03 55 5d c3" + grow + "eb e7", ABI0, 0, 15, Emulated, []int{17}},
		{"ABI0 wrapper", "64 4c 8b 34 25 f8 ff ff ff 49 3b 66 10 76 03 55 5d c3" + grow + "eb e7", 0, 0, 15, Emulated, []int{17}},
		{"no check", "55 48 89 e5 5d c3", 0, 1, 0, Emulated, []int{5}},
		{"leaf", "48 01 d8 c3", 0, 1, 0, Stepped, []int{3}},
		{"a branch that is no check", "48 85 c0 76 02 55 5d c3", 0, 1, 3, Emulated, []int{7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, f := one(t, LangGo, c.bytes)
			f.Attr = c.attr
			s, err := m.sites(t, f, &SitesOptions{Reads: c.reads})
			if err != nil {
				t.Fatal(err)
			}
			if got := int(s.Entry.Addr - base); got != c.entry || s.Entry.Cost != c.cost {
				t.Errorf("entry at +%d, %v; want +%d, %v", got, s.Entry.Cost, c.entry, c.cost)
			}
			if s.NoExit != nil || !slices.Equal(offsets(s.Exits), c.exits) {
				t.Errorf("exits %v, %v; want %v", offsets(s.Exits), s.NoExit, c.exits)
			}
		})
	}
}

func TestExits(t *testing.T) {
	const toLeaf = 0x1000
	for _, c := range []struct {
		name      string
		bytes     string
		data      string // at table4
		exits     []int
		noExit    error
		recursive bool
		warned    bool
	}{
		{name: "every kind of RET", bytes: "55 74 01 c3 74 02 f3 c3 74 03 c2 08 00 5d cb", noExit: errForeignFrame},
		{name: "every kind of RET, balanced", bytes: "90 74 01 c3 74 02 f3 c3 74 03 c2 08 00 cb", exits: []int{3, 6, 10, 13}},
		{name: "tail call", bytes: "55 5d e9 f9 0f 00 00", exits: []int{toLeaf + 1}},
		{name: "conditional tail call", bytes: "90 0f 84 f9 0f 00 00 c3", exits: []int{7, toLeaf + 1}},
		{name: "tail call of another file", bytes: "31 c0 90 e9 f8 1f 00 00", exits: []int{3}, warned: true},
		{name: "conditional tail call of another file", bytes: "90 0f 84 f9 1f 00 00 c3", exits: []int{7, 0x2004}, warned: true},
		{name: "through a pointer", bytes: "90 ff 25 00 00 00 00", exits: []int{1}, warned: true},
		{name: "indirect tail call", bytes: "55 5d 48 8b 07 ff e0", exits: []int{5}, warned: true},
		{name: "virtual tail call", bytes: "90 48 8b 07 ff 60 10", exits: []int{4}, warned: true},
		{name: "computed goto in a frame", bytes: "55 ff e0 5d c3", exits: []int{4}},
		{name: "switch relative to its table", bytes: "48 8d 05 f9 3f 00 00 83 ff 01 77 0b 48 63 14 b8 48 01 d0 ff e0 90 c3 c3",
			data: "15 c0 ff ff 16 c0 ff ff", exits: []int{22, 23}},
		{name: "switch of addresses", bytes: "83 ff 01 77 08 ff 24 fd 00 50 00 00 90 c3 c3",
			data: "0c 10 00 00 00 00 00 00 0d 10 00 00 00 00 00 00", exits: []int{13, 14}},
		{name: "table of functions", bytes: "83 ff 00 77 07 ff 24 fd 00 50 00 00 c3",
			data: "00 20 00 00 00 00 00 00", exits: []int{5, 12}, warned: true},
		{name: "a table nobody can read", bytes: "90 ff 24 fd 00 60 00 00 c3", noExit: errUnsureJump},
		{name: "notrack", bytes: "90 3e ff e0 c3", exits: []int{4}},
		{name: "never returns", bytes: "50 e8 fa 0f 00 00 0f 0b", noExit: errNeverReturns},
		{name: "too small", bytes: "c3", noExit: errTooSmall},
		{name: "endbr64 and ret", bytes: "f3 0f 1e fa c3", exits: []int{4}},
		{name: "only a jump away", bytes: "e9 fb 1f 00 00", noExit: errTooSmall},
		{name: "recursion", bytes: "55 e8 fa ff ff ff 5d c3", exits: []int{7}, recursive: true},
		{name: "a jump to nowhere", bytes: "90 e9 00 00 10 00", noExit: errNowhere},
		{name: "undecodable", bytes: "55 06 5d c3", noExit: &decodeError{}},
		{name: "a branch into an instruction", bytes: "55 75 01 b8 90 90 90 90 5d c3", noExit: errors.New("leads into an instruction")},
		{name: "a branch over a lock prefix", bytes: "90 75 01 f0 48 ff 07 c3", exits: []int{7}},
		{name: "a jump behind the end", bytes: "55 74 02 5d c3 e8 f6 0f 00 00 eb 00", exits: []int{4}},
		{name: "the stack is aligned", bytes: "55 48 89 e5 48 83 e4 e0 c9 c3", exits: []int{9}},
		{name: "the frame is not popped", bytes: "55 53 5d c3", noExit: errForeignFrame},
		{name: "16-byte frame by lea", bytes: "48 8d 64 24 f0 48 8d 64 24 10 c3", exits: []int{10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, f := one(t, LangC, c.bytes)
			m.data[table4] = unhex(t, c.data)
			s, err := m.sites(t, f, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := (*decodeError)(nil)
			switch {
			case c.noExit == nil && s.NoExit == nil:
			case c.noExit == nil || s.NoExit == nil:
				t.Errorf("NoExit is %v, want %v", s.NoExit, c.noExit)
			case errors.As(c.noExit, &d):
				if !errors.As(s.NoExit, &d) || !strings.Contains(s.NoExit.Error(), "0x1001 (06 5d c3)") {
					t.Errorf("NoExit is %v", s.NoExit)
				}
			case !errors.Is(s.NoExit, c.noExit) && !strings.Contains(s.NoExit.Error(), c.noExit.Error()):
				t.Errorf("NoExit is %v, want %v", s.NoExit, c.noExit)
			}
			if !slices.Equal(offsets(s.Exits), c.exits) {
				t.Errorf("exits %v, want %v", offsets(s.Exits), c.exits)
			}
			if s.Recursive != c.recursive || (len(s.Warnings) > 0) != c.warned || s.LeavesEarly != c.warned {
				t.Errorf("recursive %v, warnings %q", s.Recursive, s.Warnings)
			}
		})
	}
}

func TestExitsOfParts(t *testing.T) {
	m, f := one(t, LangC, "55 74 02 5d c3 e9 f6 2f 00 00") // push; je; pop; ret; jmp cold
	m.text[cold] = unhex(t, "90 5d c3")
	f.Parts = []Range{{cold, cold + 3}}
	s, err := m.sites(t, f, nil)
	if err != nil || s.NoExit != nil || !slices.Equal(offsets(s.Exits), []int{4, 0x3002}) {
		t.Errorf("%v, %v", s, err)
	}
	// The same part below the function, which comes first in memory.
	m, f = one(t, LangC, "55 74 02 5d c3 e9 f6 f7 ff ff")
	m.text[0x800] = unhex(t, "90 5d c3")
	f.Parts = []Range{{0x800, 0x803}}
	s, err = m.sites(t, f, nil)
	if err != nil || s.NoExit != nil || !slices.Equal(offsets(s.Exits), []int{-0x7fe, 4}) {
		t.Errorf("%v, %v", s, err)
	}
}

// TestExitsTailChain follows chains of tail calls up to the limit.
func TestExitsTailChain(t *testing.T) {
	for _, c := range []struct {
		links int
		want  error
	}{{1, nil}, {maxDepth, nil}, {maxDepth + 1, errTooDeep}} {
		m := &fakeImage{arch: AMD64, text: map[VAddr][]byte{}}
		for i := range c.links + 1 {
			b := unhex(t, "90 e9 fa 00 00 00") // nop; jmp to the next, 0x100 on
			if i == c.links {
				b = unhex(t, "90 c3")
			}
			f := &Func{Symbol: fmt.Sprint("f", i), Addr: base + VAddr(i)*0x100, Size: uint64(len(b))}
			m.funcs = append(m.funcs, f)
			m.text[f.Addr] = b
		}
		s, err := m.sites(t, m.funcs[0], nil)
		if err != nil || !errors.Is(s.NoExit, c.want) {
			t.Fatalf("%d: %v, %v", c.links, s.NoExit, err)
		}
		if want := []int{c.links*0x100 + 1}; c.want == nil && !slices.Equal(offsets(s.Exits), want) {
			t.Errorf("%d: exits %v, want %v", c.links, offsets(s.Exits), want)
		}
	}
}

// TestExitsMutualTail has f tail-call g and g tail-call f.
func TestExitsMutualTail(t *testing.T) {
	m, f := one(t, LangC, "90 0f 84 f9 0f 00 00 c3")
	m.text[leafAt] = unhex(t, "90 0f 84 f9 ef ff ff c3")
	m.funcs[1].Size = 8
	s, err := m.sites(t, f, nil)
	if err != nil || s.NoExit != nil || !slices.Equal(offsets(s.Exits), []int{7, 0x1007}) || len(s.Warnings) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestExitsFallThrough(t *testing.T) {
	m, f := one(t, LangC, "48 39 d1 72 06")
	g := &Func{Symbol: "g", Addr: base + 8, Size: 6}
	m.text[base] = unhex(t, "48 39 d1 72 06 0f 1f 00 90 c3 90 0f 0b c3")
	m.funcs = append(m.funcs, g)
	s, err := m.sites(t, f, nil)
	if err != nil || s.NoExit != nil || !slices.Equal(offsets(s.Exits), []int{9, 13}) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestExitsNeverReturns(t *testing.T) {
	m, f := one(t, LangGo, "55 5d c3")
	f.Attr = NeverReturns
	s, err := m.sites(t, f, nil)
	if err != nil || !errors.Is(s.NoExit, errNeverReturns) || s.Exits != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSitesARM64(t *testing.T) {
	word := func(words ...uint32) string {
		var s strings.Builder
		for _, w := range words {
			fmt.Fprintf(&s, "%02x%02x%02x%02x", byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
		}
		return s.String()
	}
	for _, c := range []struct {
		name  string
		lang  Lang
		words []uint32
		entry int
		cost  Cost
		exits []int
	}{
		{"Go stack check", LangGo, []uint32{
			0xf9400b90, // ldr x16, [x28, #16]
			0xeb3063ff, // cmp sp, x16
			0x54000089, // b.ls +16
			0xf81f0ffe, // str x30, [sp, #-16]!
			0xf84107fe, // ldr x30, [sp], #16
			0xd65f03c0, // ret
			0xaa1e03e3, // mov x3, x30
			0x94000000, // bl morestack
			0x17fffff8, // b start
		}, 12, Stepped, []int{20}},
		{"C", LangC, []uint32{0xa9bf7bfd, 0xa8c17bfd, 0xd65f03c0}, 0, Stepped, []int{8}},
		{"C with a branch behind a comparison", LangC, []uint32{0xf100041f, 0x54000040, 0xd65f03c0, 0xd65f03c0}, 4, Emulated, []int{8, 12}},
		{"paciasp, then autiasp", LangC, []uint32{0xd503233f, 0xa9bf7bfd, 0xa8c17bfd, 0xd50323bf, 0xd65f03c0}, 0, Stepped, []int{16}},
		{"indirect tail call", LangC, []uint32{0xa9bf7bfd, 0xf9400010, 0xa8c17bfd, 0xd61f0200}, 0, Stepped, []int{12}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, f := one(t, c.lang, word(c.words...))
			m.arch = ARM64
			if c.lang == LangGo { // the branch must lead to the mov
				m.text[base] = unhex(t, word(append([]uint32{c.words[0], c.words[1], 0x54000089}, c.words[3:]...)...))
			}
			s, err := m.sites(t, f, &SitesOptions{Reads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if got := int(s.Entry.Addr - base); got != c.entry || s.Entry.Cost != c.cost || s.NoExit != nil || !slices.Equal(offsets(s.Exits), c.exits) {
				t.Errorf("entry +%d %v, exits %v, %v; want +%d %v, %v", got, s.Entry.Cost, offsets(s.Exits), s.NoExit, c.entry, c.cost, c.exits)
			}
		})
	}
}
