package drop

import "testing"

func TestProtocol(t *testing.T) {
	for _, c := range []struct {
		flow           Flow
		protocol, kind string
	}{
		{Flow{}, "", ""},
		{Flow{EtherType: etherIPv4, Proto: 6, TCPFlags: flagSYN}, "tcp", "SYN"},
		{Flow{EtherType: etherIPv6, Proto: 6, TCPFlags: flagSYN | flagACK}, "tcp", "SYN ACK"},
		{Flow{EtherType: etherIPv6, Proto: 6, TCPFlags: 0xff}, "tcp", "FIN SYN RST PSH ACK URG ECE CWR"},
		{Flow{EtherType: etherIPv4, Proto: 17}, "udp", ""},
		{Flow{EtherType: etherIPv4, Proto: 1, ICMPType: 8}, "icmp", "echo"},
		{Flow{EtherType: etherIPv4, Proto: 1, ICMPType: 3, ICMPCode: 3}, "icmp", "port unreachable"},
		{Flow{EtherType: etherIPv4, Proto: 1, ICMPType: 3, ICMPCode: 77}, "icmp", "unreachable"},
		{Flow{EtherType: etherIPv4, Proto: 1, ICMPType: 77}, "icmp", "type 77"},
		{Flow{EtherType: etherIPv6, Proto: 58, ICMPType: 135}, "icmp6", "neighbour solicitation"},
		{Flow{EtherType: etherIPv6, Proto: 58, ICMPType: 1, ICMPCode: 1}, "icmp6", "prohibited"},
		{Flow{EtherType: etherIPv4, Proto: 132}, "sctp", ""},
		{Flow{EtherType: etherIPv4, Proto: 47}, "gre", ""},
		{Flow{EtherType: etherIPv4, Proto: 50}, "esp", ""},
		{Flow{EtherType: etherIPv4, Proto: 200}, "proto-200", ""},
		{Flow{EtherType: etherIPv4}, "ip", ""},
		{Flow{EtherType: etherIPv6}, "ip6", ""},
		{Flow{EtherType: etherARP}, "arp", ""},
		{Flow{EtherType: 0x88b5}, "0x88b5", ""},
	} {
		if p, k := c.flow.Protocol(), c.flow.Kind(); p != c.protocol || k != c.kind {
			t.Errorf("%+v: %q %q, want %q %q", c.flow, p, k, c.protocol, c.kind)
		}
	}
}
