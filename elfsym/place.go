package elfsym

// Reg is a register by its DWARF number (System V psABI): on amd64 0 rax,
// 1 rdx, 2 rcx, 3 rbx, 4 rsi, 5 rdi, 6 rbp, 7 rsp, 8-15 r8-r15, 17-32
// xmm0-xmm15; on arm64 0-30 x0-x30, 31 sp, 64-95 v0-v31.
type Reg uint8

// RegSet is a set of the registers numbered below 64: bit r is register r.
type RegSet uint64

// Add returns s with r in it; registers from 64 on are ignored, as no probe
// can read them.
func (s RegSet) Add(r Reg) RegSet {
	if r > 63 {
		return s
	}
	return s | 1<<r
}

// PieceKind says what holds a piece of a value.
type PieceKind uint8

const (
	// Missing pieces were optimised away or lie in a register that a probe
	// cannot read.
	Missing PieceKind = iota
	// InReg pieces are Size bytes of Reg, from its byte Off on.
	InReg
	// InMem pieces lie in memory at the value of Reg plus Off.
	InMem
	// Const pieces are the low Size bytes of Value.
	Const
)

// Piece is Size consecutive bytes of a value.
type Piece struct {
	Kind  PieceKind
	Reg   Reg
	Off   int64  // InMem: displacement from Reg in bytes; InReg: first byte
	Value uint64 // Const
	Size  int64
}

// Loc is where a value is at a function's entry address (for a result: at a
// RET), as the registers are there: rsp still points to the return address.
// The pieces lie one behind the other and make up the whole value.
type Loc struct{ Pieces []Piece }

// Regs returns the registers that reading l needs.
func (l Loc) Regs() RegSet {
	var s RegSet
	for _, p := range l.Pieces {
		if p.Kind == InReg || p.Kind == InMem {
			s = s.Add(p.Reg)
		}
	}
	return s
}

// Memory reports whether reading l reads memory.
func (l Loc) Memory() bool {
	for _, p := range l.Pieces {
		if p.Kind == InMem {
			return true
		}
	}
	return false
}

// Param is a parameter or result of a function, or a variable that a Go closure
// has captured.
type Param struct {
	// Name is the source's name; "" where the source has none.
	Name string
	// Index counts parameters, results and captured variables separately,
	// from 0. A receiver and C++'s this are parameter 0; a hidden result
	// pointer or a generics dictionary is not counted. It is -1 where Go's
	// compiler before 1.22 has left out a parameter without a name.
	Index  int
	Result bool
	// Captured marks a variable that a Go closure has captured, read through
	// the closure's context at the entry, or, where a function literal is
	// called where it stands, passed in front of its parameters.
	Captured bool
	// ByRef says that the place holds the variable's address, as of a
	// captured variable that is assigned to; Type is then a pointer to the
	// variable's type.
	ByRef bool
	Type  *Type
	// Loc is where the value is; it is empty when Err is set.
	Loc Loc
	// Err says why the value cannot be read: ErrOptimizedOut,
	// ErrUnsupportedClass, or a DWARF fault. It is nil where Loc holds.
	Err error
}
