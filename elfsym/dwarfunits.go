package elfsym

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"io"
	"slices"
	"sort"
)

// maxUnits is the most units that are looked at.
const maxUnits = 1 << 20

// unitHeader is what the header of a unit tells: where its first entry is,
// and where the unit ends.
type unitHeader struct {
	entry, end dwarf.Offset
	v5         bool
	tried      bool // to be read by rustEntry
}

// readUnitHeaders reads the headers of the units in a .debug_info of the
// given size (DWARF 5, section 7.5.1).
func readUnitHeaders(info io.ReaderAt, size int64) []unitHeader {
	var out []unitHeader
	for off := int64(0); off+12 <= size && len(out) < maxUnits; {
		h := make([]byte, min(24, size-off))
		if n, err := info.ReadAt(h, off); n < len(h) && err != nil {
			break
		}
		length, head := uint64(binary.LittleEndian.Uint32(h)), int64(4)
		offsetSize := int64(4)
		if length == 0xffffffff {
			length, head, offsetSize = binary.LittleEndian.Uint64(h[4:]), 12, 8
		}
		if head+4 > int64(len(h)) || length > uint64(size-off-head) {
			break
		}
		u := unitHeader{end: dwarf.Offset(off + head + int64(length))}
		entry := off + head + 2 + offsetSize + 1
		if binary.LittleEndian.Uint16(h[head:]) >= 5 {
			u.v5 = true
			entry++
			switch h[head+2] {
			case 4, 5: // DW_UT_skeleton, DW_UT_split_compile
				entry += 8
			}
		}
		u.entry = dwarf.Offset(entry)
		out = append(out, u)
		off = int64(u.end)
	}
	return out
}

// infoSection returns .debug_info, unpacked only if it is packed.
func infoSection(f *elf.File) (io.ReaderAt, int64) {
	sec := f.Section(".debug_info")
	if sec == nil || sec.Type == elf.SHT_NOBITS || sec.Size > 1<<62 {
		return nil, 0
	}
	if sec.Flags&elf.SHF_COMPRESSED == 0 {
		return sec, int64(sec.Size)
	}
	b, err := sec.Data()
	if err != nil {
		return nil, 0
	}
	return bytes.NewReader(b), int64(len(b))
}

// rustEntry reports whether the entry at off is Rust's, and whether it belongs
// to core, alloc or std. A function's types may lie in another unit than the
// function, which is then read; only where a Rust function was asked for.
func (d *dwarfInfo) rustEntry(off dwarf.Offset) (rust, std bool) {
	if len(d.rust) == 0 {
		return false, false
	}
	if !d.rust.hold(off) {
		if d.headers == nil && d.info != nil {
			info, size := d.info()
			d.headers = readUnitHeaders(info, size)
			d.info = nil
		}
		i := sort.Search(len(d.headers), func(i int) bool { return d.headers[i].end > off })
		if i == len(d.headers) || d.headers[i].tried {
			return false, false
		}
		d.headers[i].tried = true
		r := d.data.Reader()
		r.Seek(d.headers[i].entry)
		e, err := r.Next()
		if err != nil || e == nil || e.Tag != dwarf.TagCompileUnit {
			return false, false
		}
		if _, err := d.unit(e); err != nil {
			return false, false
		}
	}
	return d.rust.hold(off), d.std.hold(off)
}

// entryRanges are ranges of entries, each from one offset to another, both
// included.
type entryRanges [][2]dwarf.Offset

func (rs entryRanges) hold(off dwarf.Offset) bool {
	return slices.ContainsFunc(rs, func(r [2]dwarf.Offset) bool { return off >= r[0] && off <= r[1] })
}

// isStdCrate reports whether the namespace e is a crate of Rust's own.
func isStdCrate(e *dwarf.Entry) bool {
	name, _ := e.Val(dwarf.AttrName).(string)
	return name == "core" || name == "alloc" || name == "std"
}
