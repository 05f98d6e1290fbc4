package elfsym

import (
	"debug/dwarf"
	"fmt"
	"slices"
	"strings"
)

// InlinedSite is a place where a function was inlined into another.
type InlinedSite struct {
	// PC is where the inlined code begins.
	PC VAddr
	// File and Line are the call's; "" and 0 where unknown.
	File string
	Line int
	// In is the function that holds the code, as the debug information names
	// it.
	In string
}

// Inlined lists the places where the functions called names were inlined, by
// name, in the order of the debug information. A name is a symbol, or one with
// its namespaces and classes, with or without parameters. A function that was
// inlined nowhere is not in the map. The whole debug information is read, once
// for all names.
func (b *Binary) Inlined(names ...string) (_ map[string][]InlinedSite, err error) {
	defer recoverDWARF(&err)
	d, err := b.debugInfo()
	if err != nil {
		return nil, fmt.Errorf("inlined copies of functions: %w", err)
	}
	sites, err := d.inlined(names)
	if err != nil {
		return nil, fmt.Errorf("inlined copies of functions: %w", err)
	}
	return sites, nil
}

func (d *dwarfInfo) inlined(names []string) (map[string][]InlinedSite, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := inlineSearch{
		d: d, wanted: map[string][]string{}, origins: map[dwarf.Offset]string{}, sites: map[string][]InlinedSite{},
	}
	for _, name := range names {
		for _, key := range slices.Compact([]string{name, lastName(name)}) {
			s.wanted[key] = append(s.wanted[key], name)
		}
	}
	// Functions may be described behind the places where they are inlined.
	if err := s.walk(s.collect); err != nil || len(s.origins) == 0 {
		return nil, err
	}
	err := s.walk(s.match)
	return s.sites, err
}

// lastName is a name without its namespaces, classes and parameters.
func lastName(name string) string {
	if i := strings.IndexByte(name, '('); i > 0 {
		name = name[:i]
	}
	if i := strings.LastIndex(name, "::"); i >= 0 {
		name = name[i+2:]
	}
	return name
}

type inlineSearch struct {
	d *dwarfInfo
	// wanted are the names that are looked for, by themselves and by their
	// last parts.
	wanted map[string][]string
	// origins are the entries that describe the functions, with the names.
	origins map[dwarf.Offset]string
	sites   map[string][]InlinedSite
	found   int

	// What the walk is inside of.
	unit  *dwarf.Entry
	files []*dwarf.LineFile
	read  bool // files are those of unit
	scope []scope
}

// scope is an entry that has children.
type scope struct {
	name string // of a namespace, class or function; "" for others
	fn   *dwarf.Entry
}

// walk calls visit for each entry.
func (s *inlineSearch) walk(visit func(*dwarf.Entry) error) error {
	r := s.d.data.Reader()
	s.scope = s.scope[:0]
	for n := 0; ; n++ {
		e, err := r.Next()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if e == nil || n > maxDIEs {
			return nil
		}
		switch e.Tag {
		case 0:
			if len(s.scope) > 0 {
				s.scope = s.scope[:len(s.scope)-1]
			}
			continue
		case dwarf.TagCompileUnit, dwarf.TagPartialUnit:
			s.unit, s.files, s.read = e, nil, false
			s.scope = s.scope[:0]
		default:
			if err := visit(e); err != nil {
				return err
			}
		}
		if !e.Children {
			continue
		}
		if len(s.scope) == maxNesting {
			if err := skipChildren(r, e); err != nil {
				return err
			}
			continue
		}
		in := scope{}
		switch e.Tag {
		case dwarf.TagNamespace, dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType:
			in.name, _ = e.Val(dwarf.AttrName).(string)
		case dwarf.TagSubprogram:
			in.name, _ = e.Val(dwarf.AttrName).(string)
			in.fn = e
		}
		s.scope = append(s.scope, in)
	}
}

// collect notes e if it describes the function.
func (s *inlineSearch) collect(e *dwarf.Entry) error {
	if e.Tag != dwarf.TagSubprogram || s.origins[e.Offset] != "" {
		return nil
	}
	if off, ok := origin(e); ok && s.origins[off] != "" {
		s.origins[e.Offset] = s.origins[off]
		return nil
	}
	base, _ := e.Val(dwarf.AttrName).(string)
	if base == "" {
		return nil
	}
	linkage, _ := e.Val(dwarf.AttrLinkageName).(string)
	if linkage == "" {
		linkage, _ = e.Val(attrMIPSLinkageName).(string)
	}
	for _, want := range s.wanted[linkage] {
		if want == linkage {
			s.origins[e.Offset] = want
			return nil
		}
	}
	for _, want := range s.wanted[base] {
		if s.qualifies(want, base) {
			s.origins[e.Offset] = want
			return nil
		}
	}
	return nil
}

// qualifies reports whether base inside the current scopes is what want names.
func (s *inlineSearch) qualifies(want, base string) bool {
	if i := strings.IndexByte(want, '('); i > 0 && !strings.HasSuffix(base, ")") {
		want = want[:i]
	}
	var b strings.Builder
	for _, in := range s.scope {
		if in.name != "" {
			b.WriteString(in.name)
			b.WriteString("::")
		}
	}
	return want == base || strings.HasSuffix(want, base) && want == b.String()+base
}

// match notes e if the function was inlined there.
func (s *inlineSearch) match(e *dwarf.Entry) error {
	if e.Tag != dwarf.TagInlinedSubroutine {
		return nil
	}
	off, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
	name := s.origins[off]
	if !ok || name == "" {
		return nil
	}
	if s.found++; s.found > maxInlinedSites {
		return fmt.Errorf("more than %d", maxInlinedSites)
	}
	site := InlinedSite{}
	if pc, ok := s.d.entryPC(e); ok {
		site.PC = pc
	}
	if line, ok := e.Val(dwarf.AttrCallLine).(int64); ok {
		site.Line = int(line)
	}
	site.File = s.file(e)
	for i := len(s.scope) - 1; i >= 0; i-- {
		if fn := s.scope[i].fn; fn != nil {
			chain := s.d.resolve(fn)
			site.In = chain.str(dwarf.AttrName)
			if off, ok := origin(fn); ok && s.origins[off] == name && s.origins[fn.Offset] == name && fn.Val(dwarf.AttrLowpc) == nil {
				return nil // a copy of itself, in its abstract description
			}
			break
		}
	}
	if site.PC == 0 {
		return nil // the abstract description of the caller
	}
	s.sites[name] = append(s.sites[name], site)
	return nil
}

// entryPC returns where an entry's code begins.
func (d *dwarfInfo) entryPC(e *dwarf.Entry) (VAddr, bool) {
	if pc, ok := e.Val(dwarf.AttrEntrypc).(uint64); ok {
		return VAddr(pc), true
	}
	if pc, ok := e.Val(dwarf.AttrLowpc).(uint64); ok {
		return VAddr(pc), true
	}
	ranges, err := d.data.Ranges(e)
	if err != nil || len(ranges) == 0 {
		return 0, false
	}
	return VAddr(ranges[0][0]), true
}

// file returns the name of e's DW_AT_call_file.
func (s *inlineSearch) file(e *dwarf.Entry) string {
	i, ok := e.Val(dwarf.AttrCallFile).(int64)
	if !ok {
		return ""
	}
	if !s.read {
		s.read = true
		if lr, err := s.d.data.LineReader(s.unit); err == nil && lr != nil {
			s.files = lr.Files()
		}
	}
	if i < 0 || i >= int64(len(s.files)) || i >= maxSources {
		return ""
	}
	dir, _ := s.unit.Val(dwarf.AttrCompDir).(string)
	return fileName(dir, s.files[i])
}
