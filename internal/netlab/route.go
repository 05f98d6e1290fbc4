package netlab

// routes are drops of a router that knows no way, or must not go it.
var routes = []Scenario{
	{
		Name:  "rp-filter",
		Setup: func(l *Lab) { l.R.Sysctl("net.ipv4.conf."+DevA+".rp_filter", "1") },
		Traffic: func(l *Lab) {
			l.A.Send(Dev, toRouter(ip4("10.77.2.99", B4, protoUDP, udp("10.77.2.99", B4, 7, nil))))
		},
		Want: Want{Reason: "IP_RPFILTER", Location: "ip_rcv_finish_core", NetNS: "R", Flow: "udp 10.77.2.99 5000 > " + B4 + " 7", Count: 1,
			Class: "spoofed", Where: onArrival},
	},
	{
		Name:    "ttl-expired",
		Traffic: ping("-t 1 " + B4),
		Want:    Want{Reason: "IP_INHDR", Location: "ip_forward", NetNS: "R", Flow: pingAB, Count: 3, Class: "ttl", Where: inTransit},
	},
	{
		Name:    "hop-limit-expired",
		Traffic: ping("-t 1 " + B6),
		Want:    Want{Reason: "IP_INHDR", Location: "ip6_forward", NetNS: "R", Flow: ping6AB, Count: 3, Class: "ttl", Where: inTransit},
	},
	{
		Name:  "too-big-to-forward",
		Setup: func(l *Lab) { l.R.Run("ip link set dev " + DevB + " mtu 1280") },
		Traffic: func(l *Lab) {
			l.Equal("app", l.A.Tell("app", "udp", B4+":7", "1", "1400", "df"), "ok=1")
		},
		Want: Want{Reason: "PKT_TOO_BIG", Location: "ip_forward", NetNS: "R", Flow: udpAB, Count: 1, Class: "too-big", Where: inTransit},
	},
	{
		Name:  "too-big-to-forward-v6",
		Setup: func(l *Lab) { l.R.Run("ip link set dev " + DevB + " mtu 1280") },
		Traffic: func(l *Lab) {
			l.Equal("app", l.A.Tell("app", "udp", "["+B6+"]:7", "1", "1400", "df"), "ok=1")
		},
		Want: Want{Reason: "PKT_TOO_BIG", Location: "ip6_forward", NetNS: "R", Flow: "udp " + A6 + " * > " + B6 + " 7", Count: 1, Class: "too-big", Where: inTransit},
	},
	{
		Name:    "forward-no-route",
		Traffic: app("10.99.0.1:7", "ok=3"),
		Want:    Want{Reason: "IP_INNOROUTES", Location: "ip_error", NetNS: "R", Flow: "udp " + A4 + " * > 10.99.0.1 7", Count: 3, Class: "no-route", Where: inTransit},
	},
	{
		Name:    "forward-no-route-v6",
		Traffic: app("[fd99::1]:7", "ok=3"),
		Want:    Want{Reason: "IP_INNOROUTES", Location: "ip6_pkt_discard", NetNS: "R", Flow: "udp " + A6 + " * > fd99::1 7", Count: 3, Class: "no-route", Where: inTransit},
	},
	{
		Name:    "forward-blackhole",
		Setup:   func(l *Lab) { l.R.Run("ip route add blackhole 10.99.0.0/24") },
		Traffic: app("10.99.0.1:7", "ok=3"),
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "ip_error", NetNS: "R", Flow: "udp " + A4 + " * > 10.99.0.1 7", Count: 3, Class: "blackhole", Where: inTransit},
	},
	{
		Name:    "forward-prohibit",
		Setup:   func(l *Lab) { l.R.Run("ip route add prohibit 10.99.0.0/24") },
		Traffic: app("10.99.0.1:7", "ok=3"),
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "ip_error", NetNS: "R", Flow: "udp " + A4 + " * > 10.99.0.1 7", Count: 3, Class: "blackhole", Where: inTransit},
	},
	{
		Name:    "forward-unreachable",
		Setup:   func(l *Lab) { l.R.Run("ip route add unreachable 10.99.0.0/24") },
		Traffic: app("10.99.0.1:7", "ok=3"),
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "ip_error", NetNS: "R", Flow: "udp " + A4 + " * > 10.99.0.1 7", Count: 3, Class: "blackhole", Where: inTransit},
	},
	{
		Name:    "forward-blackhole-v6",
		Setup:   func(l *Lab) { l.R.Run("ip -6 route add blackhole fd99::/64") },
		Traffic: app("[fd99::1]:7", "ok=3"),
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "dst_discard_out", NetNS: "R", Flow: "udp " + A6 + " * > fd99::1 7", Count: 3, Class: "blackhole", Where: inTransit},
	},
	{
		Name:    "forward-prohibit-v6",
		Setup:   func(l *Lab) { l.R.Run("ip -6 route add prohibit fd99::/64") },
		Traffic: app("[fd99::1]:7", "ok=3"),
		Want:    Want{Reason: "IP_INNOROUTES", Location: "ip6_pkt_prohibit", NetNS: "R", Flow: "udp " + A6 + " * > fd99::1 7", Count: 3, Class: "blackhole", Where: inTransit},
	},
	{
		Name:    "forward-unreachable-v6",
		Setup:   func(l *Lab) { l.R.Run("ip -6 route add unreachable fd99::/64") },
		Traffic: app("[fd99::1]:7", "ok=3"),
		Want:    Want{Reason: "IP_INNOROUTES", Location: "ip6_pkt_discard", NetNS: "R", Flow: "udp " + A6 + " * > fd99::1 7", Count: 3, Class: "no-route", Where: inTransit},
	},
	{
		Name:    "forwarding-off",
		Setup:   func(l *Lab) { l.R.Sysctl("net.ipv4.ip_forward", "0") },
		Traffic: app(B4+":7", "ok=3"),
		Want:    Want{Reason: "IP_INADDRERRORS", Location: "ip_error", NetNS: "R", Flow: udpAB, Count: 3, Class: "forwarding-off", Where: inTransit},
	},
	{
		Name:    "forwarding-off-v6",
		Setup:   func(l *Lab) { l.R.Sysctl("net.ipv6.conf.all.forwarding", "0") },
		Traffic: app("["+B6+"]:7", "ok=3"),
		Want:    Want{Reason: "IP_INADDRERRORS", Location: "ip6_forward", NetNS: "R", Flow: "udp " + A6 + " * > " + B6 + " 7", Count: 3, Class: "forwarding-off", Where: inTransit},
	},
	{
		Name: "route-lost-under-connection",
		Traffic: func(l *Lab) {
			server := l.B.Start("web", "tcpserve", B4+":80")
			server.Go()
			client := l.A.Start("client", "write", B4+":80")
			l.A.Run("ip route del default")
			client.Go()
			l.Equal("client", client.WaitDone()[0], "ok")
		},
		Want: Want{Reason: "IP_OUTNOROUTES", Location: "__ip_queue_xmit", NetNS: "A", Flow: tcpAB, Count: 1, AtLeast: true, Class: "no-route", Where: leaving, OwnerComm: "client"},
	},
	{
		Name:    "ipv6-off",
		Setup:   func(l *Lab) { l.B.Sysctl("net.ipv6.conf."+Dev+".disable_ipv6", "1") },
		Traffic: app("["+B6+"]:7", "ok=3"),
		Want:    Want{Reason: "IPV6DISABLED", Location: "ip6_rcv_core", NetNS: "B", Flow: "udp " + A6 + " * > " + B6 + " 7", Count: 3, Class: "ipv6-off", Where: onArrival},
	},
	{
		Name:    "xfrm-block-in",
		Setup:   func(l *Lab) { l.B.Run("ip xfrm policy add dir in src " + A4 + "/32 action block") },
		Traffic: ping(B4),
		Want:    Want{Reason: "XFRM_POLICY", Location: "icmp_rcv", NetNS: "B", Flow: pingAB, Count: 3, Class: "ipsec", Where: atReceiver},
	},
}
