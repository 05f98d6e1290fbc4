package elfsym

import (
	"debug/dwarf"
	"fmt"
	"strconv"
	"strings"
)

// setRust notes what rustc's layout of a struct or union depends on.
func (d *dwarfInfo) setRust(t *Type, e *dwarf.Entry) {
	t.entry = e
	_, t.std = d.rustEntry(e.Offset)
	t.align, _ = e.Val(dwarf.AttrAlignment).(int64)
}

// rustStruct recognises Rust's string references, slices and enums. Their
// names are no identifiers of C++.
func (d *dwarfInfo) rustStruct(t *Type, e *dwarf.Entry) error {
	d.setRust(t, e)
	name, _ := e.Val(dwarf.AttrName).(string)
	pointee, ref := strings.CutPrefix(name, "&")
	pointee = strings.TrimPrefix(pointee, "mut ")
	boxed, box := strings.CutPrefix(name, "alloc::boxed::Box<")
	switch {
	case ref && t.Size == 16 && pointee == "str":
		t.Kind = KindStr
		d.setSequence(t, true, d.fatPointer)
	case ref && t.Size == 16 && strings.HasPrefix(pointee, "["):
		t.Kind = KindSlice
		d.setSequence(t, false, d.fatPointer)
		seq := t.sequence
		t.elem = func() (*Type, error) {
			s, err := seq()
			return s.elem, err
		}
	case box && t.Size == 16 && strings.HasPrefix(boxed, "str"):
		d.setSequence(t, true, d.fatPointer)
	case box && t.Size == 16 && strings.HasPrefix(boxed, "["):
		d.setSequence(t, false, d.fatPointer)
	case strings.HasPrefix(name, "Vec<"):
		d.setSequence(t, false, d.vec)
	case name == "String":
		d.setSequence(t, true, d.stdString)
	case !ref:
		parts, err := d.children(e, func(tag dwarf.Tag) bool { return tag == dwarf.TagVariantPart }, 1)
		if err != nil || len(parts) == 0 {
			return err
		}
		t.Kind = KindVariant
		d.setVariants(t, parts[0])
	}
	return nil
}

// sequence is where a Rust sequence keeps its data.
type sequence struct {
	ptr, length int64
	elem        *Type // nil: the type has not the shape it should have
	text        bool
}

// setSequence lets t's sequence be found by find from t's description.
func (d *dwarfInfo) setSequence(t *Type, text bool, find func(*dwarf.Entry) (sequence, error)) {
	t.sequence = later(d, func() (sequence, error) {
		s, err := find(t.entry)
		if s.ptr < 0 || s.length < 0 || s.ptr > t.Size-8 || s.length > t.Size-8 {
			return sequence{}, err
		}
		s.text = text && s.elem != nil
		return s, err
	})
}

// RustSequence returns where a Rust String, Vec<T>, Box<str>, Box<[T]>, &str
// or slice keeps its data pointer and its length, both of 8 bytes, in bytes
// from the start of the value, and the element's type. text says that it is
// UTF-8 text. It is not ok for other types, nor for one of these names whose
// description has another shape than the standard library's.
func (t *Type) RustSequence() (ptr, length int64, elem *Type, text, ok bool) {
	if t.sequence == nil {
		return 0, 0, nil, false, false
	}
	s, err := t.sequence()
	if err != nil || s.elem == nil {
		return 0, 0, nil, false, false
	}
	return s.ptr, s.length, s.elem, s.text, true
}

// fatPointer reads a pointer to an unsized value, a struct of data_ptr and
// length. One to a trait object has pointer and vtable instead.
func (d *dwarfInfo) fatPointer(e *dwarf.Entry) (sequence, error) {
	data, err := d.member(e, "data_ptr")
	if err != nil || data.e == nil || data.e.Tag != dwarf.TagPointerType {
		return sequence{}, err
	}
	length, err := d.member(e, "length")
	if err != nil || !length.word() {
		return sequence{}, err
	}
	elem, err := d.typeRef(die{data.e})
	return sequence{ptr: data.off, length: length.off, elem: elem}, err
}

// stdString reads a String, which holds a Vec<u8>.
func (d *dwarfInfo) stdString(e *dwarf.Entry) (sequence, error) {
	vec, err := d.member(e, "vec")
	if err != nil || vec.e == nil || !strings.HasPrefix(d.typeName(vec.e.Offset, 0), "Vec<") {
		return sequence{}, err
	}
	s, err := d.vec(vec.e)
	s.ptr += vec.off
	s.length += vec.off
	return s, err
}

// vec reads a Vec: its length, and somewhere in its buffer the pointer, whose
// own type need not be T.
func (d *dwarfInfo) vec(e *dwarf.Entry) (sequence, error) {
	buf, err := d.member(e, "buf")
	if err != nil || buf.e == nil {
		return sequence{}, err
	}
	length, err := d.member(e, "len")
	if err != nil || !length.word() {
		return sequence{}, err
	}
	ptr, err := d.onlyPointer(buf)
	if err != nil || ptr.e == nil {
		return sequence{}, err
	}
	elem, err := d.typeParam(e, "T")
	return sequence{ptr: ptr.off, length: length.off, elem: elem}, err
}

// onlyPointer looks for a pointer through the members by which the standard
// library's versions have wrapped it: RawVec.inner, RawVecInner.ptr,
// Unique.pointer and NonNull.pointer.
func (d *dwarfInfo) onlyPointer(m member) (member, error) {
	for range maxDimensions {
		if m.e == nil || m.e.Tag == dwarf.TagPointerType {
			return m, nil
		}
		var next member
		for _, name := range []string{"inner", "ptr", "pointer"} {
			n, err := d.member(m.e, name)
			if err != nil {
				return member{}, err
			}
			if n.e != nil {
				if next.e != nil {
					return member{}, nil
				}
				next = n
				next.off += m.off
			}
		}
		m = next
	}
	return member{}, nil
}

// member is a member of a struct and the description of its type, nil where
// there is none.
type member struct {
	off int64
	e   *dwarf.Entry
}

// word reports whether m is an unsigned integer of 8 bytes.
func (m member) word() bool {
	if m.e == nil || m.e.Tag != dwarf.TagBaseType {
		return false
	}
	size, _ := m.e.Val(dwarf.AttrByteSize).(int64)
	enc, _ := m.e.Val(dwarf.AttrEncoding).(int64)
	return size == 8 && enc == ateUnsigned
}

// member returns the member of the struct e that has the name.
func (d *dwarfInfo) member(e *dwarf.Entry, name string) (member, error) {
	kids, err := d.children(e, func(tag dwarf.Tag) bool { return tag == dwarf.TagMember }, maxFields)
	if err != nil {
		return member{}, err
	}
	for _, k := range kids {
		typ, ok := k.Val(dwarf.AttrType).(dwarf.Offset)
		if n, _ := k.Val(dwarf.AttrName).(string); !ok || n != name {
			continue
		}
		off, ok := k.Val(dwarf.AttrDataMemberLoc).(int64)
		if !ok || off < 0 || off > 1<<32 {
			return member{}, nil
		}
		_, to, err := d.strip(typ)
		return member{off: off, e: to}, err
	}
	return member{}, nil
}

// typeParam returns the type that the generic struct e has for a parameter,
// nil where it has none of the name.
func (d *dwarfInfo) typeParam(e *dwarf.Entry, name string) (*Type, error) {
	kids, err := d.children(e, func(tag dwarf.Tag) bool { return tag == dwarf.TagTemplateTypeParameter }, maxParams)
	if err != nil {
		return nil, err
	}
	for _, k := range kids {
		if n, _ := k.Val(dwarf.AttrName).(string); n == name {
			return d.typeRef(die{k})
		}
	}
	return nil, nil
}

// rustArray returns the name of an array, which rustc gives none.
func (d *dwarfInfo) rustArray(e *dwarf.Entry, elem string) string {
	dims, err := d.children(e, func(tag dwarf.Tag) bool { return tag == dwarf.TagSubrangeType }, maxDimensions)
	if err != nil || len(dims) != 1 {
		return "[" + elem + "]"
	}
	return fmt.Sprintf("[%s; %d]", elem, dimension(dims[0]))
}

// rustName writes a type's name as the source does: without the modules that
// it imports from, and without parameters that it need not write.
func rustName(name string) string {
	for _, usual := range []string{"alloc::alloc::Global", "std::hash::random::RandomState", "std::collections::hash::map::RandomState"} {
		name = strings.ReplaceAll(name, ", "+usual+">", ">")
	}
	out, path := make([]byte, 0, len(name)), 0 // path is where the current path began in out
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case strings.HasPrefix(name[i:], "::"):
			out = out[:path]
			i++
		case c == '_', c == '#', c == '{', c == '}', c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80:
			out = append(out, c)
		default:
			out = append(out, c)
			path = len(out)
		}
	}
	return string(out)
}

// rustcVersion reads the n of version 1.n from a DW_AT_producer such as
// "clang LLVM (rustc version 1.95.0 (59807616e 2026-04-14))"; 0 for other
// compilers.
func rustcVersion(producer string) int {
	_, after, _ := strings.Cut(producer, "rustc version 1.")
	minor, _, _ := strings.Cut(after, ".")
	n, err := strconv.Atoi(minor)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
