package elfsym

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// funcTable holds the functions of an image.
type funcTable struct {
	funcs    []*Func // sorted by Addr, one per address
	parts    []part  // sorted by Lo
	warnings []error
}

type part struct {
	Range
	of *Func
}

// Funcs returns the functions of the image, sorted by address, one for each
// address. The caller must not change them. Names are demangled, which takes
// some microseconds for each C++ or Rust function; Find does not need that.
func (b *Binary) Funcs() ([]*Func, error) { return b.named() }

func (b *Binary) nameFuncs() ([]*Func, error) {
	t, err := b.table()
	if err != nil {
		return nil, err
	}
	b.name(t.funcs)
	return t.funcs, nil
}

// FuncAt returns the function that holds a, in its main part or another, or
// nil.
func (b *Binary) FuncAt(a VAddr) *Func {
	t, err := b.table()
	if err != nil {
		return nil
	}
	f := t.at(a)
	if f != nil {
		b.name([]*Func{f})
	}
	return f
}

// Warnings returns faults in sources of symbols that left others usable, such
// as a broken .gnu_debugdata.
func (b *Binary) Warnings() []error {
	t, err := b.table()
	if err != nil {
		return nil
	}
	return t.warnings
}

func (t *funcTable) at(a VAddr) *Func {
	i, found := slices.BinarySearchFunc(t.funcs, a, func(f *Func, a VAddr) int { return cmp.Compare(f.Addr, a) })
	if !found {
		i--
	}
	// A function may lie inside another one of hand-written assembly.
	for k := i; k >= 0 && k > i-8; k-- {
		if f := t.funcs[k]; uint64(a-f.Addr) < f.Size {
			return f
		}
	}
	i, found = slices.BinarySearchFunc(t.parts, a, func(p part, a VAddr) int { return cmp.Compare(p.Lo, a) })
	if !found {
		i--
	}
	if i >= 0 && a < t.parts[i].Hi {
		return t.parts[i].of
	}
	return nil
}

// readFuncs gathers the symbols of all sources and makes functions of them.
func (b *Binary) readFuncs() (*funcTable, error) {
	t := &funcTable{}
	syms, code, err := b.gather(t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	if len(syms) == 0 {
		return nil, errors.Join(append([]error{fmt.Errorf("%s: %w", b.Name(), errNoSymbols)}, t.warnings...)...)
	}
	slices.SortStableFunc(syms, compareSymbols)
	b.group(t, syms, code)
	return t, nil
}

var errNoSymbols = errors.New("no symbols of functions: the file is stripped and no debug file belongs to it")

// gather returns the symbols of all sources and the Go text. Faults in what
// lies beside the two symbol tables of the file become warnings.
func (b *Binary) gather(t *funcTable) ([]symbol, Range, error) {
	syms, err := b.funcSymbols(b.image(), elf.SHT_SYMTAB)
	if err != nil {
		return nil, Range{}, err
	}
	full := len(syms) > 0
	dyn, err := b.funcSymbols(b.image(), elf.SHT_DYNSYM)
	if err != nil {
		return nil, Range{}, err
	}
	syms = append(syms, dyn...)
	beside := func(im image) {
		more, err := b.funcSymbols(im, elf.SHT_SYMTAB)
		if err != nil {
			t.warnings = append(t.warnings, fmt.Errorf("%s: debug file: %w", b.Name(), err))
		}
		for i := range more {
			more[i].sect = -1 // it counts another file's sections
		}
		syms = append(syms, more...)
		full = full || len(more) > 0
	}
	if !full {
		if d := b.debug(); d != nil {
			beside(d.image)
		}
	}
	if !full {
		im, ok, err := b.miniDebug()
		if err != nil {
			t.warnings = append(t.warnings, fmt.Errorf("%s: %w", b.Name(), err))
		} else if ok {
			beside(im)
		}
	}
	var code Range
	pcln, err := b.pcln()
	switch {
	case err == nil:
		code = pcln.text
		syms = addGo(syms, pcln)
	case !errors.Is(err, errNoGo):
		t.warnings = append(t.warnings, err)
		code.Lo, code.Hi = b.goTextSymbols()
	}
	return syms, code, nil
}

// addGo adds the functions of the Go table to syms.
func addGo(syms []symbol, t *pclntab) []symbol {
	for i := range t.entries {
		f := &t.entries[i]
		s := symbol{name: f.name, addr: f.addr, typ: elf.STT_FUNC, bind: elf.STB_LOCAL, sect: -1, goFn: f}
		if f.exact {
			s.size = uint64(f.end - f.addr)
		}
		syms = append(syms, s)
	}
	return syms
}

// compareSymbols sorts by address and puts the name first that people write.
func compareSymbols(x, y symbol) int {
	rank := func(s symbol) int {
		r := 0
		if s.goFn != nil { // .symtab knows more: it writes .abi0
			r += 16
		}
		if s.typ != elf.STT_GNU_IFUNC {
			r += 8
		}
		if s.typ == elf.STT_NOTYPE {
			r += 4
		}
		if s.size == 0 {
			r += 2
		}
		if s.bind == elf.STB_LOCAL {
			r++
		}
		return r
	}
	underscores := func(s string) int { return len(s) - len(strings.TrimLeft(s, "_")) }
	return cmp.Or(cmp.Compare(x.addr, y.addr), cmp.Compare(rank(x), rank(y)),
		cmp.Compare(underscores(x.name), underscores(y.name)), cmp.Compare(len(x.name), len(y.name)),
		strings.Compare(x.name, y.name))
}

// group makes one function of the symbols of each address. code is the Go
// text.
func (b *Binary) group(t *funcTable, syms []symbol, code Range) {
	var cold []symbol
	local := map[string][]localFunc{} // parents of cold parts
	pcln, _ := b.pcln()
	slab := make([]Func, 0, countAddrs(syms))
	covered := VAddr(0) // end of the sized functions so far
	for i := 0; i < len(syms); {
		j := i + 1
		for j < len(syms) && syms[j].addr == syms[i].addr {
			j++
		}
		s := syms[i]
		switch {
		case !code.holds(s.addr) && coldParent(s.name) != "":
			s.size = b.sizeAt(s, syms, j)
			cold = append(cold, s)
		case s.typ == elf.STT_NOTYPE && s.addr < covered:
			// A label inside a function.
		default:
			slab = append(slab, b.newFunc(syms, i, j, code, pcln))
			f := &slab[len(slab)-1]
			t.funcs = append(t.funcs, f)
			if end := f.Addr + VAddr(f.Size); !f.Has(SizeGuessed) && end > covered {
				covered = end
			}
		}
		i = j
	}
	if len(cold) == 0 {
		return
	}
	files := map[VAddr]int32{}
	for _, s := range syms {
		files[s.addr] = max(files[s.addr], s.file)
	}
	for _, f := range t.funcs {
		for _, name := range append([]string{f.Symbol}, f.Aliases...) {
			local[name] = append(local[name], localFunc{f, files[f.Addr]})
		}
	}
	t.addParts(cold, local)
}

func (r Range) holds(a VAddr) bool { return a >= r.Lo && a < r.Hi }

type localFunc struct {
	f    *Func
	file int32
}

func countAddrs(syms []symbol) int {
	n := 0
	for i := range syms {
		if i == 0 || syms[i].addr != syms[i-1].addr {
			n++
		}
	}
	return n
}

// newFunc makes a function of the symbols [i, j), which have one address.
func (b *Binary) newFunc(syms []symbol, i, j int, code Range, pcln *pclntab) Func {
	s := syms[i]
	f := Func{Binary: b, Symbol: s.name, Addr: s.addr, Size: b.sizeAt(s, syms, j)}
	if s.size != f.Size {
		f.Attr |= SizeGuessed
	}
	var goFn *goFunc
	for k := i; k < j; k++ {
		a := syms[k]
		if a.name != s.name && a.goFn == nil && !slices.Contains(f.Aliases, a.name) && j-i <= 1<<10 {
			f.Aliases = append(f.Aliases, a.name)
		}
		if a.bind != elf.STB_LOCAL {
			f.Attr |= External
		}
		if a.goFn != nil {
			goFn = a.goFn
		}
	}
	slices.Sort(f.Aliases)
	if s.typ == elf.STT_GNU_IFUNC {
		f.Attr |= IFunc
	}
	f.Lang = symbolLang(s.name)
	if code.holds(s.addr) {
		f.Lang = LangGo
		f.Attr = goAttr(f.Attr&^External, &f, goFn, pcln)
	} else {
		f.Attr |= nativeAttr(s.name)
	}
	if f.Lang == LangGo || f.Lang == LangC {
		f.Name = f.Symbol
	}
	return f
}

// sizeAt returns the size of s, whose address is that of no symbol from j on.
// Without one, or with an absurd one, the next symbol or the end of the
// section is the end.
func (b *Binary) sizeAt(s symbol, syms []symbol, j int) uint64 {
	p := b.segment(s.addr, elf.PF_X)
	limit := p.Vaddr + b.inFile(p) - uint64(s.addr)
	if s.size > 0 && s.size <= limit {
		return s.size
	}
	if s.sect >= 0 && int(s.sect) < len(b.elf.Sections) {
		sec := b.elf.Sections[s.sect]
		if end := sec.Addr + sec.Size; end > uint64(s.addr) {
			limit = min(limit, end-uint64(s.addr))
		}
	}
	if j < len(syms) {
		limit = min(limit, uint64(syms[j].addr-s.addr))
	}
	return limit
}

// coldParent returns the name of the function that a part belongs to, "" for
// what is no part: gcc writes f.cold, LLVM f.cold.1 and f.__part.1.
func coldParent(name string) string {
	for _, mark := range []string{".cold", ".__part."} {
		i := strings.LastIndex(name, mark)
		if i <= 0 {
			continue
		}
		rest := name[i+len(mark):]
		if rest == "" || strings.Trim(rest, ".0123456789") == "" {
			return name[:i]
		}
	}
	return ""
}

// addParts gives the cold parts to their functions. Where several functions
// have the name, the part belongs to the one of the same source file; if that
// leaves a choice, it belongs to none.
func (t *funcTable) addParts(cold []symbol, parents map[string][]localFunc) {
	for _, s := range cold {
		all := parents[coldParent(s.name)]
		var of *Func
		if len(all) == 1 {
			of = all[0].f
		} else {
			n := 0
			for _, p := range all {
				if p.file == s.file && s.file != 0 {
					of, n = p.f, n+1
				}
			}
			if n != 1 {
				continue
			}
		}
		r := Range{s.addr, s.addr + VAddr(s.size)}
		if of == nil || r.Hi <= r.Lo {
			continue
		}
		of.Parts = append(of.Parts, r)
		t.parts = append(t.parts, part{r, of})
	}
}
