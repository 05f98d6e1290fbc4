package fetch

import (
	"go/ast"
	"slices"

	"github.com/latchprof/latch/elfsym"
)

// variants is a Rust enum with data whose discriminant can be read.
type variants struct {
	*elfsym.Variants
	discr *node // nil where there is one variant
}

func (r *resolver) variants(o *operand) (*variants, error) {
	vs, err := o.typ.Variants()
	if err != nil {
		return nil, r.errorf(o.node, err, "the variants of %s: %v", describe(o.typ), err)
	}
	v := &variants{Variants: vs}
	if vs.Discr.Type == nil {
		return v, nil
	}
	v.discr, err = r.word(o, vs.Discr.Offset, vs.Discr.Type.Size, false)
	return v, err
}

// is says whether the i-th variant is there; nil where it is the only one.
func (v *variants) is(i int) *node {
	if v.discr == nil {
		return nil
	}
	one := v.List[i]
	if len(one.Ranges) > 0 {
		return v.within(one.Ranges)
	}
	var others [][2]uint64
	for _, other := range v.List {
		others = append(others, other.Ranges...)
	}
	if len(others) == 0 {
		return number(1)
	}
	return combine(opNot, v.within(others))
}

func (v *variants) within(ranges [][2]uint64) *node {
	var any *node
	for _, r := range ranges {
		one := combine(opEqual, v.discr, number(r[0]))
		if r[0] != r[1] {
			one = combine(opBoth, combine(opNot, combine(opLess, v.discr, number(r[0]))), combine(opNot, combine(opLess, number(r[1]), v.discr)))
		}
		if any != nil {
			one = combine(opEither, any, one)
		}
		any = one
	}
	return any
}

// find returns the variant whose discriminant is d, or -1.
func (v *variants) find(d uint64) int {
	return slices.IndexFunc(v.List, func(one elfsym.Variant) bool {
		return slices.ContainsFunc(one.Ranges, func(r [2]uint64) bool { return d >= r[0] && d <= r[1] })
	})
}

// variant resolves e.Name, the payload of a variant: what is read of it is
// there only where the value is that variant.
func (r *resolver) variant(n *ast.SelectorExpr, o *operand) (*operand, error) {
	vs, err := r.variants(o)
	if err != nil {
		return nil, err
	}
	var names []string
	for i, one := range vs.List {
		if one.Name == n.Sel.Name {
			field := *o
			field.node, field.typ, field.off = n, one.Field.Type, o.off+one.Field.Offset
			field.holds = both(o.holds, vs.is(i))
			return &field, nil
		}
		names = append(names, one.Name)
	}
	return nil, r.errorf(n.Sel, nil, "%s has no variant %q: there %s", describe(o.typ), n.Sel.Name, listed(names))
}

// both is a && b, either of which may be nil.
func both(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return combine(opBoth, a, b)
}

// variantForm shows which variant there is, and its payload.
func (v *view) variantForm(o *operand) (form, error) {
	vs, err := v.variants(o)
	if err != nil {
		return nil, err
	}
	f := variantForm{variants: vs, discr: -1}
	if vs.discr != nil {
		f.discr = v.add(cell{node: guarded(vs.discr, o.holds)})
	}
	for i, one := range vs.List {
		field := *o
		field.typ, field.off = one.Field.Type, o.off+one.Field.Offset
		field.holds = both(o.holds, vs.is(i))
		f.payloads = append(f.payloads, v.payload(&field))
	}
	return f, nil
}

// payload shows the fields of a variant, nil if it has none.
func (v *view) payload(o *operand) form {
	if o.typ == nil || o.typ.Kind != elfsym.KindStruct {
		return nil
	}
	fields, err := o.typ.Fields()
	if err != nil || len(fields) == 0 {
		return nil
	}
	g, _, _ := v.fieldsForm(o, fields)
	return g
}

// variantForm is a Rust enum with data.
type variantForm struct {
	variants *variants
	discr    int    // cell; -1 where there is one variant
	payloads []form // of the variants; nil for none
}

func (f variantForm) value(c *contents) Value {
	i := 0
	if f.discr >= 0 {
		if v, ok := c.absent(f.discr); ok {
			return v
		}
		if i = f.variants.find(c.word(f.discr)); i < 0 {
			i = slices.IndexFunc(f.variants.List, func(one elfsym.Variant) bool { return len(one.Ranges) == 0 })
		}
	}
	if i < 0 || i >= len(f.payloads) {
		return valueUnreadable // no value of the type
	}
	text := f.variants.List[i].Name
	if f.payloads[i] == nil {
		return Value{Text: text}
	}
	inner := f.payloads[i].value(c).Text
	if inner == valueUnreadable.Text {
		inner = "(" + inner + ")"
	}
	return Value{Text: text + inner}
}
