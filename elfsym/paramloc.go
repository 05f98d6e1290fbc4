package elfsym

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"strings"
)

// Errors that say why a value cannot be read.
var (
	// ErrOptimizedOut says that the value is nowhere at the entry.
	ErrOptimizedOut = errors.New("optimised out")
	// ErrUnsupportedClass says that the value is where no probe can read it,
	// such as in a vector register.
	ErrUnsupportedClass = errors.New("in a register that a probe cannot read")
)

// errSpilled says that the debug information names a stack slot that the
// function has yet to write.
var errSpilled = fmt.Errorf("%w at the entry: it is stored only later", ErrOptimizedOut)

// errSpilledAddr is errSpilled of a value's address: the value is passed by
// the address of a copy.
var errSpilledAddr = fmt.Errorf("%w, and so is its address", errSpilled)

// locate returns where the parameter e of the function described by ctx is at
// pc, following rules 1 to 3, 5 and 6 of "where is the argument": registers
// and pieces of them, memory through a register, incoming stack arguments.
// The error is errSpilled where only the calling convention can tell.
func (d *dwarfInfo) locate(u *dwarfUnit, e die, t *Type, pc VAddr, ctx exprContext) (Loc, error) {
	if loc, ok, err := constLoc(e, t); ok || err != nil {
		return loc, err
	}
	f := locField(e)
	if f == nil {
		return Loc{}, ErrOptimizedOut
	}
	expr, static, err := d.locs.location(u, f, uint64(pc))
	if err != nil {
		return Loc{}, err
	}
	if len(expr) == 0 {
		return Loc{}, ErrOptimizedOut
	}
	ctx.static = static
	ctx.convert = func(operand uint64) (int64, bool, bool) { return d.baseTypeIn(u, operand) }
	pieces, err := evalExpr(expr, &ctx)
	if errors.Is(err, errComputed) {
		return Loc{}, fmt.Errorf("%w: %w", ErrOptimizedOut, err)
	}
	if err != nil {
		return Loc{}, err
	}
	loc, err := placePieces(pieces, t.Size, d.arch)
	if err == nil && static && t.Size > 8 && len(loc.Pieces) > 0 && loc.Pieces[0].Kind == InReg && strings.HasPrefix(u.producer, "GNU ") {
		// gcc does not follow values of several registers through a function:
		// these are the ones that its body works with.
		return Loc{}, errSpilled
	}
	return loc, err
}

// baseTypeIn reads the integer type at the given offset from the header of u,
// which is 12 bytes long in DWARF 5 and 11 before, in the 32-bit format.
func (d *dwarfInfo) baseTypeIn(u *dwarfUnit, off uint64) (size int64, signed, ok bool) {
	header := dwarf.Offset(11)
	if u.v5 {
		header = 12
	}
	if off > maxDebugBytes || u.entry.Offset < header {
		return 0, false, false
	}
	e, err := d.entryAt(u.entry.Offset - header + dwarf.Offset(off))
	if err != nil || e.Tag != dwarf.TagBaseType {
		return 0, false, false
	}
	size, _ = e.Val(dwarf.AttrByteSize).(int64)
	switch enc, _ := e.Val(dwarf.AttrEncoding).(int64); enc {
	case ateSigned, ateSignedChar:
		return size, true, size > 0 && size <= 8
	case ateUnsigned, ateUnsignedChar, ateBoolean, ateAddress:
		return size, false, size > 0 && size <= 8
	}
	return 0, false, false
}

// locField returns the location of the entry itself. That of its origin is
// not this function's.
func locField(e die) *dwarf.Field {
	if len(e) == 0 {
		return nil
	}
	return e[0].AttrField(dwarf.AttrLocation)
}

// constLoc returns the value of DW_AT_const_value.
func constLoc(e die, t *Type) (Loc, bool, error) {
	var v uint64
	switch c := e[0].Val(dwarf.AttrConstValue).(type) {
	case int64:
		v = uint64(c)
	case uint64:
		v = c
	case []byte:
		if len(c) > 8 {
			return Loc{}, false, fmt.Errorf("%w: constant of %d bytes", ErrOptimizedOut, len(c))
		}
		r := dwarfBytes{b: c}
		v = r.fixed(uint64(len(c)))
	default:
		return Loc{}, false, nil
	}
	if t.Size < 1 || t.Size > 8 {
		return Loc{}, false, fmt.Errorf("%w: constant of %d bytes", ErrOptimizedOut, t.Size)
	}
	return Loc{Pieces: []Piece{{Kind: Const, Value: v, Size: t.Size}}}, true, nil
}

// placePieces turns an expression's pieces into places for a value of the
// given size.
func placePieces(pieces []exprPiece, size int64, arch Arch) (Loc, error) {
	if len(pieces) == 0 {
		return Loc{}, ErrOptimizedOut
	}
	var loc Loc
	var sum int64
	readable, vector := false, false
	for _, p := range pieces {
		if p.size < 0 {
			if len(pieces) != 1 {
				return Loc{}, fmt.Errorf("%w: location without a size among pieces", ErrMalformed)
			}
			p.size = size
		}
		out, err := placePiece(p, arch)
		if errors.Is(err, ErrUnsupportedClass) && len(pieces) > 1 {
			out, err, vector = []Piece{{Kind: Missing, Size: p.size}}, nil, true
		}
		if err != nil {
			return Loc{}, err
		}
		for _, o := range out {
			readable = readable || o.Kind != Missing
			sum += o.Size
		}
		loc.Pieces = append(loc.Pieces, out...)
	}
	if !readable && vector {
		return Loc{}, ErrUnsupportedClass
	}
	if !readable && size > 0 {
		return Loc{}, ErrOptimizedOut
	}
	if size > 0 && sum > size {
		// Go 1.21 lists pieces twice where it takes a slice apart.
		return Loc{}, fmt.Errorf("%w: %d bytes are described of a value of %d", ErrOptimizedOut, sum, size)
	}
	if size > 0 && sum < size {
		// gcc leaves out a trailing piece that was optimised away.
		loc.Pieces = append(loc.Pieces, Piece{Kind: Missing, Size: size - sum})
	}
	return loc, nil
}

func placePiece(p exprPiece, arch Arch) ([]Piece, error) {
	switch p.kind {
	case pieceReg:
		return regPiece(p.at.reg, p.size, arch)
	case pieceValue:
		return valuePiece(p, arch)
	case pieceMem:
		return memPiece(p.at, p.size, arch)
	}
	return []Piece{{Kind: Missing, Size: p.size}}, nil
}

func regPiece(reg uint64, size int64, arch Arch) ([]Piece, error) {
	switch {
	case !generalRegister(arch, reg):
		return nil, fmt.Errorf("%w (DWARF register %d)", ErrUnsupportedClass, reg)
	case size > 8:
		return nil, fmt.Errorf("%w: %d bytes in one register", ErrUnsupportedClass, size)
	}
	return []Piece{{Kind: InReg, Reg: Reg(reg), Size: size}}, nil
}

// generalRegister reports whether a probe sees reg.
func generalRegister(arch Arch, reg uint64) bool {
	if arch == ARM64 {
		return reg <= 31
	}
	return reg <= 15
}

func valuePiece(p exprPiece, arch Arch) ([]Piece, error) {
	switch {
	case p.at.base == symConst && p.at.plain():
		if p.size > 8 {
			return nil, fmt.Errorf("%w: constant of %d bytes", ErrOptimizedOut, p.size)
		}
		return []Piece{{Kind: Const, Value: uint64(p.at.off), Size: p.size}}, nil
	case p.at.base == symReg && p.at.off == 0 && p.at.mask > 0 && p.at.mask < p.size && p.at.signed:
		return nil, fmt.Errorf("%w: %w", ErrOptimizedOut, errComputed)
	case p.at.base == symReg && p.at.off == 0 && p.at.mask > 0 && p.at.mask < p.size:
		low, err := regPiece(p.at.reg, p.at.mask, arch)
		if err == nil && p.at.shift > 0 {
			err = fmt.Errorf("%w: %w", ErrOptimizedOut, errComputed)
		}
		return append(low, Piece{Kind: Const, Size: p.size - p.at.mask}), err
	case p.at.base == symReg && p.at.off == 0 && p.at.shift > 0 && p.at.shift+p.size > 8:
		// What is shifted in is no part of the value.
	case p.at.base == symReg && p.at.off == 0:
		piece, err := regPiece(p.at.reg, p.size, arch)
		if err == nil {
			piece[0].Off = p.at.shift
		}
		return piece, err
	case p.at.base == symLoad, p.at.base == symFrame:
		return nil, errSpilled
	}
	return nil, fmt.Errorf("%w: %w", ErrOptimizedOut, errComputed)
}

func memPiece(at symValue, size int64, arch Arch) ([]Piece, error) {
	if !at.plain() {
		return nil, fmt.Errorf("%w: its address must be computed", ErrOptimizedOut)
	}
	sp, cfa := stackPointer(arch)
	switch at.base {
	case symReg:
		if !generalRegister(arch, at.reg) {
			return nil, fmt.Errorf("%w (DWARF register %d)", ErrUnsupportedClass, at.reg)
		}
		if Reg(at.reg) == sp && at.off < cfa {
			return nil, errSpilled
		}
		return []Piece{{Kind: InMem, Reg: Reg(at.reg), Off: at.off, Size: size}}, nil
	case symCFA:
		if at.off < 0 {
			return nil, errSpilled
		}
		return []Piece{{Kind: InMem, Reg: sp, Off: at.off + cfa, Size: size}}, nil
	case symFrame:
		return nil, errSpilled
	case symLoad:
		return nil, errSpilledAddr
	}
	return nil, fmt.Errorf("%w: it is at a fixed address", ErrOptimizedOut)
}

// stackPointer returns the stack pointer and how far below the CFA it is at a
// function's entry: by the return address that amd64's call pushes.
func stackPointer(arch Arch) (sp Reg, cfa int64) {
	if arch == ARM64 {
		return 31, 0
	}
	return regRSP, 8
}
