package fetch

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/asm"

	"github.com/latchprof/latch/elfsym"
)

// textHeader is the length word in front of a text's bytes.
const textHeader = 4

// defaultStrLen is how many bytes of a string are kept unless Env says else.
const defaultStrLen = 64

// maxHidden bounds the entry-side values that are kept for the exit: one bit
// of a word tells of each whether it could be read.
const maxHidden = 63

// ErrTooLarge says that the values together exceed what a key can hold.
var ErrTooLarge = errors.New("key too large")

// Compile types the expressions for the function env describes, and returns
// the program that reads them. Each of keys becomes a part of the key, in
// order. Where, unless it is nil, says which calls are wanted: it is decided
// at the entry as far as the entry's values tell. A faulty expression gives a
// *SyntaxError that names the fault's column.
func Compile(keys []*Expr, where *Expr, env *Env) (*Program, error) {
	c := &compiler{env: env, strLen: env.StrLen, saver: saver{at: map[*node]uint64{}, done: map[*node]bool{}}}
	if c.strLen <= 0 {
		c.strLen = defaultStrLen
	}
	for _, e := range keys {
		if err := c.key(e); err != nil {
			return nil, err
		}
	}
	if where != nil {
		if err := c.where(where); err != nil {
			return nil, err
		}
	}
	if err := c.emit(); err != nil {
		return nil, err
	}
	return &c.program, nil
}

// compiler makes one program.
type compiler struct {
	env     *Env
	strLen  int
	program Program
	exprs   []*Expr // of each cell
	// early and late are the conditions on calls at the entry and the exit.
	early, late *node
	condition   *Expr
	saver       saver
}

// uses is where the program notes the parameters that it reads.
func (c *compiler) uses() map[string]bool {
	if c.program.Uses == nil {
		c.program.Uses = make(map[string]bool)
	}
	return c.program.Uses
}

// key types one key expression.
func (c *compiler) key(e *Expr) error {
	r := resolver{expr: e, env: c.env, uses: c.uses()}
	o, err := r.resolve(e.node)
	if err != nil {
		return err
	}
	p := &c.program
	v := view{resolver: &r, strLen: c.strLen, first: len(p.cells)}
	f, err := v.form(o)
	if err != nil {
		return err
	}
	for _, one := range v.cells {
		one.offset = p.Size
		p.Size += one.size
		p.cells = append(p.cells, one)
		c.exprs = append(c.exprs, e)
	}
	switch {
	case len(p.cells) > MaxCells:
		return fmt.Errorf("%w: it takes more than %d words and texts: name fields rather than structs", ErrTooLarge, MaxCells)
	case p.Size > MaxKey:
		return fmt.Errorf("%w: %d bytes, at most %d: keep less of each string", ErrTooLarge, p.Size, MaxKey)
	}
	p.Parts = append(p.Parts, Part{Name: e.Alias, Result: r.result, form: f})
	return nil
}

// where types the condition, and splits it into what is known at the entry
// and the rest.
func (c *compiler) where(e *Expr) error {
	c.condition = e
	r := resolver{expr: e, env: c.env, uses: c.uses()}
	o, err := r.resolve(e.node)
	if err != nil {
		return err
	}
	n, err := r.truth(o)
	if err != nil {
		return err
	}
	for _, term := range conjuncts(n, nil) {
		// Once a term has to wait for the exit, those behind it do too:
		// what they read need not be there if that one is false.
		side := &c.early
		if term.when == atExit || c.late != nil {
			side = &c.late
		}
		if *side != nil {
			term = combine(opBoth, *side, term)
		}
		*side = term
	}
	return nil
}

// conjuncts lists the terms of a && b && c.
func conjuncts(n *node, to []*node) []*node {
	if n.op != opBoth {
		return append(to, n)
	}
	return conjuncts(n.kids[1], conjuncts(n.kids[0], to))
}

// emit writes the fetch functions.
func (c *compiler) emit() error {
	p := &c.program
	for i := range p.cells {
		if p.cells[i].when() != atExit {
			continue
		}
		c.saver.expr = c.exprs[i]
		for _, root := range p.cells[i].roots() {
			c.saver.split(root)
		}
	}
	if c.late != nil {
		c.saver.expr = c.condition
		c.saver.split(&c.late)
	}
	slots := len(c.saver.slots)
	if slots > maxHidden {
		return fmt.Errorf("%w: %d arguments are needed at the return, at most %d can be kept", ErrTooLarge, slots, maxHidden)
	}
	if slots > 0 {
		p.Hidden = 8 * (slots + 1)
	}
	if p.Size+p.Hidden > MaxKey {
		return fmt.Errorf("%w: %d bytes, at most %d: keep less of each string", ErrTooLarge, p.Size+p.Hidden, MaxKey)
	}
	hidden := int32(KeyDataOffset + p.Size)
	side := func(name string) *emitter {
		return &emitter{arch: c.env.Arch, words: c.env.Words, name: name, hidden: hidden}
	}
	entry, exit, where, late := side("entry"), side("exit"), side("where"), side("late")
	where.where = true
	if c.early != nil {
		where.expr = c.condition
		where.verdict(c.early)
		c.needs(c.early, true)
	}
	for i, slot := range c.saver.slots {
		entry.expr = slot.expr
		entry.save(i, slot.node)
		c.needs(slot.node, true)
	}
	for i := range p.cells {
		one := &p.cells[i]
		em := entry
		if one.when() == atExit {
			em = exit
		}
		em.expr = c.exprs[i]
		em.cell(i, one, c.strLen)
		for _, root := range one.roots() {
			c.needs(*root, em == entry)
		}
		if one.text != nil && !one.text.comm {
			p.Sleepable = true
			p.ReadsMemory = p.ReadsMemory || em == entry
		}
	}
	if c.late != nil {
		late.expr = c.condition
		late.verdict(c.late)
		c.needs(c.late, false)
	}
	if slots > 0 {
		exit.forget(slots)
	}
	var err error
	finish := func(e *emitter) asm.Instructions {
		ins, failed := e.finish()
		err = errors.Join(err, failed)
		if c.env.Kernel {
			ins = inKernel(ins)
		}
		return ins
	}
	p.Entry, p.Exit, p.Where, p.WhereExit = finish(entry), finish(exit), finish(where), finish(late)
	return err
}

// needs notes what reading n needs.
func (c *compiler) needs(n *node, entry bool) {
	p := &c.program
	n.walk(func(n *node) {
		memory := false
		switch n.op {
		case opLoad, opCount:
			memory = true
		case opMatches:
			memory = !n.text.comm
		case opPiece:
			loc := elfsym.Loc{Pieces: []elfsym.Piece{n.piece}}
			memory = loc.Memory()
			if entry {
				p.Reads |= loc.Regs()
			}
		}
		p.Sleepable = p.Sleepable || memory
		p.ReadsMemory = p.ReadsMemory || memory && entry
	})
}
