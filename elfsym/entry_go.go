package elfsym

// maxGoCheck is the longest stack check, in instructions. The longest known
// is that of a frame above 4 GiB-free sizes: two comparisons with a branch
// behind each (cmd/internal/obj/x86.stacksplit).
const maxGoCheck = 16

// goScratch are the registers that Go's stack checks use, which hold nothing
// at a call: r12 and r13 under ABIInternal; rcx, and r14 loaded with g, under ABI0, where
// all arguments are on the stack; on arm64 x16, x17 and x27.
func goScratch(arch Arch) RegSet {
	if arch == ARM64 {
		return RegSet(0).Add(16).Add(17).Add(27)
	}
	return RegSet(0).Add(regR12).Add(regR13).Add(regR14).Add(regRCX)
}

// afterStackCheck returns the index of the first instruction behind the stack
// check of a Go function, 0 if it has none, and the jumps that lead from its
// calls of morestack back to the start. Behind the check everything but the
// scratch registers and the flags is as at the call, and it is passed once,
// however often the stack had to grow.
func afterStackCheck(b *body) (first int, back map[VAddr]bool) {
	back, first = map[VAddr]bool{}, b.at(b.start)
	scratch := goScratch(b.arch)
	for k, i := 0, first; i >= 0 && k < maxGoCheck; k, i = k+1, b.next(i) {
		in := &b.insts[i]
		if in.flow == flowCond {
			jump, ok := moreStack(b, in.target)
			j := b.next(i)
			if !ok || j < 0 {
				break
			}
			back[jump] = true
			first = j
			continue
		}
		e := effectA64(in.word)
		if b.arch == AMD64 {
			e = effectX86(in)
		}
		loadsG := in.legacyOp(0x8b) && (in.has(pfxFSGS) || in.ripRelative())
		if e.writes&RegSet(0).Add(regR14) != 0 && b.arch == AMD64 && !loadsG {
			break
		}
		if in.flow != flowNext || e.unknown || e.stores || e.writes&^scratch != 0 {
			break
		}
	}
	return first, back
}

// moreStack reports whether the code at target saves arguments, makes one
// call, restores them and jumps to the function's start, and returns the
// jump's address.
func moreStack(b *body, target VAddr) (jump VAddr, ok bool) {
	calls := 0
	for k, i := 0, b.at(target); i >= 0 && k < maxLine; k, i = k+1, b.next(i) {
		in := &b.insts[i]
		switch in.flow {
		case flowNext:
		case flowCall:
			calls++
		case flowJump:
			return in.pc, calls == 1 && in.target == b.start
		default:
			return 0, false
		}
	}
	return 0, false
}
