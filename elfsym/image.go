package elfsym

import (
	"debug/elf"
	"fmt"
	"io"
	"strings"
	"unsafe"
)

// image is an ELF file as bytes: the running file, its debug file, or the
// one packed into .gnu_debugdata.
type image struct {
	elf  *elf.File
	r    io.ReaderAt
	size int64
}

func (b *Binary) image() image { return image{b.elf, b.file, b.size} }

// section returns the first section of the type, or nil.
func (im image) section(typ elf.SectionType) *elf.Section {
	for _, s := range im.elf.Sections {
		if s.Type == typ {
			return s
		}
	}
	return nil
}

// data returns the bytes of s if the file holds them uncompressed and they
// are no more than limit.
func (im image) data(s *elf.Section, limit uint64) ([]byte, error) {
	switch {
	case s.Type == elf.SHT_NOBITS:
		return nil, fmt.Errorf("section %s is not in the file", s.Name)
	case s.Flags&elf.SHF_COMPRESSED != 0:
		return nil, fmt.Errorf("%w: section %s is compressed", ErrMalformed, s.Name)
	case s.FileSize > limit:
		return nil, fmt.Errorf("%w: section %s has %d bytes", ErrMalformed, s.Name, s.FileSize)
	case !within(s.Offset, s.FileSize, im.size):
		return nil, fmt.Errorf("%w: section %s lies outside the file", ErrMalformed, s.Name)
	}
	buf := make([]byte, s.FileSize)
	if _, err := im.r.ReadAt(buf, int64(s.Offset)); err != nil {
		return nil, fmt.Errorf("read section %s: %w", s.Name, err)
	}
	return buf, nil
}

// text returns buf as a string without a copy. buf must not change any more.
func text(buf []byte) string {
	return unsafe.String(unsafe.SliceData(buf), len(buf))
}

// cstrings reads NUL-terminated strings from a table. Names may overlap, so
// a small file could make it read the same bytes without end: budget is how
// many bytes may still be read.
type cstrings struct {
	tab    string
	budget int
}

func newCStrings(tab string, names int) *cstrings {
	return &cstrings{tab, 16*len(tab) + 256*names}
}

// at returns the string at off; it is not ok when there is none or when it
// is absurdly long.
func (c *cstrings) at(off uint64) (string, bool) {
	if off >= uint64(len(c.tab)) {
		return "", false
	}
	s := c.tab[off:min(off+maxNameLen, uint64(len(c.tab)))]
	n := strings.IndexByte(s, 0)
	if n < 0 {
		return "", false
	}
	c.budget -= n + 1
	return s[:n], c.budget >= 0
}
