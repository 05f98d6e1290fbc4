package elfsym

import (
	"debug/dwarf"
	"errors"
	"fmt"
)

// Limits on variants.
const (
	maxVariants = 64 << 10 // of one enum
	maxRanges   = 4 << 10  // of one variant's discriminant
)

// Variants is how a Rust enum with data tells its variants apart.
type Variants struct {
	// Discr is where the discriminant is, an integer within the value. Its
	// Type is nil where at most one variant can exist.
	Discr Field
	// List are the variants in the order of the source. Those that cannot
	// exist, such as the Err of a Result<T, Infallible>, are left out where
	// there is no discriminant.
	List []Variant
}

// A Variant is one of the shapes of an enum with data.
type Variant struct {
	Name string
	// Ranges are the discriminant's values for it, both ends included, as
	// unsigned numbers cut to the discriminant's size. None means all values
	// that no other variant has: the variant in whose data the niche lies, or
	// the only one.
	Ranges [][2]uint64
	// Field is its payload, a struct of fields named __0, __1, ... or as the
	// source names them. A variant without data has a struct without fields.
	Field Field
}

// errWideDiscr says that a discriminant is too wide to be compared.
var errWideDiscr = errors.New("the discriminant has more than 8 bytes")

// Variants returns how the variants of a KindVariant are told apart; nil for
// other kinds. A discriminant of more than 8 bytes, as in an Option<u128>, is
// an error.
func (t *Type) Variants() (*Variants, error) {
	if t.variants == nil {
		return nil, nil
	}
	return t.variants()
}

// setVariants lets t's variants be those of the DW_TAG_variant_part part.
func (d *dwarfInfo) setVariants(t *Type, part *dwarf.Entry) {
	t.variants = later(d, func() (*Variants, error) {
		v, err := d.readVariants(part)
		if err != nil {
			return nil, fmt.Errorf("variants of %s: %w", t.Name, err)
		}
		return v, nil
	})
}

func (d *dwarfInfo) readVariants(part *dwarf.Entry) (*Variants, error) {
	kids, err := d.children(part, func(tag dwarf.Tag) bool { return tag == dwarf.TagVariant }, maxVariants)
	if err != nil {
		return nil, err
	}
	v := new(Variants)
	if off, ok := part.Val(dwarf.AttrDiscr).(dwarf.Offset); ok {
		if v.Discr, err = d.discriminant(off); err != nil {
			return nil, err
		}
	}
	others := 0
	for _, k := range kids {
		one, err := d.variant(k, v.Discr.Type)
		if err != nil {
			return nil, err
		}
		if v.Discr.Type == nil && d.impossible(one.Field.Type, map[dwarf.Offset]bool{}) {
			continue
		}
		if len(one.Ranges) == 0 {
			others++
		}
		v.List = append(v.List, one)
	}
	if others > 1 {
		return nil, fmt.Errorf("%w: %d variants have no discriminant", ErrMalformed, others)
	}
	return v, nil
}

// discriminant reads the member at off, an integer of up to 8 bytes.
func (d *dwarfInfo) discriminant(off dwarf.Offset) (Field, error) {
	e, err := d.entryAt(off)
	if err != nil {
		return Field{}, err
	}
	f, ok, err := d.field(e)
	if err != nil {
		return Field{}, err
	}
	if !ok || e.Tag != dwarf.TagMember || f.BitSize != 0 || f.Type.Size <= 0 || f.Offset < 0 {
		return Field{}, fmt.Errorf("%w: no discriminant at %#x", ErrMalformed, off)
	}
	switch f.Type.Kind {
	case KindInt, KindUint, KindBool, KindEnum, KindPointer:
	default:
		return Field{}, fmt.Errorf("%w: discriminant of type %s", ErrMalformed, f.Type.Name)
	}
	if f.Type.Size > 8 {
		return Field{}, errWideDiscr
	}
	return f, nil
}

// variant reads a DW_TAG_variant.
func (d *dwarfInfo) variant(e *dwarf.Entry, discr *Type) (Variant, error) {
	var v Variant
	members, err := d.children(e, func(tag dwarf.Tag) bool { return tag == dwarf.TagMember }, maxFields)
	if err != nil {
		return v, err
	}
	if len(members) != 1 {
		return v, fmt.Errorf("%w: variant at %#x with %d payloads", ErrMalformed, e.Offset, len(members))
	}
	var ok bool
	if v.Field, ok, err = d.field(members[0]); err != nil || !ok {
		return v, errors.Join(err, fmt.Errorf("%w: variant at %#x without a place", ErrMalformed, e.Offset))
	}
	// A coroutine's states are numbered; their types have the names.
	if v.Name = v.Field.Name; v.Name == "" || v.Name[0] >= '0' && v.Name[0] <= '9' {
		v.Name = v.Field.Type.Name
	}
	if discr != nil {
		v.Ranges, err = discrRanges(e, discr)
	}
	return v, err
}

// discrRanges returns the values of DW_AT_discr_value or DW_AT_discr_list,
// cut to the size of the discriminant.
func discrRanges(e *dwarf.Entry, discr *Type) ([][2]uint64, error) {
	mask := ^uint64(0) >> (64 - 8*discr.Size)
	switch c := e.Val(dwarf.AttrDiscrValue).(type) {
	case int64:
		return [][2]uint64{{uint64(c) & mask, uint64(c) & mask}}, nil
	case uint64:
		return [][2]uint64{{c & mask, c & mask}}, nil
	case nil:
	default:
		return nil, fmt.Errorf("%w: discriminant value %v", ErrMalformed, c)
	}
	list, ok := e.Val(dwarf.AttrDiscrList).([]byte)
	if !ok {
		return nil, nil
	}
	signed := discr.Kind == KindInt || discr.Kind == KindEnum && discr.Signed
	r := dwarfBytes{b: list}
	number := func() uint64 {
		if signed {
			return uint64(r.sleb()) & mask
		}
		return r.uleb() & mask
	}
	var out [][2]uint64
	for r.left() > 0 && !r.bad {
		kind := r.fixed(1) // DWARF 5, table 7.22: 0 is a label, 1 a range
		lo := number()
		hi := lo
		if kind == 1 {
			hi = number()
		}
		switch {
		case kind > 1 || len(out) >= maxRanges:
			r.bad = true
		case lo <= hi:
			out = append(out, [2]uint64{lo, hi})
		case !signed:
			r.bad = true
		default: // across zero
			out = append(out, [2]uint64{lo, mask}, [2]uint64{0, hi})
		}
	}
	if r.bad || len(out) == 0 {
		return nil, fmt.Errorf("%w: list of discriminants at %#x", ErrMalformed, e.Offset)
	}
	return out, nil
}

// impossible reports whether no value of type t exists: it is ! or an enum
// without variants, or holds one. The types in seen are not looked at again.
// The caller holds d.mu.
func (d *dwarfInfo) impossible(t *Type, seen map[dwarf.Offset]bool) bool {
	if t.Name == "!" && t.Size == 0 {
		return true
	}
	if t.entry == nil || t.Kind != KindStruct && t.Kind != KindVariant || seen[t.entry.Offset] || len(seen) > maxLeaves {
		return false
	}
	seen[t.entry.Offset] = true
	kids, err := d.children(t.entry, func(tag dwarf.Tag) bool {
		return tag == dwarf.TagMember || tag == dwarf.TagVariantPart
	}, maxFields)
	if err != nil {
		return false
	}
	for _, k := range kids {
		if k.Tag == dwarf.TagVariantPart {
			variants, err := d.children(k, func(tag dwarf.Tag) bool { return tag == dwarf.TagVariant }, maxVariants)
			return err == nil && len(variants) == 0
		}
		if m, err := d.typeRef(die{k}); err == nil && d.impossible(m, seen) {
			return true
		}
	}
	return false
}
