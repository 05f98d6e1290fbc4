package elfsym

// dwarfBytes reads numbers from a section. Reading past the end sets bad and
// gives zeros.
type dwarfBytes struct {
	b   []byte
	pos uint64
	bad bool
}

func (r *dwarfBytes) seek(off uint64) {
	if off > uint64(len(r.b)) {
		r.bad, off = true, uint64(len(r.b))
	}
	r.pos = off
}

func (r *dwarfBytes) left() uint64 { return uint64(len(r.b)) - r.pos }

func (r *dwarfBytes) bytes(n uint64) []byte {
	if r.bad || n > r.left() {
		r.bad = true
		return nil
	}
	b := r.b[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// fixed reads a little-endian number of n bytes.
func (r *dwarfBytes) fixed(n uint64) uint64 {
	var v uint64
	for i, c := range r.bytes(n) {
		if i < 8 {
			v |= uint64(c) << (8 * i)
		}
	}
	return v
}

// signed reads a little-endian two's complement number of n bytes.
func (r *dwarfBytes) signed(n uint64) int64 {
	shift := 64 - 8*n
	return int64(r.fixed(n)<<shift) >> shift
}

// leb reads a LEB128 number and says how many bits it had and whether the
// topmost was set. Bits above the 64th are dropped.
func (r *dwarfBytes) leb() (v uint64, bits uint, neg bool) {
	for bits < 7*16 {
		c := r.fixed(1)
		if r.bad {
			return 0, 0, false
		}
		if bits < 64 {
			v |= (c & 0x7f) << bits
		}
		bits += 7
		if c&0x80 == 0 {
			return v, bits, c&0x40 != 0
		}
	}
	r.bad = true
	return 0, 0, false
}

func (r *dwarfBytes) uleb() uint64 { v, _, _ := r.leb(); return v }

func (r *dwarfBytes) sleb() int64 {
	v, bits, neg := r.leb()
	if neg && bits < 64 {
		v |= ^uint64(0) << bits
	}
	return int64(v)
}
