package elfsym

import (
	"errors"
	"fmt"
)

// held says where the first argument's register of the entry, rdi, still is:
// in which registers, and in which word of the frame.
type held struct {
	regs  RegSet
	home  int64 // relative to rsp at the entry
	homed bool
}

var atEntry = held{regs: RegSet(0).Add(regRDI)}

// calleeSaved are the registers that a call keeps (System V psABI, figure
// 3.4), and systemSaved those that a system call does not.
var (
	calleeSaved   = RegSet(0).Add(regRBX).Add(regRBP).Add(regR12).Add(regR13).Add(regR14).Add(15)
	systemScratch = RegSet(0).Add(regRAX).Add(regRCX).Add(11)
)

func (h *held) join(g held) {
	h.regs &= g.regs
	if h.homed && (!g.homed || g.home != h.home) {
		h.homed, h.home = false, 0
	}
}

// after returns what is held behind an amd64 instruction that runs with the
// frame f. The word of the frame is one that only the compiler knows of, so
// that nothing but f's own registers leads to it.
func (h held) after(in *inst, f *frame) held {
	switch in.flow {
	case flowCall, flowCallInd:
		h.regs &= calleeSaved
		return h
	case flowSystem:
		h.regs &^= systemScratch
		return h
	}
	if in.enc == legacy && in.space == 0 && in.rex&8 != 0 && !in.has(pfxAddrSize|pfxFSGS) {
		switch {
		case in.op == 0x89 && in.isMem():
			if at, ok := f.address(in); ok && h.regs&hw(in.reg()) != 0 {
				h.home, h.homed = at, true
				return h
			}
		case in.op == 0x89:
			return h.copied(in.rm(), h.regs&hw(in.reg()) != 0)
		case in.op == 0x8b && !in.isMem():
			return h.copied(in.reg(), h.regs&hw(in.rm()) != 0)
		case in.op == 0x8b:
			at, ok := f.address(in)
			return h.copied(in.reg(), ok && h.homed && at == h.home)
		}
	}
	e := effectX86(in)
	if in.legacyOp(0xc9) { // leave
		e = effect{writes: hw(hwRSP) | hw(hwRBP)}
	}
	if e.unknown {
		return held{}
	}
	h.regs &^= e.writes
	if e.stores && h.homed && h.overwrites(in, f) {
		h.home, h.homed = 0, false
	}
	return h
}

func (h held) copied(to uint8, is bool) held {
	h.regs &^= hw(to)
	if is {
		h.regs |= hw(to)
	}
	return h
}

// overwrites reports whether the store in may touch the word in the frame.
func (h *held) overwrites(in *inst, f *frame) bool {
	at, size := f.sp-8, int64(8) // push
	if in.isMem() {
		var ok bool
		if at, ok = f.address(in); !ok {
			return !f.spKnown
		}
		if size = in.vectorSize(); in.enc != legacy || in.space != 1 || size == 0 {
			size = 64
		}
		if in.enc == legacy && in.space == 0 {
			size = 8
		}
	}
	return at < h.home+8 && at+size > h.home
}

var (
	errNoAddress = errors.New("its address is in no register at the return")
	errWayOut    = errors.New("it leaves by ways that cannot be followed")
)

// resultAddress returns a register that holds at every RET what rdi held at
// the entry: the address for a large result. A function that others can call
// must leave it in rax, but LLVM's argument promotion (-O3) lets local
// functions do without.
func (w *walk) resultAddress() (Reg, error) {
	if w.fault != nil || w.areas[0].bad != nil || len(w.stubs) > 0 || w.unknownJumps() {
		return 0, errWayOut
	}
	all := ^RegSet(0)
	for _, a := range w.areas {
		for i := range a.insts {
			in, f := &a.insts[i], &a.frames[i]
			switch {
			case in.flow == flowJumpInd && w.jumps[in.pc] == jumpTail:
				return 0, errWayOut
			case in.flow == flowRet && (!f.seen || f.guessed):
				return 0, errWayOut
			case in.flow == flowRet:
				all &= f.held.regs
			}
		}
	}
	for _, r := range []Reg{regRAX, regRDI, regRSI, regRDX, regRCX, 8, 9, 10, 11} {
		if all&RegSet(0).Add(r) != 0 && all != ^RegSet(0) {
			return r, nil
		}
	}
	return 0, errNoAddress
}

// keptAddress is resultAddress of a function whose convention the compiler
// may have changed.
func (fn *function) keptAddress() (Reg, error) {
	b := fn.f.Binary
	if b == nil {
		return 0, errWayOut
	}
	env := b.surroundings(fn.f)
	text, err := env.text(funcRanges(fn.f))
	if err != nil {
		return 0, fmt.Errorf("read its code: %w", err)
	}
	root := newBody(b.arch, fn.f.Addr, text)
	if root.at(root.start) < 0 {
		return 0, errWayOut
	}
	return newWalk(env, root, fn.f.Symbol).resultAddress()
}
