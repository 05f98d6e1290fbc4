package elfsym

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
)

// symSize is the size of an Elf64_Sym (gABI, "Symbol Table").
const symSize = 24

// symbol is a function symbol of an ELF file or of a Go function table.
type symbol struct {
	name string
	addr VAddr
	size uint64
	typ  elf.SymType
	bind elf.SymBind
	file int32 // counts the STT_FILE symbols before a local one; 0 otherwise
	sect int32 // index of its section, -1 unknown
	goFn *goFunc
}

// rawSymbol is an entry of a symbol table.
type rawSymbol struct {
	index       int
	name        string
	value, size uint64
	info, other byte
	shndx       elf.SectionIndex
}

// walkSymbols calls visit for each entry of im's symbol table of the type
// but the first, in the order of the file. It is no error to have no such
// table. debug/elf's own reader allocates several times the table's size.
func walkSymbols(im image, typ elf.SectionType, visit func(rawSymbol)) error {
	s := im.section(typ)
	if s == nil || s.Type == elf.SHT_NOBITS || s.FileSize == 0 {
		return nil
	}
	if s.Link == 0 || int(s.Link) >= len(im.elf.Sections) {
		return fmt.Errorf("%w: section %s names section %d for its strings", ErrMalformed, s.Name, s.Link)
	}
	tab, err := im.data(s, maxSymbols*symSize)
	if err != nil {
		return err
	}
	strtab, err := im.data(im.elf.Sections[s.Link], maxStrtab)
	if err != nil {
		return err
	}
	names := newCStrings(text(strtab), len(tab)/symSize)
	le := binary.LittleEndian
	for i := symSize; i+symSize <= len(tab); i += symSize {
		e := tab[i : i+symSize]
		name, ok := names.at(uint64(le.Uint32(e)))
		if names.budget < 0 {
			return fmt.Errorf("%w: names of section %s overlap", ErrMalformed, s.Name)
		}
		if !ok {
			continue
		}
		visit(rawSymbol{index: i / symSize, name: name, info: e[4], other: e[5], shndx: elf.SectionIndex(le.Uint16(e[6:])),
			value: le.Uint64(e[8:]), size: le.Uint64(e[16:])})
	}
	return nil
}

// funcSymbols returns the symbols of im's table that name code of b.
func (b *Binary) funcSymbols(im image, typ elf.SectionType) ([]symbol, error) {
	var syms []symbol
	var file int32
	code := codeSections(im.elf)
	var old map[int]string
	if typ == elf.SHT_DYNSYM {
		var err error
		if old, err = hiddenVersions(im); err != nil {
			return nil, err
		}
	}
	err := walkSymbols(im, typ, func(r rawSymbol) {
		t, bind := elf.ST_TYPE(r.info), elf.ST_BIND(r.info)
		if t == elf.STT_FILE {
			file++
			return
		}
		if !isFuncSymbol(r, t, bind, code) || b.segment(VAddr(r.value), elf.PF_X) == nil {
			return
		}
		s := symbol{name: defaultVersion(r.name), addr: VAddr(r.value), size: r.size, typ: t, bind: bind, sect: -1}
		if v := old[r.index]; v != "" {
			s.name += "@" + v
		}
		if int(r.shndx) < len(code) {
			s.sect = int32(r.shndx)
		}
		if bind == elf.STB_LOCAL {
			s.file = file
		}
		syms = append(syms, s)
	})
	return syms, err
}

// codeSections says of each section whether it holds functions. Stubs of the
// procedure linkage table are none.
func codeSections(f *elf.File) []bool {
	code := make([]bool, len(f.Sections))
	for i, s := range f.Sections {
		code[i] = s.Flags&elf.SHF_EXECINSTR != 0 && s.Name != ".plt" && !strings.HasPrefix(s.Name, ".plt.")
	}
	return code
}

func isFuncSymbol(r rawSymbol, t elf.SymType, bind elf.SymBind, code []bool) bool {
	if r.name == "" || r.shndx == elf.SHN_UNDEF || r.shndx == elf.SHN_ABS || r.shndx == elf.SHN_COMMON {
		return false
	}
	if int(r.shndx) < len(code) && !code[r.shndx] {
		return false
	}
	switch t {
	case elf.STT_FUNC, elf.STT_GNU_IFUNC:
		// The Go linker marks the bounds of its text with function symbols,
		// and puts the build ID into the text.
		return r.name != "runtime.text" && r.name != "runtime.etext" && r.name != "go:buildid" && r.name != "go.buildid" &&
			!strings.HasPrefix(r.name, "runtime.text.")
	case elf.STT_NOTYPE:
		// Assembly that forgot its .type; local ones are labels, and on
		// arm64 the mapping symbols $x and $d.
		return bind != elf.STB_LOCAL && int(r.shndx) < len(code)
	}
	return false
}

// defaultVersion takes the version off a symbol that links without naming
// one, memcpy@@GLIBC_2.14. An old one, memcpy@GLIBC_2.2.5, keeps its version:
// it is another function.
func defaultVersion(name string) string {
	if i := strings.Index(name, "@@"); i > 0 {
		return name[:i]
	}
	return name
}

// hiddenVersions returns the versions that .gnu.version marks as old, by the
// index of the symbol in .dynsym (gABI extensions, "Symbol Versioning").
func hiddenVersions(im image) (map[int]string, error) {
	s := im.section(elf.SHT_GNU_VERSYM)
	if s == nil || s.FileSize == 0 {
		return nil, nil
	}
	data, err := im.data(s, 2*maxSymbols)
	if err != nil {
		return nil, err
	}
	defs := versionNames(im)
	hidden := map[int]string{}
	for i := 0; 2*i+2 <= len(data); i++ {
		if v := binary.LittleEndian.Uint16(data[2*i:]); v&0x8000 != 0 {
			if name := defs[v&0x7fff]; name != "" {
				hidden[i] = name
			}
		}
	}
	return hidden, nil
}

// versionNames reads .gnu.version_d: a chain of Elf64_Verdef, each with the
// name in its first Elf64_Verdaux.
func versionNames(im image) map[uint16]string {
	s := im.section(elf.SHT_GNU_VERDEF)
	if s == nil || int(s.Link) >= len(im.elf.Sections) {
		return nil
	}
	data, err := im.data(s, maxDynamic)
	if err != nil {
		return nil
	}
	strtab, err := im.data(im.elf.Sections[s.Link], maxStrtab)
	if err != nil {
		return nil
	}
	le := binary.LittleEndian
	tab := newCStrings(text(strtab), 1<<15)
	names := map[uint16]string{}
	for at, n := uint64(0), 0; n < 1<<15 && within(at, 20, int64(len(data))); n++ {
		def := data[at:]
		if aux := at + uint64(le.Uint32(def[12:])); within(aux, 8, int64(len(data))) {
			if name, ok := tab.at(uint64(le.Uint32(data[aux:]))); ok {
				names[le.Uint16(def[4:])] = name
			}
		}
		next := uint64(le.Uint32(def[16:]))
		if next == 0 {
			break
		}
		at += next
	}
	return names
}

// stripVersion takes off the version that ld leaves in .symtab, old or
// not.
func stripVersion(name string) string {
	if i := strings.IndexByte(name, '@'); i > 0 {
		return name[:i]
	}
	return name
}
