package elfsym

import (
	"debug/elf"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// hostileFrames is a program into whose functions things were inlined that
// cannot be: f, two entries that are each other's origin; g, code whose ranges
// lie outside of their section; h, more levels than are read; k, a function
// local to one that is local to it; l, more ranges than memory holds; m,
// an entry that is no function, with ranges that run backwards; n, a parent
// that does not hold its child; o, the right thing.
const hostileFrames = `
	.text
	.globl	f, main
	.macro	func name
	.type	\name, @function
\name:	nop
	ret
.Lend_\name:
	.size	\name, .-\name
	.endm
	func f
	func g
	func h
	func k
	func l
	func m
	func n
	func o
	func main
.Lend:
	.section .debug_abbrev,"",@progbits
.Labbrev:
	.uleb128 1, 0x11; .byte 1; .uleb128 0x11, 0x01, 0x12, 0x07, 0x13, 0x0b, 0, 0
	.uleb128 2, 0x2e; .byte 1; .uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0
	.uleb128 3, 0x1d; .byte 1; .uleb128 0x31, 0x13, 0x11, 0x01, 0x12, 0x07, 0x58, 0x0b, 0x59, 0x0f, 0, 0
	.uleb128 4, 0x2e; .byte 1; .uleb128 0x47, 0x13, 0, 0
	.uleb128 5, 0x0b; .byte 1; .uleb128 0, 0
	.uleb128 6, 0x1d; .byte 0; .uleb128 0x31, 0x13, 0x55, 0x17, 0, 0
	.uleb128 7, 0x2e; .byte 1; .uleb128 0x03, 0x08, 0, 0
	.uleb128 8, 0x39; .byte 1; .uleb128 0x03, 0x08, 0, 0
	.byte 0
	.macro	inlined name origin line=7
	.uleb128 3; .long \origin-.Linfo; .quad \name; .quad .Lend_\name-\name; .byte 77; .uleb128 \line
	.endm
	.macro	begin name
	.uleb128 2; .string "\name"; .quad \name; .quad .Lend_\name-\name
	.endm
	.section .debug_info,"",@progbits
.Linfo:	.long .Lstop-.Lstart
.Lstart: .value 4
	.long .Labbrev
	.byte 8
	.uleb128 1; .quad f; .quad .Lend-f; .byte 0x21
	begin f
	inlined f .Lring1 0xffffffffffffffff
	.byte 0, 0
	begin g
	.uleb128 6; .long .Lgood-.Linfo, 0x7fffff00
	.byte 0
	begin h
	.rept 300
	inlined h .Lgood
	.endr
	.fill 301, 1, 0
	begin k
	inlined k .Lknot
	.byte 0, 0
	begin l
	.rept 70000
	.uleb128 6; .long .Lgood-.Linfo, 0
	.endr
	.byte 0
	begin m
	.uleb128 3; .long .Labyss-.Linfo; .quad .Lend_m; .quad -2; .byte 1, 1
	.byte 0
	inlined m .Lspace
	.byte 0, 0
	begin n
	inlined m .Lgood
	inlined n .Lgood
	.byte 0, 0, 0
	begin o
	.uleb128 5
	inlined o .Lgood
	inlined o .Lgood 8
	.byte 0, 0, 0, 0
.Lring1: .uleb128 4; .long .Lring2-.Linfo; .byte 0
.Lring2: .uleb128 4; .long .Lring1-.Linfo; .byte 0
	.uleb128 4; .long .Ldecl2-.Linfo
.Ldecl1: .uleb128 7; .string "a"; .byte 0
	.byte 0
	.uleb128 4; .long .Ldecl1-.Linfo
.Ldecl2: .uleb128 7; .string "b"; .byte 0
	.byte 0
.Lknot:	.uleb128 4; .long .Ldecl1-.Linfo; .byte 0
.Lspace: .uleb128 8; .string "ns"
.Lgood:	.uleb128 7; .string "good"; .byte 0
	.byte 0
	.set .Labyss, .Linfo+0x70000000
	.byte 0
.Lstop:
	.section .debug_ranges,"",@progbits
	.rept 20000
	.quad 0x100, 0x200
	.endr
	.quad 0, 0
	.section .note.GNU-stack,"",@progbits
`

func TestFramesHostile(t *testing.T) {
	b := compile(t, "a.s", hostileFrames, "gcc", "-no-pie")
	level := func(name string, line int) Frame { return Frame{Func: name, Line: line, Inlined: true} }
	for name, want := range map[string][]Frame{
		"f":    {level(unknownFunc, 0), {Func: "f"}},
		"g":    {{Func: "g"}},
		"h":    {{Func: "h"}},
		"k":    {level(strings.Repeat("b::a::", 4)+"b::a", 0), {Func: "k", Line: 7}},
		"l":    {{Func: "l"}},
		"m":    {level("ns", 0), {Func: "m", Line: 7}},
		"n":    {{Func: "n"}},
		"o":    {level("ns::good", 0), level("ns::good", 8), {Func: "o", Line: 7}},
		"main": {{Func: "main"}},
	} {
		a := funcNamed(t, b, name).Addr
		for _, at := range []VAddr{a, a + 1} {
			if got := b.Frames(at); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
	}
	for _, a := range []VAddr{0, 1, 1 << 63, ^VAddr(0)} {
		if got := b.Frames(a); got != nil {
			t.Errorf("%#x: %+v", uint64(a), got)
		}
	}
}

// FuzzFrames overwrites a few bytes of the sections that Frames reads, of a
// C++ program and of a stripped Go one.
func FuzzFrames(f *testing.F) {
	dir := f.TempDir()
	symWrite(f, dir, "a.cc", framesSource)
	symRun(f, dir, nil, "g++", "-g", "-O2", "-o", "c++", "a.cc")
	symWrite(f, dir, "go.mod", "module shop\n\ngo 1.18\n")
	symWrite(f, dir, "main.go", symGoSource)
	symRun(f, dir, []string{"CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off"}, "go", "build", "-ldflags=-s -w", "-o", "go", ".")
	var progs []fuzzProg
	for name, sections := range map[string]string{
		"c++": ".debug_abbrev .debug_info .debug_line .debug_rnglists .debug_str .debug_line_str",
		"go":  ".gopclntab .go.module .rodata",
	} {
		p := fuzzProg{}
		var err error
		if p.good, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			f.Fatal(err)
		}
		b := symOpen(f, filepath.Join(dir, name), nil)
		for _, s := range strings.Fields(sections) {
			if sec := b.ELF().Section(s); sec != nil {
				p.sections = append(p.sections, sec)
			}
		}
		if p.addrs = codeAddrs(f, b, 300); name == "go" {
			p.addrs = goAddrs(f, b, 300)
		}
		progs = append(progs, p)
	}
	for i := range 40 {
		f.Add(i%2 == 0, uint8(i), uint32(i*i*31), []byte{byte(i * 37), byte(255 - i)})
		f.Add(i%2 == 0, uint8(0), uint32(i*3), []byte{byte(i * 41)})
	}
	f.Fuzz(func(t *testing.T, second bool, section uint8, at uint32, bytes []byte) {
		p := progs[0]
		if second {
			p = progs[1]
		}
		s := p.sections[int(section)%len(p.sections)]
		bad := append([]byte(nil), p.good...)
		copy(bad[s.Offset+uint64(at)%s.FileSize:s.Offset+s.FileSize], bytes)
		b, err := Open(symWrite(t, t.TempDir(), "bad", string(bad)), nil)
		if err != nil {
			return
		}
		defer b.Close()
		for _, a := range p.addrs {
			for i, fr := range b.Frames(a) {
				if fr.Func == "" || i > maxNesting {
					t.Fatalf("%#x: level %d is %+v", uint64(a), i, fr)
				}
			}
		}
	})
}

// fuzzProg is a program to be damaged.
type fuzzProg struct {
	good     []byte
	sections []*elf.Section
	addrs    []VAddr
}
