package elfsym

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Limits on types.
const (
	maxFields      = 64 << 10
	maxEnumerators = 64 << 10
	maxDimensions  = 16
)

// Base type encodings (DWARF 5, table 7.11).
const (
	ateAddress      = 0x01
	ateBoolean      = 0x02
	ateComplexFloat = 0x03
	ateFloat        = 0x04
	ateSigned       = 0x05
	ateSignedChar   = 0x06
	ateUnsigned     = 0x07
	ateUnsignedChar = 0x08
	ateUTF          = 0x10
)

// typeRef returns the type that e's DW_AT_type names; void if it has none.
func (d *dwarfInfo) typeRef(e die) (*Type, error) {
	off, ok := e.val(dwarf.AttrType).(dwarf.Offset)
	if !ok {
		return &Type{Kind: KindVoid, Name: "void"}, nil
	}
	return d.typeAt(off)
}

// typeAt returns the type described at off. Types are kept, so that one
// description gives one *Type. The caller holds d.mu.
func (d *dwarfInfo) typeAt(off dwarf.Offset) (*Type, error) {
	if t, ok := d.types[off]; ok {
		return t, nil
	}
	t, err := d.readType(off)
	if err != nil {
		return nil, err
	}
	d.types[off] = t
	return t, nil
}

// later returns a function that does what f does under d's lock, with its
// panics and its errors kept, as Type.Elem and Type.Fields need it.
func later[T any](d *dwarfInfo, f func() (T, error)) func() (T, error) {
	var v T
	var err error
	done := false
	return func() (T, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !done {
			done = true
			func() {
				defer recoverDWARF(&err)
				v, err = f()
			}()
		}
		return v, err
	}
}

// readType reads the type at off. A typedef or qualifier becomes a copy of
// what it stands for under its own name.
func (d *dwarfInfo) readType(off dwarf.Offset) (*Type, error) {
	name, e, err := d.strip(off)
	if err != nil || e == nil {
		return &Type{Kind: KindVoid, Name: name}, err
	}
	t := &Type{Name: name, info: d}
	t.descriptor, _ = e.Val(attrGoRuntimeType).(uint64)
	t.Size, _ = e.Val(dwarf.AttrByteSize).(int64)
	if t.Size < 0 {
		return nil, fmt.Errorf("%w: type %s of size %d", ErrMalformed, name, t.Size)
	}
	switch e.Tag {
	case dwarf.TagBaseType:
		d.baseType(t, e)
	case dwarf.TagPointerType, dwarf.TagReferenceType, dwarf.TagRvalueReferenceType:
		t.Kind, t.Size = KindPointer, 8
		d.setElem(t, e)
		goReference(t, e)
	case dwarf.TagTypedef:
		goReference(t, e)
		if off, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok && t.Kind == KindInterface {
			t.EmptyInterface = d.typeName(off, 0) == "runtime.eface"
		}
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagInterfaceType:
		return t, d.structType(t, e)
	case dwarf.TagUnionType:
		t.Kind = KindUnion
		d.setRust(t, e)
		d.setPassing(t, e)
		d.setFields(t, e)
	case dwarf.TagEnumerationType:
		return t, d.enumType(t, e)
	case dwarf.TagArrayType:
		return t, d.arrayType(t, e, 0)
	case dwarf.TagSubroutineType:
		t.Kind, t.Size = KindFunc, 8
	case dwarf.TagPtrToMemberType:
		t.Kind = KindUnknown
		if t.Size == 0 {
			t.Size = 8
		}
	case dwarf.TagUnspecifiedType:
		// C++'s decltype(nullptr) is passed as a pointer; Rust's () and !
		// have size 0.
		if t.Kind = KindVoid; strings.Contains(name, "nullptr") {
			t.Kind, t.Size = KindPointer, 8
		}
	default:
		t.Kind = KindUnknown
	}
	return t, nil
}

// strip follows typedefs and qualifiers from off to the type itself, which is
// nil for void, and returns the name as the source writes it.
func (d *dwarfInfo) strip(off dwarf.Offset) (string, *dwarf.Entry, error) {
	name := d.typeName(off, 0)
	for range maxTypedefHops {
		e, err := d.entryAt(off)
		if err != nil {
			return name, nil, err
		}
		switch e.Tag {
		case dwarf.TagTypedef, dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType,
			dwarf.TagAtomicType, dwarf.TagPackedType, dwarf.TagSharedType, dwarf.TagTemplateAlias, dwarf.TagImmutableType:
			next, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
			if kind := goKind(e); ok && (kind == reflect.Interface || kind == reflect.Map || kind == reflect.Chan || kind == reflect.Func) {
				return name, e, nil
			}
			if !ok {
				return name, nil, nil
			}
			off = next
		default:
			return name, e, nil
		}
	}
	return name, nil, fmt.Errorf("%w: typedefs of %s go in a circle", ErrMalformed, name)
}

// typeName returns the source's name for the type at off.
func (d *dwarfInfo) typeName(off dwarf.Offset, depth int) string {
	e, err := d.entryAt(off)
	if err != nil || depth > maxTypeNameRecursion {
		return "?"
	}
	name, _ := e.Val(dwarf.AttrName).(string)
	inner := func(void string) string {
		if next, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
			return d.typeName(next, depth+1)
		}
		return void
	}
	switch {
	case e.Tag == dwarf.TagTypedef && strings.HasPrefix(name, ".param"):
		return inner("?") // Go's name for a type parameter
	case name != "":
		if rust, _ := d.rustEntry(off); rust {
			return rustName(name)
		}
		return name
	}
	switch e.Tag {
	case dwarf.TagPointerType:
		return pointerName(inner("void"), "*")
	case dwarf.TagReferenceType:
		return pointerName(inner("void"), "&")
	case dwarf.TagRvalueReferenceType:
		return pointerName(inner("void"), "&&")
	case dwarf.TagConstType:
		return qualified("const", inner("void"))
	case dwarf.TagVolatileType:
		return qualified("volatile", inner("void"))
	case dwarf.TagRestrictType:
		return inner("void")
	case dwarf.TagAtomicType:
		return qualified("_Atomic", inner("void"))
	case dwarf.TagArrayType:
		if rust, _ := d.rustEntry(off); rust {
			return d.rustArray(e, inner("?"))
		}
		return inner("?") + "[]"
	case dwarf.TagSubroutineType:
		return inner("void") + " ()"
	case dwarf.TagStructType:
		return "struct {...}"
	case dwarf.TagClassType:
		return "class {...}"
	case dwarf.TagUnionType:
		return "union {...}"
	case dwarf.TagEnumerationType:
		return "enum {...}"
	}
	return "?"
}

func pointerName(elem, mark string) string {
	if result, ok := strings.CutSuffix(elem, " ()"); ok {
		return result + " (" + mark + ")()"
	}
	if strings.HasSuffix(elem, "*") || strings.HasSuffix(elem, "&") {
		return elem + mark
	}
	return elem + " " + mark
}

// qualified puts a qualifier where C does: before a name, behind a star.
func qualified(q, elem string) string {
	if strings.HasSuffix(elem, "*") {
		return elem + " " + q
	}
	return q + " " + elem
}

func goKind(e *dwarf.Entry) reflect.Kind {
	k, _ := e.Val(attrGoKind).(int64)
	if k < 0 || k > int64(reflect.UnsafePointer) {
		return reflect.Invalid
	}
	return reflect.Kind(k)
}

func (d *dwarfInfo) baseType(t *Type, e *dwarf.Entry) {
	enc, _ := e.Val(dwarf.AttrEncoding).(int64)
	switch enc {
	case ateBoolean:
		t.Kind = KindBool
	case ateSigned, ateSignedChar:
		t.Kind = KindInt
	case ateAddress, ateUnsigned, ateUnsignedChar, ateUTF:
		t.Kind = KindUint
	case ateFloat:
		t.Kind = KindFloat
	case ateComplexFloat:
		t.Kind = KindComplex
	}
	if enc == ateUnsigned && t.Size == 0 {
		t.Kind = KindVoid // Rust's ()
	}
}

// setElem lets t's element be the DW_AT_type of e.
func (d *dwarfInfo) setElem(t *Type, e *dwarf.Entry) {
	off, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
	if ok {
		t.elem = later(d, func() (*Type, error) { return d.typeAt(off) })
	}
}

// goReference gives Go's maps, channels, functions and interfaces their
// kinds: Go describes them as typedefs of, or pointers to, what they are
// inside.
func goReference(t *Type, e *dwarf.Entry) {
	switch goKind(e) {
	case reflect.Map:
		t.Kind, t.Size, t.elem = KindMap, 8, nil
	case reflect.Chan:
		t.Kind, t.Size, t.elem = KindChan, 8, nil
	case reflect.Func:
		t.Kind, t.Size, t.elem = KindFunc, 8, nil
	case reflect.Interface:
		t.Kind, t.Size, t.elem = KindInterface, 16, nil
	}
}

// enumType reads an enumeration.
func (d *dwarfInfo) enumType(t *Type, e *dwarf.Entry) error {
	t.Kind = KindEnum
	kids, err := d.children(e, func(tag dwarf.Tag) bool { return tag == dwarf.TagEnumerator }, maxEnumerators)
	if err != nil {
		return err
	}
	if off, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok {
		if _, u, err := d.strip(off); err == nil && u != nil {
			enc, _ := u.Val(dwarf.AttrEncoding).(int64)
			t.Signed = enc == ateSigned || enc == ateSignedChar
			if size, ok := u.Val(dwarf.AttrByteSize).(int64); ok && t.Size == 0 {
				t.Size = size
			}
		}
	} else {
		for _, k := range kids {
			if v, ok := k.Val(dwarf.AttrConstValue).(int64); ok && v < 0 {
				t.Signed = true
			}
		}
	}
	for _, k := range kids {
		var v int64
		switch c := k.Val(dwarf.AttrConstValue).(type) {
		case int64:
			v = c
		case uint64:
			v = int64(c)
		default:
			continue
		}
		if shift := 64 - 8*t.Size; t.Signed && shift > 0 && shift < 64 {
			v = v << shift >> shift // rustc 1.63 writes an i8's -1 as 255
		}
		name, _ := k.Val(dwarf.AttrName).(string)
		t.Enum = append(t.Enum, Enumerator{Name: name, Value: v})
	}
	return nil
}

// arrayType reads the dimensions of an array from the dim-th on.
func (d *dwarfInfo) arrayType(t *Type, e *dwarf.Entry, dim int) error {
	t.Kind, t.Len = KindArray, -1
	dims, err := d.children(e, func(tag dwarf.Tag) bool {
		return tag == dwarf.TagSubrangeType || tag == dwarf.TagEnumerationType
	}, maxDimensions)
	if err != nil {
		return err
	}
	off, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
	if !ok {
		return fmt.Errorf("%w: array of nothing at %#x", ErrMalformed, e.Offset)
	}
	t.vector, _ = e.Val(attrGNUVector).(bool)
	for i := range dims {
		n := dimension(dims[i])
		if i >= dim && n < 0 {
			// Only the outermost may be open (T x[]), and it has no size.
			t.elem = d.rowType(t.Name, e, off, len(dims), dim)
			return nil
		}
	}
	if dim < len(dims) {
		t.Len = dimension(dims[dim])
	}
	t.elem = d.rowType(t.Name, e, off, len(dims), dim)
	if t.Size != 0 && dim == 0 || t.Len < 0 {
		return nil
	}
	elem, err := d.sizeOf(off, 0)
	if err != nil {
		return err
	}
	t.Size = elem
	for _, sub := range dims[min(dim, len(dims)):] {
		n := dimension(sub)
		if n < 0 || n > 0 && t.Size > (1<<62)/n {
			return fmt.Errorf("%w: array %s has no size", ErrMalformed, t.Name)
		}
		t.Size *= n
	}
	return nil
}

// rowType returns how to find the type of the elements of dimension dim.
func (d *dwarfInfo) rowType(name string, e *dwarf.Entry, elem dwarf.Offset, dims, dim int) func() (*Type, error) {
	return later(d, func() (*Type, error) {
		if dim+1 >= dims {
			return d.typeAt(elem)
		}
		row := &Type{Name: name}
		return row, d.arrayType(row, e, dim+1)
	})
}

// dimension returns the number of elements, -1 when unknown.
func dimension(sub *dwarf.Entry) int64 {
	if n, ok := sub.Val(dwarf.AttrCount).(int64); ok && n >= 0 {
		return n
	}
	if n, ok := sub.Val(dwarf.AttrUpperBound).(int64); ok && n >= -1 && n < 1<<62 {
		return n + 1
	}
	return -1
}

var errDeep = errors.New("types nest too deeply")

// sizeOf returns the size of the type at off without making it.
func (d *dwarfInfo) sizeOf(off dwarf.Offset, depth int) (int64, error) {
	if depth > maxDimensions {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, errDeep)
	}
	_, e, err := d.strip(off)
	if err != nil || e == nil {
		return 0, err
	}
	size, ok := e.Val(dwarf.AttrByteSize).(int64)
	switch {
	case ok && size >= 0:
		return size, nil
	case e.Tag == dwarf.TagPointerType || e.Tag == dwarf.TagReferenceType || e.Tag == dwarf.TagSubroutineType || goKind(e) != 0:
		return 8, nil
	case e.Tag == dwarf.TagArrayType:
		next, _ := e.Val(dwarf.AttrType).(dwarf.Offset)
		size, err := d.sizeOf(next, depth+1)
		if err != nil {
			return 0, err
		}
		dims, err := d.children(e, func(tag dwarf.Tag) bool { return tag == dwarf.TagSubrangeType }, maxDimensions)
		for _, sub := range dims {
			n := max(dimension(sub), 0)
			if n > 0 && size > (1<<62)/n {
				return 0, fmt.Errorf("%w: array at %#x has no size", ErrMalformed, off)
			}
			size *= n
		}
		return size, err
	}
	return 0, nil
}
