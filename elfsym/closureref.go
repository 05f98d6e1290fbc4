package elfsym

import (
	"debug/dwarf"
	"fmt"
)

// maxByValue is the size in bytes of the largest variable that is captured by
// value (cmd/compile/internal/escape, flowClosure).
const maxByValue = 128

// errByRef says that a captured variable cannot be read.
var errByRef = fmt.Errorf("%w: nothing tells whether the closure holds it or its address", ErrOptimizedOut)

// holding is what a closure holds of a variable.
type holding uint8

const (
	holdsEither holding = iota
	holdsValue
	holdsAddress
)

// holdingOf tells what the closure holds at off of the variable that e calls
// &x, which is of the given size. E describes the address of x: it was loaded
// from the closure if x was captured by reference, but it is that of the place
// in the closure if x was captured by value and needs an address, as arrays and
// large structs do (cmd/compile/internal/ssagen, "Populate closure variables").
// next is the first place behind off of which something else is known, 0 for
// none.
func (fn *function) holdingOf(e *dwarf.Entry, off, size, next int64) holding {
	if size > maxByValue || next != 0 && next < off+size {
		return holdsAddress
	}
	if fn.d.image == nil {
		return holdsEither
	}
	end, listed := fn.knownFrom(e)
	const maxImmA64 = 4095 // what one arm64 add can add
	if end <= fn.f.Addr || end-fn.f.Addr > maxBody || fn.d.arch == ARM64 && off > maxImmA64 {
		return holdsEither
	}
	text, err := fn.d.image.Text(fn.f.Addr, end)
	if err != nil {
		return holdsEither
	}
	b := newBody(fn.d.arch, fn.f.Addr, []code{{fn.f.Addr, text}})
	if listed {
		return definedWithin(b, off)
	}
	return definedFirst(b, off)
}

// knownFrom returns where the variable e begins to be somewhere, or the end of
// the function and false where it has one place all the time.
func (fn *function) knownFrom(e *dwarf.Entry) (pc VAddr, listed bool) {
	fn.d.mu.Lock()
	defer fn.d.mu.Unlock()
	f := locField(die{e})
	if f == nil {
		return 0, false
	}
	first, static, err := fn.d.locs.firstPC(fn.unit, f)
	switch {
	case err != nil:
		return 0, false
	case !static:
		return VAddr(first), true
	}
	ranges, err := fn.d.data.Ranges(fn.entry[0])
	if err != nil {
		return 0, false
	}
	for _, r := range ranges {
		if r[0] == uint64(fn.f.Addr) {
			return VAddr(r[1]), false
		}
	}
	return 0, false
}

// definedWithin looks for what computes the address in b, the code in front of
// the place where an optimised variable begins to be somewhere: the last
// instruction, or one before it. The address of the place in the closure is
// computed for nothing else; an earlier load of the word there may read the
// value itself, so that it tells only where nothing else can have computed the
// address.
func definedWithin(b *body, off int64) holding {
	insts := b.insts
	for len(insts) > 0 && isPadding(&insts[len(insts)-1]) {
		insts = insts[:len(insts)-1]
	}
	if b.bad != nil || len(insts) == 0 {
		return holdsEither
	}
	last := len(insts) - 1
	loaded, copied := false, false
	for i := range insts[:last] {
		in := &insts[i]
		h := b.takesFrom(in, off)
		if h == holdsValue {
			return h
		}
		if b.losesContext(in) {
			return holdsEither
		}
		loaded, copied = loaded || h == holdsAddress, copied || b.copiesContext(in)
	}
	if h := b.takesFrom(&insts[last], off); h != holdsEither {
		return h
	}
	if loaded && !copied && !b.losesContext(&insts[last]) {
		return holdsAddress
	}
	return holdsEither
}

// definedFirst looks for the first use of the place in the code that leads
// into the function: without optimisation the addresses of all variables are
// stored before anything else happens.
func definedFirst(b *body, off int64) holding {
	first, _ := afterStackCheck(b)
	for i := first; i >= 0; i = b.next(i) {
		in := &b.insts[i]
		if h := b.takesFrom(in, off); h != holdsEither {
			return h
		}
		if in.flow != flowNext || b.losesContext(in) {
			break
		}
	}
	return holdsEither
}

// losesContext reports whether the context register may be another behind in.
func (b *body) losesContext(in *inst) bool {
	if in.flow == flowCall || in.flow == flowCallInd {
		return true
	}
	if b.arch == ARM64 {
		// These are the registers that in writes or stores, if any.
		return in.flow == flowNext && (in.word&31 == 26 || in.word>>10&31 == 26)
	}
	e := effectX86(in)
	return e.unknown && in.flow == flowNext || e.writes&RegSet(0).Add(regRDX) != 0
}

// copiesContext reports whether in stores the context register or copies it to
// another.
func (b *body) copiesContext(in *inst) bool {
	if b.arch == ARM64 {
		w := in.word
		return w&0xffe0ffe0 == 0xaa0003e0 && w>>16&31 == 26 // mov; losesContext knows the stores
	}
	return in.legacyOp(0x89) && in.reg() == hwRDX || in.legacyOp(0x8b) && !in.isMem() && in.rm() == hwRDX
}

// takesFrom tells whether in loads the word at off behind the context register,
// or computes its address.
func (b *body) takesFrom(in *inst, off int64) holding {
	if b.arch == ARM64 {
		return takesFromA64(in.word, off)
	}
	const rexW = 8
	if in.enc != legacy || in.space != 0 || in.rex&rexW == 0 || in.has(pfxAddrSize|pfxFSGS) {
		return holdsEither
	}
	atContext := in.isMem() && in.mod() != 0 && in.modrm&7 != hwRSP && in.rm() == hwRDX && int64(in.disp) == off
	toContext := in.has(hasModRM) && in.mod() == 3 && in.rm() == hwRDX
	switch {
	case atContext && in.op == 0x8b: // mov r, [rdx+off]
		return holdsAddress
	case atContext && in.op == 0x8d, // lea r, [rdx+off]
		toContext && (in.op == 0x83 || in.op == 0x81) && in.regField() == 0 && in.imm == off, // add rdx, off
		toContext && in.op == 0x83 && in.regField() == 5 && in.imm == -off:                   // sub rdx, -128
		return holdsValue
	}
	return holdsEither
}

func takesFromA64(w uint32, off int64) holding {
	const context = 26
	if w>>5&31 != context {
		return holdsEither
	}
	imm := int64(w >> 10 & 0xfff)
	switch {
	case w>>22 == 0b1111100101 && 8*imm == off: // ldr x, [x26, #off]
		return holdsAddress
	case w>>22 == 0b1010100101: // ldp x, x, [x26, #imm]
		if at := 8 * (int64(w>>15&0x7f) << 57 >> 57); at == off || at+8 == off {
			return holdsAddress
		}
	case w>>22 == 0b1001000100 && imm == off: // add x, x26, #off
		return holdsValue
	}
	return holdsEither
}
