package fetch

import (
	"go/ast"
	"go/constant"

	"github.com/latchprof/latch/elfsym"
)

// An operand is a typed part of an expression: a constant, a place, a computed
// word, or a text.
type operand struct {
	node ast.Expr // where it is written
	// typ is nil for constants without a type, and for nil itself.
	typ  *elfsym.Type
	cst  constant.Value // of a constant
	null bool           // nil
	// A place is off bytes into a value that lies in loc, or in memory at
	// addr.
	loc  *elfsym.Loc
	addr *node
	off  int64
	when phase // of a place in loc
	// holds, unless it is nil, says whether the place holds this at all.
	holds *node
	// bitSize and bitOffset are those of a bit-field's place.
	bitSize, bitOffset int64
	// val is a computed word, extended by typ.
	val *node
	// text is a computed text.
	text *text
	// addresses is a network's address.
	addresses *address
}

// guarded is n where the truth value holds is there and true.
func guarded(n, holds *node) *node {
	if holds == nil {
		return n
	}
	return combine(opWhen, n, holds)
}

// word returns size bytes of the value, from off on.
func (r *resolver) word(o *operand, off, size int64, signed bool) (*node, error) {
	n, err := r.bytes(o, off, size, signed)
	if err != nil {
		return nil, err
	}
	return guarded(n, o.holds), nil
}

func (r *resolver) bytes(o *operand, off, size int64, signed bool) (*node, error) {
	switch {
	case o.addr != nil:
		return load(o.addr, o.off+off, size, signed), nil
	case o.val != nil && off == 0:
		return extended(o.val, size, signed), nil
	case o.loc == nil:
		return nil, r.errorf(o.node, elfsym.ErrUnsupportedClass, "%s cannot be read as one value", describe(o.typ))
	}
	n, err := r.piece(o, o.off+off, size, signed)
	if err != nil {
		return nil, err
	}
	n.when = o.when
	return extended(n, size, signed), nil
}

// piece finds the bytes from off on among the pieces of o's location.
func (r *resolver) piece(o *operand, off, size int64, signed bool) (*node, error) {
	var start int64
	pieces := o.loc.Pieces
	for _, p := range pieces {
		last := len(pieces) == 1 && p.Kind != elfsym.Missing
		if off < start || off >= start+p.Size && !last {
			start += p.Size
			continue
		}
		inner := off - start
		if inner+size > p.Size && !(last && (inner == 0 || p.Kind == elfsym.InMem)) {
			break
		}
		n := &node{op: opPiece, piece: p, size: size, signed: signed, when: o.when}
		switch p.Kind {
		case elfsym.Missing:
			if o.typ != nil && isString(o.typ) {
				return &node{op: opMissing, when: atEntry}, nil
			}
			return nil, r.errorf(o.node, elfsym.ErrOptimizedOut, "%s cannot be read: %v", r.source(o.node), elfsym.ErrOptimizedOut)
		case elfsym.InMem:
			n.piece.Off += inner
		default:
			n.piece.Off = 0
			inner += p.Off
			if inner > 0 {
				n.size = 8
				n = combine(opShr, n, number(uint64(8*inner)))
			}
		}
		return n, nil
	}
	return nil, r.errorf(o.node, elfsym.ErrUnsupportedClass, "%s is spread over %d places and cannot be read as one value", describe(o.typ), len(pieces))
}

// scalar returns o's value as one word.
func (r *resolver) scalar(o *operand) (*node, error) {
	switch {
	case o.null:
		return number(0), nil
	case o.cst != nil:
		return r.constant(o, o.typ)
	case o.val != nil:
		return o.val, nil
	case o.text != nil:
		return nil, r.errorf(o.node, nil, "%s is text, not a number", r.source(o.node))
	}
	switch t := o.typ; {
	case t.Kind == elfsym.KindBool, isInteger(t), isAddress(t):
	case t.Kind == elfsym.KindFloat:
		return nil, r.errorf(o.node, elfsym.ErrUnsupportedClass, "%s is floating point: it can be shown and compared, not calculated with", r.source(o.node))
	default:
		return nil, r.errorf(o.node, elfsym.ErrUnsupportedClass, "%s is not an integer", describe(t))
	}
	if o.typ.Size < 1 || o.typ.Size > 8 {
		return nil, r.errorf(o.node, elfsym.ErrUnsupportedClass, "%s has %d bytes: integers of up to 8 can be read", describe(o.typ), o.typ.Size)
	}
	if o.bitSize > 0 {
		return r.bits(o)
	}
	return r.word(o, 0, o.typ.Size, isSigned(o.typ))
}

// bits returns a bit-field's value.
func (r *resolver) bits(o *operand) (*node, error) {
	end := o.bitOffset + o.bitSize
	if o.bitOffset < 0 || end > 64 {
		return nil, r.errorf(o.node, elfsym.ErrUnsupportedClass, "%s is a bit-field over more than 8 bytes", r.source(o.node))
	}
	size := max(o.typ.Size, (end+7)/8)
	n, err := r.word(o, 0, size, false)
	if err != nil {
		return nil, err
	}
	if left := 64 - end; left > 0 {
		n = combine(opShl, n, number(uint64(left)))
	}
	n = combine(opShr, n, number(uint64(64-o.bitSize)))
	n.signed = isSigned(o.typ)
	return n, nil
}

// integer returns o as a number to calculate with, and its type.
func (r *resolver) integer(o *operand) (*node, *elfsym.Type, error) {
	n, err := r.scalar(o)
	if err != nil {
		return nil, nil, err
	}
	if o.typ == nil || !isInteger(o.typ) && !isAddress(o.typ) {
		return nil, nil, r.errorf(o.node, nil, "%s is %s, not a number", r.source(o.node), describe(o.typ))
	}
	return n, o.typ, nil
}

// truth returns o as a truth value.
func (r *resolver) truth(o *operand) (*node, error) {
	if o.cst != nil && o.cst.Kind() == constant.Bool {
		return r.constant(o, typeBool)
	}
	if o.typ == nil || o.typ.Kind != elfsym.KindBool {
		return nil, r.errorf(o.node, nil, "%s is neither true nor false: compare it with something", r.source(o.node))
	}
	return r.scalar(o)
}

// computed is an operand that holds a calculation's result.
func computed(n ast.Expr, t *elfsym.Type, val *node) *operand {
	return &operand{node: n, typ: t, val: val}
}

func isString(t *elfsym.Type) bool {
	return t.Kind == elfsym.KindString || t.Kind == elfsym.KindStr
}
