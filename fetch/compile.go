package fetch

import (
	"fmt"
	"strings"

	"github.com/latchprof/latch/elfsym"
)

// textHeader is the length word in front of a text's bytes.
const textHeader = 4

// defaultStrLen is how many bytes of a string are kept unless Env says else.
const defaultStrLen = 64

// Compile types the expressions for the function env describes, and returns
// the program that reads them. Each expression becomes a part of the key, in
// order. Errors are *SyntaxError and name the fault's column.
func Compile(exprs []*Expr, env *Env) (*Program, error) {
	if len(exprs) > MaxParts {
		return nil, fmt.Errorf("%d key expressions: at most %d can be kept apart", len(exprs), MaxParts)
	}
	strLen := env.StrLen
	if strLen <= 0 {
		strLen = defaultStrLen
	}
	p := &Program{}
	entry, exit := newEmitter(env.Arch, "entry"), newEmitter(env.Arch, "exit")
	for i, e := range exprs {
		r := resolver{expr: e, env: env}
		v, err := r.resolve(e.node)
		if err != nil {
			return nil, err
		}
		if err := r.readable(&v); err != nil {
			return nil, err
		}
		part := Part{Name: e.Alias, Offset: p.Size, Type: v.typ, Text: v.text, Size: 8}
		if v.text {
			// Two bytes more than are kept tell a cut string from one that
			// just fits.
			part.Size = (textHeader + strLen + 2 + 7) &^ 7
		}
		p.Size += part.Size
		if p.Size > MaxKey {
			return nil, fmt.Errorf("%w: %d bytes, at most %d: keep less of each string", errTooLarge, p.Size, MaxKey)
		}
		em := entry
		if v.when == atExit {
			em = exit
		} else {
			p.Reads |= v.loc.Regs()
			p.ReadsMemory = p.ReadsMemory || v.loc.Memory() || v.text
		}
		p.Sleepable = p.Sleepable || v.text || v.loc.Memory()
		em.part(i, &part, &v, strLen)
		p.Parts = append(p.Parts, part)
	}
	p.Entry, p.Exit = entry.finish(), exit.finish()
	return p, nil
}

// readable decides how a value is read, and refuses what has no single value.
func (r *resolver) readable(v *value) error {
	if v.text {
		return r.inWords(v, 1)
	}
	switch v.typ.Kind {
	case elfsym.KindString, elfsym.KindStr:
		v.text, v.hasLen, v.signedLen = true, true, true
		return r.inWords(v, 2)
	case elfsym.KindPointer:
		elem, err := v.typ.Elem()
		if err == nil && elem != nil && elem.Size == 1 && strings.TrimPrefix(elem.Name, "const ") == "char" {
			v.text = true
		}
		return r.inWords(v, 1)
	case elfsym.KindBool, elfsym.KindInt, elfsym.KindUint, elfsym.KindEnum, elfsym.KindMap, elfsym.KindChan, elfsym.KindFunc:
		if v.typ.Size > 8 || v.typ.Size < 1 {
			return r.expr.nodeError(r.expr.node, elfsym.ErrUnsupportedClass, "%s has %d bytes: integers of up to 8 can be a key", describe(v.typ), v.typ.Size)
		}
		return r.inWords(v, 1)
	}
	return r.expr.nodeError(r.expr.node, elfsym.ErrUnsupportedClass, "%s is not an integer or a string, so it cannot be a key", describe(v.typ))
}

// inWords brings a value's location into n pieces of one word each, or one
// piece of memory split into words.
func (r *resolver) inWords(v *value, n int) error {
	pieces := v.loc.Pieces
	if v.hasLen && len(pieces) == 2 || len(pieces) == n {
		return nil
	}
	if n == 2 && len(pieces) == 1 && pieces[0].Kind == elfsym.InMem && pieces[0].Size >= 16 {
		first, second := pieces[0], pieces[0]
		first.Size, second.Size = 8, 8
		second.Off += 8
		v.loc.Pieces = []elfsym.Piece{first, second}
		return nil
	}
	return r.expr.nodeError(r.expr.node, elfsym.ErrUnsupportedClass, "%s is spread over %d places and cannot be read as one value", describe(v.typ), len(pieces))
}
