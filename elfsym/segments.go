package elfsym

import (
	"debug/elf"
	"fmt"
)

// FileOffset returns the offset in the running file of the instruction at a.
// It is an error when a lies in no executable segment, or in the part of one
// that is not in the file.
func (b *Binary) FileOffset(a VAddr) (FileOffset, error) {
	p := b.segment(a, elf.PF_X)
	if p == nil {
		return 0, fmt.Errorf("%s: address %#x is not in an executable segment", b.Name(), a)
	}
	return FileOffset(uint64(a) - p.Vaddr + p.Off), nil
}

// VAddrOf returns the address of the instruction at off, if an executable
// segment holds it.
func (b *Binary) VAddrOf(off FileOffset) (VAddr, bool) {
	for _, p := range b.elf.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && uint64(off)-p.Off < b.inFile(p) && uint64(off) >= p.Off {
			return VAddr(uint64(off) - p.Off + p.Vaddr), true
		}
	}
	return 0, false
}

// Text returns the bytes of [lo, hi), which must lie in one executable
// segment.
func (b *Binary) Text(lo, hi VAddr) ([]byte, error) {
	if hi < lo {
		return nil, fmt.Errorf("%s: text from %#x back to %#x", b.Name(), lo, hi)
	}
	return b.read(lo, uint64(hi-lo), elf.PF_X)
}

// Read returns the n bytes at a as the file holds them, before relocation.
// They must lie in one segment.
func (b *Binary) Read(a VAddr, n int) ([]byte, error) {
	if n < 0 {
		return nil, fmt.Errorf("%s: read of %d bytes", b.Name(), n)
	}
	return b.read(a, uint64(n), 0)
}

func (b *Binary) read(a VAddr, n uint64, flags elf.ProgFlag) ([]byte, error) {
	if n > maxRead {
		return nil, fmt.Errorf("%s: read of %d bytes at %#x: %w", b.Name(), n, a, ErrMalformed)
	}
	p := b.segment(a, flags)
	if p == nil || n > b.inFile(p)-(uint64(a)-p.Vaddr) {
		return nil, fmt.Errorf("%s: %d bytes at %#x are not in one segment of the file", b.Name(), n, a)
	}
	buf := make([]byte, n)
	if _, err := b.file.ReadAt(buf, int64(uint64(a)-p.Vaddr+p.Off)); err != nil {
		return nil, fmt.Errorf("read %s at %#x: %w", b.Name(), a, err)
	}
	return buf, nil
}

// segment returns the PT_LOAD that has flags and whose bytes in the file
// include a, or nil.
func (b *Binary) segment(a VAddr, flags elf.ProgFlag) *elf.Prog {
	for _, p := range b.elf.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&flags == flags &&
			uint64(a) >= p.Vaddr && uint64(a)-p.Vaddr < b.inFile(p) {
			return p
		}
	}
	return nil
}

// inFile returns how many bytes of p the file really holds.
func (b *Binary) inFile(p *elf.Prog) uint64 {
	if p.Off >= uint64(b.size) || p.Vaddr+p.Filesz < p.Vaddr {
		return 0
	}
	return min(p.Filesz, uint64(b.size)-p.Off)
}
