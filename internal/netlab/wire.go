package netlab

// datagram is one to the router that is right in every way, but for its port,
// which nobody has.
var datagram = ip4(A4, RA4, protoUDP, udp(A4, RA4, portTo, []byte("payload")))

const (
	udpRaw  = "udp " + A4 + " 5000 > " + RA4 + " 5001"
	spoofed = "spoofed"
)

// fromWire sends frames from A's device.
func fromWire(frames ...[]byte) func(*Lab) {
	return func(l *Lab) { l.A.Send(Dev, frames...) }
}

// raw is a scenario of one bad frame that the router gets.
func raw(name, reason, location, class, flow string, packet []byte) Scenario {
	w := Want{Reason: reason, Location: location, NetNS: "R", Flow: flow, Count: 1, Class: class, Where: atReceiver}
	// The packet keeps its sender's socket until ip_rcv_core and ip6_rcv_core
	// find it to be one (skb_orphan), across a veth pair too.
	switch location {
	case "ip_rcv_core", "ip6_rcv_core":
		w.OwnerComm, w.Where = "raw", onArrival
	case "ip_rcv_finish_core":
		w.Where = onArrival
	}
	return Scenario{Name: name, Traffic: fromWire(toRouter(packet)), Want: w}
}

var frames = []Scenario{
	raw("bad-ip-checksum", "IP_CSUM", "ip_rcv_core", "checksum", udpRaw, edit(datagram, 10, 0, 0)),
	{
		Name:    "bad-ip-version",
		Traffic: fromWire(eth(MacRA, MacA, 0x0800, edit(datagram, 0, 0x55))),
		Want:    Want{Reason: "IP_INHDR", Location: "ip_rcv_core", NetNS: "R", Count: 1, Class: "malformed", Where: onArrival, OwnerComm: "raw"},
	},
	raw("truncated", "PKT_TOO_SMALL", "ip_rcv_core", "malformed", udpRaw, datagram[:len(datagram)-5]),
	raw("bad-udp-checksum", "UDP_CSUM", "__udp4_lib_rcv", "checksum", udpRaw, edit(datagram, 26, 1, 1)),
	raw("bad-tcp-checksum", "TCP_CSUM", "tcp_v4_rcv", "checksum", "tcp "+A4+" 5000 > "+RA4+" 80",
		ip4(A4, RA4, protoTCP, edit(tcp(A4, RA4, 80, flagSYN), 16, 1, 1))),
	raw("bad-icmp-checksum", "ICMP_CSUM", "icmp_rcv", "checksum", "icmp 8/0 "+A4+" > "+RA4,
		ip4(A4, RA4, protoICMP, edit(icmp(8, 0), 2, 1, 1))),
	raw("udp-length-wrong", "PKT_TOO_SMALL", "__udp4_lib_rcv", "malformed", udpRaw,
		ip4(A4, RA4, protoUDP, edit(udp(A4, RA4, portTo, []byte("payload")), 4, 0, 99))),
	raw("unknown-ip-protocol", "IP_NOPROTO", "ip_local_deliver_finish", "not-for-us", "ip 253 "+A4+" > "+RA4,
		ip4(A4, RA4, 253, make([]byte, 30))),
	raw("unknown-icmp-type", "UNHANDLED_PROTO", "icmp_rcv", "not-for-us", "icmp 40/0 "+A4+" > "+RA4, ip4(A4, RA4, protoICMP, icmp(40, 0))),
	raw("martian-loopback-source", "IP_LOCALNET", "ip_rcv_finish_core", spoofed, "udp 127.0.0.1 5000 > "+RA4+" 5001",
		ip4("127.0.0.1", RA4, protoUDP, udp("127.0.0.1", RA4, portTo, nil))),
	raw("martian-loopback-destination", "IP_LOCALNET", "ip_rcv_finish_core", spoofed, "udp "+A4+" 5000 > 127.0.0.1 5001",
		ip4(A4, "127.0.0.1", protoUDP, udp(A4, "127.0.0.1", portTo, nil))),
	raw("own-source", "IP_LOCAL_SOURCE", "ip_rcv_finish_core", spoofed, "udp "+RA4+" 5000 > "+RA4+" 5001",
		ip4(RA4, RA4, protoUDP, udp(RA4, RA4, portTo, nil))),
	raw("multicast-source", "IP_INVALID_SOURCE", "ip_rcv_finish_core", spoofed, "udp 224.0.0.9 5000 > "+RA4+" 5001",
		ip4("224.0.0.9", RA4, protoUDP, udp("224.0.0.9", RA4, portTo, nil))),
	raw("zero-destination", "IP_INVALID_DEST", "ip_rcv_finish_core", spoofed, "udp "+A4+" 5000 > 0.0.0.0 5001",
		ip4(A4, "0.0.0.0", protoUDP, udp(A4, "0.0.0.0", portTo, nil))),
	{
		Name:    "multicast-not-joined",
		Traffic: fromWire(eth("01:00:5e:01:02:03", MacA, 0x0800, ip4(A4, "239.1.2.3", protoUDP, udp(A4, "239.1.2.3", portTo, nil)))),
		Want: Want{Reason: "NOT_SPECIFIED", Location: "ip_rcv_finish_core", NetNS: "R", Flow: "udp " + A4 + " 5000 > 239.1.2.3 5001", Count: 1,
			Class: "not-for-us", Where: onArrival},
	},
	{
		Name:    "unicast-in-broadcast-frame",
		Setup:   func(l *Lab) { l.R.Sysctl("net.ipv4.conf."+DevA+".drop_unicast_in_l2_multicast", "1") },
		Traffic: fromWire(eth("ff:ff:ff:ff:ff:ff", MacA, 0x0800, datagram)),
		Want: Want{Reason: "UNICAST_IN_L2_MULTICAST", Location: "ip_rcv_finish_core", NetNS: "R", Flow: udpRaw, Count: 1,
			Class: "malformed", Where: onArrival},
	},
	raw("bad-ip6-length", "PKT_TOO_SMALL", "ip6_rcv_core", "malformed", "", edit(ip6(A6, RA6, protoUDP, udp(A6, RA6, portTo, nil)), 4, 0, 99)),
	raw("bad-udp6-checksum", "UDP_CSUM", "__udp6_lib_rcv", "checksum", "udp "+A6+" 5000 > "+RA6+" 5001",
		ip6(A6, RA6, protoUDP, edit(udp(A6, RA6, portTo, nil), 6, 1, 1))),
	raw("ip6-loopback-source", "IP_INHDR", "ip6_rcv_core", spoofed, "udp ::1 5000 > "+RA6+" 5001",
		ip6("::1", RA6, protoUDP, udp("::1", RA6, portTo, nil))),
	raw("unknown-ip6-header", "IP_NOPROTO", "ip6_input_finish", "not-for-us", "ip 253 "+A6+" > "+RA6, ip6(A6, RA6, 253, make([]byte, 30))),
}

// piece is a fragment of 16 bytes of a datagram to the router.
func piece(id, offset uint16) []byte {
	return toRouter(frag4(A4, RA4, protoUDP, id, offset, make([]byte, 16)))
}

var fragments = []Scenario{
	{
		Name:    "fragment-twice",
		Traffic: fromWire(piece(7, moreFragments), piece(7, moreFragments)),
		Want:    Want{Reason: "DUP_FRAG", Location: "ip_defrag", NetNS: "R", Count: 1, Class: "fragment", Where: atReceiver},
	},
	{
		Name:    "fragment-missing",
		Setup:   func(l *Lab) { l.R.Sysctl("net.ipv4.ipfrag_time", "1") },
		Traffic: fromWire(piece(7, moreFragments)),
		Want:    Want{Reason: "FRAG_REASM_TIMEOUT", Location: "ip_expire", NetNS: "R", Count: 1, Class: "fragment"},
	},
	{
		Name:    "fragment-overlap",
		Traffic: fromWire(piece(7, moreFragments), piece(7, moreFragments|1)),
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "ip_defrag", NetNS: "R", Count: 1, Class: "fragment", Where: atReceiver},
	},
}
