package elfsym

import "debug/dwarf"

// Kind is the shape of a type, the same for all languages.
type Kind uint8

const (
	KindUnknown Kind = iota
	KindVoid
	KindBool
	KindInt  // two's complement
	KindUint // also characters and addresses that are not pointers
	KindFloat
	KindComplex
	KindPointer // also C++ and Rust references
	KindEnum
	KindStruct // also C++ classes and Go structs
	KindUnion
	KindArray
	KindString    // Go string: data pointer, length
	KindStr       // Rust &str: data pointer, length
	KindSlice     // Go slice or Rust slice: data pointer, length[, capacity]
	KindInterface // Go: type or itab, data
	KindMap
	KindChan
	KindFunc
	KindVariant // Rust enum with data: see Type.Variants
)

// Type is a type as the debug information describes it. Typedefs and
// qualifiers are resolved away; Name keeps the name as written. Elem and
// Fields are found when asked for, so a recursive type costs nothing.
type Type struct {
	Kind Kind
	Name string
	Size int64 // bytes
	// Signed says whether an enum's underlying integer is signed.
	Signed bool
	// Len is the number of elements of an array; -1 when unknown.
	Len int64
	// Enum are an enumeration's names in the order of the source.
	Enum []Enumerator
	// EmptyInterface marks a Go interface without methods, whose first word
	// is the address of the value's type descriptor (runtime.eface). That of
	// one with methods is the address of an itab, whose second word is the
	// descriptor's (runtime.iface).
	EmptyInterface bool

	elem   func() (*Type, error)
	fields func() ([]Field, error)
	// passing finds out how C++ passes the class; nil for what is passed as
	// it is.
	passing func() (passing, error)
	// vector marks an array that is a SIMD vector.
	vector bool
	// info is where a type comes from, nil for one that was made here.
	info *dwarfInfo
	// descriptor is where a Go type has its descriptor, in bytes from
	// moduledata.types; 0 where it has none.
	descriptor uint64
	// variants finds out how the variants of a Rust enum are told apart.
	variants func() (*Variants, error)
	// sequence finds out where a Rust sequence keeps its data; nil for
	// other types.
	sequence func() (sequence, error)
	// entry is the description of a struct or union, align its DW_AT_alignment in
	// bytes, 0 where it has none.
	entry *dwarf.Entry
	align int64
	// std marks a type of Rust's own core, alloc and std.
	std bool
}

// passing is how a class is passed.
type passing uint8

const (
	byValue passing = iota
	byReference
)

// Enumerator is a named value of an enumeration.
type Enumerator struct {
	Name  string
	Value int64
}

// Field is a member of a struct or union.
type Field struct {
	Name     string
	Offset   int64 // bytes from the start of the struct
	Type     *Type
	Embedded bool // Go embedded field, C++ base class, anonymous C member
	// BitSize is 0 except for bit-fields, whose first bit is BitOffset bits
	// above bit 0 of the Type-sized unit at Offset.
	BitSize, BitOffset int64

	align int64 // as Type.align, of the field itself
}

// Elem returns what a pointer points to, or what an array or slice is made of.
// It is nil, nil for a type that has none (and for void pointers).
func (t *Type) Elem() (*Type, error) {
	if t.elem == nil {
		return nil, nil
	}
	return t.elem()
}

// Fields returns the members of a struct or union in the order of the source.
func (t *Type) Fields() ([]Field, error) {
	if t.fields == nil {
		return nil, nil
	}
	return t.fields()
}

// PointerTo returns the type of a pointer to elem, which need not be in any
// file's debug information.
func PointerTo(elem *Type) *Type {
	return &Type{
		Kind: KindPointer, Name: "*" + elem.Name, Size: 8,
		elem: func() (*Type, error) { return elem, nil },
	}
}

// Lazy returns t, which other than debug information describes, with what it
// points to or is made of and with its fields, found when asked for. Either may
// be nil where it has none.
func Lazy(t Type, elem func() (*Type, error), fields func() ([]Field, error)) *Type {
	t.elem, t.fields = elem, fields
	return &t
}

// ArrayOf returns the type of an array of n times elem.
func ArrayOf(elem *Type, n int64) *Type {
	return &Type{
		Kind: KindArray, Name: "[]" + elem.Name, Size: n * elem.Size, Len: n,
		elem: func() (*Type, error) { return elem, nil },
	}
}

// SliceOf returns the type of a Go slice of elem.
func SliceOf(elem *Type) *Type {
	return &Type{
		Kind: KindSlice, Name: "[]" + elem.Name, Size: 24,
		elem: func() (*Type, error) { return elem, nil },
	}
}

// StructOf returns a struct type with the given name, size and fields.
func StructOf(name string, size int64, fields ...Field) *Type {
	return &Type{Kind: KindStruct, Name: name, Size: size, fields: func() ([]Field, error) { return fields, nil }}
}
