package firewall

import (
	"net/netip"
	"strconv"
)

// nftTuple matches the packet's flow in nft's syntax: all of it for a trace
// (whole), else what one would allow: the far address and the port served. It
// is nil where too little is known.
func nftTuple(p *Packet, whole bool) []string {
	src, dst := ends(p, whole)
	if !src.IsValid() && !dst.IsValid() || p.Proto == 0 {
		return nil
	}
	ip := "ip"
	if v6(p) {
		ip = "ip6"
	}
	var m []string
	if src.IsValid() {
		m = append(m, ip, "saddr", src.String())
	}
	if dst.IsValid() {
		m = append(m, ip, "daddr", dst.String())
	}
	proto := strconv.Itoa(int(p.Proto))
	switch {
	case p.Proto == protoICMP:
		return append(m, "icmp", "type", strconv.Itoa(int(p.ICMPType)))
	case p.Proto == protoICMPv6:
		return append(m, "icmpv6", "type", strconv.Itoa(int(p.ICMPType)))
	case !hasPorts(p.Proto) || p.SrcPort == 0 && p.DstPort == 0:
		return append(m, "meta", "l4proto", proto)
	}
	name := portProtocol(p.Proto)
	if whole && p.SrcPort != 0 {
		m = append(m, name, "sport", strconv.Itoa(int(p.SrcPort)))
	}
	if p.DstPort != 0 {
		m = append(m, name, "dport", strconv.Itoa(int(p.DstPort)))
	}
	return m
}

// iptablesTuple is nftTuple in the syntax of iptables.
func iptablesTuple(p *Packet, whole bool) []string {
	src, dst := ends(p, whole)
	if !src.IsValid() && !dst.IsValid() || p.Proto == 0 {
		return nil
	}
	var m []string
	if src.IsValid() {
		m = append(m, "-s", src.String())
	}
	if dst.IsValid() {
		m = append(m, "-d", dst.String())
	}
	kind := strconv.Itoa(int(p.ICMPType))
	switch {
	case p.Proto == protoICMP:
		return append(m, "-p", "icmp", "--icmp-type", kind)
	case p.Proto == protoICMPv6:
		return append(m, "-p", "ipv6-icmp", "--icmpv6-type", kind)
	case !hasPorts(p.Proto) || p.SrcPort == 0 && p.DstPort == 0:
		return append(m, "-p", strconv.Itoa(int(p.Proto)))
	}
	m = append(m, "-p", portProtocol(p.Proto))
	if whole && p.SrcPort != 0 {
		m = append(m, "--sport", strconv.Itoa(int(p.SrcPort)))
	}
	if p.DstPort != 0 {
		m = append(m, "--dport", strconv.Itoa(int(p.DstPort)))
	}
	return m
}

// ends are the addresses to match: both, or the far one only.
func ends(p *Packet, whole bool) (src, dst netip.Addr) {
	hook := p.hook()
	if whole || hook != "OUTPUT" && hook != "egress" && hook != "POSTROUTING" {
		src = p.Src
	}
	if whole || hook != "INPUT" && hook != "ingress" && hook != "PREROUTING" {
		dst = p.Dst
	}
	return src, dst
}

func v6(p *Packet) bool { return p.Src.Is6() || p.Dst.Is6() }

func portProtocol(proto uint8) string {
	switch proto {
	case protoTCP:
		return "tcp"
	case protoUDP:
		return "udp"
	case protoDCCP:
		return "dccp"
	case protoSCTP:
		return "sctp"
	}
	return "udplite"
}
