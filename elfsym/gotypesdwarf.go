package elfsym

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxTypeNames is how many types one image's index of names may have.
const maxTypeNames = 4 << 20

// GoType returns the type called name, as Go's debug information writes it
// ("main.Square", "*net/http.Request", "map[string]int") or with the package's
// name for its import path ("*http.Request") where that means one type. The
// error wraps ErrNotFound, and ErrNoDebugInfo where the image has none.
func (b *Binary) GoType(name string) (_ *Type, err error) {
	defer recoverDWARF(&err)
	d, err := b.debugInfo()
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", name, err)
	}
	x, err := keep(b, goTypeNamesKey{}, d.indexTypeNames)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", name, err)
	}
	t, err := b.findGoType(d, x, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	return t, nil
}

// GoTypeDescriptor returns the id of the descriptor of a type of the image, or
// of a pointer to one. The error wraps ErrNotFound where there is no
// descriptor: then the program never puts a value of the type into an
// interface. In programs of Go 1.18 a descriptor may not tell types of one name
// apart, which is an error too.
func (b *Binary) GoTypeDescriptor(t *Type) (GoTypeID, error) {
	table, err := b.goTypes()
	if err != nil {
		return 0, fmt.Errorf("descriptor of %s: %w", t.Name, err)
	}
	r, err := b.descriptor(table, t)
	if err != nil {
		return 0, fmt.Errorf("%s: descriptor of %s: %w", b.Name(), t.Name, err)
	}
	if table.shared[r.id()] {
		return 0, fmt.Errorf("%s: descriptor of %s: %w", b.Name(), t.Name, errSharedID)
	}
	return r.id(), nil
}

// errSharedID says that an id means several types.
var errSharedID = errors.New("before Go 1.20 it may not differ from that of another type of the name")

// errNoDescriptor is ErrNotFound of a descriptor.
var errNoDescriptor = fmt.Errorf("no value of the type is ever in an interface: %w", errNoType)

func (b *Binary) descriptor(table *goTypeTable, t *Type) (rtype, error) {
	if t.info != nil {
		if d, err := b.debugInfo(); err != nil || d != t.info {
			return rtype{}, errors.New("the type is that of another image")
		}
		return table.of(t)
	}
	if t.Kind != KindPointer {
		return rtype{}, errNoDescriptor
	}
	elem, err := t.Elem()
	if err != nil {
		return rtype{}, err
	}
	if elem == nil {
		return rtype{}, errNoDescriptor
	}
	r, err := b.descriptor(table, elem)
	if err != nil {
		return rtype{}, err
	}
	to := r.u32(rtypePtrTo)
	if to == 0 {
		return rtype{}, errNoDescriptor
	}
	return table.at(uint64(to))
}

// of returns the descriptor of a type of the debug information.
func (t *goTypeTable) of(typ *Type) (rtype, error) {
	switch {
	case typ.descriptor == 0:
		// Nothing is said of unsafe.Pointer before Go 1.23.
		if ids := t.names[typ.Name]; typ.Name == "unsafe.Pointer" && len(ids) == 1 {
			return t.types[ids[0]], nil
		}
		return rtype{}, errNoDescriptor
	case typ.descriptor >= uint64(len(t.data)):
		// Before Go 1.23 that of uintptr is an address.
		return t.at(typ.descriptor - uint64(t.base))
	}
	return t.at(typ.descriptor)
}

// at returns the descriptor at off.
func (t *goTypeTable) at(off uint64) (rtype, error) {
	if off < off+rtypeLen && off+rtypeLen <= uint64(len(t.data)) {
		r := rtype{t, uint32(off)}
		if _, ok := t.types[r.id()]; ok && r.plausible() {
			return r, nil
		}
	}
	return rtype{}, fmt.Errorf("%w: no type descriptor at %#x", ErrMalformed, uint64(t.base)+off)
}

// DirectIface reports whether an interface that holds a value of the Go type
// has the value itself in its data word, not its address: that of pointers,
// maps, channels and functions, and of what is made of nothing but one of these.
func (t *Type) DirectIface() bool { return t.directIface(0) }

func (t *Type) directIface(depth int) bool {
	// Which structs and pointers count depends on the Go version and on what
	// is outside the heap; the descriptor knows. Without one, no interface
	// ever holds the type.
	if t.info != nil && t.info.image != nil {
		if table, err := t.info.image.goTypes(); err == nil {
			if r, err := table.of(t); err == nil {
				return r.direct()
			}
		}
	}
	if depth > maxNesting {
		return false
	}
	switch t.Kind {
	case KindPointer, KindMap, KindChan, KindFunc:
		return true
	case KindArray:
		elem, err := t.Elem()
		return err == nil && elem != nil && t.Len == 1 && elem.directIface(depth+1)
	case KindStruct:
		fields, err := t.Fields()
		return err == nil && len(fields) == 1 && fields[0].Type.directIface(depth+1)
	}
	return false
}

type goTypeNamesKey struct{}

// typeNames are the types of Go's compilation units by their names.
type typeNames struct {
	full  map[string][]dwarf.Offset // as the debug information writes them
	short map[string][]string       // full names by their short form, if that differs
	// descriptors are the types by where their descriptors are.
	descriptors map[uint64]string
}

// indexTypeNames lists the types at the top of Go's compilation units. The
// linker describes a named type twice under its name, the second time as a
// typedef, to which everything refers.
func (d *dwarfInfo) indexTypeNames() (_ *typeNames, err error) {
	defer recoverDWARF(&err)
	d.mu.Lock()
	defer d.mu.Unlock()
	x := &typeNames{map[string][]dwarf.Offset{}, map[string][]string{}, map[uint64]string{}}
	behind := map[dwarf.Offset]bool{} // what typedefs of the same name stand for
	r := d.data.Reader()
	for n, total := 0, 0; ; n++ {
		e, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: look through types: %w", ErrMalformed, err)
		}
		if e == nil || n > maxDIEs {
			break
		}
		if e.Tag == dwarf.TagCompileUnit && e.Val(dwarf.AttrLanguage) == int64(dwLangGo) {
			continue
		}
		if name, ok := e.Val(dwarf.AttrName).(string); ok && isType(e.Tag) && !strings.HasPrefix(name, "noalg.") {
			if total++; total > maxTypeNames {
				return nil, fmt.Errorf("%w: more than %d types", ErrMalformed, maxTypeNames)
			}
			name = unescapedTypeName(name)
			x.full[name] = append(x.full[name], e.Offset)
			if of, ok := e.Val(dwarf.AttrType).(dwarf.Offset); ok && e.Tag == dwarf.TagTypedef && goKind(e) == 0 {
				behind[of] = true
			}
			if at, _ := e.Val(attrGoRuntimeType).(uint64); at != 0 {
				x.descriptors[at] = name
			}
		}
		if err := skipChildren(r, e); err != nil {
			return nil, err
		}
	}
	for name, offs := range x.full {
		if len(offs) > 1 {
			x.full[name] = slices.DeleteFunc(offs, func(off dwarf.Offset) bool { return behind[off] })
		}
		if short := shortTypeName(name); short != name {
			x.short[short] = append(x.short[short], name)
		}
	}
	return x, nil
}

func isType(tag dwarf.Tag) bool {
	switch tag {
	case dwarf.TagBaseType, dwarf.TagPointerType, dwarf.TagTypedef, dwarf.TagStructType, dwarf.TagArrayType, dwarf.TagSubroutineType:
		return true
	}
	return false
}

// findGoType looks name up. A pointer that the debug information leaves out is
// made from what it points to.
func (b *Binary) findGoType(d *dwarfInfo, x *typeNames, name string) (*Type, error) {
	plain := unescapedTypeName(name)
	if offs := x.full[plain]; len(offs) == 1 {
		return d.lockedTypeAt(offs[0])
	}
	for stars, rest := 0, goTypeSpelling(plain); stars <= maxDimensions; stars++ {
		full, others := b.fullTypeNames(x, rest)
		var offs []dwarf.Offset
		for _, n := range full {
			offs = append(offs, x.full[n]...)
		}
		var t *Type
		var err error
		switch {
		case len(offs) == 1 && len(others) == 0:
			t, err = d.lockedTypeAt(offs[0])
		case len(offs) == 0 && len(others) == 1:
			t = others[0].plainType(d)
		case len(offs) > 0:
			err = fmt.Errorf("%s means %d types: %s", name, len(offs)+len(others), listed(full))
			if len(others) > 0 {
				err = fmt.Errorf("%w, and %d without debug information", err, len(others))
			}
		}
		if err != nil {
			return nil, err
		}
		if t != nil {
			for range stars {
				t = PointerTo(t)
			}
			return t, nil
		}
		next, pointer := strings.CutPrefix(rest, "*")
		if !pointer {
			break
		}
		rest = next
	}
	if near := x.near(name); len(near) > 0 {
		return nil, fmt.Errorf("%s: %w; near it: %s", name, errNoType, strings.Join(near, ", "))
	}
	return nil, fmt.Errorf("%s: %w", name, errNoType)
}

func (d *dwarfInfo) lockedTypeAt(off dwarf.Offset) (*Type, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.typeAt(off)
}

// plainType returns the type that a descriptor alone tells all about: up to
// Go 1.25 the debug information leaves out types that are only ever put into
// an interface. It is nil for those made of others.
func (r rtype) plainType(d *dwarfInfo) *Type {
	name, ok := r.name()
	if !ok {
		return nil
	}
	t := &Type{Name: name, Size: int64(r.u64(rtypeSize)), info: d, descriptor: uint64(r.off)}
	switch k := r.kind(); {
	case k == reflect.Bool:
		t.Kind = KindBool
	case k >= reflect.Int && k <= reflect.Int64:
		t.Kind = KindInt
	case k >= reflect.Uint && k <= reflect.Uintptr:
		t.Kind = KindUint
	case k == reflect.Float32, k == reflect.Float64:
		t.Kind = KindFloat
	case k == reflect.Complex64, k == reflect.Complex128:
		t.Kind = KindComplex
	case k == reflect.String:
		t.Kind = KindString
	case k == reflect.Func:
		t.Kind = KindFunc
	case k == reflect.Map:
		t.Kind = KindMap
	case k == reflect.Chan:
		t.Kind = KindChan
	default:
		return nil
	}
	return t
}

// fullTypeNames returns the full names of the types that name means, sorted:
// it may be one itself, or the short form of some, or what %T prints. Others
// are types that %T prints so and the debug information leaves out.
func (b *Binary) fullTypeNames(x *typeNames, name string) (full []string, others []rtype) {
	if len(x.full[name]) > 0 {
		return []string{name}, nil
	}
	full = slices.Clone(x.short[name])
	if table, err := b.goTypes(); err == nil {
		for _, id := range table.names[name] {
			r := table.types[id]
			if n, ok := x.descriptors[uint64(r.off)]; ok {
				full = append(full, n)
			} else {
				others = append(others, r)
			}
		}
	}
	slices.Sort(full)
	return slices.Compact(full), others
}

func listed(names []string) string {
	var s strings.Builder
	for i, n := range names {
		if i == maxListed {
			fmt.Fprintf(&s, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(shortened(n))
	}
	return s.String()
}

// near returns up to maxNear full names that resemble name, the likeliest
// first.
func (x *typeNames) near(name string) []string {
	var names []string
	for _, full := range nearest(typeIdent(name), maps.Keys(x.full), func(full string) string {
		if strings.ContainsAny(full, "*<") {
			return ""
		}
		return typeIdent(full)
	}) {
		names = append(names, shortened(full))
	}
	return names
}

// typeIdent returns the identifier of a named type, behind the package and
// before type arguments.
func typeIdent(name string) string {
	name, _, _ = strings.Cut(strings.TrimLeft(name, "*"), "[")
	return name[strings.LastIndexByte(name, '.')+1:]
}
