package elfsym

import (
	"debug/buildinfo"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"strconv"
	"strings"
)

// GoInfo are facts about a Go image that probes need.
type GoInfo struct {
	// Version is the toolchain as it names itself ("go1.26.8"), "" if the
	// image does not say.
	Version string
	// GoidOffset is the offset of goid in runtime.g in bytes, -1 if unknown.
	GoidOffset int64
	// GoidFrom says where GoidOffset comes from: "version table" or "DWARF".
	GoidFrom string
	// CurgOffset is the offset of curg in runtime.m, and SchedBPOffset that of
	// sched.bp in runtime.g, in bytes; 0 if unknown. They lead from a system
	// stack to the goroutine that it serves.
	CurgOffset, SchedBPOffset int64
	// TLSG is the offset in bytes of the current g from the thread pointer,
	// 0 if unknown.
	TLSG int64
	// TextStart and TextEnd bound the Go code; a cgo program's C code lies
	// outside. Both are 0 if unknown.
	TextStart, TextEnd VAddr
}

// GoInfo returns what is known of a Go image. It is an error if the image is
// not Go.
func (b *Binary) GoInfo() (GoInfo, error) { return b.goInfo() }

func (b *Binary) readGoInfo() (GoInfo, error) {
	if !b.looksGo() {
		return GoInfo{}, fmt.Errorf("%s: %w", b.Name(), errNoGo)
	}
	g := GoInfo{Version: b.goVersion(), GoidOffset: -1}
	if off, ok := goidOffset(g.Version); ok {
		g.GoidOffset, g.GoidFrom = off, "version table"
	} else if off, err := b.dwarfGoid(); err == nil {
		g.GoidOffset, g.GoidFrom = off, "DWARF"
	}
	g.CurgOffset, g.SchedBPOffset = b.schedOffsets(g.Version)
	if t, err := b.pcln(); err == nil {
		g.TextStart, g.TextEnd = t.text.Lo, t.text.Hi
	} else {
		g.TextStart, g.TextEnd = b.goTextSymbols()
	}
	g.TLSG = b.tlsg()
	return g, nil
}

func (b *Binary) goVersion() (v string) {
	defer func() {
		if recover() != nil { // a file made to break debug/buildinfo
			v = ""
		}
	}()
	info, err := buildinfo.Read(b.file)
	if err != nil {
		return ""
	}
	return info.GoVersion
}

// goidOffset returns the offset of goid in runtime.g, which was measured for
// these versions: m and sched before it are unchanged, and syscallbp was
// there in 1.23 and 1.24 only.
func goidOffset(version string) (int64, bool) {
	minor := goMinor(version)
	switch {
	case minor < 17 || minor > 26:
		return 0, false
	case minor == 23 || minor == 24:
		return 160, true
	}
	return 152, true
}

// goMinor returns the 26 of "go1.26.8", 0 if there is none.
func goMinor(version string) int {
	rest, ok := strings.CutPrefix(version, "go1.")
	if !ok {
		return 0
	}
	minor, err := strconv.Atoi(rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))])
	if err != nil {
		return 0
	}
	return minor
}

// schedOffsets returns GoInfo.CurgOffset and GoInfo.SchedBPOffset, which were
// measured for Go 1.18 to 1.26 on both machines: gobuf lost its ret, which stands
// before both, in 1.25. For others they come from the debug information.
func (b *Binary) schedOffsets(version string) (curg, bp int64) {
	switch minor := goMinor(version); {
	case minor >= 18 && minor <= 24:
		return 192, 56 + 48
	case minor == 25 || minor == 26:
		return 184, 56 + 40
	}
	curg, err := b.dwarfRuntime("runtime.m", "curg")
	if err != nil {
		return 0, 0
	}
	sched, err := b.dwarfRuntime("runtime.g", "sched")
	if err != nil {
		return curg, 0
	}
	bp, err = b.dwarfRuntime("runtime.gobuf", "bp")
	if err != nil {
		return curg, 0
	}
	return curg, sched + bp
}

// dwarfGoid looks the offset up in the debug information.
func (b *Binary) dwarfGoid() (int64, error) { return b.dwarfRuntime("runtime.g", "goid") }

// dwarfRuntime returns the offset of a member of one of the runtime's types.
func (b *Binary) dwarfRuntime(typ, member string) (off int64, err error) {
	d, err := b.debugInfo()
	if err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer recoverDWARF(&err)
	r := d.data.Reader()
	for {
		e, err := r.Next()
		if err != nil {
			return 0, fmt.Errorf("look up %s: %w", typ, err)
		}
		if e == nil {
			return 0, fmt.Errorf("no type %s", typ)
		}
		switch {
		case e.Tag == dwarf.TagStructType && e.Val(dwarf.AttrName) == typ:
			return memberOffset(r, member)
		case e.Tag == dwarf.TagCompileUnit:
			if e.Val(dwarf.AttrName) == "runtime" {
				continue
			}
			err = d.skipUnit(r, e)
		default:
			err = skipChildren(r, e)
		}
		if err != nil {
			return 0, fmt.Errorf("look up %s: %w", typ, err)
		}
	}
}

func memberOffset(r *dwarf.Reader, name string) (int64, error) {
	for {
		e, err := r.Next()
		if err != nil {
			return 0, err
		}
		if e == nil || e.Tag == 0 {
			return 0, fmt.Errorf("no member %s", name)
		}
		if off, ok := e.Val(dwarf.AttrDataMemberLoc).(int64); ok && e.Val(dwarf.AttrName) == name {
			return off, nil
		}
	}
}

// goTextSymbols returns the bounds that the linker's own symbols give.
func (b *Binary) goTextSymbols() (lo, hi VAddr) {
	err := walkSymbols(b.image(), elf.SHT_SYMTAB, func(s rawSymbol) {
		switch s.name {
		case "runtime.text":
			lo = VAddr(s.value)
		case "runtime.etext":
			hi = VAddr(s.value)
		}
	})
	if err != nil || lo >= hi {
		return 0, 0
	}
	return lo, hi
}

// tlsg returns the offset of g from the thread pointer: that of runtime.tlsg
// in the thread's copy of PT_TLS, which ends at the thread pointer on amd64
// and starts two words behind it on arm64 (ELF TLS variants II and I).
func (b *Binary) tlsg() int64 {
	var tls *elf.Prog
	for _, p := range b.elf.Progs {
		if p.Type == elf.PT_TLS {
			tls = p
		}
	}
	if tls == nil && b.arch == AMD64 {
		return -8 // the runtime makes its own block: settls, m.tls
	}
	if tls == nil || tls.Memsz > 1<<30 || tls.Align > 1<<16 {
		return 0
	}
	align := int64(max(tls.Align, 1))
	value, ok := int64(0), tls.Memsz == 8 // g is all there is
	err := walkSymbols(b.image(), elf.SHT_SYMTAB, func(s rawSymbol) {
		if s.name == "runtime.tlsg" && elf.ST_TYPE(s.info) == elf.STT_TLS && s.shndx != elf.SHN_UNDEF {
			value, ok = int64(s.value), s.value < tls.Memsz
		}
	})
	if err != nil || !ok {
		return b.tlsgFromCode(tls)
	}
	if b.arch == ARM64 {
		return alignUp(16, align) + value
	}
	return value - alignUp(int64(tls.Memsz), align)
}

// tlsgFromCode reads the offset from the code by which ABI0 assembly reloads
// g into R14, mov %fs:disp32,%r14: a stripped cgo program has no symbol that
// tells. It returns 0 when no such instruction is there, as in a PIE.
func (b *Binary) tlsgFromCode(tls *elf.Prog) int64 {
	t, err := b.pcln()
	if err != nil || b.arch != AMD64 {
		return 0
	}
	const load = "\x64\x4c\x8b\x34\x25"
	seen, checked := int64(0), 0
	for i := range t.entries {
		f := &t.entries[i]
		if !t.isWrapper(f) || f.end-f.addr > 256 {
			continue
		}
		code, err := b.Text(f.addr, f.end)
		if err != nil {
			return 0
		}
		if at := strings.Index(string(code), load); at >= 0 && at+9 <= len(code) {
			d := code[at+5:]
			off := int64(int32(uint32(d[0]) | uint32(d[1])<<8 | uint32(d[2])<<16 | uint32(d[3])<<24))
			if off >= 0 || -off > int64(tls.Memsz)+int64(tls.Align) || seen != 0 && off != seen {
				return 0
			}
			seen = off
			if checked++; checked == 16 {
				break
			}
		}
	}
	return seen
}

func alignUp(n, align int64) int64 { return (n + align - 1) / align * align }
