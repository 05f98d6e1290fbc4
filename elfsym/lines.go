package elfsym

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// lineTable finds the units of DWARF and source positions in them.
type lineTable struct {
	info    *dwarfInfo
	units   []unitRange    // sorted by Lo
	entries []*dwarf.Entry // of all units, in the order of the file
}

type unitRange struct {
	Range
	unit *dwarf.Entry
	// top is the largest Hi up to here.
	top VAddr
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
		n := unpackedSize(s)
		if sum += n; n > maxDebugBytes || sum > maxDebugBytes {
			return fmt.Errorf("%w: debug sections of %d bytes", ErrMalformed, sum)
		}
	}
	return nil
}

// unpackedSize returns how long a debug section says it is: GNU's .zdebug_*
// begin with "ZLIB" and the size, big-endian (debug/elf, Section.Open).
func unpackedSize(s *elf.Section) uint64 {
	var h [12]byte
	if strings.HasPrefix(s.Name, ".zdebug_") && s.Flags&elf.SHF_COMPRESSED == 0 {
		if n, err := s.ReadAt(h[:], 0); n == len(h) && err == nil && string(h[:4]) == "ZLIB" {
			return binary.BigEndian.Uint64(h[4:])
		}
	}
	return s.Size
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
		if err := d.skipUnit(r, e); err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), err)
		}
		t.entries = append(t.entries, e)
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
			t.units = append(t.units, unitRange{Range: Range{VAddr(p[0]), VAddr(p[1])}, unit: e})
		}
	}
	slices.SortStableFunc(t.units, func(x, y unitRange) int { return cmp.Compare(x.Lo, y.Lo) })
	top := VAddr(0)
	for i := range t.units {
		top = max(top, t.units[i].Hi)
		t.units[i].top = top
	}
	return t, nil
}

// unitsAt returns the units that hold a, the one that begins nearest before
// it first.
func (t *lineTable) unitsAt(a VAddr) []*dwarf.Entry {
	i, _ := slices.BinarySearchFunc(t.units, a+1, func(u unitRange, a VAddr) int { return cmp.Compare(u.Lo, a) })
	var found []*dwarf.Entry
	for n := 0; i > 0 && t.units[i-1].top > a && n < maxOverlap; n++ {
		i--
		if u := t.units[i]; u.holds(a) && !slices.Contains(found, u.unit) {
			found = append(found, u.unit)
		}
	}
	return found
}

// unitOf returns the entry of the unit that holds the entry at off, or nil.
func (t *lineTable) unitOf(off dwarf.Offset) *dwarf.Entry {
	i, found := slices.BinarySearchFunc(t.entries, off, func(e *dwarf.Entry, off dwarf.Offset) int { return cmp.Compare(e.Offset, off) })
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	return t.entries[i]
}

func (t *lineTable) line(a VAddr) (file string, line int) {
	t.info.mu.Lock()
	defer t.info.mu.Unlock()
	defer func() {
		if recover() != nil { // a line table made to break debug/dwarf
			file, line = "", 0
		}
	}()
	for _, u := range t.unitsAt(a) {
		if file, line = t.info.lineRows(u).at(a); file != "" {
			return file, line
		}
	}
	return "", 0
}
