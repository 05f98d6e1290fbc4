package elfsym

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
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

// unhex decodes bytes written as "0f 1f 00".
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func TestDecodeX86(t *testing.T) {
	const pc = 0x1000
	for _, c := range []struct {
		name   string
		bytes  string
		flow   flow
		target VAddr // of a branch
		cost   Cost
		err    error // of probeCost
	}{
		{"push rbp", "55", flowNext, 0, Emulated, nil},
		{"push r12", "41 54", flowNext, 0, Emulated, nil},
		{"push r12 with REX.W", "49 54", flowNext, 0, Stepped, nil},
		{"pop rbp", "5d", flowNext, 0, Stepped, nil},
		{"nop", "90", flowNext, 0, Emulated, nil},
		{"data16 nop", "66 90", flowNext, 0, Emulated, nil},
		{"xchg r8, rax", "49 90", flowNext, 0, Stepped, errStepHarms},
		{"nopl", "0f 1f 40 00", flowNext, 0, Stepped, nil},
		{"cs nopw", "66 2e 0f 1f 84 00 00 00 00 00", flowNext, 0, Stepped, errKernelRefuses},
		{"endbr64", "f3 0f 1e fa", flowNext, 0, Stepped, nil},
		{"endbr32", "f3 0f 1e fb", flowNext, 0, Stepped, nil},
		{"jmp rel8", "eb 10", flowJump, pc + 0x12, Emulated, nil},
		{"jmp rel32", "e9 00 01 00 00", flowJump, pc + 0x105, Emulated, nil},
		{"jmp back", "eb fe", flowJump, pc, Emulated, nil},
		{"bnd jmp", "f2 e9 00 01 00 00", flowJump, pc + 0x106, Emulated, nil},
		{"call", "e8 fb ff ff ff", flowCall, pc, Emulated, nil},
		{"data16 rex.W call", "66 48 e8 00 00 00 00", flowCall, pc + 7, Stepped, errKernelRefuses},
		{"je rel8", "74 02", flowCond, pc + 4, Emulated, nil},
		{"jbe rel32", "0f 86 00 02 00 00", flowCond, pc + 0x206, Emulated, nil},
		{"jne, predicted", "3e 75 02", flowCond, pc + 5, Stepped, errKernelRefuses},
		{"loop", "e2 fe", flowCond, pc, Stepped, nil},
		{"jrcxz", "e3 05", flowCond, pc + 7, Stepped, nil},
		{"ret", "c3", flowRet, 0, Stepped, nil},
		{"rep ret", "f3 c3", flowRet, 0, Stepped, nil},
		{"bnd ret", "f2 c3", flowRet, 0, Stepped, nil},
		{"ret imm16", "c2 08 00", flowRet, 0, Stepped, nil},
		{"lret", "cb", flowRet, 0, Stepped, nil},
		{"lret imm16", "ca 10 00", flowRet, 0, Stepped, nil},
		{"jmp *rax", "ff e0", flowJumpInd, 0, Stepped, nil},
		{"notrack jmp *rax", "3e ff e0", flowJumpInd, 0, Stepped, errKernelRefuses},
		{"jmp *GOT(rip)", "ff 25 10 00 00 00", flowJumpInd, pc + 0x16, Stepped, nil},
		{"call *rax", "ff d0", flowCallInd, 0, Stepped, nil},
		{"syscall", "0f 05", flowSystem, 0, Stepped, errKernelRefuses},
		{"int 0x80", "cd 80", flowSystem, 0, Stepped, errKernelRefuses},
		{"ud2", "0f 0b", flowStop, 0, Stepped, errKernelRefuses},
		{"int3", "cc", flowStop, 0, Stepped, errKernelRefuses},
		{"hlt", "f4", flowStop, 0, Stepped, errKernelRefuses},
		{"cli", "fa", flowNext, 0, Stepped, errKernelRefuses},
		{"in", "ec", flowNext, 0, Stepped, errKernelRefuses},
		{"lock cmpxchg", "f0 0f b1 0f", flowNext, 0, Stepped, errKernelRefuses},
		{"mov ss", "8e d0", flowNext, 0, Stepped, errKernelRefuses},
		{"pushf", "9c", flowNext, 0, Stepped, errKernelRefuses},
		{"rep movsb", "f3 a4", flowNext, 0, Stepped, errStepHarms},
		{"movsb", "a4", flowNext, 0, Stepped, nil},
		{"xbegin", "c7 f8 10 00 00 00", flowCond, pc + 0x16, Stepped, errStepHarms},
		{"mov rax, fs:-8", "64 48 8b 04 25 f8 ff ff ff", flowNext, 0, Stepped, nil},
		{"movabs", "48 b8 01 02 03 04 05 06 07 08", flowNext, 0, Stepped, nil},
		{"mov ax, imm16", "66 b8 01 02", flowNext, 0, Stepped, nil},
		{"mov al, moffs", "a0 01 02 03 04 05 06 07 08", flowNext, 0, Stepped, nil},
		{"mov al, moffs32", "67 a0 01 02 03 04", flowNext, 0, Stepped, nil},
		{"test imm32", "f7 c0 01 00 00 00", flowNext, 0, Stepped, nil},
		{"neg", "f7 d8", flowNext, 0, Stepped, nil},
		{"enter", "c8 10 00 00", flowNext, 0, Stepped, nil},
		{"adcx", "66 48 0f 38 f6 c1", flowNext, 0, Stepped, nil},
		{"adox", "f3 48 0f 38 f6 c1", flowNext, 0, Stepped, nil},
		{"sha256rnds2", "0f 38 cb c1", flowNext, 0, Stepped, nil},
		{"aeskeygenassist", "66 0f 3a df c1 01", flowNext, 0, Stepped, nil},
		{"xsave", "0f ae 20", flowNext, 0, Stepped, errKernelRefuses},
		{"xsavec", "0f c7 64 24 40", flowNext, 0, Stepped, nil},
		{"rdfsbase", "f3 48 0f ae c0", flowNext, 0, Stepped, errKernelRefuses},
		{"rdpkru", "0f 01 ee", flowNext, 0, Stepped, errKernelRefuses},
		{"wrpkru", "0f 01 ef", flowNext, 0, Stepped, errKernelRefuses},
		{"vzeroupper, taken for ja", "c5 f8 77", flowNext, 0, Stepped, errStepHarms},
		{"vpbroadcastb, taken for jp", "62 e2 7d 28 7a c6", flowNext, 0, Stepped, errStepHarms},
		{"vpsubsb, taken for call", "c5 f9 e8 c1", flowNext, 0, Stepped, errStepHarms},
		{"vpor, taken for jmp", "c5 f9 eb c1", flowNext, 0, Stepped, errStepHarms},
		{"vpgatherdd, taken for nop", "c4 e2 69 90 04 08", flowNext, 0, Stepped, errStepHarms},
		{"vcmpps, taken for ret", "c5 f8 c2 c1 00", flowNext, 0, Stepped, errStepHarms},
		{"vpxor", "c5 f9 ef c0", flowNext, 0, Stepped, errKernelRefuses}, // ef is outs in good_insns_64
		{"vaddps, taken for pop", "c5 f8 58 c1", flowNext, 0, Stepped, nil},
		{"vmulss, taken for pop", "c5 fa 59 c1", flowNext, 0, Stepped, nil},
		{"vmovdqu load", "c5 fe 6f 06", flowNext, 0, Stepped, errKernelRefuses}, // 6f is outs in good_insns_64
		{"vpshufd, taken for jo", "c5 f9 70 c1 1b", flowNext, 0, Stepped, errStepHarms},
		{"mulx", "c4 e2 fb f6 1e", flowNext, 0, Stepped, nil},
		{"rorx", "c4 e3 fb f0 c1 05", flowNext, 0, Stepped, nil},
		{"vmovdqu64", "62 f1 fe 48 6f 46 01", flowNext, 0, Stepped, errKernelRefuses},
		{"vpternlogd", "62 f3 75 48 25 c2 96", flowNext, 0, Stepped, nil},
		{"vpcmpub", "62 f3 7d 48 3e c1 04", flowNext, 0, Stepped, nil},
		{"XOP vprotd", "8f e8 78 c2 c0 07", flowNext, 0, Stepped, errKernelRefuses},
		{"pop (rax)", "8f 00", flowNext, 0, Stepped, nil},
	} {
		b := unhex(t, c.bytes)
		in, err := decodeX86(append(b[:len(b):len(b)], 0x90, 0x90, 0x90), pc)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if int(in.len) != len(b) || in.flow != c.flow || c.target != 0 && in.target != c.target {
			t.Errorf("%s: length %d flow %d target %#x, want %d %d %#x", c.name, in.len, in.flow, uint64(in.target), len(b), c.flow, uint64(c.target))
		}
		if cost, err := probeCost(AMD64, &in); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || err == nil && cost != c.cost {
			t.Errorf("%s: cost %v, %v, want %v, %v", c.name, cost, err, c.cost, c.err)
		}
		for n := range b {
			if _, err := decodeX86(b[:n], pc); err == nil {
				// A prefix of an instruction may be one too, but only a
				// shorter one.
				if in, _ := decodeX86(b[:n], pc); int(in.len) > n {
					t.Errorf("%s cut to %d bytes: length %d", c.name, n, in.len)
				}
			}
		}
	}
}

func TestDecodeX86Refuses(t *testing.T) {
	for name, s := range map[string]string{
		"push es":              "06",
		"bound":                "62 00",
		"aam":                  "d4 0a",
		"salc":                 "d6",
		"0f 04":                "0f 04",
		"lea of a register":    "48 8d c0",
		"group 5, 7":           "ff f8",
		"group 4, 3":           "fe d8",
		"16-bit jump":          "66 e9 00 00",
		"16-bit ret":           "66 c3",
		"66 before VEX":        "66 c5 f8 77",
		"REX before VEX":       "48 c5 f8 77",
		"VEX map 0":            "c4 e0 78 10 c0",
		"EVEX with fixed bit":  "62 f1 fa 48 6f 46 01",
		"extrq":                "66 0f 78 c0 01 02",
		"no byte":              "",
		"only prefixes":        "66 66 66",
		"sixteen bytes":        "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90",
		"cut in displacement":  "48 8b 05 00 00",
		"cut in the immediate": "48 b8 01",
	} {
		_, err := decodeX86(unhex(t, s), 0x1000)
		d := (*decodeError)(nil)
		if !errors.As(err, &d) || d.pc != 0x1000 {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestDecodeA64(t *testing.T) {
	const pc = 0x1000
	for _, c := range []struct {
		name   string
		word   uint32
		flow   flow
		target VAddr
		cost   Cost
		err    error
	}{
		{"ret", 0xd65f03c0, flowRet, 0, Emulated, nil},
		{"retaa", 0xd65f0bff, flowRet, 0, Stepped, errKernelRefuses},
		{"br x16", 0xd61f0200, flowJumpInd, 0, Emulated, nil},
		{"braa", 0xd71f0a11, flowJumpInd, 0, Stepped, errKernelRefuses},
		{"blr x1", 0xd63f0020, flowCallInd, 0, Emulated, nil},
		{"eret", 0xd69f03e0, flowStop, 0, Stepped, errKernelRefuses},
		{"b .", 0x14000000, flowJump, pc, Emulated, nil},
		{"b back", 0x17ffffff, flowJump, pc - 4, Emulated, nil},
		{"bl", 0x94000004, flowCall, pc + 16, Emulated, nil},
		{"b.ls", 0x54000049, flowCond, pc + 8, Emulated, nil},
		{"cbz x0", 0xb4000040, flowCond, pc + 8, Emulated, nil},
		{"cbnz w1 back", 0x35ffffe1, flowCond, pc - 4, Emulated, nil},
		{"tbz", 0x36080040, flowCond, pc + 8, Emulated, nil},
		{"tbnz back", 0x370fffe0, flowCond, pc - 4, Emulated, nil},
		{"adr", 0x10000000, flowNext, 0, Emulated, nil},
		{"adrp", 0x90000000, flowNext, 0, Emulated, nil},
		{"ldr literal", 0x58000040, flowNext, 0, Emulated, nil},
		{"ldrsw literal", 0x98000040, flowNext, 0, Emulated, nil},
		{"ldr q literal", 0x9c000040, flowNext, 0, Stepped, errKernelRefuses},
		{"nop", 0xd503201f, flowNext, 0, Emulated, nil},
		{"paciasp", 0xd503233f, flowNext, 0, Stepped, nil},
		{"bti c", 0xd503245f, flowNext, 0, Stepped, nil},
		{"yield", 0xd503203f, flowNext, 0, Stepped, errKernelRefuses},
		{"mrs", 0xd53bd040, flowNext, 0, Stepped, errKernelRefuses},
		{"ldxr", 0xc85f7c00, flowNext, 0, Stepped, errKernelRefuses},
		{"svc", 0xd4000001, flowSystem, 0, Stepped, errKernelRefuses},
		{"brk", 0xd4200000, flowStop, 0, Stepped, errKernelRefuses},
		{"udf", 0, flowStop, 0, Stepped, errKernelRefuses},
		{"stp", 0xa9bf7bfd, flowNext, 0, Stepped, nil},
	} {
		in, err := decodeA64(binary.LittleEndian.AppendUint32(nil, c.word), pc)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if in.len != 4 || in.flow != c.flow || in.target != c.target {
			t.Errorf("%s: flow %d target %#x, want %d %#x", c.name, in.flow, uint64(in.target), c.flow, uint64(c.target))
		}
		if cost, err := probeCost(ARM64, &in); !errors.Is(err, c.err) || err == nil && cost != c.cost {
			t.Errorf("%s: cost %v, %v, want %v, %v", c.name, cost, err, c.cost, c.err)
		}
	}
	if _, err := decodeA64([]byte{1, 2, 3}, pc); err == nil {
		t.Error("3 bytes decoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"55", "f3 0f 1e fa", "62 f1 fe 48 6f 46 01", "c4 e3 fb f0 c1 05", "8f e8 78 c2 c0 07", "66 2e 0f 1f 84 00 00 00 00 00"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, arch := range []Arch{AMD64, ARM64} {
			in, err := decode(arch, b, 0x1000)
			if err != nil {
				continue
			}
			if in.len < 1 || in.len > maxX86 || int(in.len) > len(b) {
				t.Fatalf("% x: length %d", b, in.len)
			}
			if again, err := decode(arch, b[:in.len], 0x1000); err != nil || again != in {
				t.Fatalf("% x: not the same without what follows: %v", b, err)
			}
			probeCost(arch, &in)
			effectX86(&in)
			frame{spKnown: true}.after(&in)
		}
	})
}

func TestEffectX86(t *testing.T) {
	rax, rdx, rcx, rsi, rdi, rsp := RegSet(1<<0), RegSet(1<<1), RegSet(1<<2), RegSet(1<<4), RegSet(1<<5), RegSet(1<<7)
	for _, c := range []struct {
		name, bytes string
		want        effect
	}{
		{"mov rax, rdi", "48 89 f8", effect{writes: rax}},
		{"mov rdi, rax by 8b", "48 8b f8", effect{writes: rdi}},
		{"mov (rdi), rax", "48 89 07", effect{stores: true}},
		{"mov r8, rdi", "49 89 f8", effect{writes: 1 << 8}},
		{"lea", "48 8d 7e 08", effect{writes: rdi}},
		{"cmp rdi, rsi", "48 39 f7", effect{}},
		{"cmp imm", "48 83 ff 05", effect{}},
		{"sub rsp", "48 83 ec 18", effect{writes: rsp}},
		{"add al, imm", "04 05", effect{writes: rax}},
		{"mov ah, imm", "b4 05", effect{writes: rax}},
		{"mov sil, imm with REX", "40 b6 05", effect{writes: rsi}},
		{"mov dh by 8a", "8a 37", effect{writes: rdx}},
		{"push", "57", effect{writes: rsp, stores: true}},
		{"pop rdi", "5f", effect{writes: rsp | rdi}},
		{"test", "48 85 ff", effect{}},
		{"cqo", "48 99", effect{writes: rdx}},
		{"div", "48 f7 f7", effect{writes: rax | rdx}},
		{"not rdi", "48 f7 d7", effect{writes: rdi}},
		{"xchg rdi, rax", "48 97", effect{writes: rax | rdi}},
		{"movzx ecx", "0f b6 cf", effect{writes: rcx}},
		{"sete cl", "0f 94 c1", effect{writes: rcx}},
		{"cmove", "48 0f 44 fe", effect{writes: rdi}},
		{"movaps to memory", "0f 29 07", effect{stores: true}},
		{"movaps from memory", "0f 28 07", effect{}},
		{"movd to ecx", "66 0f 7e c1", effect{writes: rcx}},
		{"movd from ecx", "66 0f 6e c1", effect{}},
		{"bswap", "0f cf", effect{writes: rdi}},
		{"endbr64", "f3 0f 1e fa", effect{}},
		{"rdsspq rax", "f3 48 0f 1e c8", effect{writes: rax}},
		{"vpxor", "c5 f9 ef c0", effect{}},
		{"loop", "e2 fe", effect{writes: rcx}},
		{"vpbroadcastb", "62 e2 7d 28 7a c6", effect{}},
		{"kmovd", "c5 fb 93 c0", unknown},
		{"je", "74 00", effect{}},
		{"cpuid", "0f a2", unknown},
		{"rep movsb", "f3 a4", unknown},
		{"syscall", "0f 05", unknown},
		{"cmpxchg", "0f b1 0f", unknown},
		{"xgetbv", "0f 01 d0", unknown},
		{"mulx", "c4 e2 fb f6 1e", unknown},
	} {
		in, err := decodeX86(unhex(t, c.bytes), 0x1000)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := effectX86(&in); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
