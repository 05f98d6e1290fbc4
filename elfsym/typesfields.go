package elfsym

import (
	"debug/dwarf"
	"reflect"
)

// structType reads a struct or class, which in Go and Rust may be something
// the language itself knows.
func (d *dwarfInfo) structType(t *Type, e *dwarf.Entry) error {
	t.Kind = KindStruct
	d.setPassing(t, e)
	d.setFields(t, e)
	switch goKind(e) {
	case reflect.String:
		t.Kind = KindString
		return nil
	case reflect.Slice:
		t.Kind = KindSlice
		if off, ok := e.Val(attrGoElem).(dwarf.Offset); ok {
			t.elem = later(d, func() (*Type, error) { return d.typeAt(off) })
		}
		return nil
	case reflect.Interface:
		t.Kind = KindInterface
		return nil
	case reflect.Invalid:
		return d.rustStruct(t, e)
	}
	return nil
}

// setFields lets t's fields be the members of e, aligned as e says.
func (d *dwarfInfo) setFields(t *Type, e *dwarf.Entry) {
	t.align, _ = e.Val(attrAlignment).(int64)
	t.fields = later(d, func() ([]Field, error) {
		kids, err := d.children(e, func(tag dwarf.Tag) bool {
			return tag == dwarf.TagMember || tag == dwarf.TagInheritance
		}, maxFields)
		if err != nil {
			return nil, err
		}
		var out []Field
		for _, k := range kids {
			f, ok, err := d.field(k)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, f)
			}
		}
		return out, nil
	})
}

// field reads a member. It is false for static members and for virtual bases,
// whose place is known only at run time.
func (d *dwarfInfo) field(e *dwarf.Entry) (Field, bool, error) {
	f := Field{}
	f.align, _ = e.Val(attrAlignment).(int64)
	f.Name, _ = e.Val(dwarf.AttrName).(string)
	if ext, _ := e.Val(dwarf.AttrExternal).(bool); ext {
		return f, false, nil
	}
	if decl, _ := e.Val(dwarf.AttrDeclaration).(bool); decl {
		return f, false, nil
	}
	if virtual, _ := e.Val(dwarf.AttrVirtuality).(int64); virtual != 0 && e.Tag == dwarf.TagInheritance {
		return f, false, nil
	}
	switch off := e.Val(dwarf.AttrDataMemberLoc).(type) {
	case int64:
		f.Offset = off
	case []byte:
		r := dwarfBytes{b: off}
		if r.fixed(1) != opPlusUconst {
			return f, false, nil
		}
		if f.Offset = int64(r.uleb()); r.bad {
			return f, false, nil
		}
	}
	var err error
	if f.Type, err = d.typeRef(die{e}); err != nil {
		return f, false, err
	}
	f.Embedded = e.Tag == dwarf.TagInheritance || f.Name == "" && e.Tag == dwarf.TagMember
	if v, ok := e.Val(attrGoEmbedded).(bool); ok {
		f.Embedded = v
	}
	if f.Embedded && f.Name == "" && e.Tag == dwarf.TagInheritance {
		f.Name = f.Type.Name
	}
	bitField(&f, e)
	return f, true, nil
}

// bitField sets the bits of a bit-field: DW_AT_data_bit_offset counts from the
// start of the struct (DWARF 4 and 5), DW_AT_bit_offset from the most
// significant bit of the storage unit (DWARF 2 and 3, and clang for gdb), and
// is negative where a packed field goes on behind the unit.
func bitField(f *Field, e *dwarf.Entry) {
	size, ok := e.Val(dwarf.AttrBitSize).(int64)
	if !ok || size <= 0 || size > 64 || f.Type.Size <= 0 || f.Type.Size > 8 {
		return
	}
	unit := 8 * f.Type.Size
	start, ok := e.Val(dwarf.AttrDataBitOffset).(int64)
	if big, old := e.Val(dwarf.AttrBitOffset).(int64); !ok && old {
		storage := unit
		if n, ok := e.Val(dwarf.AttrByteSize).(int64); ok && n > 0 && n <= 8 {
			storage = 8 * n
		}
		start, ok = storage-big-size, true
	}
	if !ok || start < 0 {
		return
	}
	start += 8 * f.Offset
	f.Offset = start / unit * f.Type.Size
	if start%unit+size > unit { // packed across units
		f.Offset = start / 8
	}
	f.BitSize, f.BitOffset = size, start-8*f.Offset
}
