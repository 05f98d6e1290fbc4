package kernel

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/latchprof/latch/elfsym"
)

// Types are the types of the running kernel, from its BTF.
type Types struct{ spec *btf.Spec }

// LoadTypes reads the running kernel's types. To look one up in them is much
// cheaper than to read them again.
func LoadTypes() (*Types, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("read kernel types: %w", err)
	}
	return &Types{spec}, nil
}

// maxNesting bounds how many typedefs and qualifiers stand around a type.
const maxNesting = 32

// cType is a type of the kernel's BTF as expressions know types. What it
// points to and its fields are looked up when asked for.
func cType(t btf.Type) (*elfsym.Type, error) { return named(t, "", 0) }

// named is the type under the name that it is known by: that of the outermost
// typedef.
func named(t btf.Type, name string, depth int) (*elfsym.Type, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("type %s is nested too deep", name)
	}
	called := func(own string) string {
		if name != "" {
			return name
		}
		return own
	}
	switch t := t.(type) {
	case *btf.Typedef:
		return named(t.Type, called(t.Name), depth+1)
	case *btf.Const:
		return named(t.Type, name, depth+1)
	case *btf.Volatile:
		return named(t.Type, name, depth+1)
	case *btf.Restrict:
		return named(t.Type, name, depth+1)
	case *btf.TypeTag:
		return named(t.Type, name, depth+1)
	case *btf.Void:
		return &elfsym.Type{Kind: elfsym.KindVoid, Name: "void"}, nil
	case *btf.Int:
		return integer(called(t.Name), int64(t.Size), t.Encoding), nil
	case *btf.Float:
		return &elfsym.Type{Kind: elfsym.KindFloat, Name: called(t.Name), Size: int64(t.Size)}, nil
	case *btf.Enum:
		return enumeration(t, called(t.Name)), nil
	case *btf.Pointer:
		return elfsym.Lazy(elfsym.Type{Kind: elfsym.KindPointer, Name: called(spell(t)), Size: 8},
			func() (*elfsym.Type, error) { return cType(t.Target) }, nil), nil
	case *btf.Array:
		elem, err := cType(t.Type)
		if err != nil {
			return nil, err
		}
		return elfsym.ArrayOf(elem, int64(t.Nelems)), nil
	case *btf.Struct:
		return elfsym.Lazy(elfsym.Type{Kind: elfsym.KindStruct, Name: called(t.Name), Size: int64(t.Size)},
			nil, func() ([]elfsym.Field, error) { return fields(t.Members) }), nil
	case *btf.Union:
		return elfsym.Lazy(elfsym.Type{Kind: elfsym.KindUnion, Name: called(t.Name), Size: int64(t.Size)},
			nil, func() ([]elfsym.Field, error) { return fields(t.Members) }), nil
	case *btf.FuncProto, *btf.Func:
		return &elfsym.Type{Kind: elfsym.KindFunc, Name: called("func"), Size: 8}, nil
	}
	return &elfsym.Type{Kind: elfsym.KindUnknown, Name: called(t.TypeName())}, nil // a forward declaration
}

func integer(name string, size int64, encoding btf.IntEncoding) *elfsym.Type {
	switch encoding {
	case btf.Bool:
		return &elfsym.Type{Kind: elfsym.KindBool, Name: name, Size: size}
	case btf.Signed, btf.Char:
		return &elfsym.Type{Kind: elfsym.KindInt, Name: name, Size: size, Signed: true}
	}
	return &elfsym.Type{Kind: elfsym.KindUint, Name: name, Size: size}
}

func enumeration(t *btf.Enum, name string) *elfsym.Type {
	out := &elfsym.Type{Kind: elfsym.KindEnum, Name: name, Size: int64(t.Size), Signed: t.Signed}
	for _, v := range t.Values {
		value := int64(v.Value)
		if t.Signed && t.Size == 4 {
			value = int64(int32(v.Value))
		}
		out.Enum = append(out.Enum, elfsym.Enumerator{Name: v.Name, Value: value})
	}
	return out
}

// fields are a struct's or union's members; those without a name are looked
// through.
func fields(members []btf.Member) ([]elfsym.Field, error) {
	var out []elfsym.Field
	for _, m := range members {
		t, err := cType(m.Type)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", m.Name, err)
		}
		f := elfsym.Field{Name: m.Name, Type: t, Offset: int64(m.Offset.Bytes()), Embedded: m.Name == ""}
		if m.BitfieldSize > 0 && t.Size > 0 {
			// The unit that the first bit is in, as DWARF 5 counts too.
			unit := 8 * t.Size
			first := int64(m.Offset) / unit * unit
			f.Offset = first / 8
			f.BitSize, f.BitOffset = int64(m.BitfieldSize), int64(m.Offset)-first
		}
		out = append(out, f)
	}
	return out, nil
}

// spell writes a type as C does, as far as it is known by name.
func spell(t btf.Type) string {
	for range maxNesting {
		switch x := t.(type) {
		case *btf.Pointer:
			inner := spell(x.Target)
			if !strings.HasSuffix(inner, "*") {
				inner += " "
			}
			return inner + "*"
		case *btf.Const:
			if _, ok := x.Type.(*btf.Pointer); !ok {
				return "const " + spell(x.Type)
			}
			t = x.Type
		case *btf.Volatile:
			t = x.Type
		case *btf.Restrict:
			t = x.Type
		case *btf.TypeTag:
			t = x.Type
		case *btf.Struct:
			return "struct " + x.Name
		case *btf.Union:
			return "union " + x.Name
		case *btf.Enum:
			return "enum " + x.Name
		case *btf.Fwd:
			return x.Kind.String() + " " + x.Name
		case *btf.FuncProto:
			return "void (*)()"
		case *btf.Array:
			return fmt.Sprintf("%s[%d]", spell(x.Type), x.Nelems)
		case *btf.Void:
			return "void"
		default:
			return x.TypeName()
		}
	}
	return "?"
}
