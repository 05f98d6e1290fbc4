package elfsym

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

var (
	errNeverReturns = errors.New("it never returns")
	errTooSmall     = errors.New("it is too small to time: its entry is its exit")
	errManyExits    = errors.New("its tail calls have too many exits")
	errForeignFrame = errors.New("it returns from a frame that is not its own")
)

// exits are the instructions by which calls leave.
type exits struct {
	sites    []Site  // ascending, without Offset
	indirect []VAddr // tail jumps to an unknown place
	foreign  []VAddr // tail calls into another file
	warnings []string
}

// findExits lists the exits that w has found, or says why they cannot be
// known.
func (w *walk) findExits() (exits, error) {
	var e exits
	root := w.areas[0]
	if root.bad != nil {
		return e, root.bad
	}
	if w.fault != nil {
		return e, w.fault
	}
	for _, a := range w.areas {
		for i := range a.insts {
			in := &a.insts[i]
			leaves := in.flow == flowRet
			switch {
			case leaves && a.frames[i].framed() && !a.frames[i].guessed:
				return e, fmt.Errorf("%w: at %#x in %s the stack pointer is off by %d", errForeignFrame,
					uint64(in.pc), a.name, a.frames[i].sp)
			case in.flow == flowJumpInd && w.jumps[in.pc] == jumpTail:
				leaves = true
				e.indirect = append(e.indirect, in.pc)
			}
			if !leaves {
				continue
			}
			if err := e.add(w.env.arch, in); err != nil {
				return e, err
			}
		}
		if a == root {
			continue
		}
		if len(e.sites) > maxExits {
			return e, fmt.Errorf("%w: more than %d", errManyExits, maxExits)
		}
	}
	if err := w.stubExits(&e); err != nil {
		return e, err
	}
	if len(e.sites) == 0 {
		return e, errNeverReturns
	}
	e.warn("an indirect tail jump", e.indirect)
	e.warn("a tail call into another file", e.foreign)
	if w.again {
		e.warnings = append(e.warnings, "a function that it tail-calls tail-calls it again, which counts as another call")
	}
	slices.SortFunc(e.sites, func(a, b Site) int {
		if a.Addr < b.Addr {
			return -1
		}
		return 1
	})
	e.sites = slices.CompactFunc(e.sites, func(a, b Site) bool { return a.Addr == b.Addr })
	return e, nil
}

// tailCalls says that a path leaves by jumping to another function.
func (w *walk) tailCalls() bool {
	if len(w.areas) > 1 || len(w.stubs) > 0 {
		return true
	}
	for _, kind := range w.jumps {
		if kind == jumpTail {
			return true
		}
	}
	return false
}

// stubExits adds the jumps into a procedure linkage table, which are tail
// calls of another image. A conditional one cannot be an exit, since a probe
// on it also fires when it is not taken; then the stub itself is, where other
// callers of the stub are told apart by their stack.
func (w *walk) stubExits(e *exits) error {
	for _, pc := range slices.Sorted(maps.Keys(w.stubs)) {
		in := w.stubs[pc].inst()
		if in.flow == flowCond {
			stub, err := w.stubJump(in.target)
			if err != nil {
				return fmt.Errorf("the tail call at %#x: %w", uint64(pc), err)
			}
			in = &stub
		}
		e.foreign = append(e.foreign, pc)
		if err := e.add(w.env.arch, in); err != nil {
			return err
		}
	}
	return nil
}

// stubJump returns the first instruction of the linkage stub at a that can
// hold a probe.
func (w *walk) stubJump(a VAddr) (inst, error) {
	text, err := w.env.text([]Range{{a, a + 16}})
	if err != nil {
		return inst{}, err
	}
	b := newBody(w.env.arch, a, text)
	for i := range b.insts {
		if b.insts[i].flow == flowJumpInd {
			return b.insts[i], nil
		}
	}
	return inst{}, errors.New("its linkage stub has no jump")
}

func (e *exits) add(arch Arch, in *inst) error {
	cost, err := probeCost(arch, in)
	if err != nil {
		return fmt.Errorf("its exit at %#x: %w", uint64(in.pc), err)
	}
	e.sites = append(e.sites, Site{Addr: in.pc, Cost: cost})
	return nil
}

// warn says that jumps out of sight end the measurement.
func (e *exits) warn(what string, jumps []VAddr) {
	switch len(jumps) {
	case 0:
	case 1:
		e.warnings = append(e.warnings, fmt.Sprintf("%s ends the measurement at %#x", what, uint64(jumps[0])))
	default:
		e.warnings = append(e.warnings, fmt.Sprintf("%s ends the measurement at %d places, the first at %#x", what, len(jumps), uint64(slices.Min(jumps))))
	}
}
