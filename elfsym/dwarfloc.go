package elfsym

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// locSections are the sections that location attributes refer to.
type locSections struct {
	loc      []byte // .debug_loc, DWARF 2 to 4
	loclists []byte // .debug_loclists, DWARF 5
	addr     []byte // .debug_addr
	// v5 holds the compilation units of DWARF 5 where both kinds of lists
	// are present, by the offset of the unit's first entry.
	v5 map[dwarf.Offset]bool
}

func loadLocSections(f *elf.File) (s locSections, err error) {
	for name, dst := range map[string]*[]byte{"loc": &s.loc, "loclists": &s.loclists, "addr": &s.addr} {
		if *dst, err = debugSection(f, name); err != nil {
			return s, err
		}
	}
	if len(s.loc) > 0 && len(s.loclists) > 0 {
		info, err := debugSection(f, "info")
		if err != nil {
			return s, err
		}
		s.v5 = map[dwarf.Offset]bool{}
		for _, u := range readUnitHeaders(bytes.NewReader(info), int64(len(info))) {
			if u.v5 {
				s.v5[u.entry] = true
			}
		}
	}
	return s, nil
}

// debugSection returns the unpacked content of .debug_NAME, or of .zdebug_NAME,
// as which Go packed it up to 1.18 and GNU's tools once did; nil if the file has
// neither.
func debugSection(f *elf.File, name string) ([]byte, error) {
	sec := f.Section(".debug_" + name)
	if sec == nil {
		sec = f.Section(".zdebug_" + name)
	}
	if sec == nil || sec.Type == elf.SHT_NOBITS {
		return nil, nil
	}
	b, err := sec.Data()
	if err != nil {
		return nil, fmt.Errorf("%w: section %s: %w", ErrMalformed, sec.Name, err)
	}
	return b, nil
}

// inLoclists reports whether the unit whose first entry is at off has its
// location lists in .debug_loclists.
func (s *locSections) inLoclists(off dwarf.Offset) bool {
	if s.v5 != nil {
		return s.v5[off]
	}
	return len(s.loclists) > 0
}

// location returns the expression that describes attribute f at pc. It is nil
// where the attribute says nothing about pc. static tells that it holds in
// the whole function.
func (s *locSections) location(u *dwarfUnit, f *dwarf.Field, pc uint64) (expr []byte, static bool, err error) {
	return s.search(u, f, func(lo, hi uint64) bool { return pc >= lo && pc < hi })
}

// firstPC returns where the first place that attribute f lists begins to hold,
// 0 if it lists none. Static tells that it has one for the whole function.
func (s *locSections) firstPC(u *dwarfUnit, f *dwarf.Field) (pc uint64, static bool, err error) {
	_, static, err = s.search(u, f, func(lo, hi uint64) bool {
		if lo < hi {
			pc = lo
		}
		return lo < hi
	})
	return pc, static, err
}

// search returns the first expression of attribute f whose range [lo, hi)
// matches, or the one for the whole function.
func (s *locSections) search(u *dwarfUnit, f *dwarf.Field, match func(lo, hi uint64) bool) (expr []byte, static bool, err error) {
	var n uint64
	switch v := f.Val.(type) {
	case []byte:
		return v, true, nil
	case int64:
		n = uint64(v) // a negative one lies outside every section
	case uint64:
		n = v
	}
	switch {
	case f.Class == dwarf.ClassLocListPtr && u.v5:
		expr, err = s.find5(u, n, match)
		return expr, false, err
	case f.Class == dwarf.ClassLocListPtr:
		expr, err = s.find4(n, u.base, match)
		return expr, false, err
	case f.Class == dwarf.ClassLocList:
		base, _ := u.entry.Val(dwarf.AttrLoclistsBase).(int64)
		if n, err = s.listOffset(uint64(base), n); err != nil {
			return nil, false, err
		}
		expr, err = s.find5(u, n, match)
		return expr, false, err
	}
	return nil, false, fmt.Errorf("%w: location of class %v", ErrMalformed, f.Class)
}

// listOffset looks up the i-th list of the table of offsets at base (DWARF 5,
// section 7.29): offsets are relative to base. The header before it is 12
// bytes long, or 20 in the 64-bit format.
func (s *locSections) listOffset(base, i uint64) (uint64, error) {
	size := uint64(4)
	if base <= uint64(len(s.loclists)) && wideHeader(s.loclists[:base]) {
		size = 8
	}
	r := dwarfBytes{b: s.loclists}
	if i > uint64(len(s.loclists)) {
		r.bad = true
	}
	r.seek(base + i*size)
	off := base
	if size == 8 {
		off += r.fixed(8)
	} else {
		off += r.fixed(4)
	}
	if r.bad {
		return 0, fmt.Errorf("%w: location list %d lies outside .debug_loclists", ErrMalformed, i)
	}
	return off, nil
}

// wideHeader reports whether b ends with a header of the 64-bit format. The
// mark that begins one may also be the end of another unit's lists, with a
// header of the 32-bit format behind it: that has its length, which is not 0,
// where the other has the upper half of its own.
func wideHeader(b []byte) bool {
	n := len(b)
	return n >= 20 && binary.LittleEndian.Uint32(b[n-20:]) == 0xffffffff && binary.LittleEndian.Uint32(b[n-12:]) == 0
}

// find4 searches a list of .debug_loc (DWARF 4, section 2.6.2).
func (s *locSections) find4(off, base uint64, match func(lo, hi uint64) bool) ([]byte, error) {
	r := dwarfBytes{b: s.loc}
	r.seek(off)
	for {
		lo, hi := r.fixed(8), r.fixed(8)
		switch {
		case r.bad:
			return nil, fmt.Errorf("%w: location list at %#x", ErrMalformed, off)
		case lo == 0 && hi == 0:
			return nil, nil
		case lo == ^uint64(0):
			base = hi
			continue
		}
		expr := r.bytes(r.fixed(2))
		if !r.bad && match(base+lo, base+hi) {
			return expr, nil
		}
	}
}

// Kinds of location list entries (DWARF 5, section 7.7.3), and the view pair
// that gcc puts between them (DW_LLE_GNU_view_pair).
const (
	lleEnd = iota
	lleBaseAddressx
	lleStartxEndx
	lleStartxLength
	lleOffsetPair
	lleDefault
	lleBaseAddress
	lleStartEnd
	lleStartLength
	lleViewPair
)

// find5 searches a list of .debug_loclists (DWARF 5, section 2.6.2).
func (s *locSections) find5(u *dwarfUnit, off uint64, match func(lo, hi uint64) bool) ([]byte, error) {
	r := dwarfBytes{b: s.loclists}
	r.seek(off)
	base := u.base
	var def []byte
	for !r.bad {
		var lo, hi uint64
		kind := r.fixed(1)
		switch kind {
		case lleEnd:
			if !r.bad {
				return def, nil
			}
		case lleBaseAddressx:
			base = s.address(&r, u)
			continue
		case lleStartxEndx:
			lo, hi = s.address(&r, u), s.address(&r, u)
		case lleStartxLength:
			lo = s.address(&r, u)
			hi = lo + r.uleb()
		case lleOffsetPair:
			lo = base + r.uleb()
			hi = base + r.uleb()
		case lleDefault:
			def = r.bytes(r.uleb())
			continue
		case lleBaseAddress:
			base = r.fixed(8)
			continue
		case lleStartEnd:
			lo, hi = r.fixed(8), r.fixed(8)
		case lleStartLength:
			lo = r.fixed(8)
			hi = lo + r.uleb()
		case lleViewPair:
			r.uleb()
			r.uleb()
			continue
		default:
			r.bad = true
		}
		expr := r.bytes(r.uleb())
		if !r.bad && match(lo, hi) {
			return expr, nil
		}
	}
	return nil, fmt.Errorf("%w: location list at %#x", ErrMalformed, off)
}

// address reads an index and looks it up in the unit's part of .debug_addr.
func (s *locSections) address(r *dwarfBytes, u *dwarfUnit) uint64 {
	i := r.uleb()
	base, ok := u.entry.Val(dwarf.AttrAddrBase).(int64)
	if !ok {
		base = 8 // behind the first header
	}
	if base < 0 || i > uint64(len(s.addr)) {
		r.bad = true
		return 0
	}
	a := dwarfBytes{b: s.addr}
	a.seek(uint64(base) + i*8)
	v := a.fixed(8)
	r.bad = r.bad || a.bad
	return v
}

// lastUnit returns the offset of the last unit's header in .debug_info, 0
// where that is packed in the old way.
func lastUnit(f *elf.File) (dwarf.Offset, error) {
	sec := f.Section(".debug_info")
	if sec == nil {
		return 0, nil
	}
	r := sec.Open()
	last := uint64(0)
	for off := uint64(0); off < sec.Size; {
		// Seeking back would unpack the section from its start.
		length, err := readNumber(r, off, 4)
		last, off = off, off+4
		if err == nil && length == 0xffffffff {
			length, err = readNumber(r, off, 8)
			off += 8
		}
		if err != nil {
			return 0, fmt.Errorf("%w: section %s: %w", ErrMalformed, sec.Name, err)
		}
		if length > sec.Size {
			break
		}
		off += length
	}
	return dwarf.Offset(last), nil
}

// readNumber reads the little-endian number of n bytes at off.
func readNumber(r io.ReadSeeker, off uint64, n int) (uint64, error) {
	var buf [8]byte
	if _, err := r.Seek(int64(off), io.SeekStart); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(buf[:]), nil
}
