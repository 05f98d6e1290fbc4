package fetch

import (
	"errors"
	"go/ast"

	"github.com/latchprof/latch/elfsym"
)

// Where things are in what Go's interfaces point to (internal/abi: ITab and
// Type, unchanged from Go 1.17 to 1.26).
const (
	itabType = 8
	typeHash = 16 // 4 bytes
	typeStr  = 40 // 4 bytes
)

// typeID is what names the type that the interface x holds, an
// elfsym.GoTypeID; 0 where x is nil.
func (r *resolver) typeID(x *operand) (*node, error) {
	typ, err := r.word(x, 0, 8, false)
	if err != nil {
		return nil, err
	}
	if !x.typ.EmptyInterface {
		typ = counted(typ, itabType, 8)
	}
	str := combine(opShl, counted(typ, typeStr, 4), number(32))
	return combine(opOr, counted(typ, typeHash, 4), str), nil
}

// assertion resolves x.(T): the value that an interface holds where it is a T.
func (r *resolver) assertion(n *ast.TypeAssertExpr) (*operand, error) {
	x, err := r.resolve(n.X)
	if err != nil {
		return nil, err
	}
	if x.typ == nil || x.typ.Kind != elfsym.KindInterface {
		return nil, r.errorf(n.X, nil, "%s is %s, not an interface", r.source(n.X), describe(x.typ))
	}
	if n.Type == nil {
		return nil, r.errorf(n, nil, "name a type, as in %s.(*main.T): the interface itself is shown as its type's name", r.source(n.X))
	}
	t, id, err := r.namedType(n.Type)
	if err != nil {
		return nil, err
	}
	data, err := r.held(x, []elfsym.GoTypeID{id})
	if err != nil {
		return nil, err
	}
	if !t.DirectIface() {
		return &operand{node: n, typ: t, addr: data}, nil
	}
	if !isAddress(t) {
		return nil, r.errorf(n.Type, elfsym.ErrUnsupportedClass, "%s is kept in the interface itself and cannot be read", describe(t))
	}
	return computed(n, t, data), nil
}

// held is the data word of the interface x where it holds one of the types.
func (r *resolver) held(x *operand, ids []elfsym.GoTypeID) (*node, error) {
	id, err := r.typeID(x)
	if err != nil {
		return nil, err
	}
	data, err := r.word(x, 8, 8, false)
	if err != nil {
		return nil, err
	}
	var holds *node
	for _, want := range ids {
		one := combine(opEqual, id, number(uint64(want)))
		if holds != nil {
			one = combine(opEither, holds, one)
		}
		holds = one
	}
	return combine(opWhen, data, holds), nil
}

// namedType finds a type by its name in the source.
func (r *resolver) namedType(n ast.Expr) (*elfsym.Type, elfsym.GoTypeID, error) {
	name, b := r.source(n), r.env.Binary
	if b == nil {
		return nil, 0, r.errorf(n, elfsym.ErrNoDebugInfo, "%s: %v", name, elfsym.ErrNoDebugInfo)
	}
	t, err := b.GoType(name)
	if basic, ok := basicTypes[name]; ok && errors.Is(err, elfsym.ErrNoDebugInfo) {
		if ids, err := b.GoTypeIDs(name); err == nil && len(ids) == 1 {
			return basic, ids[0], nil
		}
	}
	if err != nil {
		return nil, 0, r.errorf(n, err, "%v", err)
	}
	id, err := b.GoTypeDescriptor(t)
	if err != nil {
		return nil, 0, r.errorf(n, err, "%v", err)
	}
	return t, id, nil
}

// plainErrors are types of errors whose first field is their whole text.
var plainErrors = []string{"*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors"}

// interfaceForm shows the type that an interface holds, and the text of an
// error that is nothing but a text.
func (v *view) interfaceForm(o *operand) (form, error) {
	if v.env.Binary == nil {
		return nil, v.errorf(o.node, elfsym.ErrNoDebugInfo, "the types that %s may hold are not known", v.source(o.node))
	}
	id, err := v.typeID(o)
	if err != nil {
		return nil, err
	}
	f := dynamicForm{id: v.add(cell{node: id}), text: -1, binary: v.env.Binary}
	if o.typ.Name != "error" {
		return f, nil
	}
	var ids []elfsym.GoTypeID
	for _, name := range plainErrors {
		// Of several types of one name, one may be somebody else's.
		if found, err := v.env.Binary.GoTypeIDs(name); err == nil && len(found) == 1 {
			ids = append(ids, found[0])
		}
	}
	if len(ids) == 0 {
		return f, nil
	}
	data, err := v.held(o, ids)
	if err != nil {
		return nil, err
	}
	f.text = v.add(cell{text: &text{header: data}})
	return f, nil
}

// dynamicForm is an interface: the name of the type it holds.
type dynamicForm struct {
	id     int
	text   int // of an error, -1 for none
	binary *elfsym.Binary
}

func (f dynamicForm) value(c *contents) Value {
	if v, ok := c.absent(f.id); ok {
		return v
	}
	id := c.word(f.id)
	if id == 0 {
		return Value{Text: "nil"}
	}
	name, ok := f.binary.GoTypeName(elfsym.GoTypeID(id))
	switch {
	case !ok:
		return Value{Text: "(unknown type)"}
	case f.text < 0 || c.state(f.text) == None:
		return Value{Text: name}
	}
	return Value{Text: name + ": " + textForm{f.text}.value(c).Text}
}
