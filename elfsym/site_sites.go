package elfsym

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
)

// Sites returns where probes must sit to measure f: the cheapest instruction
// that is hit once by each call while the registers of opts still hold what
// the caller passed, and every instruction by which calls leave. A function
// that can be counted but not timed has NoExit set. It is an error if calls
// cannot even be counted.
func (b *Binary) Sites(f *Func, opts *SitesOptions) (Sites, error) {
	if opts == nil {
		opts = &SitesOptions{}
	}
	s, err := b.sites(f, opts)
	if err != nil {
		return Sites{}, fmt.Errorf("find probe sites of %s: %w", f.Symbol, err)
	}
	return s, nil
}

func (b *Binary) sites(f *Func, opts *SitesOptions) (Sites, error) {
	if f.Has(IFunc) {
		return Sites{}, errors.New("its symbol is that of a resolver (STT_GNU_IFUNC), which is called once by the loader")
	}
	env := b.surroundings(f)
	text, err := env.text(funcRanges(f))
	if err != nil {
		return Sites{}, fmt.Errorf("read its code: %w", err)
	}
	root := newBody(b.arch, f.Addr, text)
	inside, err := b.startsWithin(f)
	if err != nil {
		return Sites{}, err
	}
	s, err := findSites(env, root, f, inside, opts)
	if err != nil {
		return Sites{}, err
	}
	if s.Entry.Offset, err = b.FileOffset(s.Entry.Addr); err != nil {
		return Sites{}, err
	}
	for i := range s.Exits {
		if s.Exits[i].Offset, err = b.FileOffset(s.Exits[i].Addr); err != nil {
			return Sites{}, err
		}
	}
	return s, nil
}

// findSites is Sites without the file. inside are the starts of other
// functions within f.
func findSites(env *surroundings, root *body, f *Func, inside []VAddr, opts *SitesOptions) (Sites, error) {
	first := root.at(root.start)
	if first < 0 {
		if root.bad != nil {
			return Sites{}, root.bad
		}
		return Sites{}, errors.New("it has no code")
	}
	var s Sites
	for i := range root.insts {
		if in := &root.insts[i]; in.flow == flowCall && in.target == root.start {
			s.Recursive = true
		}
	}
	w := newWalk(env, root, f.Symbol)
	e, err := w.findExits()
	switch {
	case f.Has(NeverReturns):
		e, err = exits{}, errNeverReturns
	case err != nil:
		e = exits{}
	}
	s.Exits, s.Warnings, s.NoExit = e.sites, e.warnings, err
	s.TailCalls, s.TailRecursive = w.tailCalls(), w.again
	s.LeavesEarly = len(e.indirect)+len(e.foreign) > 0

	back := map[VAddr]bool(nil)
	if f.Lang == LangGo {
		first, back = afterStackCheck(root)
	}
	if err := loops(root, back); err != nil {
		return Sites{}, err
	}
	rules := entryRules{
		reads:     opts.Reads | alwaysRead(root.arch, f),
		memory:    opts.ReadsMemory,
		onlyFirst: root.bad != nil || w.fault != nil || w.unknownJumps(),
		lands: func(lo, hi VAddr) bool {
			for a := lo; a < hi; a++ {
				if w.targets[a] || slices.Contains(inside, a) {
					return true
				}
			}
			return false
		},
		taken: func(a VAddr) bool {
			return slices.ContainsFunc(s.Exits, func(x Site) bool { return x.Addr == a })
		},
	}
	if err := rules.checkLead(root, first); err != nil {
		return Sites{}, err
	}
	small := false
	if s.Entry, small, err = entryOf(root, first, rules); err != nil {
		return Sites{}, err
	}
	if small {
		s.Exits, s.LeavesEarly, s.Warnings, s.NoExit = nil, false, nil, errTooSmall
	}
	return s, nil
}

// loops refuses functions in which a branch leads to the first instruction:
// all that follows it would be hit again without a call. back are jumps
// behind calls of Go's morestack, which are harmless.
func loops(root *body, back map[VAddr]bool) error {
	for i := range root.insts {
		in := &root.insts[i]
		if (in.flow == flowJump || in.flow == flowCond) && in.target == root.start && !back[in.pc] {
			return fmt.Errorf("%w: at %#x", errLoop, uint64(in.pc))
		}
	}
	return nil
}

// checkLead holds the instructions before the line, which are a Go stack
// check, against the rules.
func (r entryRules) checkLead(b *body, first int) error {
	start := b.at(b.start)
	r.reads &^= RegSet(0).Add(regR14) // a check writes nothing else to it than g
	for i := start; i <= first; i++ {
		in := &b.insts[i]
		if i > start && r.lands(in.pc, in.end()) {
			return fmt.Errorf("a branch leads into its stack check, to %#x", uint64(in.pc))
		}
		if i < first && !r.survives(b.arch, in) {
			return fmt.Errorf("its stack check changes a register that is to be read, at %#x", uint64(in.pc))
		}
	}
	return nil
}

// alwaysRead are the registers that every entry probe reads: the stack
// pointer, from which the frame's key is made, and Go's g.
func alwaysRead(arch Arch, f *Func) RegSet {
	isGo := f.Lang == LangGo && !f.Has(ABI0)
	if arch == ARM64 {
		s := RegSet(0).Add(regSPA)
		if f.Lang == LangGo {
			s = s.Add(regX28)
		}
		return s
	}
	s := RegSet(0).Add(regRSP)
	if isGo {
		s = s.Add(regR14)
	}
	return s
}

// unknownJumps reports whether the function itself has an indirect jump that
// stays inside and whose targets are not known.
func (w *walk) unknownJumps() bool {
	root := w.areas[0]
	for pc, kind := range w.jumps {
		if (kind == jumpInside || kind == jumpUnsure) && root.holds(pc) {
			return true
		}
	}
	return false
}

// surroundings connects the search to the file.
func (b *Binary) surroundings(f *Func) *surroundings {
	return &surroundings{
		arch:       b.arch,
		compiledGo: f.Lang == LangGo,
		text:       b.text,
		data:       b.Read,
		funcAt: func(a VAddr) *Func {
			t, err := b.table()
			if err != nil {
				return nil
			}
			return t.at(a)
		},
		frameAt: b.frameAt,
		isStub:  b.isStub,
	}
}

// startsWithin returns the addresses of other functions inside f, at which
// hand-written assembly may be entered.
func (b *Binary) startsWithin(f *Func) ([]VAddr, error) {
	t, err := b.table()
	if err != nil {
		return nil, err
	}
	var inside []VAddr
	i := sort.Search(len(t.funcs), func(i int) bool { return t.funcs[i].Addr > f.Addr })
	for ; i < len(t.funcs) && uint64(t.funcs[i].Addr-f.Addr) < f.Size; i++ {
		inside = append(inside, t.funcs[i].Addr)
	}
	return inside, nil
}

// isStub reports whether a lies in one of the sections that linkers make for
// calls into other files (.plt, .plt.sec, .plt.got, .iplt).
func (b *Binary) isStub(a VAddr) bool {
	stubs, err := keep(b, stubsKey{}, func() (map[Range]bool, error) {
		m := map[Range]bool{}
		for _, s := range b.elf.Sections {
			switch s.Name {
			case ".plt", ".plt.sec", ".plt.got", ".plt.bnd", ".iplt":
				m[Range{VAddr(s.Addr), VAddr(s.Addr + s.Size)}] = true
			}
		}
		return m, nil
	})
	if err != nil {
		return false
	}
	for r := range maps.Keys(stubs) {
		if a >= r.Lo && a < r.Hi {
			return true
		}
	}
	return false
}

type stubsKey struct{}
