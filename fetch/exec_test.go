package fetch

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/elfsym"
)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("loading programs needs root")
	}
	t.Skip("loading programs needs root")
}

// callMap holds one struct call, cut to what p needs.
func callMap(t testing.TB, p *Program) *ebpf.Map {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: uint32(KeyDataOffset + p.Size + p.Hidden), MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// The latency and the goroutine that loaded fetch functions are called with.
const (
	testLatency = 5_000_000
	testGoid    = 77
)

// loaded makes a program of a fetch function that calls it with the map's only
// value.
func loaded(t testing.TB, spec *ebpf.ProgramSpec, m *ebpf.Map, body asm.Instructions) *ebpf.Program {
	t.Helper()
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
		asm.Mov.Imm(asm.R3, testLatency),
	}
	if usesWhere(body) {
		insns[9] = asm.Mov.Imm(asm.R2, testGoid)
	}
	spec.License = "Dual BSD/GPL"
	spec.Instructions = append(insns, body...)
	if spec.Type == ebpf.Syscall || spec.AttachType == ebpf.AttachTraceUprobeMulti {
		spec.Flags = unix.BPF_F_SLEEPABLE
	}
	prog, err := ebpf.NewProgram(spec)
	if err != nil {
		var verifier *ebpf.VerifierError
		if errors.As(err, &verifier) {
			t.Fatalf("%+v\n%v", verifier, body)
		}
		t.Fatalf("%v\n%v", err, body)
	}
	return prog
}

// usesWhere tells fetch_where by its labels.
func usesWhere(body asm.Instructions) bool {
	for _, ins := range body {
		if strings.HasPrefix(ins.Symbol(), "where_") {
			return true
		}
	}
	return false
}

// inner, outer and their kin are read in the test's own memory.
type inner struct {
	No   int32
	Name string
	Tag  [16]byte
}

type outer struct {
	A8    int8
	U8    uint8
	I16   int16
	U16   uint16
	I32   int32
	U32   uint32
	I64   int64
	U64   uint64
	In    inner
	Ptr   *inner
	Null  *inner
	List  []int32
	Items []inner
	Arr   [4]uint16
	F32   float32
	F64   float64
	Odd   [3]float64 // NaN, -0, infinity
	Yes   bool
	Color uint32
	Bits  uint32 // 3 bits unsigned, then 5 signed, then 20 unsigned
	C     *byte  // "hello"
	Long  *byte  // 300 times x
	Self  *outer
	Index uint64
}

// memory is an outer with everything it points to, and the types of it.
type memory struct {
	o     *outer
	typ   *elfsym.Type
	fresh []byte // pages not yet faulted in
}

func newMemory(t testing.TB) *memory {
	t.Helper()
	hello := append([]byte("hello"), 0)
	long := append([]byte(strings.Repeat("x", 300)), 0)
	o := &outer{
		A8: -5, U8: 250, I16: -300, U16: 65000, I32: -70000, U32: 4e9, I64: -1 << 40, U64: 1<<64 - 2,
		In:   inner{No: 11, Name: "inside", Tag: [16]byte{'t', 'a', 'g'}},
		Ptr:  &inner{No: -12, Name: "/api/v1/orders"},
		List: []int32{10, -20, 30}, Items: []inner{{No: 1, Name: "one"}, {No: 2, Name: ""}},
		Arr: [4]uint16{7, 8, 9, 65535}, F32: 1.5, F64: -2.25, Odd: [3]float64{math.NaN(), math.Copysign(0, -1), math.Inf(1)}, Yes: true, Color: 2,
		Bits: 5 | (uint32(0x1f&^2) << 3) | 99<<8, C: &hello[0], Long: &long[0], Index: 2,
	}
	o.Self = o
	m := &memory{o: o}
	field := func(name string, off uintptr, typ *elfsym.Type) elfsym.Field {
		return elfsym.Field{Name: name, Offset: int64(off), Type: typ}
	}
	basic := func(name string) *elfsym.Type { return basicTypes[name] }
	char := &elfsym.Type{Kind: elfsym.KindInt, Name: "char", Size: 1}
	in := elfsym.StructOf("inner", int64(unsafe.Sizeof(inner{})),
		field("No", unsafe.Offsetof(o.In.No), basic("int32")),
		field("Name", unsafe.Offsetof(o.In.Name), basic("string")),
		field("Tag", unsafe.Offsetof(o.In.Tag), elfsym.ArrayOf(char, 16)))
	color := &elfsym.Type{Kind: elfsym.KindEnum, Name: "color", Size: 4, Enum: []elfsym.Enumerator{{Name: "Red", Value: 1}, {Name: "Green", Value: 2}}}
	base := elfsym.StructOf("base", 8, field("A8", 0, basic("int8")), field("U8", 1, basic("uint8")), field("I16", 2, basic("int16")), field("U16", 4, basic("uint16")))
	embedded := field("base", 0, base)
	embedded.Embedded = true
	bits := func(name string, t *elfsym.Type, size, off int64) elfsym.Field {
		return elfsym.Field{Name: name, Offset: int64(unsafe.Offsetof(o.Bits)), Type: t, BitSize: size, BitOffset: off}
	}
	self := &elfsym.Type{}
	*self = *elfsym.StructOf("outer", int64(unsafe.Sizeof(outer{})),
		embedded,
		field("I32", unsafe.Offsetof(o.I32), basic("int32")), field("U32", unsafe.Offsetof(o.U32), basic("uint32")),
		field("I64", unsafe.Offsetof(o.I64), basic("int64")), field("U64", unsafe.Offsetof(o.U64), basic("uint64")),
		field("In", unsafe.Offsetof(o.In), in),
		field("type", unsafe.Offsetof(o.In), in),
		field("Ptr", unsafe.Offsetof(o.Ptr), elfsym.PointerTo(in)), field("Null", unsafe.Offsetof(o.Null), elfsym.PointerTo(in)),
		field("List", unsafe.Offsetof(o.List), elfsym.SliceOf(basic("int32"))), field("Items", unsafe.Offsetof(o.Items), elfsym.SliceOf(in)),
		field("Arr", unsafe.Offsetof(o.Arr), elfsym.ArrayOf(basic("uint16"), 4)),
		field("F32", unsafe.Offsetof(o.F32), basic("float32")), field("F64", unsafe.Offsetof(o.F64), basic("float64")),
		field("NaN", unsafe.Offsetof(o.Odd), basic("float64")), field("Zero", unsafe.Offsetof(o.Odd)+8, basic("float64")), field("Inf", unsafe.Offsetof(o.Odd)+16, basic("float64")),
		field("Odd", unsafe.Offsetof(o.Odd), elfsym.ArrayOf(basic("float64"), 3)),
		field("Yes", unsafe.Offsetof(o.Yes), basic("bool")), field("Color", unsafe.Offsetof(o.Color), color),
		bits("b0", basic("uint32"), 3, 0), bits("b1", basic("int32"), 5, 3), bits("b2", basic("uint32"), 20, 8),
		elfsym.Field{Name: "b3", Offset: int64(unsafe.Offsetof(o.U64)), Type: basic("uint32"), BitSize: 30, BitOffset: 4}, // in 5 bytes
		field("C", unsafe.Offsetof(o.C), elfsym.PointerTo(char)), field("Long", unsafe.Offsetof(o.Long), elfsym.PointerTo(char)),
		field("Self", unsafe.Offsetof(o.Self), elfsym.PointerTo(self)), field("Index", unsafe.Offsetof(o.Index), basic("uint64")))
	m.typ = self
	fresh, err := unix.Mmap(-1, 0, 4*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(fresh) })
	m.fresh = fresh
	return m
}

// env is a function with the parameters o *outer, n, m and s in registers and
// on the stack, and an int64 result.
func (m *memory) env() *Env {
	reg := func(r elfsym.Reg, size int64) elfsym.Piece {
		return elfsym.Piece{Kind: elfsym.InReg, Reg: r, Size: size}
	}
	loc := func(p ...elfsym.Piece) elfsym.Loc { return elfsym.Loc{Pieces: p} }
	pair := elfsym.StructOf("pair", 16,
		elfsym.Field{Name: "a", Type: basicTypes["int8"]}, elfsym.Field{Name: "b", Offset: 4, Type: basicTypes["uint32"]},
		elfsym.Field{Name: "s", Offset: 8, Type: basicTypes["int64"]})
	return &Env{Arch: elfsym.AMD64, Lang: elfsym.LangGo, Params: []elfsym.Param{
		{Name: "o", Index: 0, Type: elfsym.PointerTo(m.typ), Loc: loc(reg(5, 8))},
		{Name: "n", Index: 1, Type: typeInt, Loc: loc(reg(4, 8))},
		{Name: "m", Index: 2, Type: basicTypes["uint8"], Loc: loc(reg(1, 1))},
		{Name: "M", Index: 9, Type: &elfsym.Type{Kind: elfsym.KindMap, Name: "map[string]int", Size: 8}, Loc: loc(reg(10, 8))},
		{Name: "range", Index: 8, Type: basicTypes["uint8"], Loc: loc(reg(1, 1))},
		{Name: "v", Index: 3, Type: m.typ, Loc: loc(elfsym.Piece{Kind: elfsym.InMem, Reg: 5, Size: m.typ.Size})},
		{Name: "s", Index: 4, Type: typeText, Loc: loc(reg(8, 8), reg(9, 8))},
		{Name: "pair", Index: 5, Type: pair, Loc: loc(reg(2, 8), reg(3, 8))},
		{Name: "fresh", Index: 6, Type: elfsym.PointerTo(typeInt64), Loc: loc(reg(10, 8))},
		{Name: "split", Index: 7, Type: pair, Loc: loc(reg(2, 4), elfsym.Piece{Kind: elfsym.Missing, Size: 4}, reg(3, 8))},
		{Name: "high", Index: 9, Type: pair, Loc: loc(reg(2, 4), elfsym.Piece{Kind: elfsym.InReg, Reg: 2, Off: 4, Size: 4}, reg(3, 8))},
		{Name: "array", Index: 10, Type: elfsym.PointerTo(elfsym.ArrayOf(basicTypes["uint16"], 4)), Loc: loc(reg(11, 8))},
		{Name: "", Result: true, Type: typeInt64, Loc: loc(reg(0, 8))},
	}}
}

// The registers' values besides addresses.
const (
	testN   = 3
	testM   = 200
	testS   = "service"
	testRet = -1
)

// registers is the struct pt_regs at the entry, or at the exit.
func (m *memory) registers(exit bool) []byte {
	b := make([]byte, 168)
	set := func(r elfsym.Reg, v uint64) {
		off, _ := (&emitter{arch: elfsym.AMD64}).regOffset(r)
		binary.NativeEndian.PutUint64(b[off:], v)
	}
	if exit {
		for r := elfsym.Reg(1); r < 16; r++ {
			set(r, 0xdeaddeaddeaddead)
		}
		ret := int64(testRet)
		set(0, uint64(ret))
		return b
	}
	set(5, uint64(uintptr(unsafe.Pointer(m.o))))
	set(4, testN)
	set(1, 0xffffff00|testM)
	set(8, uint64(uintptr(unsafe.Pointer(unsafe.StringData(testS)))))
	set(9, uint64(len(testS)))
	set(2, 0x12345678_ffffff85)
	minus := int64(-9)
	set(3, uint64(minus))
	set(11, uint64(uintptr(unsafe.Pointer(&m.o.Arr))))
	set(10, uint64(uintptr(unsafe.Pointer(&m.fresh[2*os.Getpagesize()]))))
	return b
}

// run runs a program's functions in their order, and returns its texts, or
// what the filter said.
func (m *memory) run(t testing.TB, p *Program) (texts []string, verdict uint32) {
	t.Helper()
	values := callMap(t, p)
	raw := make([]byte, KeyDataOffset+p.Size+p.Hidden)
	raw[GoidOffset] = testGoid
	if err := values.Put(uint32(0), raw); err != nil {
		t.Fatal(err)
	}
	verdict = Wanted
	for i, body := range []asm.Instructions{p.Where, p.Entry, p.WhereExit, p.Exit} {
		if body == nil {
			continue
		}
		prog := loaded(t, &ebpf.ProgramSpec{Type: ebpf.Syscall}, values, body)
		ret, err := prog.Run(&ebpf.RunOptions{Context: m.registers(i >= 2)})
		prog.Close()
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if verdict = ret; ret != Wanted {
				return nil, verdict
			}
		}
	}
	runtime.KeepAlive(m)
	if err := values.Lookup(uint32(0), raw); err != nil {
		t.Fatal(err)
	}
	if p.Exit != nil {
		for _, b := range raw[KeyDataOffset+p.Size:] {
			if b != 0 {
				t.Fatalf("hidden slots are left in the key: % x", raw[KeyDataOffset+p.Size:])
			}
		}
	}
	for _, v := range p.Decode(binary.NativeEndian.Uint64(raw[KeyStatusOffset:]), raw[KeyDataOffset:KeyDataOffset+p.Size]) {
		texts = append(texts, v.Text)
	}
	return texts, verdict
}
