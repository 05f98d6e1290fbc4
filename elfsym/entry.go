package elfsym

import (
	"errors"
	"fmt"
)

// maxLine is the longest straight line, in instructions, that is searched for
// an entry site. Prologues are far shorter.
const maxLine = 64

var (
	errNoEntry = errors.New("no instruction of its start can hold a probe that fires once for each call")
	errLoop    = errors.New("a branch of the function leads back to its start")
)

// entryRules are what an entry site must respect.
type entryRules struct {
	reads  RegSet // registers that must still be as at the call
	memory bool   // memory must be too
	// lands reports whether execution can come to an address in [lo, hi)
	// from elsewhere than the line before it.
	lands func(lo, hi VAddr) bool
	// taken are the exits, which an entry site should not be.
	taken func(VAddr) bool
	// onlyFirst restricts the choice to the first instruction of the line,
	// because jumps of unknown target may lead behind it.
	onlyFirst bool
}

// entryOf chooses the cheapest of the instructions that run exactly once in a
// call, in front of anything that changes what the probe reads: those of the
// straight line from index first of b. Among equals it takes the earliest.
// small says that only an exit is left.
func entryOf(b *body, first int, rules entryRules) (site Site, small bool, err error) {
	best, found := Site{}, false
	why := error(nil)
	for k, i := 0, first; i >= 0 && k < maxLine; k, i = k+1, b.next(i) {
		in := &b.insts[i]
		lo := in.pc
		if k == 0 {
			lo++ // jumps to the first instruction are the caller's matter
		} else if rules.onlyFirst {
			break
		}
		if rules.lands(lo, in.end()) {
			break
		}
		cost, err := siteCost(b, in)
		switch {
		case err != nil:
			why = fmt.Errorf("%w: at %#x", err, uint64(in.pc))
		case rules.taken(in.pc):
			small = true
			if !found {
				site = Site{Addr: in.pc, Cost: cost}
			}
		case !found || cost < best.Cost:
			best, found = Site{Addr: in.pc, Cost: cost}, true
		}
		if in.flow != flowNext || !rules.survives(b.arch, in) {
			break
		}
	}
	switch {
	case found:
		return best, false, nil
	case small:
		return site, true, nil
	case why != nil:
		return Site{}, false, fmt.Errorf("%w: %w", errNoEntry, why)
	}
	return Site{}, false, errNoEntry
}

// siteCost is probeCost with the rule on 5-byte nops: Linux 6.18 replaces one
// by a call, which overwrites the stack below rsp. Only at a function's very
// start does nothing live there.
func siteCost(b *body, in *inst) (Cost, error) {
	cost, err := probeCost(b.arch, in)
	if b.arch != AMD64 || err != nil || !isNop5(in) {
		return cost, err
	}
	switch {
	case in.pc != b.start:
		return Stepped, errStepHarms
	case crossesPage(in):
		return cost, nil
	}
	return Nop5, nil
}

// survives reports whether what the probe reads is the same behind in.
func (r entryRules) survives(arch Arch, in *inst) bool {
	e := unknown
	if arch == AMD64 {
		e = effectX86(in)
	} else {
		e = effectA64(in.word)
	}
	return !e.unknown && e.writes&r.reads == 0 && !(e.stores && r.memory)
}

// effectA64 knows the hints, comparisons and loads that begin arm64
// functions; everything else is unknown.
func effectA64(w uint32) effect {
	rd := RegSet(0).Add(Reg(w & 31))
	switch {
	case w>>24 == 0x54, w>>25&0x3f == 0b011010, w>>25&0x3f == 0b011011: // conditional branches
		return nothing
	case w&0xfffff01f == 0xd503201f: // hint: paciasp changes x30
		return effect{writes: RegSet(0).Add(30)}
	case w&0x7f20001f == 0x6b00001f, w&0x7f20001f == 0x6b20001f, w&0x7f80001f == 0x7100001f: // cmp
		return nothing
	case w>>22 == 0b1111100101, w>>22 == 0b1011100101: // ldr x, ldr w, unsigned offset
		return effect{writes: rd}
	case w&0x7f800000 == 0x11000000, w&0x7f800000 == 0x51000000: // add, sub immediate, sp too
		return effect{writes: rd}
	case w&0x7f800000 == 0x52800000, w&0x7f800000 == 0x72800000, w&0x7fe0ffe0 == 0x2a0003e0: // movz, movk, mov
		return effect{writes: rd}
	case w&0x1f000000 == 0x10000000: // adr, adrp
		return effect{writes: rd}
	}
	return unknown
}
