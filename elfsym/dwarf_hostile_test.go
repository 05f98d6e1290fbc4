package elfsym

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostileSource is a program whose debug information goes in circles: a
// typedef and a qualifier of themselves, two entries that are each other's
// origin, a struct that holds itself, an array of itself of absurd length, and
// enums and sequences that are not what they should be.
const hostileSource = `
	.text
	.globl	f, main
	.type	f, @function
f:	ret
	.size	f, .-f
	.type	main, @function
main:	ret
	.size	main, .-main
.Lend:
	.section .debug_abbrev,"",@progbits
.Labbrev:
	.uleb128 1, 0x11; .byte 1; .uleb128 0x11, 0x01, 0x12, 0x07, 0x13, 0x0b, 0, 0
	.uleb128 2, 0x2e; .byte 1; .uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0x3f, 0x19, 0x40, 0x18, 0, 0
	.uleb128 3, 0x05; .byte 0; .uleb128 0x03, 0x08, 0x49, 0x13, 0x02, 0x18, 0, 0
	.uleb128 4, 0x16; .byte 0; .uleb128 0x49, 0x13, 0, 0
	.uleb128 5, 0x0f; .byte 0; .uleb128 0x49, 0x13, 0, 0
	.uleb128 6, 0x13; .byte 1; .uleb128 0x03, 0x08, 0x0b, 0x0b, 0, 0
	.uleb128 7, 0x0d; .byte 0; .uleb128 0x03, 0x08, 0x49, 0x13, 0x38, 0x0b, 0, 0
	.uleb128 8, 0x01; .byte 1; .uleb128 0x49, 0x13, 0, 0
	.uleb128 9, 0x21; .byte 0; .uleb128 0x37, 0x07, 0, 0
	.uleb128 10, 0x05; .byte 0; .uleb128 0x31, 0x13, 0, 0
	.uleb128 12, 0x26; .byte 0; .uleb128 0x49, 0x13, 0, 0
	.uleb128 13, 0x24; .byte 0; .uleb128 0x03, 0x08, 0x0b, 0x0b, 0x3e, 0x0b, 0, 0
	.uleb128 15, 0x33; .byte 1; .uleb128 0x15, 0x13, 0, 0
	.uleb128 16, 0x33; .byte 1; .uleb128 0, 0
	.uleb128 17, 0x19; .byte 1; .uleb128 0x16, 0x0b, 0, 0
	.uleb128 18, 0x19; .byte 1; .uleb128 0, 0
	.uleb128 19, 0x19; .byte 1; .uleb128 0x3d, 0x04, 0, 0
	.byte 0
	.section .debug_info,"",@progbits
.Linfo:	.long .Lstop-.Lstart
.Lstart: .value 4
	.long .Labbrev
	.byte 8
	.uleb128 1; .quad f; .quad .Lend-f; .byte 0x0c
	.uleb128 2; .string "f"; .quad f; .quad main-f; .uleb128 1; .byte 0x9c
	.uleb128 3; .string "loop"; .long .Ltypedef-.Linfo; .uleb128 1; .byte 0x55
	.byte 0
	.uleb128 2; .string "main"; .quad main; .quad .Lend-main; .uleb128 1; .byte 0x9c
	.uleb128 3; .string "s"; .long .Lstruct-.Linfo; .uleb128 2; .byte 0x91, 0x70
.Lring1: .uleb128 10; .long .Lring2-.Linfo
.Lring2: .uleb128 10; .long .Lring1-.Linfo
	.uleb128 3; .string "p"; .long .Lpointer-.Linfo; .uleb128 1; .byte 0x54
	.uleb128 3; .string "a"; .long .Lhuge-.Linfo; .uleb128 1; .byte 0x51
	.byte 0
.Ltypedef: .uleb128 4; .long .Lconst-.Linfo
.Lconst: .uleb128 12; .long .Ltypedef-.Linfo
.Lpointer: .uleb128 5; .long .Lpointer-.Linfo
.Lstruct: .uleb128 6; .string "S"; .byte 16
	.uleb128 7; .string "self"; .long .Lstruct-.Linfo; .byte 0
	.uleb128 7; .string "more"; .long .Lstruct-.Linfo; .byte 8
	.uleb128 7; .string "far"; .long .Lint-.Linfo; .byte 200
	.byte 0
.Lhuge: .uleb128 8; .long .Lint-.Linfo
	.uleb128 9; .quad 0x7fffffffffffffff
	.uleb128 9; .quad 0x7fffffffffffffff
	.byte 0
.Lself:	.uleb128 6; .string "Self"; .byte 8
	.uleb128 16
	.uleb128 18; .uleb128 7; .string "A"; .long .Lself-.Linfo; .byte 0; .byte 0
	.byte 0
	.byte 0
	.uleb128 6; .string "Struct"; .byte 16
	.uleb128 15; .long .Ldiscr1-.Linfo
.Ldiscr1: .uleb128 7; .string "d"; .long .Lstruct-.Linfo; .byte 0
	.uleb128 17; .byte 1; .uleb128 7; .string "A"; .long .Lstruct-.Linfo; .byte 0; .byte 0
	.byte 0
	.byte 0
	.uleb128 6; .string "Nowhere"; .byte 16
	.uleb128 15; .long 0x7fffffff
	.uleb128 17; .byte 1; .uleb128 7; .string "A"; .long .Lstruct-.Linfo; .byte 0; .byte 0
	.byte 0
	.byte 0
	.uleb128 6; .string "Both"; .byte 16
	.uleb128 15; .long .Ldiscr2-.Linfo
.Ldiscr2: .uleb128 7; .string "d"; .long .Lint-.Linfo; .byte 0
	.uleb128 18; .uleb128 7; .string "A"; .long .Lstruct-.Linfo; .byte 0; .byte 0
	.uleb128 18; .uleb128 7; .string "B"; .long .Lstruct-.Linfo; .byte 0; .byte 0
	.byte 0
	.byte 0
	.uleb128 6; .string "Empty"; .byte 16
	.uleb128 16
	.uleb128 18; .byte 0
	.byte 0
	.byte 0
	.uleb128 6; .string "Long"; .byte 16
	.uleb128 15; .long .Ldiscr3-.Linfo
.Ldiscr3: .uleb128 7; .string "d"; .long .Lint-.Linfo; .byte 0
	.uleb128 19; .long 1000000; .fill 500000, 2, 0x0100; .uleb128 7; .string "A"; .long .Lstruct-.Linfo; .byte 0; .byte 0
	.byte 0
	.byte 0
	.uleb128 6; .string "List"; .byte 16
	.uleb128 15; .long .Ldiscr4-.Linfo
.Ldiscr4: .uleb128 7; .string "d"; .long .Lint-.Linfo; .byte 0
	.uleb128 19; .long 5; .byte 0, 9, 1, 0x7e, 3; .uleb128 7; .string "A"; .long .Lnone-.Linfo; .byte 0; .byte 0
	.uleb128 17; .byte 5; .uleb128 7; .string "B"; .long .Lnone-.Linfo; .byte 0; .byte 0
	.byte 0
	.byte 0
.Lvec:	.uleb128 6; .string "Vec<T>"; .byte 24
	.uleb128 7; .string "buf"; .long .Lbuf-.Linfo; .byte 0
	.uleb128 7; .string "len"; .long .Llong-.Linfo; .byte 16
	.byte 0
.Lbuf:	.uleb128 6; .string "Buf"; .byte 16
	.uleb128 7; .string "inner"; .long .Lbuf-.Linfo; .byte 8
	.byte 0
	.uleb128 6; .string "String"; .byte 24
	.uleb128 7; .string "vec"; .long .Lvec-.Linfo; .byte 0
	.byte 0
.Lnone: .uleb128 6; .string "None"; .byte 4
	.byte 0
.Lint:	.uleb128 13; .string "int"; .byte 4, 5
.Llong:	.uleb128 13; .string "usize"; .byte 8, 7
	.byte 0
.Lstop:
	.section .note.GNU-stack,"",@progbits
`

func TestHostileDWARF(t *testing.T) {
	b := compile(t, "a.s", hostileSource, "gcc", "-no-pie")
	if _, err := b.Params(funcNamed(t, b, "f")); err == nil {
		t.Error("a typedef of itself is no error")
	}
	if _, err := b.Params(funcNamed(t, b, "main")); err == nil {
		t.Error("an array larger than memory is no error")
	}
	d, err := b.debugInfo()
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	u, err := d.unitAt(funcNamed(t, b, "main").Addr)
	d.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	variants := map[string]string{}
	r := d.data.Reader()
	r.Seek(u.entry.Offset)
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			break
		}
		if e.Tag != 0 {
			d.mu.Lock()
			typ, err := d.typeAt(e.Offset)
			d.mu.Unlock()
			if err == nil {
				useType(typ, 0)
			}
			if err == nil && typ.Kind == KindVariant {
				variants[typ.Name] = describeVariants(t, typ)
			}
		}
	}
	bad := "malformed ELF file: "
	for name, want := range map[string]string{
		"Self":    "alone; A a variant at 0",
		"Struct":  bad + "discriminant of type S",
		"Nowhere": bad + "entry at 0x7fffffff",
		"Both":    bad + "2 variants have no discriminant",
		"Empty":   bad + "variant at",
		"Long":    bad + "list of discriminants",
		"List":    "int@0; A 0x9 0xfffffffe-0xffffffff 0x0-0x3; B 0x5",
	} {
		if got := variants[name]; !strings.Contains(got, want) {
			t.Errorf("variants of %s: %s, want %s", name, got, want)
		}
	}
	if _, err := b.Inlined("f"); err != nil {
		t.Error(err)
	}
}

// useType asks everything of a type that callers may.
func useType(t *Type, depth int) {
	if t == nil || depth > 6 {
		return
	}
	newSysV().next(t)
	newAAPCS().next(t)
	newGoABI(AMD64, false).next(t)
	t.DirectIface()
	newRustABI(95).next(t)
	sysvResult(t)
	aapcsResult(t)
	rustResult(t, true)
	if e, err := t.Elem(); err == nil {
		useType(e, depth+1)
	}
	t.RustSequence()
	if vs, err := t.Variants(); err == nil && vs != nil {
		for _, v := range vs.List {
			useType(v.Field.Type, depth+1)
		}
	}
	fields, err := t.Fields()
	if err != nil {
		return
	}
	for _, f := range fields {
		useType(f.Type, depth+1)
	}
}

// FuzzParamsDWARF overwrites a few bytes of a program's debug sections.
func FuzzParamsDWARF(f *testing.F) {
	dir := f.TempDir()
	symWrite(f, dir, "a.c", sourceC)
	symRun(f, dir, nil, "gcc", "-g", "-O2", "-o", "out", "a.c")
	good, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		f.Fatal(err)
	}
	b := symOpen(f, filepath.Join(dir, "out"), nil)
	var sections []*elf.Section
	for _, s := range b.ELF().Sections {
		if s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_ALLOC == 0 && s.Size > 0 {
			sections = append(sections, s)
		}
	}
	funcs, err := b.Funcs()
	if err != nil {
		f.Fatal(err)
	}
	for i := range 40 {
		f.Add(uint8(i), uint32(i*i*31), []byte{byte(i * 37), byte(255 - i)})
	}
	f.Fuzz(func(t *testing.T, section uint8, at uint32, bytes []byte) {
		s := sections[int(section)%len(sections)]
		bad := append([]byte(nil), good...)
		copy(bad[s.Offset+uint64(at)%s.Size:s.Offset+s.Size], bytes)
		path := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		b, err := Open(path, nil)
		if err != nil {
			return
		}
		defer b.Close()
		for _, fn := range funcs {
			params, err := b.Params(fn)
			if err != nil {
				continue
			}
			for _, p := range params {
				useType(p.Type, 3)
			}
		}
		b.Inlined("one")
	})
}

// FuzzEvalExpr evaluates any bytes, which must give pieces or an error.
func FuzzEvalExpr(f *testing.F) {
	f.Add([]byte{0x55}, []byte{0x9c}, true)
	f.Add([]byte{0x91, 0x70, 0x06}, []byte{0x56}, true)
	f.Add([]byte{0x55, 0x93, 8, 0x61, 0x93, 8}, []byte{}, false)
	f.Add([]byte{0xa3, 1, 0x54, 0x9f}, []byte{}, false)
	f.Add([]byte{0x74, 0, 0xa8, 0, 0x9f, 0x93, 4}, []byte{}, false)
	f.Add([]byte{0x9e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, []byte{}, false)
	f.Add([]byte{0x93, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, []byte{}, false)
	f.Fuzz(func(t *testing.T, expr, frame []byte, static bool) {
		pieces, err := evalExpr(expr, &exprContext{arch: AMD64, frame: frame, static: static})
		if err != nil {
			return
		}
		for _, arch := range []Arch{AMD64, ARM64} {
			loc, err := placePieces(pieces, 16, arch)
			if err != nil {
				continue
			}
			for _, p := range loc.Pieces {
				if p.Size < 0 || p.Kind == InReg && (p.Size > 8 || !generalRegister(arch, uint64(p.Reg))) {
					t.Errorf("%x: piece %+v", expr, p)
				}
			}
		}
	})
}

// FuzzLocationList searches any bytes for an address.
func FuzzLocationList(f *testing.F) {
	f.Add([]byte{8, 0, 0x10, 0, 0, 0, 0, 0, 0, 4, 1, 0x55, 0}, []byte{}, uint64(0), uint64(0x1001))
	f.Add([]byte{1, 0, 4, 0, 8, 1, 0x55, 9, 0, 0, 0}, make([]byte, 16), uint64(0), uint64(4))
	f.Add(make([]byte, 40), []byte{}, uint64(3), uint64(0))
	f.Fuzz(func(t *testing.T, list, addr []byte, off, pc uint64) {
		s := locSections{loc: list, loclists: list, addr: addr}
		u := &dwarfUnit{entry: emptyEntry, base: pc / 2}
		holds := func(lo, hi uint64) bool { return pc >= lo && pc < hi }
		for _, expr := range [][]byte{first(s.find4(off, u.base, holds)), first(s.find5(u, off, holds))} {
			if len(expr) > len(list) {
				t.Errorf("%x: expression of %d bytes", list, len(expr))
			}
		}
		if at, err := s.listOffset(off, pc); err == nil {
			first(s.find5(u, at, holds))
		}
		readUnitHeaders(bytes.NewReader(list), int64(len(list)))
	})
}
