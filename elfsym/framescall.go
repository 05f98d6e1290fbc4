package elfsym

import "debug/elf"

// IsCallSite reports whether the instruction that ends at a is a call, so that
// a may be the return address that it pushed, or on arm64 left in the link
// register. On amd64, where instructions have no fixed length, it is enough
// that the bytes before a read as a call, which those of other instructions
// sometimes do; a direct call must lead to code of this image.
func (b *Binary) IsCallSite(a VAddr) bool {
	if b.arch == ARM64 {
		return a >= 4 && b.isCall(a-4, a)
	}
	// Without prefixes, which need not be looked at, a call has an opcode and
	// 4 bytes (E8), or an opcode, ModRM, and at most SIB and 4 bytes (FF).
	for _, n := range [...]VAddr{5, 2, 3, 6, 4, 7} {
		if a >= n && b.isCall(a-n, a) {
			return true
		}
	}
	return false
}

// isCall reports whether [lo, hi) is a call and nothing else.
func (b *Binary) isCall(lo, hi VAddr) bool {
	text, err := b.Text(lo, hi)
	if err != nil {
		return false
	}
	in, err := decode(b.arch, text, lo)
	if err != nil || in.end() != hi {
		return false
	}
	return in.flow == flowCallInd || in.flow == flowCall && b.segment(in.target, elf.PF_X) != nil
}
