package netlab

// noListener is a datagram or segment to a port of B that nobody has.
func noListener(proto, location string, n uint64) Want {
	return Want{Reason: "NO_SOCKET", Location: location, NetNS: "B", Flow: proto + " * > *", Count: n,
		Class: "no-listener", Where: atReceiver}
}

// sockets are drops where a packet meets, or should meet, a socket.
var sockets = []Scenario{
	{Name: "udp-no-listener", Traffic: app(B4+":7", "ok=3"), Want: noListener("udp", "__udp4_lib_rcv", 3)},
	{Name: "udp6-no-listener", Traffic: app("["+B6+"]:7", "ok=3"), Want: noListener("udp", "__udp6_lib_rcv", 3)},
	{Name: "tcp-no-listener", Traffic: refused(B4 + ":80"), Want: noListener("tcp", "tcp_v4_rcv", 1)},
	{Name: "tcp6-no-listener", Traffic: refused("[" + B6 + "]:80"), Want: noListener("tcp", "tcp_v6_rcv", 1)},
	{
		Name: "udp-receive-buffer-full",
		Traffic: func(l *Lab) {
			l.B.Start("slow", "udpserve", B4+":7", "rcvbuf")
			l.Equal("app", l.A.Tell("app", "udp", B4+":7", "20", "1000"), "ok=20")
		},
		Want: Want{Reason: "SOCKET_RCVBUFF", Location: "udp_queue_rcv_one_skb", NetNS: "B", Flow: udpAB, Count: 19,
			Class: "receiver-full", Where: atReceiver, Words: "socket buffer full 2304/2304", OwnerComm: "slow"},
	},
	{
		Name: "udp-socket-filter",
		Traffic: func(l *Lab) {
			l.B.Start("picky", "udpserve", B4+":7", "filter")
			app(B4+":7", "ok=3")(l)
		},
		Want: Want{Reason: "SOCKET_FILTER", Location: "udp_queue_rcv_one_skb", NetNS: "B", Flow: udpAB, Count: 3,
			Class: "socket-filter", Where: atReceiver, OwnerComm: "picky"},
	},
	{
		Name: "tcp-minttl",
		Traffic: func(l *Lab) {
			l.B.Start("bgp", "tcpserve", B4+":80", "ttl")
			syn(B4 + ":80")(l)
		},
		Want: Want{Reason: "TCP_MINTTL", Location: "tcp_v4_rcv", NetNS: "B", Flow: tcpAB, Count: 1, Class: "ttl", Where: atReceiver, OwnerComm: "bgp"},
	},
	{
		Name: "tcp-md5-missing",
		Traffic: func(l *Lab) {
			l.B.Start("bgp", "tcpserve", B4+":80", "md5")
			syn(B4 + ":80")(l)
		},
		Want: Want{Reason: "TCP_MD5NOTFOUND", Location: "tcp_v4_rcv", NetNS: "B", Flow: tcpAB, Count: 1, Class: "tcp", Where: atReceiver, OwnerComm: "bgp"},
	},
	{
		Name: "tcp-syn-fin",
		Traffic: func(l *Lab) {
			l.B.Start("web", "tcpserve", B4+":80")
			l.A.Send(Dev, toRouter(ip4(A4, B4, protoTCP, tcp(A4, B4, 80, flagSYN|flagFIN))))
		},
		Want: Want{Reason: "TCP_FLAGS", Location: "tcp_rcv_state_process", NetNS: "B", Flow: tcpAB, Count: 1, Class: "malformed", Where: atReceiver, OwnerComm: "web"},
	},
}

// talk is a connection that is made, used and ended.
func talk(l *Lab) {
	server := l.B.Start("web", "tcpserve", B4+":80")
	server.Go()
	l.Equal("client", l.A.Tell("client", "talk", B4+":80"), "ok")
	l.Equal("server", server.WaitDone()[0], "end")
}

// silent are those where the kernel traces nothing, or what is no loss.
var silent = []Scenario{
	{
		Name:    "healthy-ping",
		Traffic: ping(B4),
		Want:    Want{Reason: "NO_SOCKET", Location: "ping_rcv", NetNS: "A", Flow: "icmp 0/0 " + B4 + " > " + A4, Count: 3, Class: "no-listener", Where: atReceiver, Quiet: true},
	},
	{
		Name:    "healthy-ping6",
		Traffic: ping(B6),
		Want:    Want{Reason: "NO_SOCKET", Location: "ping_rcv", NetNS: "A", Flow: "icmp6 129/0 " + B6 + " > " + A6, Count: 3, Class: "no-listener", Where: atReceiver, Quiet: true},
	},
	{
		Name:    "healthy-tcp",
		Traffic: talk,
		Want:    Want{Reason: "QUEUE_PURGE", Location: "sk_stream_kill_queues", NetNS: "A", Flow: "tcp " + B4 + " 80 > " + A4 + " *", Count: 1, Class: "tcp", Where: atReceiver, Quiet: true},
	},
	{
		Name: "udp-too-big-for-device",
		Traffic: func(l *Lab) {
			l.Equal("app", l.A.Tell("app", "udp", B4+":7", "3", "2000", "df"), "EMSGSIZE=3")
		},
		Want: Want{NoEvent: true},
	},
	{
		Name:    "no-route-locally",
		Setup:   func(l *Lab) { l.A.Run("ip route del default") },
		Traffic: app(B4+":7", "ENETUNREACH=3"),
		Want:    Want{NoEvent: true},
	},
	{
		Name:    "blackhole-locally",
		Setup:   func(l *Lab) { l.A.Run("ip route add blackhole " + B4) },
		Traffic: app(B4+":7", "EINVAL=3"),
		Want:    Want{NoEvent: true},
	},
	{
		Name:    "xfrm-block-out",
		Setup:   func(l *Lab) { l.A.Run("ip xfrm policy add dir out dst " + B4 + "/32 action block") },
		Traffic: app(B4+":7", "EPERM=3"),
		Want:    Want{NoEvent: true},
	},
	{
		Name: "accept-queue-full",
		Traffic: func(l *Lab) {
			l.B.Start("busy", "tcpserve", B4+":80", "full")
			l.Equal("first", l.A.Tell("first", "tcp", B4+":80"), "ok")
			l.Equal("second", l.A.Tell("second", "tcp", B4+":80"), "ETIMEDOUT")
			l.Equal("overflows", l.B.Netstat("TcpExt", "ListenOverflows"), "3")
		},
		Want: Want{NoEvent: true},
	},
}
