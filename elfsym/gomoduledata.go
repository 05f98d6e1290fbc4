package elfsym

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Words of runtime.moduledata, the same from Go 1.18 to 1.26
// (runtime/symtab.go): the header's address, six slices, then these.
const (
	modPCHeader = 0
	modNames    = 8
	modMinPC    = 160
	modMaxPC    = 168
	modText     = 176
	modEText    = 184
	modGofunc   = 304 // behind covctrs and ecovctrs from Go 1.20 on
	modSize     = 328

	// types and etypes stand behind the bounds of the data, which Go 1.20
	// extended by those of coverage counters.
	modTypesGo118 = 280
	modTypesGo120 = 296
)

// readPclntab finds Go's function table and where the code it describes
// lies. The error is errNoGo if the image is not Go.
func (b *Binary) readPclntab() (*pclntab, error) {
	if !b.looksGo() {
		return nil, errNoGo
	}
	t, err := b.locatePclntab()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	if err := b.locateText(t); err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	if err := t.readEntries(); err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	return t, nil
}

// goSections are made by the Go linker alone; one of them is in any Go
// program that has section headers.
var goSections = []string{".go.buildinfo", ".note.go.buildid", ".gopclntab", ".data.rel.ro.gopclntab", ".go.module"}

func (b *Binary) looksGo() bool {
	for _, name := range goSections {
		if b.elf.Section(name) != nil {
			return true
		}
	}
	return len(b.elf.Sections) == 0 && note(b.image(), "Go", noteGoBuildID) != nil
}

// locatePclntab reads the table from its section or, where a linker merged
// that into another, from the segment that holds its header.
func (b *Binary) locatePclntab() (*pclntab, error) {
	for _, name := range []string{".gopclntab", ".data.rel.ro.gopclntab"} {
		s := b.elf.Section(name)
		if s == nil {
			continue
		}
		data, err := b.image().data(s, maxPclntab)
		if err != nil {
			return nil, err
		}
		return parsePclntabHeader(text(data), VAddr(s.Addr))
	}
	for _, p := range b.elf.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_X != 0 || b.inFile(p) > maxPclntab {
			continue
		}
		if t := b.searchPclntab(p); t != nil {
			return t, nil
		}
	}
	return nil, errors.New("no Go function table")
}

func (b *Binary) searchPclntab(p *elf.Prog) *pclntab {
	buf := make([]byte, b.inFile(p))
	if _, err := b.file.ReadAt(buf, int64(p.Off)); err != nil {
		return nil
	}
	var magic [6]byte
	for _, m := range []uint32{magicGo120, magicGo118} {
		binary.LittleEndian.PutUint32(magic[:], m)
		for at := 0; ; at++ {
			i := bytes.Index(buf[at:], magic[:])
			if i < 0 {
				break
			}
			at += i
			if (p.Vaddr+uint64(at))%8 != 0 {
				continue
			}
			t, err := parsePclntabHeader(text(buf[at:]), VAddr(p.Vaddr)+VAddr(at))
			if err == nil && t.sorted() {
				return t
			}
		}
	}
	return nil
}

// sorted reports whether the first entries ascend, as no random bytes do.
func (t *pclntab) sorted() bool {
	for i := range min(t.nfunc, 64) {
		if t.entryOff(i+1) < t.entryOff(i) {
			return false
		}
	}
	return t.entryOff(t.nfunc) > 0
}

// locateText finds the start of the text, to which the table's entries are
// relative. Go 1.26 no longer writes it into the table's header, and before
// that a PIE's header may hold it unrelocated, so moduledata is asked first.
func (b *Binary) locateText(t *pclntab) error {
	if s := b.elf.Section(".go.module"); s != nil {
		if b.moduledata(t, VAddr(s.Addr)) {
			return nil
		}
	}
	candidates, err := b.wordsOf(uint64(t.addr))
	if err != nil {
		return err
	}
	for _, a := range candidates {
		if b.moduledata(t, a) {
			return nil
		}
	}
	r := Range{t.header, t.header + VAddr(t.entryOff(t.nfunc))}
	if t.header == 0 || !b.plausibleText(t, r) {
		return errors.New("the Go function table does not say where the text starts, and no moduledata does")
	}
	t.text = r
	return nil
}

// moduledata reads the bounds of the text and of the type descriptors from
// the moduledata at a, if that is what lies there: five of its words must agree
// with the table.
func (b *Binary) moduledata(t *pclntab, a VAddr) bool {
	raw, err := b.Read(a, modSize)
	if err != nil {
		return false
	}
	w, err := b.relocated(a, raw)
	if err != nil {
		return false
	}
	le := binary.LittleEndian
	lo, hi := le.Uint64(w[modText:]), le.Uint64(w[modEText:])
	r := Range{VAddr(lo), VAddr(hi)}
	gofunc := modGofunc
	if t.go120 {
		gofunc += 16
	}
	if VAddr(le.Uint64(w[modPCHeader:])) != t.addr || le.Uint64(w[modNames:]) != uint64(t.addr)+t.names ||
		le.Uint64(w[modMinPC:]) != lo+uint64(t.entryOff(0)) ||
		le.Uint64(w[modMaxPC:]) != lo+uint64(t.entryOff(t.nfunc)) || hi < le.Uint64(w[modMaxPC:]) {
		return false
	}
	if !b.inText(r) {
		return false
	}
	types := modTypesGo118
	if t.go120 {
		types = modTypesGo120
	}
	t.text, t.gofunc = r, VAddr(le.Uint64(w[gofunc:]))
	t.types = Range{VAddr(le.Uint64(w[types:])), VAddr(le.Uint64(w[types+8:]))}
	return true
}

// inText reports whether r is not empty and lies in one executable segment.
func (b *Binary) inText(r Range) bool {
	p := b.segment(r.Lo, elf.PF_X)
	return p != nil && r.Hi > r.Lo && uint64(r.Hi)-p.Vaddr <= b.inFile(p)
}

// plausibleText tries r as the text of t: between the end that a function's
// own tables give and the next function there must be nothing but padding,
// which is int3 on amd64 and zero on arm64 (cmd/link, CodePad).
func (b *Binary) plausibleText(t *pclntab, r Range) bool {
	if !b.inText(r) {
		return false
	}
	padded, tried := 0, 0
	for i := 0; i < t.nfunc && tried < 256; i += 1 + t.nfunc/1024 {
		off, next := t.entryOff(i), t.entryOff(i+1)
		rec := t.funcs + uint64(t.u32(t.funcs+uint64(i)*8+4))
		size, _ := t.pcLen(t.u32(rec+16), uint64(next-off), 1<<16)
		if next <= off || size == 0 || size >= uint64(next-off) || uint64(next-off)-size > 64 {
			continue
		}
		gap, err := b.Text(r.Lo+VAddr(off)+VAddr(size), r.Lo+VAddr(next))
		if err != nil {
			return false
		}
		tried++
		if bytes.Count(gap, []byte{0xcc}) == len(gap) || bytes.Count(gap, []byte{0}) == len(gap) {
			padded++
		}
	}
	return tried >= 16 && padded*10 >= tried*9
}

// wordsOf returns the addresses of the words in data segments that point to
// target once the image is relocated.
func (b *Binary) wordsOf(target uint64) ([]VAddr, error) {
	const enough = 64
	var found []VAddr
	err := b.relatives(func(off VAddr, addend uint64) bool {
		if addend == target {
			found = append(found, off)
		}
		return len(found) < enough
	})
	if err != nil || len(found) > 0 {
		return found, err
	}
	var want [8]byte
	binary.LittleEndian.PutUint64(want[:], target)
	for _, p := range b.elf.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_W == 0 || b.inFile(p) > maxPclntab {
			continue
		}
		buf := make([]byte, b.inFile(p))
		if _, err := b.file.ReadAt(buf, int64(p.Off)); err != nil {
			return nil, fmt.Errorf("read data segment: %w", err)
		}
		for at := 0; len(found) < enough; at++ {
			i := bytes.Index(buf[at:], want[:])
			if i < 0 {
				break
			}
			at += i
			if a := p.Vaddr + uint64(at); a%8 == 0 {
				found = append(found, VAddr(a))
			}
		}
	}
	return found, nil
}

// relocated returns raw, the bytes at a, with the words in it that the
// loader fills as it will fill them at load address 0. RELR relocations have
// their addends in place already.
func (b *Binary) relocated(a VAddr, raw []byte) ([]byte, error) {
	err := b.relatives(func(off VAddr, addend uint64) bool {
		if off >= a && off-a <= VAddr(len(raw)-8) {
			binary.LittleEndian.PutUint64(raw[off-a:], addend)
		}
		return true
	})
	return raw, err
}

// relatives calls visit for each relative relocation until it returns false.
func (b *Binary) relatives(visit func(off VAddr, addend uint64) bool) error {
	if !b.IsDyn() {
		return nil
	}
	relative := uint64(elf.R_X86_64_RELATIVE)
	if b.arch == ARM64 {
		relative = uint64(elf.R_AARCH64_RELATIVE)
	}
	const relaSize = 24
	buf := make([]byte, relaSize<<12)
	le := binary.LittleEndian
	for _, s := range b.elf.Sections {
		if s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		if s.FileSize > maxRelocs || !within(s.Offset, s.FileSize, b.size) {
			return fmt.Errorf("%w: section %s of %d bytes", ErrMalformed, s.Name, s.FileSize)
		}
		r := io.NewSectionReader(b.file, int64(s.Offset), int64(s.FileSize))
		for {
			n, err := io.ReadFull(r, buf)
			for e := buf[:n]; len(e) >= relaSize; e = e[relaSize:] {
				if le.Uint64(e[8:]) == relative && !visit(VAddr(le.Uint64(e)), le.Uint64(e[16:])) {
					return nil
				}
			}
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				break
			}
			if err != nil {
				return fmt.Errorf("read section %s: %w", s.Name, err)
			}
		}
	}
	return nil
}
