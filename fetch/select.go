package fetch

import (
	"go/ast"
	"go/constant"
	"strings"

	"github.com/latchprof/latch/elfsym"
)

// maxEmbedded bounds the search for a field through embedded structs and base
// classes.
const maxEmbedded = 16

// selector resolves x.name: a field, through pointers, or a constant of Go's
// package time.
func (r *resolver) selector(n *ast.SelectorExpr) (*operand, error) {
	if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && r.param("time") == nil {
		ns, ok := durations[n.Sel.Name]
		if !ok {
			return nil, r.errorf(n.Sel, nil, "no time.%s: there are Nanosecond, Microsecond, Millisecond, Second, Minute and Hour", n.Sel.Name)
		}
		return &operand{node: n, cst: constant.MakeInt64(ns)}, nil
	}
	x, err := r.resolve(n.X)
	if err != nil {
		return nil, err
	}
	o, err := r.structure(n, x)
	if err != nil {
		return nil, err
	}
	if o.typ.Kind == elfsym.KindVariant {
		return r.variant(n, o)
	}
	path, names, err := findField(o.typ, n.Sel.Name)
	if err != nil {
		return nil, r.errorf(n.Sel, err, "%s: %v", n.Sel.Name, err)
	}
	if path == nil {
		return nil, r.errorf(n.Sel, nil, "%s has no field %q: there %s", describe(o.typ), n.Sel.Name, listed(names))
	}
	for i, f := range path {
		if i > 0 {
			if o, err = r.structure(n, o); err != nil {
				return nil, err
			}
		}
		field := *o
		field.node, field.typ, field.off = n, f.Type, o.off+f.Offset
		field.bitSize, field.bitOffset = f.BitSize, f.BitOffset
		if o, err = r.referred(&field); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// structure follows pointers from x to a struct.
func (r *resolver) structure(n *ast.SelectorExpr, x *operand) (*operand, error) {
	for i := 0; i < maxEmbedded; i++ {
		if x.typ == nil {
			break
		}
		switch x.typ.Kind {
		case elfsym.KindStruct, elfsym.KindUnion, elfsym.KindVariant:
			if x.addr == nil && x.loc == nil {
				return nil, r.errorf(n, nil, "%s has no place to read a field from", r.source(n.X))
			}
			return x, nil
		case elfsym.KindInterface:
			return nil, r.errorf(n, elfsym.ErrUnsupportedClass, "%s is an interface: say what it holds, as in %s.(*main.T).%s", r.source(n.X), r.source(n.X), n.Sel.Name)
		case elfsym.KindPointer:
			to, err := r.pointee(n.X, x)
			if err != nil {
				return nil, err
			}
			x = to
			continue
		}
		break
	}
	return nil, r.errorf(n, nil, "%s is %s, which has no fields", r.source(n.X), describe(x.typ))
}

// findField looks for name in t, then in what t embeds, level by level. It
// returns the fields that lead there, or the names that exist.
func findField(t *elfsym.Type, name string) (path []elfsym.Field, names []string, err error) {
	type level struct {
		t    *elfsym.Type
		path []elfsym.Field
	}
	seen := map[*elfsym.Type]bool{}
	for levels, depth := []level{{t: t}}, 0; len(levels) > 0 && depth < maxEmbedded; depth++ {
		var next []level
		for _, l := range levels {
			if seen[l.t] {
				continue
			}
			seen[l.t] = true
			fields, err := l.t.Fields()
			if err != nil {
				return nil, nil, err
			}
			for _, f := range fields {
				if f.Type == nil {
					continue
				}
				to := append(l.path[:len(l.path):len(l.path)], f)
				if f.Name == name {
					return to, nil, nil
				}
				if f.Name != "" && f.Name != "_" {
					names = append(names, f.Name)
				}
				if !f.Embedded {
					continue
				}
				in := f.Type
				if in.Kind == elfsym.KindPointer {
					if in, err = in.Elem(); err != nil {
						return nil, nil, err
					}
				}
				if in != nil && (in.Kind == elfsym.KindStruct || in.Kind == elfsym.KindUnion) {
					next = append(next, level{in, to})
				}
			}
		}
		levels = next
	}
	return nil, names, nil
}

// deref resolves *x.
func (r *resolver) deref(n *ast.StarExpr) (*operand, error) {
	x, err := r.resolve(n.X)
	if err != nil {
		return nil, err
	}
	return r.pointee(n, x)
}

// pointee is what the pointer x points to.
func (r *resolver) pointee(n ast.Expr, x *operand) (*operand, error) {
	if x.typ == nil || x.typ.Kind != elfsym.KindPointer {
		if x.typ != nil && x.typ == typeUint64 {
			return nil, r.errorf(n, nil, "the type behind %s is not known: say it, as in *(*uint32)(%s)", r.source(x.node), r.source(x.node))
		}
		return nil, r.errorf(n, nil, "%s is not a pointer, but %s", r.source(x.node), describe(x.typ))
	}
	elem, err := x.typ.Elem()
	if err != nil {
		return nil, r.errorf(n, err, "what %s points to: %v", r.source(x.node), err)
	}
	if elem == nil || elem.Kind == elfsym.KindVoid {
		return nil, r.errorf(n, nil, "what %s points to has no type: say it, as in *(*uint32)(%s)", r.source(x.node), r.source(x.node))
	}
	addr, err := r.scalar(x)
	if err != nil {
		return nil, err
	}
	return r.referred(&operand{node: n, typ: elem, addr: addr})
}

// index resolves x[i].
func (r *resolver) index(n *ast.IndexExpr) (*operand, error) {
	x, err := r.resolve(n.X)
	if err != nil {
		return nil, err
	}
	if x.typ == nil {
		return nil, r.errorf(n.X, nil, "a constant has no elements")
	}
	if x, err = r.array(x); err != nil {
		return nil, err
	}
	if x.typ.Kind == elfsym.KindMap {
		return nil, r.errorf(n.X, elfsym.ErrUnsupportedClass, "%s is a map, of which only the length can be read: len(%s)", r.source(n.X), r.source(n.X))
	}
	i, err := r.resolve(n.Index)
	if err != nil {
		return nil, err
	}
	idx, err := r.indexWord(n, x, i)
	if err != nil {
		return nil, err
	}
	if base, length, elem, ok, err := r.sequence(x); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return &operand{node: n, typ: elem, addr: offset(base, combine(opBounded, idx, length), elem.Size)}, nil
	}
	elem := typeByte
	if !isString(x.typ) {
		if elem, err = x.typ.Elem(); err != nil {
			return nil, r.errorf(n.X, err, "the elements of %s: %v", r.source(n.X), err)
		}
		if elem == nil || elem.Size <= 0 {
			return nil, r.errorf(n.X, nil, "%s is %s, which has no elements of a known size", r.source(n.X), describe(x.typ))
		}
	}
	switch x.typ.Kind {
	case elfsym.KindArray:
		return r.arrayElem(n, x, elem, idx)
	case elfsym.KindPointer:
		base, err := r.scalar(x)
		if err != nil {
			return nil, err
		}
		return r.referred(&operand{node: n, typ: elem, addr: offset(base, idx, elem.Size)})
	case elfsym.KindSlice, elfsym.KindString, elfsym.KindStr:
		base, err := r.word(x, 0, 8, false)
		if err != nil {
			return nil, err
		}
		length, err := r.lengthWord(n, x)
		if err != nil {
			return nil, err
		}
		// A negative index is a large one, and thus out of bounds too.
		at := combine(opBounded, idx, length)
		return &operand{node: n, typ: elem, addr: offset(base, at, elem.Size)}, nil
	}
	return nil, r.errorf(n.X, elfsym.ErrUnsupportedClass, "%s is %s, whose elements cannot be read", r.source(n.X), describe(x.typ))
}

// array follows pointers to what has elements: in Go and Rust an index into a
// pointer to an array is the array's, and in Rust one into a reference is that
// of what it refers to. In C it is the pointer's.
func (r *resolver) array(x *operand) (*operand, error) {
	for range maxEmbedded {
		if x.typ == nil || x.typ.Kind != elfsym.KindPointer || r.env.Lang != elfsym.LangGo && r.env.Lang != elfsym.LangRust {
			break
		}
		elem, err := x.typ.Elem()
		follow := err == nil && elem != nil && elem.Kind == elfsym.KindArray
		if !follow && (r.env.Lang != elfsym.LangRust || !strings.HasPrefix(x.typ.Name, "&")) {
			break
		}
		if x, err = r.pointee(x.node, x); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// indexWord is an index as a word.
func (r *resolver) indexWord(n *ast.IndexExpr, x, i *operand) (*node, error) {
	if i.cst != nil {
		word, err := r.constant(i, nil)
		if err == nil && constant.Sign(i.cst) < 0 && x.typ.Kind != elfsym.KindPointer {
			err = r.errorf(n.Index, nil, "an index cannot be negative")
		}
		return word, err
	}
	word, _, err := r.integer(i)
	return word, err
}

// arrayElem is an element of an array, which may lie in registers.
func (r *resolver) arrayElem(n *ast.IndexExpr, x *operand, elem *elfsym.Type, idx *node) (*operand, error) {
	if idx.op == opConst {
		if x.typ.Len >= 0 && idx.num >= uint64(x.typ.Len) {
			return nil, r.errorf(n.Index, nil, "%s has %d elements", r.source(n.X), x.typ.Len)
		}
		if idx.num > 1<<40/uint64(elem.Size) {
			return nil, r.errorf(n.Index, nil, "this index is too large")
		}
		o := *x
		o.node, o.typ, o.off = n, elem, x.off+int64(idx.num)*elem.Size
		return &o, nil
	}
	base, err := r.address(n, x)
	if err != nil {
		return nil, err
	}
	if x.typ.Len >= 0 {
		idx = combine(opBounded, idx, number(uint64(x.typ.Len)))
	}
	return &operand{node: n, typ: elem, addr: offset(base, idx, elem.Size)}, nil
}

// address is where a place in memory is.
func (r *resolver) address(n ast.Expr, x *operand) (*node, error) {
	if x.addr != nil {
		return guarded(plus(x.addr, x.off), x.holds), nil
	}
	if x.loc != nil && len(x.loc.Pieces) == 1 && x.loc.Pieces[0].Kind == elfsym.InMem {
		p := x.loc.Pieces[0]
		reg := &node{op: opPiece, piece: elfsym.Piece{Kind: elfsym.InReg, Reg: p.Reg, Size: 8}, size: 8, when: x.when}
		return guarded(plus(reg, p.Off+x.off), x.holds), nil
	}
	return nil, r.errorf(n, elfsym.ErrUnsupportedClass, "%s lies in registers: only a constant index can be read", r.source(x.node))
}

// offset is the address of the idx-th element of size bytes.
func offset(base, idx *node, size int64) *node {
	if idx.op == opConst {
		return plus(base, int64(idx.num)*size)
	}
	if size != 1 {
		idx = combine(opMul, idx, number(uint64(size)))
	}
	return combine(opAdd, base, idx)
}
