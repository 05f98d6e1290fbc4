package elfsym

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
)

// Note types (binutils include/elf/common.h, cmd/internal/buildid).
const (
	noteGNUBuildID = 3
	noteGoBuildID  = 4
)

func (b *Binary) readBuildID() string {
	if id := b.gnuBuildID(); id != "" {
		return id
	}
	return string(note(b.image(), "Go", noteGoBuildID))
}

func (b *Binary) gnuBuildID() string { return gnuBuildID(b.image()) }

func gnuBuildID(im image) string {
	return hex.EncodeToString(note(im, "GNU", noteGNUBuildID))
}

// note returns the descriptor of im's first note of the given owner and type.
// Sections are asked first: in a debug file the segments' offsets are those
// of the running file.
func note(im image, owner string, typ uint32) []byte {
	for _, s := range im.elf.Sections {
		if s.Type != elf.SHT_NOTE {
			continue
		}
		if data, err := im.data(s, maxNotes); err == nil {
			if d := findNote(data, owner, typ); d != nil {
				return d
			}
		}
	}
	if len(im.elf.Sections) > 0 {
		return nil
	}
	for _, p := range im.elf.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > maxNotes || !within(p.Off, p.Filesz, im.size) {
			continue
		}
		data := make([]byte, p.Filesz)
		if _, err := im.r.ReadAt(data, int64(p.Off)); err == nil {
			if d := findNote(data, owner, typ); d != nil {
				return d
			}
		}
	}
	return nil
}

// findNote walks notes, whose names and descriptors are padded to 4 bytes
// even in 64-bit files. Those of .note.gnu.property are padded to 8, but hold
// no build ID.
func findNote(data []byte, owner string, typ uint32) []byte {
	le := binary.LittleEndian
	for len(data) >= 12 {
		nameLen, descLen, t := uint64(le.Uint32(data)), uint64(le.Uint32(data[4:])), le.Uint32(data[8:])
		data = data[12:]
		desc := (nameLen + 3) &^ 3
		end := desc + (descLen+3)&^3
		if desc+descLen > uint64(len(data)) {
			return nil
		}
		if t == typ && nameLen == uint64(len(owner))+1 && string(data[:len(owner)]) == owner {
			return data[desc : desc+descLen]
		}
		data = data[min(end, uint64(len(data))):]
	}
	return nil
}
