package fetch

import (
	"encoding/binary"
	"fmt"
	"go/ast"
	"net/netip"
	"strings"

	"github.com/latchprof/latch/elfsym"
)

// An address is an IP address of a network's order, or a socket's address.
type address struct {
	// words are the address's bytes: one of 4, two of 8, or three of 8 for a
	// socket's, of which the last two are there for IPv6 alone.
	words []*node
}

// typeAddress is the type of ntop's result, which can be shown alone.
var typeAddress = &elfsym.Type{Kind: elfsym.KindUnknown, Name: "an address"}

// The families of addresses (include/linux/socket.h), which are the same on all
// machines.
const (
	familyUnix  = 1
	familyINET  = 2
	familyINET6 = 10
)

// sizeofIn6 is the length of a struct sockaddr_in6 in bytes.
const sizeofIn6 = 28

// ntop resolves ntop(x): x is 4 or 16 bytes in the order of the network, as a
// number, an array or a struct, or a struct sockaddr or its kin, which tracepoints
// have as arrays of 28 bytes; or points to one of them.
func (r *resolver) ntop(n *ast.CallExpr) (*operand, error) {
	x, err := r.argument(n)
	if err != nil {
		return nil, err
	}
	for x.typ != nil && x.typ.Kind == elfsym.KindPointer {
		if x, err = r.pointee(n.Args[0], x); err != nil {
			return nil, err
		}
	}
	a := &address{}
	t := x.typ
	if t == nil || x.text != nil {
		return nil, r.errorf(n.Args[0], nil, "ntop needs the bytes of an address, not %s", describe(t))
	}
	word := func(off, size int64) (w *node) {
		if err == nil {
			w, err = r.word(x, off, size, false)
		}
		return w
	}
	composite := t.Kind == elfsym.KindArray || t.Kind == elfsym.KindStruct || t.Kind == elfsym.KindUnion
	switch {
	case t.Kind == elfsym.KindStruct && strings.HasPrefix(t.Name, "sockaddr"), t.Kind == elfsym.KindArray && t.Size == sizeofIn6:
		first := word(0, 8)
		if err != nil {
			return nil, err
		}
		isSix := combine(opEqual, extended(first, 2, false), number(familyINET6))
		a.words = []*node{first, guarded(word(8, 8), isSix), guarded(word(16, 8), isSix)}
	case t.Size == 4 && (composite || isInteger(t)):
		a.words = []*node{word(0, 4)}
	case t.Size == 16 && composite:
		a.words = []*node{word(0, 8), word(8, 8)}
	default:
		return nil, r.errorf(n.Args[0], nil, "ntop needs 4 or 16 bytes or a struct sockaddr, not %s", describe(t))
	}
	if err != nil {
		return nil, err
	}
	return &operand{node: n, typ: typeAddress, addresses: a}, nil
}

// addressForm shows an address. Its cells are the words.
type addressForm struct{ cells []int }

func (f addressForm) value(c *contents) Value {
	if v, ok := c.absent(f.cells[0]); ok {
		return v
	}
	var b [24]byte
	six := true // the words behind the first are there
	for i, cell := range f.cells {
		if _, absent := c.absent(cell); absent {
			six = false
			continue
		}
		binary.LittleEndian.PutUint64(b[8*i:], c.word(cell))
	}
	switch len(f.cells) {
	case 1:
		return Value{Text: netip.AddrFrom4([4]byte(b[:4])).String()}
	case 2:
		if !six {
			return valueUnreadable
		}
		return Value{Text: netip.AddrFrom16([16]byte(b[:16])).String()}
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch family := binary.LittleEndian.Uint16(b[:]); family {
	case familyINET:
		return Value{Text: netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port).String()}
	case familyINET6:
		if !six {
			return valueUnreadable
		}
		return Value{Text: netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), port).String()}
	case familyUnix:
		return Value{Text: "unix"}
	default:
		return Value{Text: fmt.Sprintf("family %d", family)}
	}
}
