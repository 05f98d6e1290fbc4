package elfsym

import (
	"debug/elf"
	"testing"
)

func textRange(t testing.TB, path string) (lo, hi uint64) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := f.Section(".text")
	if s == nil {
		t.Fatalf("%s has no .text", path)
	}
	return s.Addr, s.Addr + s.Size
}
