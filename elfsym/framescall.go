package elfsym

import "debug/elf"

// IsCallSite reports whether the instruction that ends at a is a call, so that
// a may be a return address that it pushed, or on arm64 left in the link
// register. On amd64, where instructions have no fixed length, it is enough
// that the bytes before a read as a call, as those of other instructions
// sometimes do. A direct call must lead to code of this image.
func (b *Binary) IsCallSite(a VAddr) bool {
	// Opcode, ModRM, SIB and 4 bytes; a call with prefixes ends in one
	// without.
	const longest = 7
	p := b.segment(a-1, elf.PF_X)
	if p == nil {
		return false
	}
	text, err := b.Text(a-min(longest, a-VAddr(p.Vaddr)), a)
	if err != nil {
		return false
	}
	if b.arch == ARM64 {
		return len(text) >= 4 && b.isCall(text[len(text)-4:], a-4)
	}
	for i := range text {
		if b.isCall(text[i:], a-VAddr(len(text)-i)) {
			return true
		}
	}
	return false
}

// isCall reports whether the bytes at a are a call and nothing else.
func (b *Binary) isCall(text []byte, a VAddr) bool {
	in, err := decode(b.arch, text, a)
	if err != nil || int(in.len) != len(text) {
		return false
	}
	return in.flow == flowCallInd || in.flow == flowCall && b.segment(in.target, elf.PF_X) != nil
}
