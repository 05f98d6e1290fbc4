package elfsym

import (
	"debug/dwarf"
	"strings"
)

// attrDefaulted and attrDeleted are DWARF 5's (table 7.5).
const (
	attrDeleted      = dwarf.Attr(0x8a)
	attrDefaulted    = dwarf.Attr(0x8b)
	defaultedInClass = 1 // DW_DEFAULTED_in_class
)

// passes returns how a value of type t is passed: C++ passes a class whose
// copying or destruction runs code by the address of a copy (Itanium C++ ABI,
// section 3.1.1). clang says so in DW_AT_calling_convention; for gcc the
// members tell.
func (t *Type) passes() (passing, error) {
	if t.passing == nil {
		return byValue, nil
	}
	return t.passing()
}

// setPassing lets t's passing be found from the class e.
func (d *dwarfInfo) setPassing(t *Type, e *dwarf.Entry) {
	cc, _ := e.Val(dwarf.AttrCalling).(int64)
	switch {
	case cc == ccPassByReference:
		t.passing = func() (passing, error) { return byReference, nil }
	case cc == ccPassByValue || !e.Children:
		t.passing = nil
	default:
		t.passing = later(d, func() (passing, error) { return d.classPassing(e, 0) })
	}
}

// classPassing reads a class's own functions, then its bases and members.
func (d *dwarfInfo) classPassing(e *dwarf.Entry, depth int) (passing, error) {
	if depth > maxDimensions {
		return byValue, errDeep
	}
	kids, err := d.children(e, func(tag dwarf.Tag) bool {
		return tag == dwarf.TagSubprogram || tag == dwarf.TagMember || tag == dwarf.TagInheritance
	}, maxFields)
	if err != nil {
		return byValue, err
	}
	name, _ := e.Val(dwarf.AttrName).(string)
	name, _, _ = strings.Cut(name, "<")
	for _, k := range kids {
		if by, err := d.memberPassing(e, k, name, depth); err != nil || by == byReference {
			return by, err
		}
	}
	return byValue, nil
}

// memberPassing tells what the member k of the class e means for passing it.
func (d *dwarfInfo) memberPassing(e, k *dwarf.Entry, class string, depth int) (passing, error) {
	if virtual, _ := k.Val(dwarf.AttrVirtuality).(int64); virtual != 0 {
		return byReference, nil
	}
	name, _ := k.Val(dwarf.AttrName).(string)
	if k.Tag != dwarf.TagSubprogram {
		if ext, _ := k.Val(dwarf.AttrExternal).(bool); ext || k.Val(dwarf.AttrDeclaration) != nil {
			return byValue, nil // static
		}
		off, ok := k.Val(dwarf.AttrType).(dwarf.Offset)
		if !ok {
			return byValue, nil
		}
		_, m, err := d.strip(off)
		if err != nil || m == nil || m.Tag != dwarf.TagStructType && m.Tag != dwarf.TagClassType {
			return byValue, err
		}
		switch cc, _ := m.Val(dwarf.AttrCalling).(int64); cc {
		case ccPassByReference:
			return byReference, nil
		case ccPassByValue:
			return byValue, nil
		}
		return d.classPassing(m, depth+1)
	}
	if name != class && name != "~"+class || class == "" {
		return byValue, nil
	}
	if art, _ := k.Val(dwarf.AttrArtificial).(bool); art {
		return byValue, nil // implicit: the members decide
	}
	if how, _ := k.Val(attrDefaulted).(int64); how == defaultedInClass {
		return byValue, nil
	}
	if deleted, _ := k.Val(attrDeleted).(bool); deleted {
		return byValue, nil // the other constructors decide
	}
	if name == class {
		copies, err := d.copies(e, k)
		if err != nil || !copies {
			return byValue, err
		}
	}
	return byReference, nil
}

// copies reports whether the constructor k of the class e is a copy or move
// constructor.
func (d *dwarfInfo) copies(e, k *dwarf.Entry) (bool, error) {
	params, err := d.children(k, isParam, maxParams)
	if err != nil || len(params) < 2 {
		return false, err
	}
	off, ok := params[1].Val(dwarf.AttrType).(dwarf.Offset)
	if !ok {
		return false, nil
	}
	_, ref, err := d.strip(off)
	if err != nil || ref == nil || ref.Tag != dwarf.TagReferenceType && ref.Tag != dwarf.TagRvalueReferenceType {
		return false, err
	}
	if off, ok = ref.Val(dwarf.AttrType).(dwarf.Offset); !ok {
		return false, nil
	}
	_, to, err := d.strip(off)
	return err == nil && to != nil && to.Offset == e.Offset, err
}
