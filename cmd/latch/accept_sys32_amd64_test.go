package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// narrowProg writes a 32-bit program that calls getppid and ends.
func narrowProg(t *testing.T) string {
	t.Helper()
	const base, head = 0x10000, 52 + 32
	code := []byte{
		0xb8, 64, 0, 0, 0, 0xcd, 0x80, // mov $64, %eax; int $0x80: getppid
		0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80, // mov $1, %eax; xor %ebx, %ebx; int $0x80: exit
	}
	size := uint32(head + len(code))
	var b bytes.Buffer
	for _, part := range []any{
		elf.Header32{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_386), Version: 1, Entry: base + head, Phoff: 52, Ehsize: 52, Phentsize: 32, Phnum: 1,
		},
		elf.Prog32{Type: uint32(elf.PT_LOAD), Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Flags: uint32(elf.PF_R | elf.PF_X), Align: 0x1000},
		code,
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "narrow")
	if err := os.WriteFile(path, b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSyscallsOf32Bits holds that a 32-bit program is not said to be idle: its
// calls are not measured.
func TestSyscallsOf32Bits(t *testing.T) {
	testutil.NeedRoot(t)
	for _, pattern := range []string{"sys:getppid", "sys:*"} {
		rec := startLatch(t, "record", pattern, "--json", "--", narrowProg(t)).recording()
		says := func(text string) bool {
			return slices.ContainsFunc(rec.Warnings, func(w string) bool { return strings.Contains(w, text) })
		}
		if !says("runs a 32-bit program, whose system calls are not measured") || says("idle") {
			t.Errorf("%s: warnings %q", pattern, rec.Warnings)
		}
	}
}
