package fetch

import (
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/elfsym"
)

func word8(name string) *elfsym.Type { return &elfsym.Type{Kind: elfsym.KindUint, Name: name, Size: 8} }

// params is a function with one parameter of each kind that can be a key.
func params() []elfsym.Param {
	reg := func(r elfsym.Reg, size int64) elfsym.Piece {
		return elfsym.Piece{Kind: elfsym.InReg, Reg: r, Size: size}
	}
	mem := func(off, size int64) elfsym.Piece {
		return elfsym.Piece{Kind: elfsym.InMem, Reg: 7, Off: off, Size: size}
	}
	loc := func(p ...elfsym.Piece) elfsym.Loc { return elfsym.Loc{Pieces: p} }
	str := &elfsym.Type{Kind: elfsym.KindString, Name: "string", Size: 16}
	return []elfsym.Param{
		{Name: "i8", Index: 0, Type: &elfsym.Type{Kind: elfsym.KindInt, Name: "int8", Size: 1}, Loc: loc(reg(5, 1))},
		{Name: "u32", Index: 1, Type: &elfsym.Type{Kind: elfsym.KindUint, Name: "uint32", Size: 4}, Loc: loc(mem(8, 4))},
		{Name: "s", Index: 2, Type: str, Loc: loc(reg(0, 8), reg(3, 8))},
		{Name: "t", Index: 3, Type: str, Loc: loc(mem(16, 16))},
		{Name: "p", Index: 4, Type: &elfsym.Type{Kind: elfsym.KindPointer, Name: "char *", Size: 8}, Loc: loc(reg(4, 8))},
		{Name: "c", Index: 5, Type: word8("int"), Loc: loc(elfsym.Piece{Kind: elfsym.Const, Value: 7, Size: 8})},
		{Name: "gone", Index: 6, Type: word8("int"), Err: elfsym.ErrOptimizedOut},
		{Name: "f", Index: 7, Type: &elfsym.Type{Kind: elfsym.KindFloat, Name: "double", Size: 8}, Err: elfsym.ErrUnsupportedClass},
		{Name: "half", Index: 8, Type: str, Loc: loc(reg(0, 8), elfsym.Piece{Size: 8})},
		{Name: "st", Index: 9, Type: &elfsym.Type{Kind: elfsym.KindStruct, Name: "point", Size: 16}, Loc: loc(reg(0, 8), reg(3, 8))},
		{Name: "", Result: true, Type: word8("int"), Loc: loc(reg(0, 8))},
	}
}

// accepted lets the kernel's verifier read a fetch function. Its call
// argument is a map value, as in the real programs.
func accepted(t *testing.T, p *Program) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("loading programs needs root")
		}
		t.Skip("loading programs needs root")
	}
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: uint32(KeyDataOffset + p.Size), MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, body := range []asm.Instructions{p.Entry, p.Exit} {
		if body == nil {
			continue
		}
		insns := asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1),
			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.LoadMapPtr(asm.R1, m.FD()),
			asm.FnMapLookupElem.Call(),
			asm.JNE.Imm(asm.R0, 0, "found"),
			asm.Return(),
			asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("found"),
			asm.Mov.Reg(asm.R2, asm.R0),
		}
		prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceUprobeMulti, Flags: unix.BPF_F_SLEEPABLE,
			License: "Dual BSD/GPL", Instructions: append(insns, body...),
		})
		if err != nil {
			var verifier *ebpf.VerifierError
			if errors.As(err, &verifier) {
				t.Fatalf("%+v\n%v", verifier, body)
			}
			t.Fatalf("%v\n%v", err, body)
		}
		prog.Close()
	}
}

func TestVerifierAccepts(t *testing.T) {
	for _, text := range []string{
		"i8", "u32", "s", "t", "c", "half", "str(p)", "str(p, 5)", "str(p, i8)", "str(p, u32)", "arg0", "arg3", "ret", "str(ret)", "str(ret, 3)", "p",
	} {
		t.Run(text, func(t *testing.T) {
			e, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 8, 64, 1000} {
				p, err := Compile([]*Expr{e, e, e}, &Env{Arch: elfsym.AMD64, Params: params(), StrLen: n})
				if err != nil {
					t.Fatal(err)
				}
				accepted(t, p)
			}
		})
	}
}
