package fetch

import (
	"math"

	"github.com/latchprof/latch/elfsym"
)

// textOf returns where o's text is, if o is a text.
func (r *resolver) textOf(o *operand) (*text, bool, error) {
	switch {
	case o.text != nil:
		return o.text, true, nil
	case o.typ == nil:
		return nil, false, nil
	}
	switch o.typ.Kind {
	case elfsym.KindString, elfsym.KindStr:
		return r.headed(o, 0, 8)
	case elfsym.KindPointer:
		elem, err := o.typ.Elem()
		if err != nil || !isChar(elem) {
			return nil, false, nil // the pointer's own value can be read
		}
		ptr, err := r.scalar(o)
		return &text{ptr: ptr}, true, err
	case elfsym.KindArray:
		elem, err := o.typ.Elem()
		if err != nil || !isChar(elem) || o.typ.Len == 0 {
			return nil, false, nil
		}
		ptr, err := r.address(o.node, o)
		if err != nil {
			return nil, false, err
		}
		return &text{ptr: ptr, max: min(max(o.typ.Len, 0), math.MaxInt32)}, true, nil
	case elfsym.KindStruct:
		if ptr, length, ok := stringFields(o.typ); ok {
			return r.headed(o, ptr, length)
		}
		if ptr, length, _, isText, ok := o.typ.RustSequence(); ok && isText {
			return r.headed(o, ptr, length)
		}
	}
	return nil, false, nil
}

// sequence is where a Rust Vec<T> or Box<[T]> has its pointer and its length,
// as words, and the type of its elements. It is false for other types.
func (r *resolver) sequence(o *operand) (ptr, length *node, elem *elfsym.Type, ok bool, err error) {
	if o.typ == nil || o.typ.Kind != elfsym.KindStruct || o.addr == nil && o.loc == nil {
		return nil, nil, nil, false, nil
	}
	at, n, elem, isText, ok := o.typ.RustSequence()
	if !ok || isText {
		return nil, nil, nil, false, nil
	}
	if ptr, err = r.word(o, at, 8, false); err == nil {
		length, err = r.word(o, n, 8, true)
	}
	return ptr, length, elem, true, err
}

// headed is a text whose pointer and length lie ptr and length bytes into o.
func (r *resolver) headed(o *operand, ptr, length int64) (*text, bool, error) {
	if o.addr != nil && length == ptr+8 {
		return &text{header: guarded(plus(o.addr, o.off+ptr), o.holds)}, true, nil
	}
	p, err := r.word(o, ptr, 8, false)
	if err != nil {
		return nil, false, err
	}
	n, err := r.word(o, length, 8, true)
	if err != nil {
		return nil, false, err
	}
	return &text{ptr: p, len: n}, true, nil
}

// stringFields finds the pointer and the length in C++'s std::string and
// std::string_view (libstdc++).
func stringFields(t *elfsym.Type) (ptr, length int64, ok bool) {
	at := func(names ...string) (int64, bool) {
		var off int64
		in := t
		for i, name := range names {
			path, _, err := findField(in, name)
			if err != nil || path == nil {
				return 0, false
			}
			for _, f := range path {
				off += f.Offset
			}
			in = path[len(path)-1].Type
			if last := i == len(names)-1; last && in.Size != 8 {
				return 0, false
			}
		}
		return off, true
	}
	for _, names := range [][2][]string{
		{{"_M_dataplus", "_M_p"}, {"_M_string_length"}},
		{{"_M_str"}, {"_M_len"}},
	} {
		p, ok1 := at(names[0]...)
		n, ok2 := at(names[1]...)
		if ok1 && ok2 && charsAt(t, names[0]) {
			return p, n, true
		}
	}
	return declaredString(t)
}

// declaredString is stringFields for a std::string of which clang describes
// the pointer's holder, _M_dataplus, by its name alone, as it does where the
// library instantiates it: the pointer is all there is in front of the length.
func declaredString(t *elfsym.Type) (ptr, length int64, ok bool) {
	field := func(name string) (f elfsym.Field, ok bool) {
		path, _, err := findField(t, name)
		if err != nil || len(path) == 0 {
			return f, false
		}
		f = path[len(path)-1]
		return f, f.Type != nil
	}
	holder, ok1 := field("_M_dataplus")
	count, ok2 := field("_M_string_length")
	buffer, ok3 := field("_M_local_buf")
	if !ok1 || !ok2 || !ok3 || holder.Type.Kind != elfsym.KindStruct || holder.Type.Size != 0 ||
		count.Type.Size != 8 || count.Offset != holder.Offset+8 {
		return 0, 0, false
	}
	elem, err := buffer.Type.Elem()
	return holder.Offset, count.Offset, err == nil && isChar(elem)
}

// charsAt reports whether the field that names lead to points to characters
// of one byte.
func charsAt(t *elfsym.Type, names []string) bool {
	for _, name := range names {
		path, _, err := findField(t, name)
		if err != nil || path == nil {
			return false
		}
		t = path[len(path)-1].Type
	}
	elem, err := t.Elem()
	return err == nil && isChar(elem)
}
