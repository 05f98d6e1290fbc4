package elfsym

import (
	"cmp"
	"debug/dwarf"
	"fmt"
	"math"
	"slices"
)

const (
	maxFuncRanges = 1 << 20 // ranges of all that is inlined into one function
	maxOverlap    = 64      // ranges looked at for one address
)

// funcSpan is a range of a function's code.
type funcSpan struct {
	Range
	entry dwarf.Offset
}

// starting returns the spans that start at a, in the order of the entries.
func (u *dwarfUnit) starting(a VAddr) []funcSpan {
	i, _ := slices.BinarySearchFunc(u.spans, a, compareSpan)
	n := i
	for n < len(u.spans) && u.spans[n].Lo == a {
		n++
	}
	return u.spans[i:n]
}

func compareSpan(s funcSpan, a VAddr) int { return cmp.Compare(s.Lo, a) }

// holder is a function that holds an address, by its debug information.
type holder struct {
	unit  *dwarfUnit
	entry dwarf.Offset
}

// holders returns the functions that hold a: several where a linker folded
// equal ones.
func (t *lineTable) holders(a VAddr) []holder {
	var found []holder
	for _, e := range t.unitsAt(a) {
		u, err := t.info.unit(e)
		if err != nil {
			continue
		}
		i, _ := slices.BinarySearchFunc(u.spans, a+1, compareSpan)
		for n := 0; i > 0 && n < maxOverlap; n++ {
			i--
			if h := (holder{u, u.spans[i].entry}); u.spans[i].holds(a) && !slices.Contains(found, h) {
				found = append(found, h)
			}
		}
	}
	return found
}

// starts reports whether a range of the function begins at a.
func (h holder) starts(a VAddr) bool {
	return slices.ContainsFunc(h.unit.starting(a), func(s funcSpan) bool { return s.entry == h.entry })
}

// inlineTree is what was inlined into a function, in the order of the
// entries: a parent stands before what was inlined into it.
type inlineTree struct {
	nodes  []inlineNode
	ranges []Range
}

type inlineNode struct {
	origin     dwarf.Offset // the entry itself where it has none
	behind     int32        // the node after those inside this one
	lo, hi     int32        // its ranges
	file, line int32        // of the call
}

// path returns the nodes that hold a, outermost first.
func (t *inlineTree) path(a VAddr) []int32 {
	var out []int32
	for i, end := int32(0), int32(len(t.nodes)); i < end; {
		n := &t.nodes[i]
		if slices.ContainsFunc(t.ranges[n.lo:n.hi], func(r Range) bool { return r.holds(a) }) {
			out = append(out, i)
			i, end = i+1, n.behind
			continue
		}
		i = n.behind
	}
	return out
}

// dwarfFrames returns the levels at a that DWARF tells. f is the function that
// holds a by its symbol, nil where there is none; own says that DWARF means
// the same function.
func (b *Binary) dwarfFrames(f *Func, a VAddr) (frames []Frame, own bool) {
	t, err := b.lines()
	if err != nil {
		return nil, false
	}
	t.info.mu.Lock()
	defer t.info.mu.Unlock()
	defer func() {
		if recover() != nil { // DWARF made to break debug/dwarf
			frames, own = nil, false
		}
	}()
	all := t.holders(a)
	if len(all) == 0 {
		return nil, false
	}
	h := t.info.choose(all, f)
	return t.levels(h, a), f != nil && h.starts(f.Addr)
}

// choose returns the holder that describes f.
func (d *dwarfInfo) choose(all []holder, f *Func) holder {
	if len(all) == 1 || f == nil {
		return all[0]
	}
	for _, h := range all {
		e, err := d.entryAt(h.entry)
		if err != nil {
			continue
		}
		chain := d.resolve(e)
		for _, name := range []string{chain.linkage(), chain.str(dwarf.AttrName)} {
			if name != "" && (name == f.Symbol || slices.Contains(f.Aliases, name)) {
				return h
			}
		}
	}
	return all[0]
}

// levels returns the levels at a, which h holds.
func (t *lineTable) levels(h holder, a VAddr) []Frame {
	tree := t.info.inlineTree(h.entry)
	path := tree.path(a)
	frames := make([]Frame, 0, len(path)+1)
	rows := t.info.lineRows(h.unit.entry)
	file, line := rows.at(a)
	for _, i := range slices.Backward(path) {
		n := tree.nodes[i]
		frames = append(frames, Frame{Func: t.funcName(n.origin, maxLocal), File: file, Line: line, Inlined: true})
		file, line = rows.file(n.file), int(n.line)
	}
	return append(frames, Frame{Func: t.funcName(h.entry, maxLocal), File: file, Line: line})
}

// inlineTree returns what was inlined into the function whose entry is at fn.
// Entries that contradict themselves give an empty tree.
func (d *dwarfInfo) inlineTree(fn dwarf.Offset) *inlineTree {
	if t, ok := d.inlines[fn]; ok {
		return t
	}
	d.inlines[fn] = &inlineTree{}
	t := &inlineTree{}
	if err := d.readInlines(t, fn); err == nil {
		d.inlines[fn] = t
	}
	return d.inlines[fn]
}

func (d *dwarfInfo) readInlines(t *inlineTree, fn dwarf.Offset) error {
	r := d.data.Reader()
	r.Seek(fn)
	e, err := r.Next()
	if err != nil || e == nil || !e.Children {
		return err
	}
	open := []int32{-1} // the node of each entry that the walk is inside of
	for len(open) > 0 {
		if e, err = r.Next(); err != nil {
			return err
		}
		if e == nil {
			return fmt.Errorf("%w: function at %#x does not end", ErrMalformed, fn)
		}
		node := int32(-1)
		switch e.Tag {
		case 0:
			if i := open[len(open)-1]; i >= 0 {
				t.nodes[i].behind = int32(len(t.nodes))
			}
			open = open[:len(open)-1]
			continue
		case dwarf.TagInlinedSubroutine:
			if node, err = d.addInline(t, e); err != nil {
				return err
			}
		case dwarf.TagLexDwarfBlock, dwarf.TagTryDwarfBlock, dwarf.TagCatchDwarfBlock:
		default:
			if err := skipChildren(r, e); err != nil {
				return err
			}
			continue
		}
		if !e.Children {
			continue
		}
		if len(open) == maxNesting {
			return fmt.Errorf("%w: function at %#x is nested too deeply", ErrMalformed, fn)
		}
		open = append(open, node)
	}
	return nil
}

// addInline adds the inlined call e to t.
func (d *dwarfInfo) addInline(t *inlineTree, e *dwarf.Entry) (int32, error) {
	ranges, err := d.data.Ranges(e)
	if err != nil {
		return 0, err
	}
	i := int32(len(t.nodes))
	if i == maxInlinedSites || len(t.ranges)+len(ranges) > maxFuncRanges {
		return 0, fmt.Errorf("%w: too much is inlined into one function", ErrMalformed)
	}
	n := inlineNode{origin: e.Offset, behind: i + 1, lo: int32(len(t.ranges))}
	for _, r := range ranges {
		t.ranges = append(t.ranges, Range{VAddr(r[0]), VAddr(r[1])})
	}
	n.hi = int32(len(t.ranges))
	if off, ok := origin(e); ok {
		n.origin = off
	}
	n.file, n.line = small(e, dwarf.AttrCallFile, -1), small(e, dwarf.AttrCallLine, 0)
	t.nodes = append(t.nodes, n)
	return i, nil
}

// small returns a number of e that fits an int32, or none.
func small(e *dwarf.Entry, a dwarf.Attr, none int32) int32 {
	v, ok := e.Val(a).(int64)
	if !ok || v < 0 || v > math.MaxInt32 {
		return none
	}
	return int32(v)
}
