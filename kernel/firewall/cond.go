package firewall

import (
	"net/netip"
	"strings"
)

// A truth is yes, no, or maybe where not enough is known. They are ordered.
type truth int

const (
	no truth = iota
	maybe
	yes
)

func (t truth) String() string { return [...]string{"no", "maybe", "yes"}[t] }

// not turns yes and no around.
func (t truth) not() truth { return yes - t }

// A field is what a condition looks at.
type field int

const (
	fieldUnknown field = iota // something that a Packet does not have
	fieldSrc
	fieldDst
	fieldFamily // 4 or 6
	fieldProto
	fieldSrcPort
	fieldDstPort
	fieldTCPFlags
	fieldICMPType
	fieldICMPCode
	fieldIfIn
	fieldIfOut
	fieldTuple // several at once
)

// A cond is one condition of a rule: that a field of the packet is one of some
// values.
type cond struct {
	field field
	// nums are ranges of numbers and addrs of addresses, both ends included;
	// names are of devices, a * at the end standing for any rest.
	nums  [][2]uint64
	addrs [][2]netip.Addr
	names []string
	// tuples are, for fieldTuple, conditions on the parts of a concatenation
	// that must hold together.
	tuples [][]cond
	// mask is applied to the packet's number first, 0 is none.
	mask uint64
	not  bool
	// vague says that there are more values, which could not be read or
	// may have been others when the packet came.
	vague bool
}

// Protocols, include/uapi/linux/in.h and in6.h.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// holds says whether the condition is true of the packet.
func (c cond) holds(p *Packet) truth {
	t := c.contains(p)
	if t == no && c.vague {
		t = maybe
	}
	if c.not {
		t = t.not()
	}
	return t
}

func (c cond) contains(p *Packet) truth {
	switch c.field {
	case fieldSrc:
		return c.hasAddr(p.Src)
	case fieldDst:
		return c.hasAddr(p.Dst)
	case fieldTuple:
		t := no
		for _, parts := range c.tuples {
			t = max(t, all(parts, p))
		}
		return t
	case fieldIfIn:
		return c.hasName(p.IfIn, p.hook() == "OUTPUT")
	case fieldIfOut:
		hook := p.hook()
		return c.hasName(p.IfOut, hook == "INPUT" || hook == "PREROUTING" || hook == "ingress")
	}
	n, known := c.number(p)
	if !known {
		return maybe
	}
	if c.mask != 0 {
		n &= c.mask
	}
	for _, r := range c.nums {
		if n >= r[0] && n <= r[1] {
			return yes
		}
	}
	return no
}

// number is the packet's value of the field, and whether it is known.
func (c cond) number(p *Packet) (n uint64, known bool) {
	switch c.field {
	case fieldFamily:
		switch {
		case p.Src.Is4() || p.Dst.Is4():
			return 4, true
		case p.Src.Is6() || p.Dst.Is6():
			return 6, true
		}
	case fieldProto:
		return uint64(p.Proto), p.Proto != 0
	case fieldSrcPort:
		return uint64(p.SrcPort), hasPorts(p.Proto) && p.SrcPort != 0
	case fieldDstPort:
		return uint64(p.DstPort), hasPorts(p.Proto) && p.DstPort != 0
	case fieldTCPFlags:
		return uint64(p.TCPFlags), p.Proto == protoTCP && p.TCPFlags != 0
	case fieldICMPType:
		return uint64(p.ICMPType), p.Proto == protoICMP || p.Proto == protoICMPv6
	case fieldICMPCode:
		return uint64(p.ICMPCode), p.Proto == protoICMP || p.Proto == protoICMPv6
	}
	return 0, false
}

func (c cond) hasAddr(a netip.Addr) truth {
	if !a.IsValid() {
		return maybe
	}
	a = a.Unmap()
	for _, r := range c.addrs {
		if r[0].BitLen() == a.BitLen() && r[0].Compare(a) <= 0 && a.Compare(r[1]) <= 0 {
			return yes
		}
	}
	return no
}

// hasName compares a device's name. absent says that the hook has no such
// device.
func (c cond) hasName(name string, absent bool) truth {
	switch {
	case name == "" && absent && !c.not:
		return no
	case name == "":
		return maybe
	}
	for _, want := range c.names {
		head, wild := strings.CutSuffix(want, "*")
		if name == want || wild && strings.HasPrefix(name, head) {
			return yes
		}
	}
	return no
}

// unknown is a condition that nothing is known of.
func unknown() cond { return cond{field: fieldUnknown} }

// isNumber is the condition that a field has one value.
func isNumber(f field, n uint64) cond { return cond{field: f, nums: [][2]uint64{{n, n}}} }

// prefixRange is the first and the last address of a prefix.
func prefixRange(p netip.Prefix) [2]netip.Addr {
	last := p.Masked().Addr().AsSlice()
	for i := range last {
		if host := 8*(i+1) - p.Bits(); host >= 8 {
			last[i] = 0xff
		} else if host > 0 {
			last[i] |= 1<<host - 1
		}
	}
	hi, _ := netip.AddrFromSlice(last)
	return [2]netip.Addr{p.Masked().Addr(), hi}
}
