package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"

	"github.com/latchprof/latch/elfsym"
)

// A Tracepoint is a place in the kernel that tells when it is passed.
type Tracepoint struct {
	// Group is where tracefs has it; "" where that is not mounted.
	Group, Name string
}

// String is how a tracepoint is written: t:GROUP:NAME.
func (t Tracepoint) String() string {
	group := t.Group
	if group == "" {
		group = "*"
	}
	return "t:" + group + ":" + t.Name
}

// A Field is what a tracepoint tells: an argument of its own, or a field of the
// record that is made of them.
type Field struct {
	elfsym.Param
	// Declared is its type as C writes it.
	Declared string
	// Located says that it is text, of which the field's word says where in
	// the record it is: in its lower half from the record's beginning, or, with
	// Behind, from the word's own end.
	Located, Behind bool
}

// btfTracepoint is what the types of tracepoints are called (include/trace/bpf_probe.h).
const btfTracepoint = "btf_trace_"

// Record returns the fields of the record, as tracefs describes it: register 0 of
// the context holds its address. The error wraps ErrNoTracefs where that is not
// mounted.
func (t Tracepoint) Record(types *Types) ([]Field, error) {
	f, err := readFormat(filepath.Join(t.Group, t.Name))
	if err != nil {
		return nil, err
	}
	out := []Field{}
	for i, field := range f.fields {
		one := Field{
			Declared: field.Type, Located: field.located, Behind: field.behind,
			Param: elfsym.Param{Name: field.Name, Index: i, Type: field.typ(types, field.size)},
		}
		if field.elems > 0 && field.pointers == 0 {
			one.Declared = strings.TrimPrefix(one.Declared, "__data_loc ")
		}
		size := field.size
		switch {
		case field.located && strings.Join(field.words, " ") == "char":
			one.Type, one.Declared = &elfsym.Type{Kind: elfsym.KindUint, Name: "char[]", Size: 4}, "char[]"
		case field.located:
			one.Err = fmt.Errorf("%w: %s of any length", elfsym.ErrUnsupportedClass, strings.Join(field.words, " "))
		case one.Type.Kind == elfsym.KindUnknown:
			one.Err = fmt.Errorf("%w: its type %s is not known", elfsym.ErrUnsupportedClass, field.Type)
		}
		one.Loc = elfsym.Loc{Pieces: []elfsym.Piece{{Kind: elfsym.InMem, Reg: 0, Off: field.offset, Size: size}}}
		out = append(out, one)
	}
	return out, nil
}

// Args returns the tracepoint's own arguments, as the kernel's types tell them:
// register n of the context is the n-th.
func (t Tracepoint) Args(types *Types) ([]Field, error) {
	if types == nil {
		return nil, fmt.Errorf("arguments of %s: the kernel has no types of its own (CONFIG_DEBUG_INFO_BTF)", t)
	}
	var def *btf.Typedef
	if err := types.spec.TypeByName(btfTracepoint+t.Name, &def); err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", t, err)
	}
	proto, err := tracepointProto(def)
	if err != nil {
		return nil, err
	}
	// The type has no names; who calls the probes has them.
	var caller *btf.Func
	if types.spec.TypeByName("__traceiter_"+t.Name, &caller) == nil {
		if named, ok := caller.Type.(*btf.FuncProto); ok && len(named.Params) == len(proto.Params) {
			proto = named
		}
	}
	out := []Field{}
	for i, p := range proto.Params[1:] { // the first is the probe's own data
		typ, err := cType(p.Type)
		if err != nil {
			return nil, fmt.Errorf("arguments of %s: %w", t, err)
		}
		f := Field{Declared: spell(p.Type), Param: elfsym.Param{Name: p.Name, Index: i, Type: typ}}
		f.Loc = elfsym.Loc{Pieces: []elfsym.Piece{{Kind: elfsym.InReg, Reg: elfsym.Reg(i), Size: typ.Size}}}
		if typ.Size < 1 || typ.Size > 8 {
			f.Err = fmt.Errorf("%w: %s is no one word", elfsym.ErrUnsupportedClass, f.Declared)
		}
		out = append(out, f)
	}
	return out, nil
}

// tracepointProto is the type of a tracepoint's probes.
func tracepointProto(def *btf.Typedef) (*btf.FuncProto, error) {
	ptr, ok := def.Type.(*btf.Pointer)
	if !ok {
		return nil, fmt.Errorf("tracepoint %s: its type is no pointer", strings.TrimPrefix(def.Name, btfTracepoint))
	}
	proto, ok := ptr.Target.(*btf.FuncProto)
	if !ok || len(proto.Params) == 0 {
		return nil, fmt.Errorf("tracepoint %s: its type is no function", strings.TrimPrefix(def.Name, btfTracepoint))
	}
	return proto, nil
}

// ErrSyscallEvent says that a tracepoint is one of system calls.
var ErrSyscallEvent = errors.New("system calls are measured as sys:NAME")

// ParseTracepoint parses GROUP:NAME, either of which may be a glob or a /regexp/.
func ParseTracepoint(pattern string) (group, name elfsym.Pattern, err error) {
	g, n, ok := strings.Cut(pattern, ":")
	if !ok || g == "" || n == "" {
		return group, name, fmt.Errorf("t:%s: a tracepoint is written t:GROUP:NAME", pattern)
	}
	if group, err = elfsym.ParsePattern(g); err != nil {
		return group, name, err
	}
	name, err = elfsym.ParsePattern(n)
	return group, name, err
}

// FindTracepoints returns the tracepoints that ParseTracepoint's pattern selects. Where tracefs is not mounted they are those that
// the kernel's types tell of, which do not tell groups.
func FindTracepoints(pattern string, types *Types) ([]Tracepoint, error) {
	g, n, err := ParseTracepoint(pattern)
	if err != nil {
		return nil, err
	}
	group, name, _ := strings.Cut(pattern, ":")
	if group == "syscalls" {
		return nil, fmt.Errorf("t:%s: %w", pattern, ErrSyscallEvent)
	}
	all, err := tracepoints(types)
	if err != nil {
		return nil, err
	}
	grouped := len(all) > 0 && all[0].Group != ""
	if !grouped && group != "*" && !(g.Plain() && n.Plain()) {
		return nil, fmt.Errorf("t:%s: which group a tracepoint is in is not known, as %w (or name the group *)", pattern, ErrNoTracefs)
	}
	var out []Tracepoint
	names := make([]string, 0, len(all))
	for _, t := range all {
		if (!grouped || g.Match(t.Group)) && n.Match(t.Name) {
			if !grouped && g.Plain() {
				t.Group = group // for want of who knows better
			}
			out = append(out, t)
		}
		if grouped && g.Plain() && !g.Match(t.Group) && n.Plain() && t.Name != name {
			continue
		}
		names = append(names, t.Group+":"+t.Name)
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, &notFoundError{fmt.Sprintf("t:%s: this kernel has no such tracepoint%s", pattern, nearestTracepoint(name, names))}
}

// nearestTracepoint is nearest by names without their groups.
func nearestTracepoint(name string, full []string) string {
	groups := make(map[string]string)
	var names []string
	for _, f := range full {
		group, bare, _ := strings.Cut(f, ":")
		groups[bare] = group
		names = append(names, bare)
	}
	near := elfsym.Nearest(name, names)
	for i, bare := range near {
		near[i] = Tracepoint{groups[bare], bare}.String()
	}
	return listNear(near)
}

// tracepoints lists them all: those of tracefs, or of the kernel's types.
func tracepoints(types *Types) ([]Tracepoint, error) {
	var out []Tracepoint
	events, err := tracefsEvents()
	if err != nil {
		if types == nil {
			return nil, fmt.Errorf("list tracepoints: %w, and the kernel has no types of its own", err)
		}
		for t, err := range types.spec.All() {
			if err != nil {
				return nil, fmt.Errorf("list tracepoints: %w", err)
			}
			if def, ok := t.(*btf.Typedef); ok && strings.HasPrefix(def.Name, btfTracepoint) {
				out = append(out, Tracepoint{Name: strings.TrimPrefix(def.Name, btfTracepoint)})
			}
		}
		slices.SortFunc(out, func(a, b Tracepoint) int { return strings.Compare(a.Name, b.Name) })
		return slices.Compact(out), nil
	}
	groups, err := os.ReadDir(events)
	if err != nil {
		return nil, fmt.Errorf("list tracepoints: %w", err)
	}
	for _, group := range groups {
		// Those of ftrace itself are no tracepoints; those of system calls
		// are made of two.
		if !group.IsDir() || group.Name() == "syscalls" || group.Name() == "ftrace" {
			continue
		}
		names, err := os.ReadDir(filepath.Join(events, group.Name()))
		if err != nil {
			return nil, fmt.Errorf("list tracepoints: %w", err)
		}
		for _, name := range names {
			if name.IsDir() {
				out = append(out, Tracepoint{group.Name(), name.Name()})
			}
		}
	}
	return out, nil
}
