package elfsym

import (
	"bytes"
	"fmt"
)

// miniDebug returns the ELF file in .gnu_debugdata, which distributions of
// the Fedora family leave in stripped files: an xz-compressed symbol table of
// the functions that are not exported. ok is false when there is none.
func (b *Binary) miniDebug() (im image, ok bool, err error) {
	s := b.elf.Section(".gnu_debugdata")
	if s == nil {
		return image{}, false, nil
	}
	packed, err := b.image().data(s, maxMiniDebug)
	if err != nil {
		return image{}, false, err
	}
	data, err := unpackXZ(packed, maxMiniDebug)
	if err != nil {
		return image{}, false, fmt.Errorf("unpack .gnu_debugdata: %w", err)
	}
	r := bytes.NewReader(data)
	f, arch, err := readHeaders(r, int64(len(data)))
	if err != nil {
		return image{}, false, fmt.Errorf(".gnu_debugdata: %w", err)
	}
	if arch != b.arch {
		return image{}, false, fmt.Errorf(".gnu_debugdata: %w", ErrMachine)
	}
	return image{f, r, int64(len(data))}, true, nil
}
