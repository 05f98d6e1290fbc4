package fetch

import "github.com/latchprof/latch/elfsym"

// phase is when a value can be read. A value made of several is read at the
// latest of their times.
type phase uint8

const (
	anytime phase = iota // constants, and what does not change during a call
	atEntry
	atExit
)

// op is what a node of an expression does.
type op uint8

const (
	opConst   op = iota // num
	opMissing           // was optimised away: always unreadable
	opPiece             // the low size bytes of piece
	opLoad              // size bytes of memory at kid 0 plus num
	opCount             // the same, or 0 if kid 0 is nil
	opBuiltin           // what
	opSaved             // the hidden slot num, written at the entry
	opExtend            // the low size bytes of kid 0
	opBounded           // kid 0, which must be below kid 1
	opAdd
	opSub
	opMul
	opDiv
	opMod
	opAnd
	opOr
	opXor
	opShl
	opShr
	opLog2
	opLess      // kid 0 < kid 1
	opEqual     // kid 0 == kid 1
	opFloatLess // the same of floating-point numbers of size bytes
	opFloatEqual
	opNot     // of a truth value
	opBoth    // && of truth values
	opEither  // || of truth values
	opMatches // text is want, or begins with it
	opWhen    // kid 0 if the truth value kid 1 holds; else there is no value
)

// builtin is a value that is not read from the target.
type builtin uint8

const (
	biPID builtin = iota
	biTID
	biGoid
	biUID
	biCPU
	biCgroup
	biLatency
)

// A node computes one 64-bit word. Integers of smaller types are extended to
// it by their sign, so that the word is the value.
type node struct {
	op   op
	kids []*node
	when phase
	num  uint64
	size int64 // in bytes
	// signed says that the value is to be extended, divided or shifted as a
	// signed one; of a comparison, that kid 0 is signed.
	signed bool
	// signed1 says that kid 1 of a comparison is signed.
	signed1 bool
	piece   elfsym.Piece
	what    builtin
	text    *text
	want    string
	prefix  bool
}

// A text is where a string's bytes are.
type text struct {
	// header is the address of a pointer and a length, side by side.
	header *node
	// ptr and len are the same, one by one. Without a length the text ends
	// at a NUL.
	ptr, len *node
	// max bounds a text that ends at a NUL by the array that holds it; 0
	// means that nothing does.
	max int64
	// comm is the name of the current thread.
	comm bool
}

// parts returns the words that locate the text.
func (t *text) parts() []**node {
	var out []**node
	for _, n := range []**node{&t.header, &t.ptr, &t.len} {
		if *n != nil {
			out = append(out, n)
		}
	}
	return out
}

func (t *text) when() phase {
	var w phase
	for _, n := range t.parts() {
		w = max(w, (*n).when)
	}
	return w
}

func number(v uint64) *node { return &node{op: opConst, num: v} }

// combine makes a node of others.
func combine(o op, kids ...*node) *node {
	n := &node{op: o, kids: kids}
	for _, k := range kids {
		n.when = max(n.when, k.when)
	}
	return n
}

// extended cuts n to size bytes and extends it again.
func extended(n *node, size int64, signed bool) *node {
	if size >= 8 {
		return n
	}
	e := combine(opExtend, n)
	e.size, e.signed = size, signed
	return e
}

// load reads size bytes at addr plus off. It may be done as soon as the
// address is known.
func load(addr *node, off int64, size int64, signed bool) *node {
	n := combine(opLoad, addr)
	n.num, n.size, n.signed = uint64(off), size, signed
	n.when = max(n.when, atEntry)
	return n
}

// counted reads the size bytes of a count at addr plus off, which is 0 where
// addr is nil.
func counted(addr *node, off, size int64) *node {
	n := combine(opCount, addr)
	n.num, n.size = uint64(off), size
	n.when = max(n.when, atEntry)
	return n
}

// plus is n + off.
func plus(n *node, off int64) *node {
	if off == 0 {
		return n
	}
	return combine(opAdd, n, number(uint64(off)))
}

// children lists n's kids, those of its text included.
func (n *node) children() []**node {
	var out []**node
	for i := range n.kids {
		out = append(out, &n.kids[i])
	}
	if n.text != nil {
		out = append(out, n.text.parts()...)
	}
	return out
}

// walk calls f once for n and everything below it. Nodes may be shared: the
// address of a slice is part of its length's and of its elements'.
func (n *node) walk(f func(*node)) { n.walkNew(make(map[*node]bool), f) }

func (n *node) walkNew(seen map[*node]bool, f func(*node)) {
	if seen[n] {
		return
	}
	seen[n] = true
	f(n)
	for _, k := range n.children() {
		(*k).walkNew(seen, f)
	}
}

// A slot is an entry-side value that the exit needs.
type slot struct {
	node *node
	expr *Expr // it is part of
}

// A saver gives the entry-side values of exit-side expressions their hidden
// slots.
type saver struct {
	expr  *Expr // that is being split
	slots []slot
	at    map[*node]uint64 // the slot of a node that is shared
	done  map[*node]bool
}

// split replaces the largest parts of the exit-side tree at *n that are known
// at the entry by hidden slots. Constants and registers that hold nothing of
// the call stay where they are.
func (s *saver) split(n **node) {
	switch (*n).when {
	case anytime:
	case atEntry:
		if (*n).op == opMissing {
			return
		}
		i, ok := s.at[*n]
		if !ok {
			i = uint64(len(s.slots))
			s.at[*n] = i
			s.slots = append(s.slots, slot{*n, s.expr})
		}
		*n = &node{op: opSaved, num: i, when: atExit}
	case atExit:
		if s.done[*n] {
			return
		}
		s.done[*n] = true
		for _, k := range (*n).children() {
			s.split(k)
		}
	}
}
