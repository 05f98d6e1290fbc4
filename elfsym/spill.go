package elfsym

// maxPrologue is how many bytes of a function are looked through for where it
// stores its arguments. Unoptimised code stores all of them before its first
// branch.
const maxPrologue = 4 << 10

// provenance is where a byte came from.
type provenance uint8

const (
	fromElsewhere provenance = iota
	fromReg                  // byte at of an argument's register reg
	fromStack                // the byte at bytes above rsp at the entry
	fromVector               // a vector register
	fromZero                 // a widened register
)

type byteOrigin struct {
	from provenance
	reg  Reg
	at   int64
}

// prologue follows the straight line of instructions from a function's entry
// to its first branch, and remembers which bytes of the caller's registers and
// stack it stores where in its frame. Addresses are relative to rsp at the
// entry, so that the return address is at 0 and stack arguments begin at 8.
type prologue struct {
	regs  [16][8]byteOrigin // by the hardware's numbers
	frame frame
	// settled tells that the instructions that make the frame are over.
	settled bool
	// whole tells that nothing unknown came before the branch.
	whole bool
	// now holds the frame's bytes, first what each byte was first set to.
	now, first map[int64]byteOrigin
}

// readPrologue follows the instructions of text, which lies at pc.
func readPrologue(text []byte, pc VAddr) *prologue {
	p := &prologue{frame: frame{spKnown: true}, now: map[int64]byteOrigin{}, first: map[int64]byteOrigin{}}
	for _, r := range []uint8{7, 6, 2, 1, 8, 9} { // rdi, rsi, rdx, rcx, r8, r9
		for i := range p.regs[r] {
			p.regs[r][i] = byteOrigin{from: fromReg, reg: dwarfReg[r], at: int64(i)}
		}
	}
	for len(text) > 0 {
		in, err := decodeX86(text, pc)
		if err != nil {
			break
		}
		if in.flow != flowNext {
			p.settled, p.whole = true, true
			p.frame.spKnown = p.frame.spKnown && !growsFrame(&in, text[in.len:])
			break
		}
		if !p.step(&in) {
			break
		}
		text, pc = text[in.len:], in.end()
	}
	return p
}

// growsFrame reports whether in is a call that makes the stack's pages
// present, behind which a large frame is made.
func growsFrame(in *inst, text []byte) bool {
	if in.flow != flowCall {
		return false
	}
	next, err := decodeX86(text, in.end())
	f := frame{spKnown: true}
	return err == nil && f.moved(&next) != f
}

// step follows one instruction. It is false where nothing is known behind it.
func (p *prologue) step(in *inst) bool {
	after := p.frame.moved(in)
	if !p.settled && (after != p.frame || effectX86(in) == nothing) {
		// A push, which may only be there to make room, a subtraction from
		// rsp, the setting of rbp, or nothing.
		p.frame = after
		return after.spKnown
	}
	p.settled = true
	if after != p.frame {
		p.frame.spKnown = false // the frame was not yet complete
		return false
	}
	if in.enc != legacy || in.has(pfxAddrSize|pfxFSGS|pfxLock) {
		return p.other(in)
	}
	op := in.op
	size := in.operandSize()
	switch {
	case in.space == 0 && (op == 0x88 || op == 0x89): // mov to r/m
		return p.write(in, p.reg(in, in.reg(), size))
	case in.space == 0 && (op == 0x8a || op == 0x8b): // mov from r/m
		return p.set(in, in.reg(), p.read(in, size))
	case in.space == 1 && (op == 0xb6 || op == 0xb7): // movzx
		v := p.read(in, 1+int64(op&1))
		for int64(len(v)) < 8 {
			v = append(v, byteOrigin{from: fromZero})
		}
		return p.set(in, in.reg(), v[:size])
	case in.space == 0 && op == 0xc1 && in.regField() == 5 && !in.isMem() && in.imm > 0 && in.imm%8 == 0 && in.imm/8 < size && size >= 4:
		v := p.reg(in, in.rm(), size)[in.imm/8:]
		for int64(len(v)) < size {
			v = append(v, byteOrigin{from: fromZero})
		}
		return p.set(in, in.rm(), v)
	case in.space == 0 && op == 0x80 && in.regField() == 4 && !in.isMem() && in.imm == 1,
		in.space == 0 && op == 0x24 && in.imm == 1:
		return true // the caller has widened a bool to the whole byte
	}
	return p.other(in)
}

// other follows an instruction whose result is not of interest.
func (p *prologue) other(in *inst) bool {
	e := effectX86(in)
	if e.unknown {
		return false
	}
	for r := range p.regs {
		if e.writes&hw(uint8(r)) != 0 {
			p.regs[r] = [8]byteOrigin{}
		}
	}
	if !e.stores {
		return true
	}
	if in.ripRelative() {
		return true
	}
	at, ok := p.frame.address(in)
	if !ok || in.has(pfxFSGS) {
		return false
	}
	size := in.operandSize()
	var b byteOrigin
	if in.space == 1 {
		if size = in.vectorSize(); size == 0 {
			return false
		}
		b.from = fromVector
	}
	v := make([]byteOrigin, size)
	for i := range v {
		v[i] = b
	}
	p.store(at, v)
	return true
}

// operandSize returns the size of an integer instruction's operand.
func (in *inst) operandSize() int64 {
	switch {
	case in.space == 0 && in.op&1 == 0 && in.op != 0x63:
		return 1
	case in.rex&8 != 0:
		return 8
	case in.has(pfxOpSize):
		return 2
	}
	return 4
}

// reg returns the low bytes of a register.
func (p *prologue) reg(in *inst, n uint8, size int64) []byteOrigin {
	if size == 1 && in.byteReg(n) != n {
		return []byteOrigin{{}} // ah, ch, dh or bh
	}
	return append([]byteOrigin(nil), p.regs[n][:size]...)
}

// read returns what the r/m operand holds.
func (p *prologue) read(in *inst, size int64) []byteOrigin {
	if !in.isMem() {
		return p.reg(in, in.rm(), size)
	}
	v := make([]byteOrigin, size)
	at, ok := p.frame.address(in)
	for i := range v {
		a := at + int64(i)
		b, set := p.now[a]
		switch {
		case !ok:
		case set:
			v[i] = b
		case a >= 8:
			v[i] = byteOrigin{from: fromStack, at: a}
		}
	}
	return v
}

// write sets the r/m operand to v.
func (p *prologue) write(in *inst, v []byteOrigin) bool {
	if !in.isMem() {
		return p.set(in, in.rm(), v)
	}
	if in.ripRelative() {
		return true // not in the frame
	}
	at, ok := p.frame.address(in)
	if ok {
		p.store(at, v)
	}
	return ok
}

func (p *prologue) store(at int64, v []byteOrigin) {
	for i, b := range v {
		a := at + int64(i)
		p.now[a] = b
		if _, set := p.first[a]; !set {
			p.first[a] = b
		}
	}
}

// set sets a register to v; 4 bytes clear the rest.
func (p *prologue) set(in *inst, n uint8, v []byteOrigin) bool {
	if len(v) == 1 && in.byteReg(n) != n {
		p.regs[in.byteReg(n)] = [8]byteOrigin{}
		return true
	}
	copy(p.regs[n][:], v)
	if len(v) == 4 {
		for i := 4; i < 8; i++ {
			p.regs[n][i] = byteOrigin{from: fromZero}
		}
	}
	return true
}
