package fetch

import (
	"go/ast"
	"go/constant"
	"go/token"

	"github.com/latchprof/latch/elfsym"
)

// call resolves conversions and the functions of the language.
func (r *resolver) call(n *ast.CallExpr) (*operand, error) {
	switch fun := unparen(n.Fun).(type) {
	case *ast.StarExpr:
		t, err := r.pointerType(fun)
		if err != nil {
			return nil, err
		}
		return r.toPointer(n, t)
	case *ast.Ident:
		if t, ok := basicTypes[fun.Name]; ok {
			return r.convert(n, t)
		}
		switch fun.Name {
		case "str":
			return r.str(n)
		case "len", "cap":
			return r.length(n, fun.Name)
		case "hasPrefix":
			return r.hasPrefix(n)
		case "log2":
			return r.log2(n)
		case "ntop":
			return r.ntop(n)
		}
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); ok && x.Name == "strings" && fun.Sel.Name == "HasPrefix" {
			return r.hasPrefix(n)
		}
	}
	return nil, r.errorf(n, nil, "no such function: there are str, len, cap, hasPrefix, log2, ntop and conversions such as int32(x)")
}

func unparen(e ast.Expr) ast.Expr {
	for {
		p, ok := e.(*ast.ParenExpr)
		if !ok {
			return e
		}
		e = p.X
	}
}

// argument resolves the only argument of a call.
func (r *resolver) argument(n *ast.CallExpr) (*operand, error) {
	if len(n.Args) != 1 {
		return nil, r.errorf(n, nil, "%s takes 1 argument, not %d", r.source(n.Fun), len(n.Args))
	}
	return r.resolve(n.Args[0])
}

// pointerType reads a type such as *uint32 or **int8.
func (r *resolver) pointerType(n *ast.StarExpr) (*elfsym.Type, error) {
	switch x := unparen(n.X).(type) {
	case *ast.StarExpr:
		if r.depth++; r.depth > maxNesting {
			return nil, r.errorf(n, nil, "the expression is nested too deep")
		}
		t, err := r.pointerType(x)
		if err != nil {
			return nil, err
		}
		return elfsym.PointerTo(t), nil
	case *ast.Ident:
		if t, ok := basicTypes[x.Name]; ok {
			return elfsym.PointerTo(t), nil
		}
	}
	return nil, r.errorf(n.X, elfsym.ErrUnsupportedClass, "only Go's basic types can be read from raw memory, not %s", r.source(n.X))
}

func (r *resolver) toPointer(n *ast.CallExpr, t *elfsym.Type) (*operand, error) {
	x, err := r.argument(n)
	if err != nil {
		return nil, err
	}
	val, err := r.addressWord(x)
	if err != nil {
		return nil, err
	}
	return computed(n, t, val), nil
}

// addressWord is x as an address.
func (r *resolver) addressWord(x *operand) (*node, error) {
	if x.cst != nil {
		return r.constant(x, typeUintptr)
	}
	val, err := r.scalar(x)
	if err != nil {
		return nil, err
	}
	if x.typ == nil || x.typ.Size != 8 || !isInteger(x.typ) && !isAddress(x.typ) {
		return nil, r.errorf(x.node, nil, "%s is %s, not an address", r.source(x.node), describe(x.typ))
	}
	return val, nil
}

// convert resolves int32(x) and its like.
func (r *resolver) convert(n *ast.CallExpr, t *elfsym.Type) (*operand, error) {
	x, err := r.argument(n)
	if err != nil {
		return nil, err
	}
	switch {
	case t.Kind == elfsym.KindString:
		return nil, r.errorf(n, nil, "string(x) cannot be read: str(p) and str(p, n) read text")
	case t.Kind == elfsym.KindFloat:
		return nil, r.errorf(n, elfsym.ErrUnsupportedClass, "%s(x): eBPF cannot calculate with floating point", t.Name)
	case t.Kind == elfsym.KindBool:
		val, err := r.truth(x)
		if err != nil {
			return nil, err
		}
		return computed(n, t, val), nil
	case x.cst != nil:
		return r.checked(&operand{node: n, typ: t, cst: x.cst})
	}
	val, _, err := r.integer(x)
	if err != nil {
		return nil, err
	}
	return computed(n, t, extended(val, t.Size, isSigned(t))), nil
}

// str resolves str(p) and str(p, n).
func (r *resolver) str(n *ast.CallExpr) (*operand, error) {
	if len(n.Args) != 1 && len(n.Args) != 2 {
		return nil, r.errorf(n, nil, "str takes a pointer and perhaps a length, not %d arguments", len(n.Args))
	}
	p, err := r.resolve(n.Args[0])
	if err != nil {
		return nil, err
	}
	if len(n.Args) == 1 && p.typ != nil && p.typ.Kind != elfsym.KindPointer {
		if t, ok, err := r.textOf(p); err != nil || ok {
			return &operand{node: n, typ: typeText, text: t}, err
		}
	}
	// What knows its own length is no longer than that.
	var ptr, length *node
	switch {
	case p.null:
		ptr = number(0)
	case p.typ != nil && (p.typ.Kind == elfsym.KindSlice || isString(p.typ)):
		if ptr, err = r.word(p, 0, 8, false); err == nil {
			length, err = r.lengthWord(n, p)
		}
	case p.typ != nil && p.typ.Kind == elfsym.KindStruct:
		var ok bool
		if ptr, length, _, ok, err = r.sequence(p); err == nil && !ok {
			err = r.errorf(n.Args[0], nil, "str needs a pointer, not %s", describe(p.typ))
		}
	case p.typ != nil && p.typ.Kind == elfsym.KindArray:
		ptr, err = r.address(n.Args[0], p)
	case p.typ != nil && p.typ.Size != 8:
		err = r.errorf(n.Args[0], nil, "str needs a pointer: %s has %d bytes", describe(p.typ), p.typ.Size)
	case p.typ != nil && !isInteger(p.typ) && p.typ.Kind != elfsym.KindPointer:
		err = r.errorf(n.Args[0], nil, "str needs a pointer, not %s", describe(p.typ))
	default:
		ptr, err = r.addressWord(p)
	}
	if err != nil {
		return nil, err
	}
	t := &text{ptr: ptr, len: length}
	if len(n.Args) == 2 {
		length, err := r.resolve(n.Args[1])
		if err != nil {
			return nil, err
		}
		switch {
		case length.cst != nil:
			t.len, err = r.constant(length, typeInt)
		case length.typ == nil || !isInteger(length.typ):
			err = r.errorf(n.Args[1], nil, "a length must be an integer, not %s", describe(length.typ))
		default:
			t.len, err = r.scalar(length)
		}
		if err != nil {
			return nil, err
		}
	}
	return &operand{node: n, typ: typeText, text: t}, nil
}

// length resolves len(x) and cap(x).
func (r *resolver) length(n *ast.CallExpr, name string) (*operand, error) {
	x, err := r.argument(n)
	if err != nil {
		return nil, err
	}
	if x, err = r.array(x); err != nil {
		return nil, err
	}
	if x.cst != nil && x.cst.Kind() == constant.String && name == "len" {
		return &operand{node: n, cst: constant.MakeInt64(int64(len(constant.StringVal(x.cst))))}, nil
	}
	if x.text != nil && x.text.len != nil && name == "len" {
		return computed(n, typeInt, x.text.len), nil
	}
	if x.typ == nil || x.text != nil && x.text.header == nil {
		return nil, r.errorf(n.Args[0], nil, "%s has no length that is known before it is read", r.source(n.Args[0]))
	}
	if x.text != nil {
		return computed(n, typeInt, load(x.text.header, 8, 8, true)), nil
	}
	var val *node
	switch k := x.typ.Kind; {
	case k == elfsym.KindArray && x.typ.Len >= 0:
		return &operand{node: n, cst: constant.MakeInt64(x.typ.Len)}, nil
	case k == elfsym.KindSlice && name == "cap" && x.typ.Size >= 24:
		val, err = r.word(x, 16, 8, true)
	case name == "len" && (k == elfsym.KindSlice || isString(x.typ)):
		val, err = r.lengthWord(n, x)
	case r.env.Lang == elfsym.LangGo && (k == elfsym.KindChan || k == elfsym.KindMap && name == "len"):
		// runtime.hmap and internal/runtime/maps.Map begin with the count,
		// runtime.hchan with the count and the capacity.
		if val, err = r.scalar(x); err == nil {
			off := int64(0)
			if name == "cap" {
				off = 8
			}
			val = counted(val, off, 8)
		}
	case name == "len" && k == elfsym.KindStruct:
		_, at, ok := stringFields(x.typ)
		if !ok {
			_, at, _, _, ok = x.typ.RustSequence()
		}
		if !ok {
			return nil, r.errorf(n.Args[0], nil, "%s is %s, which has no len", r.source(n.Args[0]), describe(x.typ))
		}
		val, err = r.word(x, at, 8, true)
	default:
		err = r.errorf(n.Args[0], nil, "%s is %s, which has no %s", r.source(n.Args[0]), describe(x.typ), name)
	}
	if err != nil {
		return nil, err
	}
	return computed(n, typeInt, val), nil
}

// lengthWord is the length of a slice or string, its second word.
func (r *resolver) lengthWord(n ast.Expr, x *operand) (*node, error) {
	if x.text == nil {
		return r.word(x, 8, 8, true)
	}
	switch {
	case x.text.len != nil:
		return x.text.len, nil
	case x.text.header != nil:
		return load(x.text.header, 8, 8, true), nil
	}
	return nil, r.errorf(n, nil, "%s has no length that is known before it is read", r.source(x.node))
}

func (r *resolver) hasPrefix(n *ast.CallExpr) (*operand, error) {
	if len(n.Args) != 2 {
		return nil, r.errorf(n, nil, "hasPrefix takes a text and a constant, not %d arguments", len(n.Args))
	}
	x, err := r.resolve(n.Args[0])
	if err != nil {
		return nil, err
	}
	y, err := r.resolve(n.Args[1])
	if err != nil {
		return nil, err
	}
	if y.cst == nil || y.cst.Kind() != constant.String {
		return nil, r.errorf(n.Args[1], nil, "the prefix must be a constant, as in hasPrefix(x, \"/api\")")
	}
	return r.matches(n, x, constant.StringVal(y.cst), true)
}

// log2 resolves log2(x), the largest power of two that is not above x; 0 for
// what is below 1.
func (r *resolver) log2(n *ast.CallExpr) (*operand, error) {
	x, err := r.argument(n)
	if err != nil {
		return nil, err
	}
	if x.cst != nil {
		if x.cst.Kind() != constant.Int {
			return nil, r.errorf(n.Args[0], nil, "%s is not a whole number", r.source(n.Args[0]))
		}
		v := constant.MakeInt64(0)
		if constant.Sign(x.cst) > 0 {
			v = constant.Shift(constant.MakeInt64(1), token.SHL, uint(constant.BitLen(x.cst)-1))
		}
		return r.checked(&operand{node: n, typ: x.typ, cst: v})
	}
	a, t, err := r.integer(x)
	if err != nil {
		return nil, err
	}
	val := combine(opLog2, a)
	val.signed = isSigned(t)
	return computed(n, counting(t), val), nil
}
