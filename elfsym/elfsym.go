// Package elfsym finds functions in ELF files, their parameters and types,
// and the places where a probe can safely sit.
//
// A [Binary] is one ELF image. [Open] reads only its headers; symbols, types
// and lines are read when first asked for, and each answer is kept together
// with its error. The package never attaches to anything and never reads a
// process: what a process has mapped is the business of internal/procfs.
package elfsym

import (
	"errors"
	"runtime"
)

// VAddr is an address as the ELF file's own headers and symbols write it,
// before the loader moves the image.
type VAddr uint64

// FileOffset is a byte offset in the running file, which is what the kernel
// takes for a uprobe.
type FileOffset uint64

// Arch is the machine an image is made for.
type Arch uint8

// The architectures that latch can probe.
const (
	ArchUnknown Arch = iota
	AMD64
	ARM64
)

// HostArch is the machine that runs this.
func HostArch() Arch {
	return map[string]Arch{"amd64": AMD64, "arm64": ARM64}[runtime.GOARCH]
}

// Lang is the language of a function or of an image. It is a property of the
// image, not of the process: the C half of a cgo program is C.
type Lang uint8

// The languages that differ in how they may be probed.
const (
	LangUnknown Lang = iota
	LangC
	LangCXX
	LangRust
	LangGo
)

// String returns the name used in recordings: "go", "c", "c++", "rust".
func (l Lang) String() string {
	switch l {
	case LangC:
		return "c"
	case LangCXX:
		return "c++"
	case LangRust:
		return "rust"
	case LangGo:
		return "go"
	}
	return "unknown"
}

// Range is a half-open range of addresses, [Lo, Hi).
type Range struct{ Lo, Hi VAddr }

// Attr are facts about a function's symbol that decide how it may be probed.
type Attr uint16

const (
	// Wrapper marks a function made by the compiler that only calls another
	// one: a Go method wrapper or ABI bridge, a C++ thunk.
	Wrapper Attr = 1 << iota
	// ABI0 marks a Go assembly function, in which R14 need not hold g.
	ABI0
	// IFunc marks a symbol whose value is the resolver, not the function
	// (STT_GNU_IFUNC).
	IFunc
	// SizeGuessed marks a symbol of size 0 whose end is the next symbol.
	SizeGuessed
	// External marks a symbol visible outside its object, so that it follows
	// the platform's calling convention.
	External
	// Clone marks .constprop, .isra, .part and .lto_priv copies, whose
	// parameters need not be where the ABI puts them.
	Clone
	// NeverReturns marks functions known not to return through a RET of
	// their own (runtime.mcall, runtime.gogo and their like).
	NeverReturns
)

// Func is one function: one entry address with all its names.
type Func struct {
	// Binary is the image that holds the function.
	Binary *Binary
	// Name is the function as people write it: demangled, with C++
	// parameters, without Rust's hash. It equals Symbol for C and Go.
	Name string
	// Symbol is the linker's name.
	Symbol string
	// Aliases are other linker names of the same address, sorted.
	Aliases []string
	// Addr is the address of the first instruction.
	Addr VAddr
	// Size is the length in bytes of the part that starts at Addr.
	Size uint64
	// Parts are the function's other ranges (.cold and its like), sorted.
	Parts []Range
	Lang  Lang
	Attr  Attr
}

// Has reports whether f has all the attributes in a.
func (f *Func) Has(a Attr) bool { return f.Attr&a == a }

// Errors that callers branch on.
var (
	// ErrNotFound says that no function has the name. The wrapping error
	// lists near names.
	ErrNotFound = errors.New("no such function")
	// ErrInlined says that every copy of the function was inlined.
	ErrInlined = errors.New("inlined everywhere")
	// ErrNotELF says that the file is not an ELF file.
	ErrNotELF = errors.New("not an ELF file")
	// ErrMachine says that the file is for a machine latch cannot probe here.
	ErrMachine = errors.New("made for another machine")
	// ErrMalformed says that the file contradicts itself or exceeds a limit.
	ErrMalformed = errors.New("malformed ELF file")
)

// AmbiguousError says that a plain name means several functions.
type AmbiguousError struct {
	Name    string
	Matches []*Func
}
