package elfsym

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// ErrNoDebugInfo says that the image has no debug information, or none about
// the function.
var ErrNoDebugInfo = errors.New("no debug information")

// What hostile DWARF may make the package do.
const (
	maxDIEs      = 64 << 20 // entries one walk looks at
	maxNesting   = 256      // depth of entries in entries
	maxOrigins   = 8        // DW_AT_abstract_origin and DW_AT_specification in a row
	maxParams    = 4096     // parameters of one function
	maxUnitFuncs = 4 << 20  // ranges of the functions of one compilation unit
)

// Attributes and tags that debug/dwarf does not name.
const (
	attrCallAllCalls     = dwarf.Attr(0x7a)   // DW_AT_call_all_calls
	attrGNUAllCallSites  = dwarf.Attr(0x2117) // DW_AT_GNU_all_call_sites
	attrGNUAllTailCalls  = dwarf.Attr(0x2116) // DW_AT_GNU_all_tail_call_sites
	attrAlignment        = dwarf.Attr(0x88)   // DW_AT_alignment
	attrMIPSLinkageName  = dwarf.Attr(0x2007)
	attrGNUVector        = dwarf.Attr(0x2107)
	attrGoKind           = dwarf.Attr(0x2900)
	attrGoElem           = dwarf.Attr(0x2902)
	attrGoEmbedded       = dwarf.Attr(0x2903) // DW_AT_go_embedded_field
	attrGoRuntimeType    = dwarf.Attr(0x2904) // DW_AT_go_runtime_type
	attrGoClosureOffset  = dwarf.Attr(0x2907) // DW_AT_go_closure_offset
	attrAppleOptimized   = dwarf.Attr(0x3fe1)
	tagGNUParameterPack  = dwarf.Tag(0x4108)
	dwLangGo             = 0x16
	dwLangRust           = 0x1c
	ccNoCall             = 3 // DW_CC_nocall: the convention was changed
	ccPassByReference    = 4 // DW_CC_pass_by_reference
	ccPassByValue        = 5 // DW_CC_pass_by_value
	maxSources           = 1 << 20
	maxInlinedSites      = 1 << 20
	maxTypedefHops       = 64
	maxTypeNameRecursion = 12
)

// dwarfInfo is the DWARF of one image, of whatever language. Go's is read the
// same way: delve's pkg/proc (v1.27.2), with which the tests compare it, reads
// all of a program in goroutines of its own, where a .debug_info that ends
// inside an inlined call is a nil dereference that nobody can recover from.
// Here only the units of the functions asked for are read.
//
// The mutex guards units and types: typeAt, typeRef, unitAt and what calls
// them expect it to be held.
type dwarfInfo struct {
	mu   sync.Mutex
	data *dwarf.Data
	arch Arch
	locs locSections
	// last is where the last unit begins.
	last  dwarf.Offset
	image *Binary // nil for debug information alone

	units map[dwarf.Offset]*dwarfUnit
	types map[dwarf.Offset]*Type

	inlines map[dwarf.Offset]*inlineTree // by the entry of a function
	names   map[dwarf.Offset]string      // of functions
	rows    map[dwarf.Offset]*lineRows   // by the entry of a unit
	numRows int                          // in all of rows

	// rust are the units of Rust that were read, std the namespaces of its
	// own crates in them.
	rust, std entryRanges
	// headers are those of all units, read from info when first needed.
	headers []unitHeader
	info    func() (io.ReaderAt, int64)
}

// dwarfUnit is a compilation unit and where its functions are.
type dwarfUnit struct {
	entry    *dwarf.Entry
	lang     int64
	producer string
	base     uint64       // what location and range lists are relative to
	v5       bool         // location lists are in .debug_loclists
	spans    []funcSpan   // sorted by Lo, those of one Lo by entry
	scopes   []dwarfScope // in the order of the entries
	ranges   int          // looked at for spans
	err      error        // why the entries cannot be read
}

type paramKey struct{}

// debugInfo returns the image's DWARF with what finding parameters needs.
func (b *Binary) debugInfo() (*dwarfInfo, error) {
	return keep(b, paramKey{}, func() (_ *dwarfInfo, err error) {
		defer recoverDWARF(&err)
		f := b.DebugELF()
		if f == nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), ErrNoDebugInfo)
		}
		data, err := b.dwarf()
		if err != nil {
			return nil, err
		}
		d, err := newDWARF(data, f, b.Arch())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), err)
		}
		d.image = b
		return d, nil
	})
}

// newDWARF adds to data the location sections of f.
func newDWARF(data *dwarf.Data, f *elf.File, arch Arch) (*dwarfInfo, error) {
	locs, err := loadLocSections(f)
	if err != nil {
		return nil, err
	}
	last, err := lastUnit(f)
	if err != nil {
		return nil, err
	}
	return &dwarfInfo{
		data:  data,
		arch:  arch,
		locs:  locs,
		last:  last,
		units: map[dwarf.Offset]*dwarfUnit{},
		types: map[dwarf.Offset]*Type{},
		info:  func() (io.ReaderAt, int64) { return infoSection(f) },

		inlines: map[dwarf.Offset]*inlineTree{},
		names:   map[dwarf.Offset]string{},
		rows:    map[dwarf.Offset]*lineRows{},
	}, nil
}

// recoverDWARF turns a panic of a DWARF reader into an error.
func recoverDWARF(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: reading DWARF: %v", ErrMalformed, p)
	}
}

// unitAt returns the compilation unit that holds pc, with its functions.
func (d *dwarfInfo) unitAt(pc VAddr) (*dwarfUnit, error) {
	r := d.data.Reader()
	e, err := r.SeekPC(uint64(pc))
	if errors.Is(err, dwarf.ErrUnknownPC) {
		return nil, fmt.Errorf("at %#x: %w", uint64(pc), ErrNoDebugInfo)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: unit of %#x: %w", ErrMalformed, uint64(pc), err)
	}
	return d.unit(e)
}

// unit returns the unit whose own entry is e, with its functions.
func (d *dwarfInfo) unit(e *dwarf.Entry) (*dwarfUnit, error) {
	if u, ok := d.units[e.Offset]; ok {
		return u, u.err
	}
	u := &dwarfUnit{entry: e, v5: d.locs.inLoclists(e.Offset)}
	u.lang, _ = e.Val(dwarf.AttrLanguage).(int64)
	u.producer, _ = e.Val(dwarf.AttrProducer).(string)
	u.base, _ = e.Val(dwarf.AttrLowpc).(uint64)
	// What panics once would panic each time.
	u.err = fmt.Errorf("%w: unit at %#x", ErrMalformed, e.Offset)
	d.units[e.Offset] = u
	u.err = d.indexUnit(u)
	slices.SortStableFunc(u.spans, func(x, y funcSpan) int { return cmp.Compare(x.Lo, y.Lo) })
	return u, u.err
}

// indexUnit reads the entries of u and notes where functions are, and the
// entries that qualify the names of those inside them.
func (d *dwarfInfo) indexUnit(u *dwarfUnit) error {
	if !u.entry.Children {
		return nil
	}
	var crate dwarf.Offset
	r := d.data.Reader()
	r.Seek(u.entry.Offset)
	if _, err := r.Next(); err != nil {
		return fmt.Errorf("%w: unit at %#x: %w", ErrMalformed, u.entry.Offset, err)
	}
	scopes := scopeStack{u: u}
	last := u.entry.Offset
	for depth, n := 1, 0; depth > 0; n++ {
		e, err := r.Next()
		if err != nil {
			return fmt.Errorf("%w: unit at %#x: %w", ErrMalformed, u.entry.Offset, err)
		}
		if e == nil || n > maxDIEs {
			break
		}
		if crate != 0 && depth == 1 {
			d.std = append(d.std, [2]dwarf.Offset{crate, last})
			crate = 0
		}
		if e.Tag == 0 {
			scopes.leave(depth, last)
			depth--
			continue
		}
		last = e.Offset
		switch {
		case e.Tag == dwarf.TagSubprogram:
			d.indexFunc(u, e)
		case e.Tag == dwarf.TagNamespace && depth == 1 && u.lang == dwLangRust && e.Children && isStdCrate(e):
			crate = e.Offset
		}
		if e.Children {
			depth++
			scopes.enter(depth, e)
		}
	}
	if u.lang == dwLangRust {
		d.rust = append(d.rust, [2]dwarf.Offset{u.entry.Offset, last})
	}
	return nil
}

// indexFunc notes the ranges of the function e: the hot part need not come
// first in DW_AT_ranges.
func (d *dwarfInfo) indexFunc(u *dwarfUnit, e *dwarf.Entry) {
	if e.AttrField(dwarf.AttrLowpc) == nil && e.AttrField(dwarf.AttrRanges) == nil || u.ranges > maxUnitFuncs {
		return
	}
	ranges, err := d.data.Ranges(e)
	if err != nil {
		return // A function that contradicts itself has no parameters.
	}
	u.ranges += len(ranges)
	for _, pc := range ranges {
		// A range of a section that the linker dropped begins at 0 or 1.
		if pc[0] > 1 && pc[0] < pc[1] {
			u.spans = append(u.spans, funcSpan{Range{VAddr(pc[0]), VAddr(pc[1])}, e.Offset})
		}
	}
}

// entryAt returns the entry at off.
func (d *dwarfInfo) entryAt(off dwarf.Offset) (*dwarf.Entry, error) {
	r := d.data.Reader()
	r.Seek(off)
	e, err := r.Next()
	if err != nil {
		return nil, fmt.Errorf("%w: entry at %#x: %w", ErrMalformed, off, err)
	}
	if e == nil || e.Tag == 0 {
		return nil, fmt.Errorf("%w: no entry at %#x", ErrMalformed, off)
	}
	return e, nil
}

// die is an entry followed by what it refers to by DW_AT_abstract_origin and
// DW_AT_specification; an attribute is that of the first that has it.
type die []*dwarf.Entry

func (d *dwarfInfo) resolve(e *dwarf.Entry) die {
	chain := die{e}
	for len(chain) <= maxOrigins {
		off, ok := origin(e)
		if !ok {
			break
		}
		next, err := d.entryAt(off)
		if err != nil {
			break
		}
		chain, e = append(chain, next), next
	}
	return chain
}

func origin(e *dwarf.Entry) (dwarf.Offset, bool) {
	if off, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset); ok {
		return off, true
	}
	off, ok := e.Val(dwarf.AttrSpecification).(dwarf.Offset)
	return off, ok
}

func (c die) val(a dwarf.Attr) any {
	for _, e := range c {
		if v := e.Val(a); v != nil {
			return v
		}
	}
	return nil
}

func (c die) str(a dwarf.Attr) string { s, _ := c.val(a).(string); return s }

func (c die) flag(a dwarf.Attr) bool { v, _ := c.val(a).(bool); return v }

// children returns the entries directly inside e that keep wants, looking
// into C++ parameter packs.
func (d *dwarfInfo) children(e *dwarf.Entry, keep func(dwarf.Tag) bool, limit int) ([]*dwarf.Entry, error) {
	if !e.Children {
		return nil, nil
	}
	r := d.data.Reader()
	r.Seek(e.Offset)
	if _, err := r.Next(); err != nil {
		return nil, fmt.Errorf("%w: entry at %#x: %w", ErrMalformed, e.Offset, err)
	}
	var out []*dwarf.Entry
	for inPack := false; ; {
		c, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("%w: inside entry at %#x: %w", ErrMalformed, e.Offset, err)
		}
		switch {
		case c == nil:
			return out, nil
		case c.Tag == 0:
			if !inPack {
				return out, nil
			}
			inPack = false
			continue
		case c.Tag == tagGNUParameterPack && !inPack && c.Children:
			inPack = true
			continue
		case keep(c.Tag):
			if len(out) == limit {
				return nil, fmt.Errorf("%w: more than %d children of the entry at %#x", ErrMalformed, limit, e.Offset)
			}
			out = append(out, c)
		}
		if err := skipChildren(r, c); err != nil {
			return nil, err
		}
	}
}

// skipUnit moves r behind the unit whose own entry e it has just read. The
// reader's own method steps over all units but the last.
func (d *dwarfInfo) skipUnit(r *dwarf.Reader, e *dwarf.Entry) error {
	if e.Offset > d.last {
		return skipChildren(r, e)
	}
	r.SkipChildren()
	return nil
}

// skipChildren moves r behind the children of e, which it has just read. The
// reader's own method recurses as deep as the entries nest.
func skipChildren(r *dwarf.Reader, e *dwarf.Entry) error {
	if !e.Children {
		return nil
	}
	if sib, ok := e.Val(dwarf.AttrSibling).(dwarf.Offset); ok && sib > e.Offset {
		r.Seek(sib)
		return nil
	}
	for depth := 1; depth > 0; {
		c, err := r.Next()
		if err != nil {
			return fmt.Errorf("%w: inside entry at %#x: %w", ErrMalformed, e.Offset, err)
		}
		switch {
		case c == nil:
			return nil
		case c.Tag == 0:
			depth--
		case c.Children:
			depth++
		}
	}
	return nil
}
