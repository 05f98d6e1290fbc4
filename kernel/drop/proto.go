package drop

import (
	"fmt"
	"strings"
)

// ipProtos are the names of IP protocols, those that people use, which are not
// all IANA's: ICMPv6 is icmp6 in nft and tcpdump.
var ipProtos = map[uint8]string{
	1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 33: "dccp", 41: "ip6ip", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6", 89: "ospf",
	103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
}

// etherTypes are the names of what is not IP.
var etherTypes = map[uint16]string{
	etherARP: "arp", 0x8035: "rarp", 0x8100: "vlan", 0x8847: "mpls", 0x8863: "pppoe", 0x8864: "pppoe", 0x888e: "eapol", 0x88a8: "vlan",
	0x88cc: "lldp", 0x88e5: "macsec", 0x88f7: "ptp", 0x0004: "llc", 0x000c: "can", 0x000d: "canfd",
}

// Protocol names the innermost protocol that was found: "tcp", "icmp6", "arp",
// "ip" for later fragments, "proto-200", "0x88b5", or "" for what is no packet.
func (f *Flow) Protocol() string {
	switch {
	case f.EtherType == 0:
		return ""
	case f.EtherType == etherIPv4 || f.EtherType == etherIPv6:
		if name := ipProtos[f.Proto]; name != "" {
			return name
		}
		if f.Proto != 0 {
			return fmt.Sprintf("proto-%d", f.Proto)
		}
		if f.EtherType == etherIPv6 {
			return "ip6"
		}
		return "ip"
	}
	if name := etherTypes[f.EtherType]; name != "" {
		return name
	}
	return fmt.Sprintf("0x%04x", f.EtherType)
}

// tcpFlags are the bits of byte 13 of the TCP header, from the lowest.
var tcpFlags = []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"}

// icmpTypes and icmp6Types are what types of ICMP (RFC 792) and ICMPv6 (RFC
// 4443, 4861, 2710, 3810) are called.
var (
	icmpTypes = map[uint8]string{
		0: "echo reply", 3: "unreachable", 4: "source quench", 5: "redirect", 8: "echo", 9: "router advertisement", 10: "router solicitation",
		11: "time exceeded", 12: "parameter problem", 13: "timestamp", 14: "timestamp reply",
	}
	unreachables = map[uint8]string{
		0: "net unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable", 4: "fragmentation needed",
		9: "net prohibited", 10: "host prohibited", 13: "administratively prohibited",
	}
	icmp6Types = map[uint8]string{
		1: "unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem", 128: "echo", 129: "echo reply",
		130: "multicast query", 131: "multicast report", 132: "multicast done", 133: "router solicitation", 134: "router advertisement",
		135: "neighbour solicitation", 136: "neighbour advertisement", 137: "redirect", 143: "multicast report",
	}
	unreachables6 = map[uint8]string{0: "no route", 1: "prohibited", 3: "address unreachable", 4: "port unreachable", 5: "bad source", 6: "route rejected"}
)

// Kind says what sort of message of its protocol it is: "SYN", "SYN ACK",
// "echo", "port unreachable", or "".
func (f *Flow) Kind() string {
	switch f.Protocol() {
	case "tcp":
		var set []string
		for i, name := range tcpFlags {
			if f.TCPFlags&(1<<i) != 0 {
				set = append(set, name)
			}
		}
		return strings.Join(set, " ")
	case "icmp":
		return icmpKind(f, icmpTypes, 3, unreachables)
	case "icmp6":
		return icmpKind(f, icmp6Types, 1, unreachables6)
	}
	return ""
}

func icmpKind(f *Flow, types map[uint8]string, unreachable uint8, codes map[uint8]string) string {
	if f.ICMPType == unreachable && codes[f.ICMPCode] != "" {
		return codes[f.ICMPCode]
	}
	if name := types[f.ICMPType]; name != "" {
		return name
	}
	return fmt.Sprintf("type %d", f.ICMPType)
}
