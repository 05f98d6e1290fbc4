package drop

import (
	"encoding/binary"
	"net/netip"

	"github.com/latchprof/latch/bpf"
)

func flowOf(key *bpf.DropDropKey) Flow {
	f := Flow{
		NetNS: key.Netns, IfIndex: int(key.Ifindex), EtherType: key.Ethertype, Proto: key.Proto,
		TCPFlags: key.TcpFlags, ICMPType: key.IcmpType, ICMPCode: key.IcmpCode,
		Src: addressOf(key.Ethertype, key.Saddr), Dst: addressOf(key.Ethertype, key.Daddr),
		SrcPort: key.Sport, DstPort: key.Dport,
	}
	if key.FromSocket == uint8(bpf.DropFromSocketRECEIVERS_SOCKET) {
		f.Src, f.Dst, f.SrcPort, f.DstPort = f.Dst, f.Src, f.DstPort, f.SrcPort
	}
	// Without addresses none were found, but for DHCP and neighbour discovery
	// both are never zero.
	if f.Src.IsValid() && f.Src.IsUnspecified() && f.Dst.IsUnspecified() {
		f.Src, f.Dst = netip.Addr{}, netip.Addr{}
	}
	return f
}

// addressOf is an address from the words that the kernel keeps it in.
func addressOf(etherType uint16, words [4]uint32) netip.Addr {
	var b [16]byte
	for i, w := range words {
		binary.NativeEndian.PutUint32(b[4*i:], w)
	}
	switch etherType {
	case etherIPv4, etherARP:
		return netip.AddrFrom4([4]byte(b[:4]))
	case etherIPv6:
		return netip.AddrFrom16(b)
	}
	return netip.Addr{}
}
