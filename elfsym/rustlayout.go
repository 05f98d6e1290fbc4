package elfsym

import (
	"errors"
	"fmt"
	"strings"
)

// reprKind is how rustc keeps a value outside memory (rustc_abi, BackendRepr).
type reprKind uint8

const (
	reprNone   reprKind = iota // it has no bytes
	reprScalar                 // one scalar
	reprPair                   // two scalars
	reprMemory                 // it lives in memory
)

// scalarClass is what makes two scalars the same primitive.
type scalarClass uint8

const (
	classSigned scalarClass = iota
	classUnsigned
	classPointer
	classFloat
)

type rustScalar struct {
	off, size int64
	class     scalarClass
}

// align returns the scalar's alignment, which is its size on all of rustc's
// 64-bit targets from version 1.77 on.
func (s rustScalar) align() int64 { return s.size }

// rustRepr is the representation of a type.
type rustRepr struct {
	kind    reprKind
	scalars []rustScalar // one or two, in the order of their offsets
	align   int64
	// unsure says why the value may be kept in memory after all: something
	// that the debug information does not tell.
	unsure error
}

// errReprC says that a struct around one scalar is something else if it is
// #[repr(C)].
func errReprC(name string) error {
	return fmt.Errorf("%w: the debug information does not tell whether %s is #[repr(C)]", errUnknownABI, name)
}

// errOldRustc says that a rule is only known of newer compilers.
var errOldRustc = fmt.Errorf("%w in this version of rustc", errUnknownABI)

// rustLayout finds out how rustc keeps values: what compiler/rustc_abi's
// layout.rs makes of the fields that the debug information tells of. The rules
// were the same in 1.85, 1.95, 1.96 and 1.97; known tells that the version is
// not older.
type rustLayout struct {
	known bool
	seen  int
}

// of returns the representation of t.
func (l *rustLayout) of(t *Type, depth int) (rustRepr, error) {
	if l.seen++; l.seen > maxLeaves || depth > 32 {
		return rustRepr{}, fmt.Errorf("type %s: %w", t.Name, errDeep)
	}
	if t.Size == 0 {
		return rustRepr{kind: reprNone, align: max(t.align, 1)}, nil
	}
	switch t.Kind {
	case KindBool, KindUint, KindInt, KindEnum, KindPointer, KindFunc, KindFloat:
		return scalarRepr(t)
	case KindStr, KindSlice:
		return pairRepr(rustScalar{0, 8, classPointer}, rustScalar{8, 8, classUnsigned}), nil
	case KindArray:
		elem, err := t.Elem()
		if err != nil || elem == nil {
			return rustRepr{}, errors.Join(err, l.unknown(t))
		}
		r, err := l.of(elem, depth+1)
		return rustRepr{kind: reprMemory, align: max(r.align, 1)}, err
	case KindStruct, KindUnion:
		fields, err := t.Fields()
		if err != nil {
			return rustRepr{}, err
		}
		// Tuples and closures have no attributes.
		return l.fields(t, fields, !t.std && !strings.HasPrefix(t.Name, "(") && !strings.HasPrefix(t.Name, "{"), depth)
	case KindVariant:
		return l.variants(t, depth)
	}
	return rustRepr{}, l.unknown(t)
}

func (l *rustLayout) unknown(t *Type) error { return fmt.Errorf("%s: %w", t.Name, errUnknownABI) }

func scalarRepr(t *Type) (rustRepr, error) {
	switch t.Size {
	case 1, 2, 4, 8, 16:
	default:
		return rustRepr{}, fmt.Errorf("%s of %d bytes: %w", t.Name, t.Size, errUnknownABI)
	}
	class := classUnsigned
	switch {
	case t.Kind == KindFloat:
		class = classFloat
	case t.Kind == KindPointer || t.Kind == KindFunc:
		class = classPointer
	case t.Kind == KindInt, t.Kind == KindEnum && t.Signed:
		class = classSigned
	}
	s := rustScalar{0, t.Size, class}
	return rustRepr{kind: reprScalar, scalars: []rustScalar{s}, align: s.align()}, nil
}

func pairRepr(a, b rustScalar) rustRepr {
	return rustRepr{kind: reprPair, scalars: []rustScalar{a, b}, align: max(a.align(), b.align())}
}

// fields returns the representation of a value of t's size and alignment that
// holds the given fields. newtype says that it may be #[repr(C)].
func (l *rustLayout) fields(t *Type, fields []Field, newtype bool, depth int) (rustRepr, error) {
	var rs []rustRepr
	var fs []Field
	align := int64(1)
	for _, f := range fields {
		if f.Type == nil || f.BitSize != 0 {
			return rustRepr{}, l.unknown(t)
		}
		r, err := l.of(f.Type, depth+1)
		if err != nil {
			return rustRepr{}, err
		}
		align = max(align, r.align)
		if r.kind != reprNone {
			rs, fs = append(rs, r), append(fs, f)
		}
	}
	if t.align > 0 {
		align = t.align
	}
	memory := rustRepr{kind: reprMemory, align: align}
	switch {
	case len(rs) == 1:
		return l.around(t, fs[0], rs[0], memory, newtype)
	case t.Kind == KindUnion:
		return l.union(t, rs, memory)
	case len(rs) != 2 || rs[0].kind != reprScalar || rs[1].kind != reprScalar:
		return memory, nil
	}
	a, b := rs[0].scalars[0], rs[1].scalars[0]
	a.off, b.off = fs[0].Offset, fs[1].Offset
	if a.off > b.off {
		a, b = b, a
	}
	return l.pair(t, align, a, b, errors.Join(rs[0].unsure, rs[1].unsure))
}

// pair returns the representation of two scalars in a value of t's size and
// the given alignment: they are a pair if they lie where a pair has them.
func (l *rustLayout) pair(t *Type, align int64, a, b rustScalar, unsure error) (rustRepr, error) {
	if err := l.aligned(t, a, b); err != nil {
		return rustRepr{}, err
	}
	p := pairRepr(a, b)
	if a.off != 0 || b.off != roundUp(a.size, b.align()) || t.Size != roundUp(b.off+b.size, p.align) || align != p.align {
		return rustRepr{kind: reprMemory, align: align}, nil
	}
	p.unsure = unsure
	return p, nil
}

// aligned is an error where the scalars' alignment within t is not known:
// before rustc 1.77 a u128 was aligned to 8 bytes.
func (l *rustLayout) aligned(t *Type, scalars ...rustScalar) error {
	for _, s := range scalars {
		if s.size > 8 && !l.known {
			return fmt.Errorf("%s: %w", t.Name, errOldRustc)
		}
	}
	return nil
}

// around returns the representation of a value with the only field f that is
// more than nothing, represented by r.
func (l *rustLayout) around(t *Type, f Field, r, memory rustRepr, newtype bool) (rustRepr, error) {
	if err := l.aligned(t, r.scalars...); err != nil {
		return rustRepr{}, err
	}
	fills := f.Offset == 0 && f.Type.Size == t.Size && r.align == memory.align
	switch {
	case !fills && f.Type.Kind == KindArray && f.Offset == 0 && f.Type.Size == t.Size:
		return memory, fmt.Errorf("%s: %w: it may be a vector", t.Name, errUnknownABI)
	case !fills || r.kind == reprMemory:
		return memory, nil
	}
	if newtype && r.unsure == nil && (r.kind == reprScalar || t.Kind == KindUnion) {
		r.unsure = errReprC(t.Name)
	}
	return r, nil
}

// union returns the representation of a union of several fields: that of the
// fields where they all have the same, unless it is #[repr(C)].
func (l *rustLayout) union(t *Type, rs []rustRepr, memory rustRepr) (rustRepr, error) {
	for _, r := range rs {
		if r.kind != reprMemory {
			memory.unsure = errReprC(t.Name)
		}
	}
	if memory.unsure != nil && t.Size > 8 {
		return memory, memory.unsure
	}
	for _, r := range rs {
		for _, s := range r.scalars {
			if r.kind == reprPair || s.class == classFloat {
				return memory, memory.unsure
			}
		}
	}
	memory.unsure = nil // one integer register in any case
	return memory, nil
}

// variants returns the representation of an enum with data.
func (l *rustLayout) variants(t *Type, depth int) (rustRepr, error) {
	v, err := t.Variants()
	switch {
	case errors.Is(err, errWideDiscr):
		return rustRepr{}, fmt.Errorf("%s: %w: %w", t.Name, errUnknownABI, err)
	case err != nil:
		return rustRepr{}, err
	case strings.HasPrefix(t.Name, "{"): // a coroutine
		return rustRepr{}, l.unknown(t)
	}
	var payloads [][]Field
	niche := -1
	for i, one := range v.List {
		if one.Field.Offset != 0 || one.Field.Type == nil || one.Field.Type.Kind != KindStruct {
			return rustRepr{}, fmt.Errorf("%w: variant %s of %s is no struct", ErrMalformed, one.Name, t.Name)
		}
		fields, err := one.Field.Type.Fields()
		if err != nil {
			return rustRepr{}, err
		}
		fields = substantial(fields)
		payloads = append(payloads, fields)
		if len(one.Ranges) == 0 {
			niche = i
		}
	}
	switch {
	case v.Discr.Type == nil && len(v.List) == 1, v.Discr.Type != nil && niche >= 0 && othersEmpty(payloads, niche):
		// Neither happens to a #[repr(C)] enum.
		return l.fields(t, payloads[max(niche, 0)], false, depth+1)
	case v.Discr.Type == nil:
		return rustRepr{}, l.unknown(t)
	case niche >= 0:
		return rustRepr{kind: reprMemory, align: max(t.align, 1)}, nil
	}
	return l.tagged(t, v, payloads, depth)
}

// substantial leaves out fields without bytes.
func substantial(fields []Field) []Field {
	var out []Field
	for _, f := range fields {
		if f.Type == nil || f.Type.Size > 0 {
			out = append(out, f)
		}
	}
	return out
}

func othersEmpty(payloads [][]Field, but int) bool {
	for i, fields := range payloads {
		if i != but && len(fields) > 0 {
			return false
		}
	}
	return true
}

// tagged returns the representation of an enum with a discriminant of its
// own: a pair where all variants have at most one scalar, of the same kind
// and at the same place.
func (l *rustLayout) tagged(t *Type, v *Variants, payloads [][]Field, depth int) (rustRepr, error) {
	r, err := scalarRepr(v.Discr.Type)
	if err != nil {
		return rustRepr{}, err
	}
	tag := r.scalars[0]
	tag.off = v.Discr.Offset
	if tag.size == t.Size {
		return r, nil
	}
	memory := rustRepr{kind: reprMemory, align: max(t.align, 1)}
	var common rustScalar
	var unsure error
	for _, fields := range payloads {
		switch len(fields) {
		case 0:
			continue
		case 1:
		default:
			return memory, nil
		}
		if fields[0].Type == nil {
			return rustRepr{}, l.unknown(t)
		}
		r, err := l.of(fields[0].Type, depth+1)
		if err != nil || r.kind != reprScalar {
			return memory, err
		}
		s := r.scalars[0]
		s.off = fields[0].Offset
		same, old := samePrimitive(common, s)
		switch {
		case common.size == 0:
			common = s
		case s.off != common.off || !same:
			return memory, nil
		case old && !l.known:
			unsure = errOldRustc
		}
		if r.unsure != nil {
			unsure = r.unsure
		}
	}
	if common.size == 0 {
		return memory, nil
	}
	return l.pair(t, memory.align, tag, common, unsure)
}

// samePrimitive reports whether two variants' scalars can share a register.
// mixed tells that rustc 1.63 did not know it yet.
func samePrimitive(a, b rustScalar) (same, mixed bool) {
	if a.size != b.size || (a.class == classFloat) != (b.class == classFloat) {
		return false, false
	}
	return true, a.class != b.class
}
