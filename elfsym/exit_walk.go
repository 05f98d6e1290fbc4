package elfsym

import (
	"errors"
	"fmt"
)

// surroundings are what the search for sites asks of the image.
type surroundings struct {
	arch Arch
	// compiledGo says that indirect jumps with an index are switches: the Go
	// compiler makes no tail calls through tables.
	compiledGo bool
	// text returns the code of ranges, within the limits of one body.
	text func(ranges []Range) ([]code, error)
	// data returns n bytes of the image at a, before relocation.
	data func(a VAddr, n int) ([]byte, error)
	// funcAt returns the function that holds a, or nil.
	funcAt func(a VAddr) *Func
	// frameAt returns the range that the unwind table describes as one
	// function, for code without symbols.
	frameAt func(a VAddr) (Range, bool)
	// isStub reports whether a lies in a procedure linkage table.
	isStub func(a VAddr) bool
}

// An area is code that a call of the measured function runs as its own: the
// function, or one that it reaches by tail calls.
type area struct {
	*body
	name   string
	frames []frame // by instruction
	depth  int     // number of tail calls from the measured function
}

// A jumpKind is what an indirect jump does.
type jumpKind uint8

const (
	jumpUnsure jumpKind = iota
	jumpTable           // to targets inside that are known
	jumpInside          // to targets inside that are not
	jumpTail            // out, with the stack as at the entry
)

// A place is an instruction of an area.
type place struct {
	area *area
	i    int
}

func (p place) inst() *inst { return &p.area.insts[p.i] }

// A walk follows the paths through a function and those it tail-calls.
type walk struct {
	env   *surroundings
	areas []*area
	work  []place

	jumps   map[VAddr]jumpKind // indirect jumps
	targets map[VAddr]bool     // where branches and jump tables lead
	stubs   map[VAddr]place    // jumps to a PLT, by the jump's address
	again   bool               // a tail-called function jumps to the start
	late    bool               // the walk is in sweep
	fault   error              // why the exits cannot be known
}

func newWalk(env *surroundings, root *body, name string) *walk {
	w := &walk{env: env, jumps: map[VAddr]jumpKind{}, targets: map[VAddr]bool{}, stubs: map[VAddr]place{}}
	a := w.add(root, name, 0)
	w.reach(a, root.at(root.start), frame{spKnown: true})
	w.run()
	w.sweep()
	return w
}

func (w *walk) add(b *body, name string, depth int) *area {
	a := &area{body: b, name: name, depth: depth, frames: make([]frame, len(b.insts))}
	w.areas = append(w.areas, a)
	return a
}

func (w *walk) fail(err error) {
	if w.fault == nil {
		w.fault = err
	}
}

// reach records that the i-th instruction of a may run with frame f.
func (w *walk) reach(a *area, i int, f frame) {
	if w.late && a.frames[i].seen {
		return // a known frame is better evidence than a lost one
	}
	if a.frames[i].join(f) {
		w.work = append(w.work, place{a, i})
	}
}

func (w *walk) run() {
	for len(w.work) > 0 && w.fault == nil {
		p := w.work[len(w.work)-1]
		w.work = w.work[:len(w.work)-1]
		w.step(p)
	}
}

// sweep visits what run did not: code reached only by jumps of unknown
// target, by exceptions, or by nothing. Its stack is unknown.
func (w *walk) sweep() {
	w.late = true
	for k := 0; k < len(w.areas) && w.fault == nil; k++ {
		a := w.areas[k]
		for i := range a.insts {
			in := &a.insts[i]
			if a.frames[i].seen || in.flow != flowJump && in.flow != flowCond && in.flow != flowJumpInd {
				continue
			}
			a.frames[i].seen = true
			w.work = append(w.work, place{a, i})
			w.run()
		}
	}
}

// step follows the instruction at p.
func (w *walk) step(p place) {
	in, f := p.inst(), p.area.frames[p.i]
	switch in.flow {
	case flowRet, flowStop:
		return
	case flowJump:
		w.branch(p, in.target, f)
		return
	case flowCond:
		w.branch(p, in.target, f)
	case flowJumpInd:
		w.jumpInd(p, f)
		return
	}
	j := p.area.next(p.i)
	if j < 0 {
		return // a call that does not return ends the function
	}
	if w.env.arch == AMD64 {
		f = f.after(in)
	}
	g := &p.area.frames[j]
	if (in.flow == flowCall || in.flow == flowCallInd) && g.seen && (g.sp != f.sp || g.spKnown != f.spKnown) {
		return // so does one whose successor has another frame
	}
	w.reach(p.area, j, f)
}

// branch follows a jump from p to target.
func (w *walk) branch(p place, target VAddr, f frame) {
	w.targets[target] = true
	root := w.areas[0]
	if target == root.start && p.area != root {
		w.again = true
	}
	a := w.areaOf(target)
	if a == nil {
		if w.env.isStub(target) {
			w.stubs[p.inst().pc] = p
			return
		}
		if a = w.follow(p, target); a == nil {
			return
		}
	}
	i := a.at(target)
	if i < 0 {
		// Code for one thread skips lock prefixes.
		if i = a.at(target - 1); i >= 0 && !a.insts[i].has(pfxLock) {
			i = -1
		}
	}
	if i < 0 {
		if a.bad == nil {
			w.fail(fmt.Errorf("the branch at %#x leads into an instruction", uint64(p.inst().pc)))
		}
		return
	}
	w.reach(a, i, f)
}

func (w *walk) areaOf(a VAddr) *area {
	for _, area := range w.areas {
		if area.holds(a) {
			return area
		}
	}
	return nil
}

var (
	errTooDeep  = errors.New("its tail calls go too deep")
	errTooMany  = errors.New("its tail calls reach too many functions")
	errNowhere  = errors.New("it jumps to an address of no known function")
	errTailData = errors.New("it tail-calls code that cannot be decoded")
)

// follow adds the function that holds target, to which p jumps.
func (w *walk) follow(p place, target VAddr) *area {
	in := p.inst()
	g := w.env.funcAt(target)
	name, ranges := "", []Range(nil)
	switch {
	case g != nil && g.Has(IFunc):
		w.fail(fmt.Errorf("the jump at %#x leads to the resolver of %s", uint64(in.pc), g.Symbol))
		return nil
	case g != nil:
		name, ranges = g.Symbol, funcRanges(g)
	default:
		r, ok := w.env.frameAt(target)
		if !ok {
			w.fail(fmt.Errorf("%w: %#x jumps to %#x", errNowhere, uint64(in.pc), uint64(target)))
			return nil
		}
		name, ranges = fmt.Sprintf("%#x", uint64(r.Lo)), []Range{r}
	}
	if p.area.depth == maxDepth {
		w.fail(fmt.Errorf("%w: %s to %s is the %dth", errTooDeep, p.area.name, name, maxDepth+1))
		return nil
	}
	if len(w.areas) > maxBodies {
		w.fail(fmt.Errorf("%w: more than %d", errTooMany, maxBodies))
		return nil
	}
	text, err := w.env.text(ranges)
	if err != nil {
		w.fail(fmt.Errorf("read %s, which it tail-calls: %w", name, err))
		return nil
	}
	b := newBody(w.env.arch, ranges[0].Lo, text)
	if b.bad != nil {
		w.fail(fmt.Errorf("%w: %s: %w", errTailData, name, b.bad))
		return nil
	}
	return w.add(b, name, p.area.depth+1)
}
