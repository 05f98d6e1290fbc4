package elfsym

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// How far the search for the parts of a jump table goes.
const (
	maxLookBack = 24   // instructions before the jump
	maxTable    = 4096 // entries
)

var errUnsureJump = errors.New("an indirect jump may be a jump table or leave the function")

// jumpInd follows an indirect jump as far as it can be known.
func (w *walk) jumpInd(p place, f frame) {
	in := p.inst()
	kind, targets := w.judge(p, f)
	if kind == jumpUnsure {
		w.fail(fmt.Errorf("%w: at %#x", errUnsureJump, uint64(in.pc)))
	}
	if old, again := w.jumps[in.pc]; again && old != kind {
		// The frame came to be unknown by a second path.
		w.fail(fmt.Errorf("%w: at %#x, which has different frames", errUnsureJump, uint64(in.pc)))
		return
	}
	w.jumps[in.pc] = kind
	for _, t := range targets {
		w.branch(p, t, f)
	}
}

// judge decides what the indirect jump at p does. The frame is the best
// witness: a tail call has the stack as at the entry, and code that has not
// restored it can only jump inside the function.
func (w *walk) judge(p place, f frame) (jumpKind, []VAddr) {
	in := p.inst()
	if w.env.arch == ARM64 {
		return judgeA64(p), nil
	}
	if in.ripRelative() && !f.framed() {
		return jumpTail, nil // through a pointer: GOT entry or variable
	}
	t, shaped := findTable(p)
	if shaped {
		if targets, out := w.readTable(p.area, t); len(targets) > 0 {
			if out && !f.framed() {
				return jumpTail, nil // a table of functions
			}
			return jumpTable, targets
		}
	}
	switch {
	case f.framed() && !in.ripRelative(), in.has(pfxDS):
		// GCC and LLVM put notrack, which is the DS prefix, only before the
		// jump of a switch.
		return jumpInside, nil
	case shaped && (t.relative || w.env.compiledGo):
		return jumpInside, nil
	case f.spKnown && !shaped, restoresStack(p):
		return jumpTail, nil
	}
	return jumpUnsure, nil
}

// A table is a jump table's shape.
type table struct {
	base     VAddr // 0 if unknown
	relative bool  // entries of 4 bytes, relative to base; else pointers
	count    int   // 0 if unknown
}

// findTable looks for the shape of a jump table in the instructions before
// the jump at p: an indexed load of 8 bytes, or of 4 signed bytes that are
// then added to the table's address.
func findTable(p place) (t table, shaped bool) {
	in := p.inst()
	base, ok := uint8(0), false
	if in.isMem() {
		base, t.base, ok = scaled(in, 8)
		if !ok {
			return t, false
		}
	} else {
		want, added := in.rm(), false
		for k, j := 0, p.i; k < maxLookBack && !ok; k++ {
			if j = p.area.before(j); j < 0 {
				return t, false
			}
			d := &p.area.insts[j]
			switch {
			case d.enc != legacy || d.space != 0:
			case d.op == 0x8d && d.reg() == want && !added && d.ripRelative() && p.area.holds(d.target):
				return table{relative: true}, true // a label
			case d.op == 0x01 && !d.isMem() && (d.rm() == want || d.reg() == want && !added):
				added = true
			case d.op == 0x03 && !d.isMem() && d.reg() == want:
				added = true
			case d.op == 0x63 && d.ripRelative() && added:
				// GCC knows the index but keeps the jump.
				return table{relative: true}, true
			case d.op == 0x63 && d.isMem() && added:
				base, t.base, ok = scaled(d, 4)
				t.relative = true
			case d.op == 0x8b && d.isMem() && d.rex&8 != 0 && d.reg() == want && !added:
				base, t.base, ok = scaled(d, 8)
				if !ok {
					return t, false // loaded from a variable
				}
			case d.flow != flowNext && d.flow != flowCond:
				return t, false
			}
		}
		if !ok {
			return t, false
		}
	}
	p.bounds(&t, base)
	return t, true
}

// scaled matches a memory operand with an index times scale. The base
// register is 255 if there is none, and then the displacement is the address.
func scaled(in *inst, scale uint8) (base uint8, at VAddr, ok bool) {
	if in.modrm&7 != 4 || in.mod() == 3 || in.sib>>3&7 == 4 && in.rex&2 == 0 || 1<<(in.sib>>6) != scale {
		return 0, 0, false
	}
	if in.mod() == 0 && in.sib&7 == 5 {
		return 255, VAddr(in.disp), true
	}
	return in.sib&7 | in.rex<<3&8, 0, in.disp == 0
}

// bounds looks for the lea that loads the table's address and for the
// comparison that limits the index.
func (p place) bounds(t *table, base uint8) {
	for k, j := 0, p.i; k < maxLookBack; k++ {
		if j = p.area.before(j); j < 0 {
			return
		}
		d := &p.area.insts[j]
		if d.enc != legacy || d.space != 0 {
			continue
		}
		switch {
		case d.op == 0x8d && d.ripRelative() && d.reg() == base && t.base == 0:
			t.base = d.target
		case (d.op == 0x83 || d.op == 0x81 || d.op == 0x80) && d.regField() == 7 && t.count == 0 && d.imm >= 0 && d.imm < maxTable,
			(d.op == 0x3c || d.op == 0x3d) && t.count == 0 && d.imm >= 0 && d.imm < maxTable:
			t.count = int(d.imm) + 1
		}
	}
}

// before returns the index of the instruction that precedes the i-th in
// memory, or -1.
func (b *body) before(i int) int {
	if i > 0 && b.insts[i-1].end() == b.insts[i].pc {
		return i - 1
	}
	return -1
}

// readTable returns the targets in a jump table, and whether all of them are
// the starts of other functions. It stops at the first entry that cannot be of
// the table, so it may return some of the next table too.
func (w *walk) readTable(a *area, t table) (targets []VAddr, out bool) {
	if t.base == 0 {
		return nil, false
	}
	size, n := 8, t.count
	if t.relative {
		size = 4
	}
	if n == 0 {
		n = maxTable / 4
	}
	in := false
	for k := range n {
		b, err := w.env.data(t.base+VAddr(k*size), size)
		if err != nil {
			break
		}
		target := VAddr(binary.LittleEndian.Uint64(append(b, 0, 0, 0, 0)))
		if t.relative {
			target = t.base + VAddr(int64(int32(binary.LittleEndian.Uint32(b))))
		}
		switch {
		case target == a.start && !t.relative:
		case a.at(target) >= 0:
			in = true
		case t.count == 0 || a.holds(target) || w.env.compiledGo:
			return targets, false
		case w.startsFunction(target):
			if in {
				return targets, false
			}
			out = true
		case !w.isNameless(target):
			return targets, false
		}
		targets = append(targets, target)
	}
	return targets, out && !in
}

func (w *walk) startsFunction(a VAddr) bool {
	g := w.env.funcAt(a)
	return g != nil && g.Addr == a
}

// isNameless reports whether only the unwind table knows a, as it does .cold
// parts of stripped files.
func (w *walk) isNameless(a VAddr) bool {
	_, ok := w.env.frameAt(a)
	return ok && w.env.funcAt(a) == nil
}

// restoresStack reports whether the instructions right before p end in the
// end of an epilogue.
func restoresStack(p place) bool {
	for k, j := 0, p.i; k < 3; k++ {
		if j = p.area.before(j); j < 0 {
			return false
		}
		d := &p.area.insts[j]
		if d.enc != legacy || d.space != 0 {
			continue
		}
		switch {
		case d.op >= 0x58 && d.op <= 0x5f, d.op == 0xc9:
			return true
		case (d.op == 0x83 || d.op == 0x81) && d.regField() == 0 && !d.isMem() && d.rm() == hwRSP:
			return true
		}
	}
	return false
}

// judgeA64 decides what the br at p does. A jump table's target is computed
// from an indexed load; a tail call's comes from a plain load or a register.
func judgeA64(p place) jumpKind {
	want := p.inst().word >> 5 & 31
	for k, j := 0, p.i; k < maxLookBack/2; k++ {
		if j = p.area.before(j); j < 0 {
			break
		}
		w := p.area.insts[j].word
		if f := p.area.insts[j].flow; f != flowNext && f != flowCond {
			break
		}
		switch {
		case w&0x1f != want:
		case w&0xffe00000 == 0x8b200000: // add x, x, w, sxt#: entry of a relative table
			return jumpInside
		case w&0xff200000 == 0x8b000000: // add x, x, x
			return jumpInside
		case w&0xffe00c00 == 0xf8600800: // ldr x, [x, x, lsl #3]
			return jumpInside
		case w>>22 == 0b1111100101, w&0xffe00c00 == 0xf8400000, w>>24 == 0x58, w&0xffe0ffe0 == 0xaa0003e0:
			return jumpTail // ldr x, [x, #n]; ldur; ldr literal; mov
		}
	}
	if want == 16 || want == 17 {
		return jumpTail // the only registers of an indirect tail call under BTI
	}
	return jumpUnsure
}
