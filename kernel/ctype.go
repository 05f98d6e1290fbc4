package kernel

import (
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/latchprof/latch/elfsym"
)

// A declaration is a parameter or field as C declares it.
type declaration struct {
	Name string
	// Type is as written, without qualifiers of where a pointer leads.
	Type string
	// Input says that it points to what is not changed through it.
	Input bool

	words    []string // of the type behind the pointers
	pointers int
	elems    int64 // of an array; -1 if it is none
}

// qualifiers say nothing about a value.
var qualifiers = map[string]bool{"const": true, "volatile": true, "__user": true, "__data_loc": true, "__rel_loc": true}

// typeWords are words that never are a name.
var typeWords = map[string]bool{
	"struct": true, "union": true, "enum": true, "unsigned": true, "signed": true,
	"char": true, "short": true, "int": true, "long": true, "void": true,
}

// parseDeclaration reads "const char *name", "struct stat *", "u8 saddr[4]"
// and their like. A type alone has no name.
func parseDeclaration(text string) declaration {
	d := declaration{elems: -1}
	if from := strings.IndexByte(text, '['); from >= 0 {
		// Of a dynamic array, "char[] name", the brackets stand in front.
		to := strings.IndexByte(text, ']')
		n, err := strconv.ParseInt(text[from+1:max(from+1, to)], 10, 64)
		if err != nil {
			n = 0
		}
		d.elems = n
		text = text[:from] + " " + text[max(from, to)+1:]
	}
	d.pointers = strings.Count(text, "*")
	d.Input = d.pointers > 0 && strings.HasPrefix(strings.TrimSpace(text), "const ")
	words := strings.Fields(strings.ReplaceAll(text, "*", " * "))
	if n := len(words); n > 1 {
		last, before := words[n-1], words[n-2]
		tag := before == "struct" || before == "union" || before == "enum"
		if last != "*" && !typeWords[last] && !qualifiers[last] && !(tag && n == 2) && !(tag && qualifiers[words[0]] && n == 3) {
			d.Name, words = last, words[:n-1]
		}
	}
	for _, w := range words {
		if w != "*" && !qualifiers[w] {
			d.words = append(d.words, w)
		}
	}
	var shown []string
	for i, w := range words {
		if w != "*" && (i == 0 || !qualifiers[w]) {
			shown = append(shown, w)
		}
	}
	d.Type = strings.Join(shown, " ")
	if d.pointers > 0 {
		d.Type += " " + strings.Repeat("*", d.pointers)
	}
	if d.elems > 0 {
		d.Type += "[" + strconv.FormatInt(d.elems, 10) + "]"
	}
	return d
}

// wordTypes are the types that need no look into the kernel's: they are the
// same on amd64 and arm64.
var wordTypes = map[string]struct {
	size   int64
	signed bool
}{
	"char": {1, true}, "signed char": {1, true}, "unsigned char": {1, false},
	"short": {2, true}, "unsigned short": {2, false},
	"int": {4, true}, "unsigned int": {4, false}, "unsigned": {4, false},
	"long": {8, true}, "unsigned long": {8, false}, "long long": {8, true}, "unsigned long long": {8, false},
	"u8": {1, false}, "u16": {2, false}, "u32": {4, false}, "u64": {8, false},
	"s8": {1, true}, "s16": {2, true}, "s32": {4, true}, "s64": {8, true},
	"__u8": {1, false}, "__u16": {2, false}, "__u32": {4, false}, "__u64": {8, false},
	"__s8": {1, true}, "__s16": {2, true}, "__s32": {4, true}, "__s64": {8, true},
	"uint32_t": {4, false}, "uint64_t": {8, false}, "size_t": {8, false}, "ssize_t": {8, true},
	"loff_t": {8, true}, "off_t": {8, true}, "pid_t": {4, true}, "uid_t": {4, false}, "gid_t": {4, false},
	"qid_t": {4, false}, "umode_t": {2, false}, "mode_t": {2, false}, "dev_t": {4, false}, "clockid_t": {4, true}, "timer_t": {4, true},
	"mqd_t": {4, true}, "key_t": {4, true}, "key_serial_t": {4, true}, "rwf_t": {4, true}, "aio_context_t": {8, false},
}

// typ is the declared type; what the kernel's types do not tell has the size
// that the declaration gives it, in bytes, and no more. types may be nil.
func (d *declaration) typ(types *Types, size int64) *elfsym.Type {
	t := d.base(types)
	for i := range d.pointers {
		elem := t
		name := strings.Join(d.words, " ") + " " + strings.Repeat("*", i+1)
		if d.Input && i == 0 {
			name = "const " + name
		}
		t = elfsym.Lazy(elfsym.Type{Kind: elfsym.KindPointer, Name: name, Size: 8}, func() (*elfsym.Type, error) { return elem, nil }, nil)
	}
	switch {
	case d.elems == 0 && size > 0 && t.Size > 0: // as in [sizeof(struct sockaddr_in6)]
		return elfsym.ArrayOf(t, size/t.Size)
	case d.elems >= 0:
		return elfsym.ArrayOf(t, d.elems)
	case t.Kind == elfsym.KindUnknown && size > 0 && size <= 8:
		return &elfsym.Type{Kind: elfsym.KindUint, Name: d.Type, Size: size}
	}
	return t
}

// base is the type behind the pointers.
func (d *declaration) base(types *Types) *elfsym.Type {
	name := strings.Join(d.words, " ")
	switch {
	case name == "void":
		return &elfsym.Type{Kind: elfsym.KindVoid, Name: name}
	case name == "bool":
		return &elfsym.Type{Kind: elfsym.KindBool, Name: name, Size: 1}
	}
	if w, ok := wordTypes[name]; ok {
		kind := elfsym.KindUint
		if w.signed {
			kind = elfsym.KindInt
		}
		return &elfsym.Type{Kind: kind, Name: name, Size: w.size, Signed: w.signed}
	}
	if types != nil && len(d.words) > 0 {
		if t, err := lookUp(types, d.words); err == nil {
			return t
		}
	}
	return &elfsym.Type{Kind: elfsym.KindUnknown, Name: name}
}

// lookUp finds a type of the kernel by what C calls it.
func lookUp(types *Types, words []string) (*elfsym.Type, error) {
	name := words[len(words)-1]
	var t btf.Type
	var err error
	switch words[0] {
	case "struct":
		var s *btf.Struct
		err = types.spec.TypeByName(name, &s)
		t = s
	case "union":
		var u *btf.Union
		err = types.spec.TypeByName(name, &u)
		t = u
	case "enum":
		var e *btf.Enum
		err = types.spec.TypeByName(name, &e)
		t = e
	default:
		var d *btf.Typedef
		err = types.spec.TypeByName(name, &d)
		t = d
	}
	if err != nil {
		return nil, err
	}
	return cType(t)
}
