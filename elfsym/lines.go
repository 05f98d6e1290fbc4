package elfsym

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// lineTable finds source positions in DWARF.
type lineTable struct {
	info  *dwarfInfo
	units []unitRange // sorted by Lo
}

type unitRange struct {
	Range
	unit *dwarf.Entry
}

// Line returns the source position of the instruction at a, "" when it is
// not known.
func (b *Binary) Line(a VAddr) (file string, line int) {
	if t, err := b.pcln(); err == nil {
		if f := t.at(a); f != nil {
			return t.line(f, a)
		}
	}
	t, err := b.lines()
	if err != nil {
		return "", 0
	}
	return t.line(a)
}

// at returns the function that holds a, or nil.
func (t *pclntab) at(a VAddr) *goFunc {
	i, found := slices.BinarySearchFunc(t.entries, a, func(f goFunc, a VAddr) int { return cmp.Compare(f.addr, a) })
	if !found {
		i--
	}
	if i < 0 || a >= t.entries[i].end {
		return nil
	}
	return &t.entries[i]
}

type dwarfKey struct{}

// dwarf returns the debug information of DebugELF. It is not safe for use
// from several goroutines: debugInfo holds the lock for it.
func (b *Binary) dwarf() (*dwarf.Data, error) {
	return keep(b, dwarfKey{}, func() (d *dwarf.Data, err error) {
		defer recoverDWARF(&err)
		f := b.DebugELF()
		if f == nil {
			return nil, fmt.Errorf("%s: no DWARF", b.Name())
		}
		size := b.size
		if f != b.elf {
			size = b.debug().size
		}
		if err := checkDWARFSize(f, size); err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), err)
		}
		d, err = f.DWARF()
		if err != nil {
			return nil, fmt.Errorf("%s: DWARF: %w", b.Name(), err)
		}
		return d, nil
	})
}

// checkDWARFSize adds up what reading all debug sections would allocate.
func checkDWARFSize(f *elf.File, size int64) error {
	var sum uint64
	for _, s := range f.Sections {
		if !strings.HasPrefix(s.Name, ".debug_") && !strings.HasPrefix(s.Name, ".zdebug_") || s.Type == elf.SHT_NOBITS {
			continue
		}
		if !within(s.Offset, s.FileSize, size) {
			return fmt.Errorf("%w: section %s lies outside the file", ErrMalformed, s.Name)
		}
		if sum += s.Size; s.Size > maxDebugBytes || sum > maxDebugBytes {
			return fmt.Errorf("%w: debug sections of %d bytes", ErrMalformed, sum)
		}
	}
	return nil
}

func (b *Binary) readLines() (t *lineTable, err error) {
	d, err := b.debugInfo()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer recoverDWARF(&err)
	t = &lineTable{info: d}
	r := d.data.Reader()
	for {
		e, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: DWARF: %w", b.Name(), err)
		}
		if e == nil {
			break
		}
		r.SkipChildren()
		if e.Tag != dwarf.TagCompileUnit {
			continue
		}
		ranges, err := d.data.Ranges(e)
		if err != nil {
			return nil, fmt.Errorf("%s: DWARF: %w", b.Name(), err)
		}
		for _, p := range ranges {
			if len(t.units) == maxSymbols {
				return nil, fmt.Errorf("%s: %w: too many ranges in DWARF", b.Name(), ErrMalformed)
			}
			t.units = append(t.units, unitRange{Range{VAddr(p[0]), VAddr(p[1])}, e})
		}
	}
	slices.SortFunc(t.units, func(x, y unitRange) int { return cmp.Compare(x.Lo, y.Lo) })
	return t, nil
}

func (t *lineTable) line(a VAddr) (file string, line int) {
	t.info.mu.Lock()
	defer t.info.mu.Unlock()
	defer func() {
		if recover() != nil { // a line table made to break debug/dwarf
			file, line = "", 0
		}
	}()
	i, found := slices.BinarySearchFunc(t.units, a, func(u unitRange, a VAddr) int { return cmp.Compare(u.Lo, a) })
	if !found {
		i--
	}
	if i < 0 || a >= t.units[i].Hi {
		return "", 0
	}
	r, err := t.info.data.LineReader(t.units[i].unit)
	if err != nil || r == nil {
		return "", 0
	}
	var row dwarf.LineEntry
	if err := r.SeekPC(uint64(a), &row); err != nil || row.File == nil {
		return "", 0
	}
	return row.File.Name, row.Line
}
