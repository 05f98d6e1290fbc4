package elfsym

import "testing"

func TestFindStackSwitch(t *testing.T) {
	for _, c := range []struct {
		asm  string
		text []byte
		want int
	}{
		{"mov %rdi,%rsp", []byte{0x90, 0x48, 0x89, 0xfc}, 1},
		{"mov %r8,%rsp", []byte{0x4c, 0x89, 0xc4}, 0},
		{"mov (%rsi),%rsp", []byte{0x48, 0x8b, 0x26}, 0},
		{"mov 8(%r9),%rsp", []byte{0x49, 0x8b, 0x61, 0x08}, 0},
		{"xchg (%rdi),%rsp", []byte{0x48, 0x87, 0x27}, 0},
		{"xchg %rax,%rsp", []byte{0x48, 0x94}, 0},
		{"lea 16(%rax),%rsp", []byte{0x48, 0x8d, 0x60, 0x10}, 0},
		{"mov %rbp,%rsp", []byte{0x48, 0x89, 0xec}, -1},
		{"lea -8(%r10),%rsp", []byte{0x49, 0x8d, 0x62, 0xf8}, -1},
		{"lea 8(%rsp),%rsp", []byte{0x48, 0x8d, 0x64, 0x24, 0x08}, -1},
		{"mov %rsp,%rdi", []byte{0x48, 0x89, 0xe7}, -1},
		{"mov %rax,%r12", []byte{0x49, 0x89, 0xc4}, -1},
		{"mov (%rsp),%rax", []byte{0x48, 0x8b, 0x04, 0x24}, -1},
		{"xchg %rax,%r12", []byte{0x49, 0x94}, -1},
		{"a prefix at the end", []byte{0x90, 0x48}, -1},
		{"nothing", nil, -1},
	} {
		if got := findStackSwitch(c.text); got != c.want {
			t.Errorf("%s: found at %d, want %d", c.asm, got, c.want)
		}
	}
}
