package elfsym

import (
	"cmp"
	"debug/dwarf"
	"fmt"
	"slices"
	"strings"
)

// maxCaptured is how many variables a closure may capture.
const maxCaptured = 4096

// closureContext is the register in which a Go closure finds at its entry the
// struct of its code's address and what it has captured (Go's internal ABI
// specification, "Closures").
func closureContext(arch Arch) Reg {
	if arch == ARM64 {
		return 26
	}
	return regRDX
}

// variable is a variable that a closure has captured.
type variable struct {
	entry *dwarf.Entry
	off   int64 // in the closure
	t     *Type
}

// captured lists the variables that the function, if it is a closure, has
// captured, in the order in which the closure holds them. The compiler
// describes them from Go 1.23 on: all in plain code, in optimised code those
// that it needed in a register, and none of a closure that it has inlined
// somewhere.
func (fn *function) captured() ([]Param, error) {
	vars, err := fn.variables()
	if err != nil {
		return nil, err
	}
	var out []Param
	for i, v := range vars {
		name, _ := v.entry.Val(dwarf.AttrName).(string)
		plain, isAddr := strings.CutPrefix(name, "&")
		if !sourceName(plain) {
			continue
		}
		p := Param{Name: plain, Index: len(out), Captured: true, Type: v.t}
		if isAddr {
			elem, err := v.t.Elem()
			if err != nil {
				return nil, err
			}
			if elem == nil {
				return nil, fmt.Errorf("%w: captured variable %s is no pointer", ErrMalformed, name)
			}
			next := int64(0)
			if i+1 < len(vars) {
				next = vars[i+1].off
			}
			switch fn.holdingOf(v.entry, v.off, elem.Size, next) {
			case holdsAddress:
				p.ByRef = true
			case holdsValue:
				p.Type = elem
			default:
				p.Type, p.Err = elem, errByRef
			}
		}
		if p.Err == nil && p.Type.Size > 0 {
			p.Loc = memLoc(closureContext(fn.d.arch), v.off, p.Type.Size)
		}
		out = append(out, p)
	}
	return out, nil
}

// variables finds the entries of captured variables, sorted by their places.
func (fn *function) variables() ([]variable, error) {
	fn.d.mu.Lock()
	defer fn.d.mu.Unlock()
	var vars []variable
	err := fn.d.within(fn.entry[0], func(e *dwarf.Entry) error {
		off, ok := e.Val(attrGoClosureOffset).(int64)
		if !ok || e.Tag != dwarf.TagVariable {
			return nil
		}
		if len(vars) == maxCaptured || off <= 0 || off > maxRead {
			return fmt.Errorf("%w: captured variable at %d", ErrMalformed, off)
		}
		t, err := fn.d.typeRef(die{e})
		vars = append(vars, variable{e, off, t})
		return err
	})
	slices.SortStableFunc(vars, func(a, b variable) int { return cmp.Compare(a.off, b.off) })
	return vars, err
}

// sourceName reports whether a variable has a name in the source: the compiler
// calls its own .dict, .this, .autotmp_1, #state1 or ~r0.
func sourceName(name string) bool {
	return name != "" && name != "_" && !strings.ContainsAny(name[:1], ".#~")
}

// within calls visit for the entries inside e, however deep, except those of
// inlined calls.
func (d *dwarfInfo) within(e *dwarf.Entry, visit func(*dwarf.Entry) error) error {
	if !e.Children {
		return nil
	}
	r := d.data.Reader()
	r.Seek(e.Offset)
	if _, err := r.Next(); err != nil {
		return fmt.Errorf("%w: entry at %#x: %w", ErrMalformed, e.Offset, err)
	}
	for depth, n := 1, 0; depth > 0 && n < maxDIEs; n++ {
		c, err := r.Next()
		switch {
		case err != nil:
			return fmt.Errorf("%w: inside entry at %#x: %w", ErrMalformed, e.Offset, err)
		case c == nil:
			return nil
		case c.Tag == 0:
			depth--
			continue
		case c.Tag == dwarf.TagInlinedSubroutine:
			if err := skipChildren(r, c); err != nil {
				return err
			}
			continue
		}
		if err := visit(c); err != nil {
			return err
		}
		if c.Children {
			depth++
		}
	}
	return nil
}

// markCaptured tells apart what a directly called function literal is passed in
// front of its parameters: the compiler turns func(a int) { x++ }(1) into
// func(&x *int, a int) { *&x++ }(&x, 1) (cmd/compile/internal/walk,
// directClosureCall). What is captured by value looks like a parameter; it is
// one here unless something captured by reference follows.
func (fn *function) markCaptured() {
	last := -1
	for i, a := range fn.args {
		if !a.result && strings.HasPrefix(a.name, "&") {
			last = i
		}
	}
	for i := range fn.args[:last+1] {
		fn.args[i].captured = !fn.args[i].result
	}
}
