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
	tails   int                // number of functions reached by tail calls
	late    bool               // the walk is in sweep
	fault   error              // why the exits cannot be known
}

func newWalk(env *surroundings, root *body, name string) *walk {
	w := &walk{env: env, jumps: map[VAddr]jumpKind{}, targets: map[VAddr]bool{}, stubs: map[VAddr]place{}}
	a := w.add(root, name, 0)
	w.reach(a, root.at(root.start), frame{spKnown: env.arch == AMD64, held: atEntry})
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
// target, by exceptions, or by nothing. A computed goto has the same frame at
// both ends, so where all those of an area have one frame, it is assumed.
func (w *walk) sweep() {
	w.late = true
	for k := 0; k < len(w.areas) && w.fault == nil; k++ {
		a := w.areas[k]
		guess := w.insideFrame(a)
		for i := range a.insts {
			in := &a.insts[i]
			branches := in.flow == flowJump || in.flow == flowCond || in.flow == flowJumpInd
			if a.frames[i].seen || !branches && !guess.spKnown {
				continue
			}
			a.frames[i].join(guess)
			w.work = append(w.work, place{a, i})
			w.run()
		}
	}
}

// insideFrame returns the frame that all jumps of unknown target inside a
// have, if there is one.
func (w *walk) insideFrame(a *area) frame {
	guess, any := frame{guessed: true}, false
	for i := range a.insts {
		if in := &a.insts[i]; in.flow == flowJumpInd && w.jumps[in.pc] == jumpInside && a.frames[i].seen {
			f := a.frames[i]
			if !any {
				guess.sp, guess.spKnown, guess.bp, guess.bpKnown = f.sp, f.spKnown, f.bp, f.bpKnown
				any = true
			}
			guess.join(f)
			if guess.sp != f.sp || guess.spKnown != f.spKnown {
				return frame{guessed: true}
			}
		}
	}
	guess.seen = false
	return guess
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
		if in.flow == flowNext || in.flow == flowCond {
			w.fallThrough(p, f.after(in))
		}
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

// fallThrough follows a path over the end of a range, by which hand-written
// assembly enters the next function, with padding in between.
func (w *walk) fallThrough(p place, f frame) {
	to := p.inst().end()
	if w.areaOf(to) == nil && w.env.funcAt(to) == nil {
		text, err := w.env.text([]Range{{to, to + maxPadding}})
		if err != nil {
			return
		}
		for _, in := range newBody(w.env.arch, to, text).insts {
			if w.env.funcAt(to) != nil || !isPadding(&in) {
				break
			}
			to = in.end()
		}
	}
	if w.areaOf(to) != nil || w.env.funcAt(to) != nil {
		w.branch(p, to, f)
	}
}

// maxPadding is a cache line, to which libc aligns its string functions.
const maxPadding = 64

// isPadding reports whether in is a nop.
func isPadding(in *inst) bool {
	return in.enc == legacy && (in.space == 0 && in.op == 0x90 && in.rex&1 == 0 || in.space == 1 && in.op == 0x1f)
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
		if w.endsAt(target) && (f.framed() || w.env.funcAt(target) == nil) {
			// GCC and Go let paths that end in a call that does not return
			// jump to where the function ends.
			return
		}
		if w.env.isStub(target) {
			if !f.framed() { // else it does not return
				w.stubs[p.inst().pc] = p
			}
			return
		}
		if a = w.follow(p, target, f); a == nil {
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

// endsAt reports whether a is where one of the areas' ranges ends.
func (w *walk) endsAt(a VAddr) bool {
	for _, area := range w.areas {
		for _, r := range area.ranges {
			if a == r.Hi {
				return true
			}
		}
	}
	return false
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

// follow adds the function that holds target, to which p jumps with frame f.
func (w *walk) follow(p place, target VAddr, f frame) *area {
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
	// With a frame on the stack it is no call but a part of the function
	// that has no symbol of its own.
	depth := p.area.depth
	if !f.framed() {
		depth++
		w.tails++
	}
	switch {
	case depth > maxDepth:
		w.fail(fmt.Errorf("%w: %s to %s is the %dth", errTooDeep, p.area.name, name, depth))
		return nil
	case w.tails > maxTails || len(w.areas) > maxParts:
		w.fail(fmt.Errorf("%w: more than %d", errTooMany, maxTails))
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
	return w.add(b, name, depth)
}
