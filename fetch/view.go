package fetch

import (
	"github.com/latchprof/latch/elfsym"
)

// Bounds on what is shown of a composite value.
const (
	maxViewCells = 12 // of one expression
	maxViewDepth = 3
	maxViewElems = 8 // of an array in registers
)

// A cell is a value that the eBPF side writes: a word, or a length and as many
// bytes.
type cell struct {
	offset, size int   // in the key's data
	node         *node // of a word
	text         *text // of bytes
	// unit is the size of a list's elements; 0 for text.
	unit int64
}

func (c *cell) when() phase {
	if c.text != nil {
		return c.text.when()
	}
	return c.node.when
}

// roots are the trees that the cell is computed from.
func (c *cell) roots() []**node {
	if c.text != nil {
		return c.text.parts()
	}
	return []**node{&c.node}
}

// A view is the cells of one expression.
type view struct {
	*resolver
	strLen int
	first  int // index of the first cell in the program
	cells  []cell
	depth  int // of the composite value that is being looked at
}

// add appends a cell and returns its index.
func (v *view) add(c cell) int {
	switch {
	case c.text == nil:
		c.size = 8
	case c.unit > 0:
		c.size = (textHeader + int(v.elems(c.unit)*c.unit) + 7) &^ 7
	default:
		// Two bytes more than are kept tell a cut string from one that
		// just fits.
		c.size = (textHeader + max(v.strLen+2, commLen) + 7) &^ 7
	}
	v.cells = append(v.cells, c)
	return v.first + len(v.cells) - 1
}

// elems is how many elements of the given size are kept of a list.
func (v *view) elems(unit int64) int64 { return max(1, int64(v.strLen)/unit) }

func (v *view) word(n *node, t *elfsym.Type) form { return wordForm{v.add(cell{node: n}), t} }

// form is how o is shown.
func (v *view) form(o *operand) (form, error) {
	if o.addresses != nil {
		var f addressForm
		for _, w := range o.addresses.words {
			f.cells = append(f.cells, v.add(cell{node: w}))
		}
		return f, nil
	}
	t, isText, err := v.textOf(o)
	switch {
	case err != nil:
		return nil, err
	case isText:
		return textForm{v.add(cell{text: t})}, nil
	case o.null:
		return nil, v.errorf(o.node, nil, "nil is the same for all calls")
	case o.cst != nil:
		return v.constantForm(o)
	}
	switch t := o.typ; {
	case t.Kind == elfsym.KindFloat && (t.Size == 4 || t.Size == 8):
		n, err := v.resolver.word(o, 0, t.Size, false)
		if err != nil {
			return nil, err
		}
		return v.word(n, t), nil
	case (t.Kind == elfsym.KindInt || t.Kind == elfsym.KindUint) && t.Size == 16:
		return v.wide(o)
	case t.Kind == elfsym.KindMap:
		return v.mapForm(o)
	case v.env.Lang == elfsym.LangRust && isRustChar(t):
		n, err := v.scalar(o)
		if err != nil {
			return nil, err
		}
		return charForm{v.add(cell{node: n})}, nil
	case t.Kind == elfsym.KindBool, isInteger(t), isAddress(t), t.Kind == elfsym.KindInt, t.Kind == elfsym.KindUint:
		n, err := v.scalar(o)
		if err != nil {
			return nil, err
		}
		return v.word(n, t), nil
	}
	if v.depth++; v.depth > maxViewDepth {
		v.depth--
		return fixedForm{Value{Text: "{…}"}}, nil
	}
	defer func() { v.depth-- }()
	if ptr, length, elem, ok, err := v.sequence(o); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return v.sequenceForm(o, ptr, length, elem)
	}
	switch t := o.typ; t.Kind {
	case elfsym.KindStruct:
		return v.structForm(o)
	case elfsym.KindVariant:
		return v.variantForm(o)
	case elfsym.KindArray, elfsym.KindSlice:
		return v.listForm(o)
	case elfsym.KindComplex:
		return v.complexForm(o)
	case elfsym.KindInterface:
		return v.interfaceForm(o)
	case elfsym.KindUnion:
		_, names, _ := findField(t, "")
		return nil, v.errorf(o.node, elfsym.ErrUnsupportedClass, "%s is a union: name a member, as there %s", describe(t), listed(names))
	}
	return nil, v.errorf(o.node, elfsym.ErrUnsupportedClass, "%s is a value that cannot be shown", describe(o.typ))
}

func (v *view) constantForm(o *operand) (form, error) {
	t := o.typ
	if t == nil {
		t = literalType(o.cst)
	}
	n, err := v.constant(o, t)
	if err != nil {
		return nil, err
	}
	return v.word(n, t), nil
}

// wide is an integer of two words.
func (v *view) wide(o *operand) (form, error) {
	low, err := v.resolver.word(o, 0, 8, false)
	if err != nil {
		return nil, err
	}
	high, err := v.resolver.word(o, 8, 8, false)
	if err != nil {
		return nil, err
	}
	return wideForm{v.add(cell{node: low}), v.add(cell{node: high}), isSigned(o.typ)}, nil
}

// mapForm shows how much a map holds: what it holds takes its hash function.
func (v *view) mapForm(o *operand) (form, error) {
	n, err := v.scalar(o)
	if err != nil {
		return nil, err
	}
	if v.env.Lang != elfsym.LangGo {
		return v.word(n, o.typ), nil
	}
	return countForm{v.add(cell{node: counted(n, 0, 8)}), describe(o.typ)}, nil
}

// structForm shows the fields that can be read.
func (v *view) structForm(o *operand) (form, error) {
	fields, err := o.typ.Fields()
	if err != nil {
		return nil, v.errorf(o.node, err, "fields of %s: %v", describe(o.typ), err)
	}
	g, readable, first := v.fieldsForm(o, fields)
	if readable == 0 && first != nil {
		return nil, first
	}
	if len(g.kids) == 0 && o.typ.Size > 0 {
		return nil, v.errorf(o.node, elfsym.ErrUnsupportedClass, "%s has no fields that are known", describe(o.typ))
	}
	return g, nil
}

// fieldsForm shows fields of o, and returns how many of them can be read and
// why the first one that cannot be read cannot.
func (v *view) fieldsForm(o *operand, fields []elfsym.Field) (g groupForm, readable int, first error) {
	g = groupForm{open: "{", close: "}", names: []string{}}
	if isTuple(fields) {
		g.open, g.close, g.names = "(", ")", nil
	}
	for _, f := range fields {
		if f.Type == nil || f.Name == "_" {
			continue
		}
		if len(v.cells) >= maxViewCells {
			g.cut = true
			break
		}
		kid, err := v.field(o, &f)
		if err == nil {
			readable++
		} else {
			if first == nil {
				first = err
			}
			kid = fixedForm{valueUnreadable}
		}
		g.kids = append(g.kids, kid)
		if g.names != nil {
			g.names = append(g.names, f.Name)
		}
	}
	return g, readable, first
}

func (v *view) field(o *operand, f *elfsym.Field) (form, error) {
	field := *o
	field.typ, field.off = f.Type, o.off+f.Offset
	field.bitSize, field.bitOffset = f.BitSize, f.BitOffset
	if f.Type.Size == 0 {
		return fixedForm{emptyValue(f.Type)}, nil
	}
	if f.Type.Kind == elfsym.KindUnion {
		return fixedForm{Value{Text: "{…}"}}, nil
	}
	return v.form(&field)
}

// listForm shows the elements of an array or a slice if they are plain, and
// else how many there are.
func (v *view) listForm(o *operand) (form, error) {
	elem, err := o.typ.Elem()
	if err != nil {
		return nil, v.errorf(o.node, err, "the elements of %s: %v", describe(o.typ), err)
	}
	if elem == nil {
		return nil, v.errorf(o.node, elfsym.ErrUnsupportedClass, "the elements of %s are not known", describe(o.typ))
	}
	if o.typ.Kind == elfsym.KindSlice {
		length, err := v.lengthWord(o.node, o)
		if err != nil {
			return nil, err
		}
		ptr, err := v.resolver.word(o, 0, 8, false)
		if err != nil {
			return nil, err
		}
		return v.sequenceForm(o, ptr, length, elem)
	}
	if o.typ.Len < 0 {
		return nil, v.errorf(o.node, nil, "%s has no known length: name an element", describe(o.typ))
	}
	if o.typ.Len == 0 || elem.Size <= 0 {
		return fixedForm{Value{Text: "[]"}}, nil
	}
	at, err := v.address(o.node, o)
	if err != nil {
		return v.elements(o, elem)
	}
	if !isPlain(elem, 0) {
		return fixedForm{Value{Text: describe(o.typ)}}, nil
	}
	return v.sequenceForm(o, at, number(uint64(o.typ.Len)), elem)
}

// sequenceForm shows the elements behind a pointer if they are plain, and else
// how many there are.
func (v *view) sequenceForm(o *operand, ptr, length *node, elem *elfsym.Type) (form, error) {
	if !isPlain(elem, 0) {
		return countForm{v.add(cell{node: length}), describe(o.typ)}, nil
	}
	return listForm{v.add(cell{text: &text{ptr: ptr, len: length}, unit: elem.Size}), elem}, nil
}

// elements shows an array that lies in registers.
func (v *view) elements(o *operand, elem *elfsym.Type) (form, error) {
	g := groupForm{open: "[", close: "]"}
	for i := range o.typ.Len {
		if i == maxViewElems || len(v.cells) >= maxViewCells {
			g.cut = true
			break
		}
		one := *o
		one.typ, one.off = elem, o.off+i*elem.Size
		kid, err := v.form(&one)
		if err != nil {
			return nil, err
		}
		g.kids = append(g.kids, kid)
	}
	return g, nil
}

// complexForm shows a complex number that lies in memory.
func (v *view) complexForm(o *operand) (form, error) {
	half := &elfsym.Type{Kind: elfsym.KindFloat, Name: "float", Size: o.typ.Size / 2}
	var parts [2]form
	for i := range parts {
		n, err := v.resolver.word(o, int64(i)*half.Size, half.Size, false)
		if err != nil {
			return nil, err
		}
		parts[i] = v.word(n, half)
	}
	return complexForm{parts[0], parts[1]}, nil
}

// isTuple tells the fields of a tuple or of a struct whose fields have no names:
// Rust calls them __0, __1, ….
func isTuple(fields []elfsym.Field) bool {
	return len(fields) > 0 && fields[0].Name == "__0"
}
