package elfsym

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// A GoTypeID names a runtime type by what its descriptor holds wherever the
// program is loaded: Hash in the low, Str in the high 32 bits. Types of the same
// id have the same name; only in Go 1.18 may there be several.
type GoTypeID uint64

// Where a type descriptor has its fields: internal/abi.Type, before Go 1.21
// runtime._type, the same on 64-bit machines from Go 1.18 to 1.26.
const (
	rtypeSize     = 0
	rtypePtrBytes = 8
	rtypeHash     = 16
	rtypeTFlag    = 20
	rtypeAlign    = 21
	rtypeKind     = 23
	rtypeStr      = 40
	rtypePtrTo    = 44
	rtypeLen      = 48
)

// Flags of a descriptor. That a value stands itself in an interface's data
// word is bit 5 of the kind up to Go 1.25, and of TFlag from Go 1.26 on.
const (
	tflagExtraStar = 1 << 1
	tflagNamed     = 1 << 2
	tflagAll       = 1<<6 - 1
	rtypeDirect    = 1 << 5
	rtypeGCProg    = 1 << 6 // of the kind, up to Go 1.23
	rtypeKindMask  = 1<<5 - 1
)

// maxGoTypes is how many descriptors one image may have. The largest programs
// seen have some 100,000.
const maxGoTypes = 4 << 20

// goTypeTable are the type descriptors of a Go image.
type goTypeTable struct {
	base  VAddr  // moduledata.types, to which NameOff and TypeOff are relative
	data  string // up to etypes, as the file holds it: relocated words are zero in a PIE
	types map[GoTypeID]rtype
	names map[string][]GoTypeID // by names without escapes
	// shared are the ids that several types have. Go 1.18 hashes a type by
	// the name of its package alone, not by its path; 1.19 is not told from
	// it. Later twins are the variants without equality that the compiler
	// makes for maps, which no interface holds.
	shared map[GoTypeID]bool
}

// rtype is a type descriptor, by its offset from the start of the table.
type rtype struct {
	t   *goTypeTable
	off uint32
}

// GoTypeName returns the type's name as Go's %T prints it
// ("*errors.errorString"). It is "" and false where no descriptor of the image
// has the id: the type was made at run time by package reflect, or belongs to a
// plugin.
func (b *Binary) GoTypeName(id GoTypeID) (string, bool) {
	t, err := b.goTypes()
	if err != nil {
		return "", false
	}
	r, ok := t.types[id]
	if !ok {
		return "", false
	}
	return r.name()
}

// GoTypeIDs returns the types that %T prints as name ("*http.Request",
// "map[string]int"), in the order of the image. There are several where
// packages or functions share a name. The error wraps ErrNotFound where no type
// that an interface can hold has the name.
func (b *Binary) GoTypeIDs(name string) ([]GoTypeID, error) {
	t, err := b.goTypes()
	if err != nil {
		return nil, fmt.Errorf("types called %s: %w", name, err)
	}
	ids := t.names[unescapedTypeName(name)]
	if len(ids) == 0 {
		ids = t.names[goTypeSpelling(unescapedTypeName(name))]
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s: %s: %w", b.Name(), name, errNoType)
	}
	return slices.Clone(ids), nil
}

// errNoType is ErrNotFound of a type.
var errNoType error = typeNotFound{}

type typeNotFound struct{}

func (typeNotFound) Error() string        { return "no such type" }
func (typeNotFound) Is(target error) bool { return target == ErrNotFound }

type goTypesKey struct{}

// goTypes returns the image's type descriptors, which no strip can remove.
func (b *Binary) goTypes() (*goTypeTable, error) {
	return keep(b, goTypesKey{}, func() (*goTypeTable, error) {
		p, err := b.pcln()
		if err != nil {
			return nil, err
		}
		if p.types.Lo >= p.types.Hi {
			return nil, fmt.Errorf("%s: %w", b.Name(), errors.New("nothing tells where Go's types are"))
		}
		if p.types.Hi-p.types.Lo > maxRead {
			return nil, fmt.Errorf("%s: %w: Go types of %d bytes", b.Name(), ErrMalformed, p.types.Hi-p.types.Lo)
		}
		data, err := b.Read(p.types.Lo, int(p.types.Hi-p.types.Lo))
		if err != nil {
			return nil, fmt.Errorf("read Go's types: %w", err)
		}
		t := &goTypeTable{base: p.types.Lo, data: text(data)}
		if err := t.index(); err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), err)
		}
		if p.go120 {
			t.shared = nil
		}
		return t, nil
	})
}

// index finds the descriptors. They stand among names and other data in no
// order that a list gives, but at word boundaries, and what is none does not
// look like one.
func (t *goTypeTable) index() error {
	t.types, t.names, t.shared = map[GoTypeID]rtype{}, map[string][]GoTypeID{}, map[GoTypeID]bool{}
	// Names may overlap, so a small file could make the same bytes be read
	// without end.
	budget := 16*len(t.data) + 4096
	start := -uint64(t.base) % 8
	for off := start; off+rtypeLen <= uint64(len(t.data)); off += 8 {
		r := rtype{t, uint32(off)}
		if !r.plausible() {
			continue
		}
		name, ok := r.name()
		if budget -= len(name); budget < 0 || len(t.types) > maxGoTypes {
			return fmt.Errorf("%w: names of Go types overlap", ErrMalformed)
		}
		if !ok {
			continue
		}
		id := r.id()
		if _, twin := t.types[id]; twin {
			t.shared[id] = true
		} else {
			t.types[id] = r
			name = unescapedTypeName(name)
			t.names[name] = append(t.names[name], id)
		}
		off += rtypeLen - 8
	}
	return nil
}

func (r rtype) byte(at uint32) byte  { return r.t.data[r.off+at] }
func (r rtype) u32(at uint32) uint32 { return le32(r.t.data[r.off+at:]) }
func (r rtype) u64(at uint32) uint64 { return uint64(r.u32(at)) | uint64(r.u32(at+4))<<32 }

func le32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func (r rtype) id() GoTypeID {
	return GoTypeID(r.u32(rtypeHash)) | GoTypeID(r.u32(rtypeStr))<<32
}

func (r rtype) kind() reflect.Kind { return reflect.Kind(r.byte(rtypeKind) & rtypeKindMask) }

// direct reports whether an interface's data word is the value itself.
func (r rtype) direct() bool { return (r.byte(rtypeKind)|r.byte(rtypeTFlag))&rtypeDirect != 0 }

// goKindSizes are the sizes of the kinds that have one size.
var goKindSizes = map[reflect.Kind]uint64{
	reflect.Bool: 1, reflect.Int8: 1, reflect.Uint8: 1, reflect.Int16: 2, reflect.Uint16: 2,
	reflect.Int32: 4, reflect.Uint32: 4, reflect.Float32: 4, reflect.Int: 8, reflect.Uint: 8,
	reflect.Int64: 8, reflect.Uint64: 8, reflect.Uintptr: 8, reflect.Float64: 8, reflect.Complex64: 8,
	reflect.Complex128: 16, reflect.Chan: 8, reflect.Func: 8, reflect.Map: 8, reflect.Pointer: 8,
	reflect.UnsafePointer: 8, reflect.Interface: 16, reflect.String: 16, reflect.Slice: 24,
}

// plausible reports whether the numbers of a descriptor can be those of a
// type. Addresses are not looked at: the loader fills them.
func (r rtype) plausible() bool {
	kind, flags, align := r.kind(), r.byte(rtypeTFlag), uint64(r.byte(rtypeAlign))
	switch size, ptrs := r.u64(rtypeSize), r.u64(rtypePtrBytes); {
	case kind == reflect.Invalid || kind > reflect.UnsafePointer:
		return false
	case r.byte(rtypeKind)&^(rtypeKindMask|rtypeDirect|rtypeGCProg) != 0 || flags&^tflagAll != 0:
		return false
	case align != 1 && align != 2 && align != 4 && align != 8 || r.byte(rtypeAlign+1) != byte(align):
		return false
	case size%align != 0 || ptrs > size || ptrs%8 != 0:
		return false
	case r.direct() && (size != 8 || ptrs != 8):
		return false
	default:
		want, fixed := goKindSizes[kind]
		// Only pointers have names that begin with a star of their own.
		return (!fixed || size == want) && (flags&tflagExtraStar != 0 || kind == reflect.Pointer && flags&tflagNamed == 0)
	}
}

// name returns the type's name as reflect.Type.String gives it: a byte of
// flags, its length, its bytes. The compiler writes the name of T as that of *T
// and marks T (cmd/compile/internal/reflectdata.dcommontype).
func (r rtype) name() (string, bool) {
	off, data := uint64(r.u32(rtypeStr)), r.t.data
	if off == 0 || off+2 >= uint64(len(data)) || data[off]&^1 != 0 {
		return "", false
	}
	rest := data[off+1:]
	n, k := binary.Uvarint([]byte(rest[:min(len(rest), binary.MaxVarintLen32)]))
	if k <= 0 || n < 2 || n > maxNameLen || n > uint64(len(rest)-k) {
		return "", false
	}
	name := rest[k : k+int(n)]
	if name[0] != '*' || !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		return "", false
	}
	if r.byte(rtypeTFlag)&tflagExtraStar != 0 {
		name = name[1:]
	}
	return name, true
}
