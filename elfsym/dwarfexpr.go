package elfsym

import (
	"errors"
	"fmt"
)

// DWARF expression operations (DWARF 5, section 7.7.1, and GNU's older
// numbers of some of them).
const (
	opAddr            = 0x03
	opDeref           = 0x06
	opConst1u         = 0x08
	opConst1s         = 0x09
	opConst2u         = 0x0a
	opConst2s         = 0x0b
	opConst4u         = 0x0c
	opConst4s         = 0x0d
	opConst8u         = 0x0e
	opConst8s         = 0x0f
	opConstu          = 0x10
	opConsts          = 0x11
	opAnd             = 0x1a
	opShr             = 0x25
	opMinus           = 0x1c
	opPlus            = 0x22
	opPlusUconst      = 0x23
	opLit0            = 0x30
	opReg0            = 0x50
	opBreg0           = 0x70
	opRegx            = 0x90
	opFbreg           = 0x91
	opBregx           = 0x92
	opPiece           = 0x93
	opNop             = 0x96
	opCallFrameCFA    = 0x9c
	opBitPiece        = 0x9d
	opImplicitValue   = 0x9e
	opStackValue      = 0x9f
	opImplicitPointer = 0xa0
	opEntryValue      = 0xa3
	opConvert         = 0xa8
	opGNUImplicitPtr  = 0xf2
	opGNUEntryValue   = 0xf3
	opGNUConvert      = 0xf7
)

const (
	maxExpr      = 4096 // bytes of one expression
	maxExprStack = 64
	maxPieces    = 64
	maxPieceSize = 1 << 30
)

// errComputed says that an expression needs more than a probe's reads.
var errComputed = errors.New("the value must be computed")

// symBase is what a symbolic value is relative to.
type symBase uint8

const (
	symConst symBase = iota
	symReg           // a register at the function's entry
	symCFA           // the frame's canonical address
	symFrame         // a frame that does not exist yet at the entry
	symLoad          // something loaded from the frame
	symOther         // anything else
)

// symValue is base+off. A register may be shifted right by whole bytes, and
// mask, when not 0, tells how many low bytes of that are kept, and signed how
// they are widened again.
type symValue struct {
	base   symBase
	reg    uint64
	off    int64
	shift  int64
	mask   int64
	signed bool
}

func (v symValue) plain() bool { return v.base != symOther && v.mask == 0 && v.shift == 0 }

// exprPiece is a piece of a value as an expression describes it.
type exprPiece struct {
	kind exprKind
	at   symValue
	size int64 // -1: the whole value
}

type exprKind uint8

const (
	pieceMissing exprKind = iota
	pieceReg              // in register at.reg
	pieceMem              // in memory at address at
	pieceValue            // at itself
)

// exprContext is where an expression is evaluated.
type exprContext struct {
	arch Arch
	// frame is the function's DW_AT_frame_base.
	frame []byte
	// static tells that the expression is not from a list, so that it speaks
	// of the function's body: frame registers are as after the prologue.
	static bool
	// convert returns the size and signedness of the integer type that a
	// conversion's operand names.
	convert func(operand uint64) (size int64, signed, ok bool)
}

// evalExpr evaluates a location expression at a function's entry.
func evalExpr(expr []byte, ctx *exprContext) ([]exprPiece, error) {
	if len(expr) > maxExpr {
		return nil, fmt.Errorf("%w: location expression of %d bytes", ErrMalformed, len(expr))
	}
	m := exprMachine{r: dwarfBytes{b: expr}, ctx: ctx}
	for m.r.left() > 0 {
		if err := m.step(byte(m.r.fixed(1))); err != nil {
			return nil, err
		}
		if m.r.bad {
			return nil, fmt.Errorf("%w: location expression ends early", ErrMalformed)
		}
		if len(m.pieces) > maxPieces || len(m.stack) > maxExprStack {
			return nil, fmt.Errorf("%w: location expression is too long", ErrMalformed)
		}
	}
	if m.open || len(m.stack) > 0 {
		m.close(-1)
	}
	return m.pieces, nil
}

type exprMachine struct {
	r      dwarfBytes
	ctx    *exprContext
	stack  []symValue
	pieces []exprPiece
	// cur is a finished location (register or value) that waits for its size.
	cur  exprPiece
	open bool
}

func (m *exprMachine) push(v symValue) { m.stack = append(m.stack, v) }

func (m *exprMachine) pop() symValue {
	if len(m.stack) == 0 {
		m.r.bad = true
		return symValue{}
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v
}

// finish ends a register or value location.
func (m *exprMachine) finish(kind exprKind, v symValue) {
	m.cur, m.open = exprPiece{kind: kind, at: v}, true
}

// close adds the location described so far as a piece of the given size.
func (m *exprMachine) close(size int64) {
	p := exprPiece{size: size}
	switch {
	case m.open:
		p = m.cur
		p.size = size
	case len(m.stack) > 0:
		p.kind, p.at = pieceMem, m.pop()
	}
	m.pieces = append(m.pieces, p)
	m.stack, m.open = m.stack[:0], false
}

func (m *exprMachine) step(op byte) error {
	r := &m.r
	switch {
	case op >= opLit0 && op < opReg0:
		m.push(symValue{off: int64(op - opLit0)})
		return nil
	case op >= opReg0 && op < opBreg0:
		m.finish(pieceReg, symValue{base: symReg, reg: uint64(op - opReg0)})
		return nil
	case op >= opBreg0 && op < opRegx:
		m.push(m.register(uint64(op-opBreg0), r.sleb()))
		return nil
	}
	switch op {
	case opNop:
	case opAddr, opConst8u:
		m.push(symValue{off: int64(r.fixed(8))})
	case opConst1u:
		m.push(symValue{off: int64(r.fixed(1))})
	case opConst2u:
		m.push(symValue{off: int64(r.fixed(2))})
	case opConst4u:
		m.push(symValue{off: int64(r.fixed(4))})
	case opConst1s:
		m.push(symValue{off: r.signed(1)})
	case opConst2s:
		m.push(symValue{off: r.signed(2)})
	case opConst4s:
		m.push(symValue{off: r.signed(4)})
	case opConst8s:
		m.push(symValue{off: r.signed(8)})
	case opConstu:
		m.push(symValue{off: int64(r.uleb())})
	case opConsts:
		m.push(symValue{off: r.sleb()})
	case opRegx:
		m.finish(pieceReg, symValue{base: symReg, reg: r.uleb()})
	case opBregx:
		reg := r.uleb()
		m.push(m.register(reg, r.sleb()))
	case opFbreg:
		m.push(m.frameBase(r.sleb()))
	case opCallFrameCFA:
		m.push(symValue{base: symCFA})
	case opPlusUconst:
		v := m.pop()
		m.push(add(v, int64(r.uleb())))
	case opPlus, opMinus, opAnd, opShr:
		b, a := m.pop(), m.pop()
		m.push(combine(op, a, b))
	case opDeref:
		m.push(m.load(m.pop()))
	case opPiece:
		size := r.uleb()
		if size > maxPieceSize {
			return fmt.Errorf("%w: piece of %d bytes", ErrMalformed, size)
		}
		m.close(int64(size))
	case opBitPiece:
		size, off := r.uleb(), r.uleb()
		if size%8 != 0 || off != 0 || size > maxPieceSize {
			return errComputed
		}
		m.close(int64(size / 8))
	case opStackValue:
		m.finish(pieceValue, m.pop())
	case opImplicitValue:
		b := r.bytes(r.uleb())
		if len(b) > 8 {
			return errComputed
		}
		v := dwarfBytes{b: b}
		m.finish(pieceValue, symValue{off: int64(v.fixed(uint64(len(b))))})
	case opConvert, opGNUConvert:
		operand := r.uleb()
		v, err := m.convert(m.pop(), operand)
		if err != nil {
			return err
		}
		m.push(v)
	case opEntryValue, opGNUEntryValue:
		return m.entryValue(r.bytes(r.uleb()))
	default:
		// Operands of other operations are not known here, so nothing after
		// them can be read.
		return fmt.Errorf("%w by DWARF operation %#x", errComputed, op)
	}
	return nil
}

// register returns reg+off as an address or a value.
func (m *exprMachine) register(reg uint64, off int64) symValue {
	if m.ctx.static && frameRegister(m.ctx.arch, reg) {
		return symValue{base: symFrame}
	}
	return symValue{base: symReg, reg: reg, off: off}
}

// frameRegister reports whether reg is the stack or the frame pointer.
func frameRegister(arch Arch, reg uint64) bool {
	if arch == ARM64 {
		return reg == 29 || reg == 31
	}
	return reg == uint64(regRBP) || reg == uint64(regRSP)
}

// frameBase returns the frame base plus off.
func (m *exprMachine) frameBase(off int64) symValue {
	f := m.ctx.frame
	switch {
	case len(f) == 1 && f[0] == opCallFrameCFA:
		return symValue{base: symCFA, off: off}
	case len(f) == 1 && f[0] == opReg0+byte(regRBP) && m.ctx.arch == AMD64:
		// The prologue leaves rbp 16 bytes below the CFA: a pushed rbp and
		// the return address lie between.
		return symValue{base: symCFA, off: off - 16}
	case len(f) == 0:
		m.r.bad = true
	}
	return symValue{base: symFrame}
}

// load returns what is in memory at v. Only loads from the frame matter: they
// find the address of an argument that was passed by a hidden pointer.
func (m *exprMachine) load(v symValue) symValue {
	if v.base == symFrame || v.base == symCFA && v.off < 0 {
		return symValue{base: symLoad}
	}
	return symValue{base: symOther}
}

// entryValue reads a register's value at the entry, which is where all
// expressions are evaluated.
func (m *exprMachine) entryValue(b []byte) error {
	r := dwarfBytes{b: b}
	op := r.fixed(1)
	switch {
	case op >= opReg0 && op < opBreg0 && r.left() == 0:
		m.push(symValue{base: symReg, reg: op - opReg0})
	case op == opRegx:
		m.push(symValue{base: symReg, reg: r.uleb()})
	default:
		return errComputed
	}
	m.r.bad = m.r.bad || r.bad
	return nil
}

// convert narrows or widens v to an integer type; operand 0 is the type of
// addresses.
func (m *exprMachine) convert(v symValue, operand uint64) (symValue, error) {
	if v.base != symReg || v.off != 0 || m.ctx.convert == nil {
		return symValue{}, errComputed
	}
	size, signed, ok := int64(8), false, true
	if operand != 0 {
		size, signed, ok = m.ctx.convert(operand)
	}
	if !ok {
		return symValue{}, errComputed
	}
	if size < 8 && (v.mask == 0 || size < v.mask) {
		v.mask, v.signed = size, signed
	}
	return v, nil
}

func add(v symValue, off int64) symValue {
	if !v.plain() || v.base == symLoad && off != 0 {
		return symValue{base: symOther}
	}
	v.off += off
	return v
}

func combine(op byte, a, b symValue) symValue {
	switch {
	case op == opPlus && b.base == symConst && b.plain():
		return add(a, b.off)
	case op == opPlus && a.base == symConst && a.plain():
		return add(b, a.off)
	case op == opMinus && b.base == symConst && b.plain():
		return add(a, -b.off)
	case op == opShr && a.base == symReg && a.off == 0 && a.plain() && b.base == symConst && b.plain() && b.off > 0 && b.off < 64 && b.off%8 == 0:
		a.shift = b.off / 8
		return a
	case op == opAnd && a.base == symConst && b.base == symConst:
		return symValue{off: a.off & b.off}
	case op == opAnd && a.base == symReg && a.off == 0 && b.base == symConst && b.off == 1:
		// A bool of Rust: LLVM's i1, which the ABI extends with zeros to the
		// whole byte.
		a.mask, a.signed = 1, false
		return a
	case op == opAnd && a.base == symReg && a.off == 0 && b.base == symConst:
		for n := int64(1); n < 8; n *= 2 {
			if b.off == 1<<(8*n)-1 && (a.mask == 0 || a.mask > n) {
				a.mask, a.signed = n, false
				return a
			}
		}
	}
	return symValue{base: symOther}
}
