package elfsym

import (
	"debug/elf"
	"fmt"
)

// stackSwitch tells where the image may change stacks by hand, as coroutine
// libraries do in a few instructions of assembly that import nothing: by an
// amd64 instruction that loads rsp from memory or from a register other than
// the frame pointer. The code is searched at every byte, so data and parts of
// other instructions may look like one; that costs only the cheaper exit.
func (b *Binary) stackSwitch() (string, error) {
	if b.Arch() != AMD64 || b.Lang() == LangGo { // Go gets no return probes anyway
		return "", nil
	}
	for _, p := range b.ELF().Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_X == 0 {
			continue
		}
		for off := uint64(0); off < p.Filesz; off += switchChunk {
			lo := VAddr(p.Vaddr + off)
			text, err := b.Text(lo, lo+VAddr(min(switchChunk+switchOverlap, p.Filesz-off)))
			if err != nil {
				return "", fmt.Errorf("search %s for stack switches: %w", b.Name(), err)
			}
			if at := findStackSwitch(text); at >= 0 {
				return fmt.Sprintf("may change stacks at %#x", uint64(lo)+uint64(at)), nil
			}
		}
	}
	return "", nil
}

// The code is read in chunks that overlap by an instruction's first bytes.
const (
	switchChunk   = 16 << 20
	switchOverlap = 2
)

// findStackSwitch returns the offset of the first instruction that may change
// stacks, or -1.
func findStackSwitch(text []byte) int {
	for i := 0; i+1 < len(text); i++ {
		rex := text[i]
		if rex&0xf8 != 0x48 { // REX.W
			continue
		}
		if text[i+1] == 0x94 && rex&1 == 0 { // xchg %rax,%rsp
			return i
		}
		if i+2 < len(text) && loadsStackPointer(rex, text[i+1], text[i+2]) {
			return i
		}
	}
	return -1
}

// loadsStackPointer reports whether an instruction writes rsp with something
// that neither rsp nor rbp held.
func loadsStackPointer(rex, opcode, modrm byte) bool {
	mod, reg, rm := modrm>>6, modrm>>3&7|rex<<1&8, modrm&7|rex<<3&8
	const sp, bp = 4, 5
	switch opcode {
	case 0x89: // mov %reg,%rm
		return mod == 3 && rm == sp && reg != bp && reg != sp
	case 0x8b: // mov %rm,%reg or memory
		return reg == sp && !(mod == 3 && (rm == bp || rm == sp))
	case 0x87: // xchg
		return reg == sp || mod == 3 && rm == sp
	case 0x8d: // lea; r10 and r13 restore a realigned frame
		return reg == sp && rm != sp && rm != bp && rm != 10 && rm != 13
	}
	return false
}
