package fetch

import (
	"strings"

	"github.com/latchprof/latch/elfsym"
)

func integerType(name string, size int64, signed bool) *elfsym.Type {
	kind := elfsym.KindUint
	if signed {
		kind = elfsym.KindInt
	}
	return &elfsym.Type{Kind: kind, Name: name, Size: size, Signed: signed}
}

// The types of results and of conversions, by Go's names.
var (
	typeInt64   = integerType("int64", 8, true)
	typeUint64  = integerType("uint64", 8, false)
	typeUintptr = integerType("uintptr", 8, false)
	typeInt     = integerType("int", 8, true)
	typeByte    = integerType("uint8", 1, false)
	typeBool    = &elfsym.Type{Kind: elfsym.KindBool, Name: "bool", Size: 1}
	typeText    = &elfsym.Type{Kind: elfsym.KindString, Name: "string", Size: 16}

	basicTypes = map[string]*elfsym.Type{
		"int8": integerType("int8", 1, true), "int16": integerType("int16", 2, true),
		"int32": integerType("int32", 4, true), "int64": typeInt64, "int": typeInt,
		"uint8": typeByte, "uint16": integerType("uint16", 2, false),
		"uint32": integerType("uint32", 4, false), "uint64": typeUint64, "uint": integerType("uint", 8, false),
		"uintptr": typeUintptr, "byte": typeByte, "rune": integerType("int32", 4, true),
		"bool": typeBool, "string": typeText,
		"float32": {Kind: elfsym.KindFloat, Name: "float32", Size: 4},
		"float64": {Kind: elfsym.KindFloat, Name: "float64", Size: 8},
	}
)

func describe(t *elfsym.Type) string {
	switch {
	case t == nil:
		return "a constant"
	case t.Name != "":
		return t.Name
	}
	return "this type"
}

// isInteger reports whether t counts: with it arithmetic is done.
func isInteger(t *elfsym.Type) bool {
	switch t.Kind {
	case elfsym.KindInt, elfsym.KindUint, elfsym.KindEnum:
		return t.Size >= 1 && t.Size <= 8
	}
	return false
}

// isAddress reports whether t is one word that may be nil.
func isAddress(t *elfsym.Type) bool {
	switch t.Kind {
	case elfsym.KindPointer, elfsym.KindMap, elfsym.KindChan, elfsym.KindFunc:
		return true
	}
	return false
}

func isSigned(t *elfsym.Type) bool {
	return t.Kind == elfsym.KindInt || t.Kind == elfsym.KindEnum && t.Signed
}

// isRustChar reports whether t is Rust's char, a character of Unicode: C's char
// of that name has one byte.
func isRustChar(t *elfsym.Type) bool {
	return t.Kind == elfsym.KindUint && t.Size == 4 && t.Name == "char"
}

// isChar reports whether t is C's char, of which strings are made.
func isChar(t *elfsym.Type) bool {
	if t == nil || t.Size != 1 {
		return false
	}
	name := strings.TrimPrefix(strings.TrimSuffix(t.Name, " const"), "const ")
	return name == "char" || name == "char8_t"
}

// isReference reports whether t is a C++ reference, which stands for what it
// refers to.
func isReference(t *elfsym.Type) bool {
	return t.Kind == elfsym.KindPointer && strings.HasSuffix(strings.TrimSuffix(t.Name, " const"), "&")
}

// counting is the type of the result of arithmetic on a t.
func counting(t *elfsym.Type) *elfsym.Type {
	switch {
	case isAddress(t):
		return typeUintptr
	case t.Kind == elfsym.KindEnum:
		return integerType(t.Name, t.Size, t.Signed)
	}
	return t
}

// joint is the type of the result of arithmetic on an a and a b: as in Go
// where they are the same, and 64 bits wide where they differ.
func joint(a, b *elfsym.Type) *elfsym.Type {
	a, b = counting(a), counting(b)
	switch {
	case a.Size == b.Size && isSigned(a) == isSigned(b):
		return a
	case isSigned(a) || isSigned(b):
		return typeInt64
	}
	return typeUint64
}
