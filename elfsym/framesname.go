package elfsym

import (
	"cmp"
	"debug/dwarf"
	"slices"
)

// dwarfScope is an entry that qualifies the names of those inside it.
type dwarfScope struct {
	entry  dwarf.Offset
	last   dwarf.Offset // the last entry inside
	parent int32        // the scope around it, -1 where there is none
}

// scopeStack gathers the scopes of a unit while its entries are read.
type scopeStack struct {
	u    *dwarfUnit
	open []openScope
}

type openScope struct {
	index int32
	depth int
}

// enter notes e, whose children are at the depth.
func (s *scopeStack) enter(depth int, e *dwarf.Entry) {
	switch e.Tag {
	case dwarf.TagNamespace, dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType, dwarf.TagSubprogram:
	default:
		return
	}
	if !s.u.qualifies() || len(s.open) == maxNesting {
		return
	}
	parent := int32(-1)
	if n := len(s.open); n > 0 {
		parent = s.open[n-1].index
	}
	s.open = append(s.open, openScope{int32(len(s.u.scopes)), depth})
	s.u.scopes = append(s.u.scopes, dwarfScope{entry: e.Offset, parent: parent})
}

// leave notes that last is the last of the entries at the depth.
func (s *scopeStack) leave(depth int, last dwarf.Offset) {
	if n := len(s.open); n > 0 && s.open[n-1].depth == depth {
		s.u.scopes[s.open[n-1].index].last = last
		s.open = s.open[:n-1]
	}
}

// qualifies reports whether the unit's language has names inside names. Go
// writes the package into each name.
func (u *dwarfUnit) qualifies() bool {
	switch u.lang {
	case dwLangGo, 0x1, 0x2, 0xc, 0x1d, 0x2c, 0x8001: // C89, C, C99, C11, C17, Mips_Assembler
		return false
	}
	return true
}

// around returns the entries of the scopes around off, innermost first.
func (u *dwarfUnit) around(off dwarf.Offset) []dwarf.Offset {
	i, _ := slices.BinarySearchFunc(u.scopes, off, func(s dwarfScope, off dwarf.Offset) int { return cmp.Compare(s.entry, off) })
	var found []dwarf.Offset
	for k := int32(i) - 1; k >= 0; k = u.scopes[k].parent {
		if off <= u.scopes[k].last {
			found = append(found, u.scopes[k].entry)
		}
	}
	return found
}

// linkage returns the linker's name of a function, "" where there is none.
func (c die) linkage() string {
	if s := c.str(dwarf.AttrLinkageName); s != "" {
		return s
	}
	return c.str(attrMIPSLinkageName)
}

// maxLocal bounds functions that are local to functions.
const maxLocal = 8

// funcName returns the name of the function whose entry, or that of a copy of
// it, is at off. It is itself local to at most depth functions.
func (t *lineTable) funcName(off dwarf.Offset, depth int) string {
	d := t.info
	if name, ok := d.names[off]; ok {
		return name
	}
	name := t.readFuncName(off, depth)
	if name == "" || len(name) > maxNameLen {
		name = unknownFunc
	}
	if depth == maxLocal {
		d.names[off] = name
	}
	return name
}

func (t *lineTable) readFuncName(off dwarf.Offset, depth int) string {
	e, err := t.info.entryAt(off)
	if err != nil {
		return ""
	}
	chain := t.info.resolve(e)
	if sym := chain.linkage(); symbolLang(sym) != LangC {
		if name := demangled(sym); name != sym {
			return name
		}
	}
	// The last entry of the chain is the declaration, which stands where the
	// source has it.
	for _, e := range slices.Backward(chain) {
		if name, ok := e.Val(dwarf.AttrName).(string); ok && name != "" {
			return t.scope(e.Offset, depth) + name
		}
	}
	return chain.linkage()
}

// scope returns the namespaces, classes and functions around the entry at
// off, each with "::" behind it.
func (t *lineTable) scope(off dwarf.Offset, depth int) string {
	cu := t.unitOf(off)
	if cu == nil {
		return ""
	}
	u, err := t.info.unit(cu)
	if err != nil {
		return ""
	}
	scope := ""
	for _, at := range u.around(off) {
		e, err := t.info.entryAt(at)
		if err != nil || len(scope) > maxDemangle {
			return ""
		}
		if e.Tag == dwarf.TagSubprogram && depth > 0 {
			return t.funcName(at, depth-1) + "::" + scope
		}
		name := t.info.resolve(e).str(dwarf.AttrName)
		switch {
		case name != "":
			scope = name + "::" + scope
		case e.Tag == dwarf.TagNamespace:
			scope = "(anonymous namespace)::" + scope
		}
	}
	return scope
}
