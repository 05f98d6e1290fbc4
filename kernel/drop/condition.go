package drop

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// EtherTypes (include/uapi/linux/if_ether.h).
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	// etherUnknown stands for any other where flows are not told apart.
	etherUnknown = 0xffff
	etherIPv6    = 0x86dd
)

// IP protocols.
const (
	protoICMP   = 1
	protoICMPv6 = 58
)

// Bits of Flow.TCPFlags.
const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

func notPacket(d *Drop) bool { return d.Flow.EtherType == 0 && !d.Flow.Src.IsValid() }
func isARP(d *Drop) bool     { return d.Flow.EtherType == etherARP }
func isIPv6(d *Drop) bool    { return d.Flow.EtherType == etherIPv6 }
func connects(d *Drop) bool  { return d.Flow.TCPFlags&(flagSYN|flagACK) == flagSYN }
func accepts(d *Drop) bool   { return d.Flow.TCPFlags&(flagSYN|flagACK) == flagSYN|flagACK }
func reset(d *Drop) bool     { return d.Flow.TCPFlags&flagRST != 0 }

func echoReply(d *Drop) bool {
	return d.Flow.Proto == protoICMP && d.Flow.ICMPType == 0 || d.Flow.Proto == protoICMPv6 && d.Flow.ICMPType == 129
}

func bufferFull(d *Drop) bool {
	return d.Packet != nil && d.Packet.RcvBuf > 0 && d.Packet.RmemAlloc >= d.Packet.RcvBuf
}

func qdisc(d *Drop) string {
	if d.Packet == nil {
		return ""
	}
	return d.Packet.QdiscID
}

func isQdisc(d *Drop) bool   { return qdisc(d) != "" }
func noopQdisc(d *Drop) bool { return qdisc(d) == "noop" }
func netem(d *Drop) bool     { return qdisc(d) == "netem" }

// tunWithoutCarrier goes by the device's name: nothing else that is known of
// it tells a tun device from one whose cable is out.
func tunWithoutCarrier(d *Drop) bool {
	return noopQdisc(d) && (strings.HasPrefix(d.Packet.IfName, "tun") || strings.HasPrefix(d.Packet.IfName, "tap"))
}

func arpSends(d *Drop) bool { return isARP(d) && !isQdisc(d) }

func multicast(d *Drop) bool { return d.Flow.Dst.Unmap().IsMulticast() }

// linkMulticast is what hosts and routers tell their neighbours, such as their
// groups (224.0.0.0/24, RFC 5771).
func linkMulticast(d *Drop) bool { return d.Flow.Dst.Unmap().IsLinkLocalMulticast() }

// localSource is what ip6_forward refuses (net/ipv6/ip6_output.c).
func localSource(d *Drop) bool {
	a := d.Flow.Src
	return a.IsValid() && (a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast())
}

// martian is what ip_route_input_slow and ip6_rcv_core refuse by the addresses
// alone (net/ipv4/route.c, net/ipv6/ip6_input.c).
func martian(d *Drop) bool {
	src, dst := d.Flow.Src.Unmap(), d.Flow.Dst.Unmap()
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	return src.IsMulticast() || src.IsLoopback() || src == broadcast || dst.IsLoopback() || dst.IsUnspecified() && dst.IsValid()
}

func unknownEtherType(d *Drop) bool {
	switch d.Flow.EtherType {
	case 0, etherIPv4, etherARP, etherIPv6:
		return false
	}
	return true
}

// lastHop says whether a router has to discard the packet: its TTL or hop
// limit is 1 or less.
func lastHop(d *Drop) bool {
	if d.Packet == nil {
		return false
	}
	data := d.Packet.Data
	if d.Packet.LinkHeader {
		const ethernet = 14
		if len(data) < ethernet || binary.BigEndian.Uint16(data[12:]) != d.Flow.EtherType {
			return false
		}
		data = data[ethernet:]
	}
	switch {
	case d.Flow.EtherType == etherIPv4 && len(data) >= 20:
		return data[8] <= 1
	case isIPv6(d) && len(data) >= 40:
		return data[7] <= 1
	}
	return false
}
