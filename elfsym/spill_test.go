package elfsym

import "testing"

// TestPrologue follows the first instructions of functions that store their
// arguments in all the ways that rustc's unoptimised code has, and in some
// that prove nothing.
func TestPrologue(t *testing.T) {
	const source = `
	.text
	.macro func name
	.globl \name
	.type \name, @function
	\name:
	.endm
func pair
	sub $0x18, %rsp
	mov %edx, 8(%rsp)
	mov %edi, 12(%rsp)
	mov %esi, 16(%rsp)
	call main
	.size pair, .-pair
func redzone
	mov %rdi, -16(%rsp)
	mov %rsi, -8(%rsp)
	ret
	.size redzone, .-redzone
func framed
	push %rbp
	mov %rsp, %rbp
	push %rbx
	sub $0x18, %rsp
	mov %rdi, -0x20(%rbp)
	jmp main
	.size framed, .-framed
func room
	push %rax
	mov %esi, 4(%rsp)
	ret
	.size room, .-room
func cut
	sub $0x18, %rsp
	mov %di, %ax
	mov %ax, 8(%rsp)
	shr $16, %edi
	mov %dil, %al
	mov %al, 10(%rsp)
	mov 8(%rsp), %ax
	mov %ax, 13(%rsp)
	mov 10(%rsp), %al
	mov %al, 15(%rsp)
	ret
	.size cut, .-cut
func flag
	mov %sil, %al
	and $1, %al
	mov %al, -1(%rsp)
	mov %edi, -8(%rsp)
	ret
	.size flag, .-flag
func stack
	sub $8, %rsp
	mov 0x10(%rsp), %rax
	mov %rax, (%rsp)
	ret
	.size stack, .-stack
func vector
	movsd %xmm0, -8(%rsp)
	mov %rdi, -16(%rsp)
	ret
	.size vector, .-vector
func twice
	mov %rdi, -8(%rsp)
	mov %rsi, -8(%rsp)
	ret
	.size twice, .-twice
func computed
	add $1, %rdi
	mov %rdi, -8(%rsp)
	ret
	.size computed, .-computed
func upper
	shr $32, %rdi
	mov %edi, -4(%rsp)
	ret
	.size upper, .-upper
func elsewhere
	mov %rdi, (%rsi)
	mov %rdi, -8(%rsp)
	ret
	.size elsewhere, .-elsewhere
func grown
	sub $0x1000, %rsp
	movq $0, (%rsp)
	sub $0x1000, %rsp
	mov %rdi, 8(%rsp)
	ret
	.size grown, .-grown
func probed
	mov $0x5000, %eax
	call main
	sub %rax, %rsp
	mov %rdi, 8(%rsp)
	ret
	.size probed, .-probed
func unknown
	mov %rdi, -16(%rsp)
	cpuid
	mov %rsi, -8(%rsp)
	ret
	.size unknown, .-unknown
func main
	ret
	.size main, .-main
	.section .note.GNU-stack,"",@progbits
`
	b := compile(t, "a.s", source, "gcc", "-no-pie")
	for _, test := range []struct {
		name      string
		at, size  int64 // at is relative to the stack or frame pointer of the body
		want      string
		framed    bool
		noPointer bool // the stack pointer of the body is unknown
	}{
		{name: "pair", at: 12, size: 8, want: "rdi:4+rsi:4"},
		{name: "pair", at: 8, size: 4, want: "rdx:4"},
		{name: "pair", at: 0, size: 8, want: "none"},
		{name: "pair", at: 12, size: 12, want: "rdi:4+rsi:4+?:4"},
		{name: "pair", at: 12, size: 33, want: "none"},
		{name: "pair", at: 32, size: 8, want: "[rsp+8]:8"},
		{name: "redzone", at: -16, size: 16, want: "rdi:8+rsi:8"},
		{name: "framed", at: -0x20, size: 8, want: "rdi:8", framed: true},
		{name: "framed", at: 0, size: 8, want: "rdi:8"},
		{name: "room", at: 4, size: 4, want: "rsi:4"},
		{name: "room", at: 0, size: 8, want: "?:4+rsi:4"},
		{name: "cut", at: 13, size: 3, want: "rdi:3"},
		{name: "flag", at: -8, size: 8, want: "rdi:4+?:3+rsi:1"},
		{name: "stack", at: 0, size: 8, want: "[rsp+8]:8"},
		{name: "vector", at: -16, size: 16, want: "rdi:8+?:8"},
		{name: "vector", at: -8, size: 8, want: "!class"},
		{name: "twice", at: -8, size: 8, want: "rdi:8"},
		{name: "computed", at: -8, size: 8, want: "none"},
		{name: "upper", at: -4, size: 4, want: "none"},
		{name: "elsewhere", at: -8, size: 8, want: "none"},
		{name: "grown", at: 8, size: 8, noPointer: true},
		{name: "probed", at: 8, size: 8, noPointer: true},
		{name: "unknown", at: -16, size: 8, want: "rdi:8"},
		{name: "unknown", at: -16, size: 16, want: "none"},
	} {
		f := funcNamed(t, b, test.name)
		text, err := b.Text(f.Addr, f.Addr+VAddr(f.Size))
		if err != nil {
			t.Fatal(err)
		}
		p := readPrologue(text, f.Addr)
		if p.frame.spKnown == test.noPointer {
			t.Errorf("%s: the stack pointer is known: %t", test.name, p.frame.spKnown)
		}
		if test.noPointer {
			continue
		}
		at := test.at + p.frame.sp
		if test.framed {
			at = test.at + p.frame.bp
		}
		loc, ok, err := p.value(at, test.size)
		got := "none"
		if ok {
			got = showPlace(Param{Loc: loc, Err: err}, AMD64)
		}
		if got != test.want {
			t.Errorf("%s, %d bytes at %d: %s, want %s", test.name, test.size, test.at, got, test.want)
		}
	}
}

// FuzzPrologue follows any bytes.
func FuzzPrologue(f *testing.F) {
	f.Add([]byte{0x48, 0x83, 0xec, 0x18, 0x89, 0x7c, 0x24, 0x0c, 0xc3}, int64(-12), int64(4))
	f.Add([]byte{0x66, 0x0f, 0xb6, 0xc7, 0x88, 0x64, 0x24, 0xff, 0xc1, 0xef, 0x10, 0x0f, 0x11, 0x44, 0x24, 0xf0, 0xc3}, int64(-1), int64(32))
	f.Fuzz(func(t *testing.T, text []byte, at, size int64) {
		p := readPrologue(text[:min(len(text), maxPrologue)], 0x1000)
		loc, ok, err := p.value(at, size)
		if !ok || err != nil {
			return
		}
		sum := int64(0)
		for _, q := range loc.Pieces {
			sum += q.Size
			if q.Kind == InReg && (q.Size > 8 || !generalRegister(AMD64, uint64(q.Reg))) {
				t.Errorf("%x: %+v", text, q)
			}
		}
		if sum != size {
			t.Errorf("%x: %d bytes of %d: %+v", text, sum, size, loc)
		}
	})
}
