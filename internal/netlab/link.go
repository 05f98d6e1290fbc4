package netlab

import "strings"

// unknown is a neighbour that does not answer, in A's network and in B's.
const unknown4A, unknown4B, unknown6A, unknown6B = "10.77.1.99", "10.77.2.99", "fd77:1::99", "fd77:2::99"

// impatient makes a host give up a neighbour after 0.3 s instead of 3.
func impatient(h *Host, dev string) {
	h.Sysctl("net.ipv4.neigh."+dev+".retrans_time_ms", "100")
	h.Sysctl("net.ipv6.neigh."+dev+".retrans_time_ms", "100")
}

// cut takes down the router's end of A's link. What A sends meets a closed
// queue as soon as the kernel has noticed.
func cut(l *Lab) {
	l.T.Helper()
	l.R.Run("ip link set " + DevA + " down")
	l.A.until("lose its carrier", func() bool { return !strings.Contains(l.A.output("ip", "link", "show", Dev), "state UP") })
}

var neighbours = []Scenario{
	{
		Name:    "arp-fails-locally",
		Setup:   func(l *Lab) { impatient(l.A, Dev) },
		Traffic: app(unknown4A+":7", "ok=3"),
		Want: Want{Reason: "NEIGH_FAILED", Location: "neigh_invalidate", Callers: []string{"neigh_timer_handler"}, NetNS: "A",
			Flow: "udp " + A4 + " * > " + unknown4A + " 7", Count: 3, Class: "no-neighbour", Where: leaving, OwnerComm: "app"},
	},
	{
		Name:    "nd-fails-locally",
		Setup:   func(l *Lab) { impatient(l.A, Dev) },
		Traffic: app("["+unknown6A+"]:7", "ok=3"),
		Want: Want{Reason: "NOT_SPECIFIED", Location: "neigh_invalidate", Callers: []string{"neigh_timer_handler"}, NetNS: "A",
			Flow: "udp " + A6 + " * > " + unknown6A + " 7", Count: 3, Class: "no-neighbour", Where: leaving, OwnerComm: "app"},
	},
	{
		Name:    "arp-fails-at-router",
		Setup:   func(l *Lab) { impatient(l.R, DevB) },
		Traffic: app(unknown4B+":7", "ok=3"),
		Want: Want{Reason: "NEIGH_FAILED", Location: "neigh_invalidate", Callers: []string{"neigh_timer_handler"}, NetNS: "R",
			Flow: "udp " + A4 + " * > " + unknown4B + " 7", Count: 3, Class: "no-neighbour"},
	},
	{
		Name:    "nd-fails-at-router",
		Setup:   func(l *Lab) { impatient(l.R, DevB) },
		Traffic: app("["+unknown6B+"]:7", "ok=3"),
		Want: Want{Reason: "NOT_SPECIFIED", Location: "neigh_invalidate", Callers: []string{"neigh_timer_handler"}, NetNS: "R",
			Flow: "udp " + A6 + " * > " + unknown6B + " 7", Count: 3, Class: "no-neighbour"},
	},
	{
		Name:    "arp-queue-full",
		Setup:   func(l *Lab) { l.A.Sysctl("net.ipv4.neigh."+Dev+".unres_qlen_bytes", "1"); impatient(l.A, Dev) },
		Traffic: app(unknown4A+":7", "ok=3"),
		Want: Want{Reason: "NEIGH_QUEUEFULL", Location: "__neigh_event_send", NetNS: "A",
			Flow: "udp " + A4 + " * > " + unknown4A + " 7", Count: 2, Class: "no-neighbour", Where: leaving, OwnerComm: "app"},
		Also: []Want{{Reason: "NEIGH_FAILED", Location: "neigh_invalidate", NetNS: "A",
			Flow: "udp " + A4 + " * > " + unknown4A + " 7", Count: 1, Class: "no-neighbour", Where: leaving, OwnerComm: "app"}},
	},
	{
		Name: "nft-arp-output",
		Setup: func(l *Lab) {
			l.A.NFT("table arp f { chain c { type filter hook output priority 0; arp operation request drop; }; }")
			impatient(l.A, Dev)
		},
		Traffic: app(unknown4A+":7", "ok=3"),
		Want: Want{Reason: "NETFILTER_DROP", Location: "nft_do_chain", Callers: []string{"nft_do_chain_arp", "nf_hook_slow", "arp_xmit"}, NetNS: "A",
			Flow: "arp " + A4 + " > " + unknown4A, Count: 3, Class: "firewall", Where: leaving, Hook: "OUTPUT"},
		Also: []Want{{Reason: "NEIGH_FAILED", Location: "neigh_invalidate", NetNS: "A",
			Flow: "udp " + A4 + " * > " + unknown4A + " 7", Count: 3, Class: "no-neighbour", Where: leaving, OwnerComm: "app"}},
	},
	{
		Name:    "bogus-arp",
		Traffic: func(l *Lab) { l.A.Send(Dev, eth("ff:ff:ff:ff:ff:ff", MacA, 0x0806, arp(1, A4, "224.0.0.5"))) },
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "arp_process", NetNS: "R", Flow: "arp " + A4 + " > 224.0.0.5", Count: 1, Class: "malformed", Where: atReceiver, OwnerComm: "raw"},
	},
}

// flood sends ten datagrams to a program at B that does not mind.
func flood(l *Lab) {
	l.B.Start("sink", "udpserve", B4+":7")
	l.Equal("app", l.A.Tell("app", "udp", B4+":7", "10", "1000"), "ok=10")
}

// The shapers let 125 bytes a second through, once they have let a burst of
// two packets (tbf: of one) through.
var queues = []Scenario{
	{
		Name:    "tbf-full",
		Setup:   func(l *Lab) { l.A.Run("tc qdisc add dev " + Dev + " root tbf rate 1kbit burst 1600 limit 1600") },
		Traffic: flood,
		Want:    Want{Reason: "QDISC_DROP", Location: "__dev_queue_xmit", NetNS: "A", Flow: udpAB, Count: 8, Class: "queue-full", Where: leaving, Words: "queue full: tbf", OwnerComm: "app"},
	},
	{
		Name: "htb-pfifo-full",
		Setup: func(l *Lab) {
			l.A.Run("tc qdisc add dev " + Dev + " root handle 1: htb default 1")
			l.A.Run("tc class add dev " + Dev + " parent 1: classid 1:1 htb rate 1kbit burst 1600")
			l.A.Run("tc qdisc add dev " + Dev + " parent 1:1 pfifo limit 1")
		},
		Traffic: flood,
		Want:    Want{Reason: "QDISC_DROP", Location: "__dev_queue_xmit", NetNS: "A", Flow: udpAB, Count: 7, Class: "queue-full", Where: leaving, Words: "queue full: htb", OwnerComm: "app"},
	},
	{
		Name:    "peer-link-down",
		Setup:   cut,
		Traffic: app(B4+":7", "ok=3"),
		Want:    Want{Reason: "QDISC_DROP", Location: "__dev_queue_xmit", NetNS: "A", Flow: udpAB, Count: 3, Class: "link-down", Where: leaving, Words: "link of eth0 is down", OwnerComm: "app"},
	},
	{
		Name:    "peer-link-down-arp",
		Setup:   func(l *Lab) { impatient(l.A, Dev); cut(l) },
		Traffic: app(unknown4A+":7", "ok=3"),
		Want: Want{Reason: "QDISC_DROP", Location: "__dev_queue_xmit", Callers: []string{"arp_xmit"}, NetNS: "A", Flow: "arp " + A4 + " > " + unknown4A, Count: 3,
			Class: "link-down", Where: leaving},
		Also: []Want{{Reason: "NEIGH_FAILED", Location: "neigh_invalidate", NetNS: "A",
			Flow: "udp " + A4 + " * > " + unknown4A + " 7", Count: 3, Class: "no-neighbour", Where: leaving, OwnerComm: "app"}},
	},
	{
		// tun_net_xmit takes the socket off the packet before it looks at its
		// ring, which has room for tx_queue_len.
		Name: "tun-ring-full",
		Traffic: func(l *Lab) {
			l.A.Start("vpn", "tun", "tun0")
			l.A.ip("link set tun0 txqueuelen 2 up", "addr add 10.88.0.1/24 dev tun0")
			l.Equal("app", l.A.Tell("app", "udp", "10.88.0.2:7", "10", "100"), "ok=10")
		},
		Want: Want{Reason: "FULL_RING", Location: "tun_net_xmit", NetNS: "A", Flow: "udp 10.88.0.1 * > 10.88.0.2 7", Count: 8, Class: "no-reader", Where: leaving},
	},
	{
		Name: "tun-no-reader",
		Setup: func(l *Lab) {
			l.A.ip("tuntap add dev tun0 mode tun", "link set tun0 up", "addr add 10.88.0.1/24 dev tun0")
		},
		Traffic: app("10.88.0.2:7", "ok=3"),
		Want: Want{Reason: "QDISC_DROP", Location: "__dev_queue_xmit", NetNS: "A", Flow: "udp 10.88.0.1 * > 10.88.0.2 7", Count: 3, Class: "no-reader", Where: leaving, Words: "no program has tun0 open",
			OwnerComm: "app"},
	},
}

// devices are drops between a device and the protocols above it.
var devices = []Scenario{
	{
		Name: "veth-mtu-differs",
		Setup: func(l *Lab) {
			l.A.Run("ip link set dev " + Dev + " mtu 9000")
		},
		Traffic: func(l *Lab) { l.Equal("app", l.A.Tell("app", "udp", RA4+":7", "3", "4000"), "ok=3") },
		Want: Want{Reason: "NOT_SPECIFIED", Location: "__dev_forward_skb2", Callers: []string{"veth_xmit"}, NetNS: "A", Flow: "udp " + A4 + " * > " + RA4 + " 7", Count: 3,
			Class: "too-big", Where: leaving, OwnerComm: "app"},
	},
	{
		Name:    "other-mac",
		Traffic: func(l *Lab) { l.A.Send(Dev, eth("02:77:00:00:09:09", MacA, 0x0800, datagram)) },
		Want:    Want{Reason: "OTHERHOST", Location: "ip_rcv_core", NetNS: "R", Flow: udpRaw, Count: 1, Quiet: true, Class: "not-for-us", Where: onArrival, OwnerComm: "raw"},
	},
	{
		Name:    "unknown-ethertype",
		Traffic: func(l *Lab) { l.A.Send(Dev, eth(MacRA, MacA, 0x88b5, make([]byte, 50))) },
		Want:    Want{Reason: "UNHANDLED_PROTO", Location: "__netif_receive_skb_core", NetNS: "R", Flow: "ether 0x88b5", Count: 1, Class: "not-for-us", Where: onArrival, OwnerComm: "raw"},
	},
	{
		Name: "vlan-unknown",
		Traffic: func(l *Lab) {
			l.A.Send(Dev, eth(MacRA, MacA, 0x8100, append([]byte{0, 42, 8, 0}, datagram...)))
		},
		// IPv4 gets it as someone else's, in spite of the address.
		Want: Want{Reason: "OTHERHOST", Location: "ip_rcv_core", NetNS: "R", Flow: udpRaw, Count: 1, Class: "not-for-us", Where: onArrival, OwnerComm: "raw", Quiet: true},
	},
	{
		Name: "bridge-no-port-takes-it",
		Setup: func(l *Lab) {
			l.R.ip("link add br0 type bridge", "link set br0 up", "link set "+DevA+" master br0", "link set "+DevB+" master br0")
			l.R.Run("bridge link set dev " + DevB + " flood off")
		},
		Traffic: func(l *Lab) { l.A.Send(Dev, eth("02:77:00:00:09:09", MacA, 0x0800, datagram)) },
		Want:    Want{Reason: "NO_TX_TARGET", Location: "br_handle_frame_finish", NetNS: "R", Flow: udpRaw, Count: 1, Class: "no-route", Where: onArrival},
	},
	{
		Name: "bridge-port-blocked",
		Setup: func(l *Lab) {
			l.R.ip("link add br0 type bridge", "link set br0 type bridge stp_state 1", "link set br0 up", "link set "+DevA+" master br0")
		},
		Traffic: func(l *Lab) { l.A.Send(Dev, eth(MacB, MacA, 0x0800, datagram)) },
		Want:    Want{Reason: "BRIDGE_INGRESS_STP_STATE", Location: "br_handle_frame", NetNS: "R", Flow: udpRaw, Count: 1, Class: "link-down", Where: onArrival, OwnerComm: "raw"},
	},
}

var tunnels = []Scenario{
	{
		Name:  "vxlan-unknown-vni",
		Setup: func(l *Lab) { l.R.ip("link add vx0 type vxlan id 7 dstport 4789 local "+RA4, "link set vx0 up") },
		Traffic: func(l *Lab) {
			header := []byte{0x08, 0, 0, 0, 0, 0, 8, 0}
			l.A.Send(Dev, toRouter(ip4(A4, RA4, protoUDP, udp(A4, RA4, 4789, append(header, eth(MacRA, MacA, 0x0800, datagram)...)))))
		},
		Want: Want{Reason: "VXLAN_VNI_NOT_FOUND", Location: "vxlan_rcv", NetNS: "R", Flow: "udp " + A4 + " 5000 > " + RA4 + " 4789", Count: 1, Class: "not-for-us", Where: atReceiver},
	},
	{
		Name:    "gre-without-tunnel",
		Traffic: func(l *Lab) { l.A.Send(Dev, toRouter(ip4(A4, RA4, 47, make([]byte, 24)))) },
		Want:    Want{Reason: "IP_NOPROTO", Location: "ip_local_deliver_finish", NetNS: "R", Flow: "ip 47 " + A4 + " > " + RA4, Count: 1, Class: "not-for-us", Where: atReceiver},
	},
}
