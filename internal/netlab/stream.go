package netlab

import "fmt"

// inject sends a segment from A's device into a connection of its client with
// B, at a distance from the next byte that is due.
func inject(distance int, flags byte, data string) func(*Lab) {
	return func(l *Lab) {
		l.B.Start("web", "tcpserve", B4+":80").Go()
		said := l.A.Tell("client", "where", B4+":80")
		s := segment{to: 80}
		if _, err := fmt.Sscan(said, &s.from, &s.seq, &s.ack); err != nil {
			l.T.Fatalf("client said %q: %v", said, err)
		}
		s.seq += uint32(distance)
		l.A.Send(Dev, toRouter(ip4(A4, B4, protoTCP, s.tcp(A4, B4, flags, data))))
	}
}

// segments is a drop of what is injected.
func segments(w Want) Want {
	w.NetNS, w.Flow, w.Count, w.Where, w.OwnerComm = "B", tcpAB, 1, atReceiver, "web"
	if w.Class == "" {
		w.Class = "tcp"
	}
	return w
}

// streams are segments that a connection does not want.
var streams = []Scenario{
	{Name: "tcp-old-data", Traffic: inject(-1, flagACK, "x"), Want: segments(Want{Reason: "TCP_OLD_DATA", Location: "tcp_rcv_established", Quiet: true})},
	{Name: "tcp-beyond-window", Traffic: inject(1<<28, flagACK, "x"), Want: segments(Want{Reason: "TCP_INVALID_SEQUENCE", Location: "tcp_validate_incoming"})},
	{Name: "tcp-blind-reset", Traffic: inject(5, flagRST, ""), Want: segments(Want{Reason: "TCP_RESET", Location: "tcp_validate_incoming"})},
	{Name: "tcp-blind-syn", Traffic: inject(0, flagSYN, ""), Want: segments(Want{Reason: "TCP_INVALID_SYN", Location: "tcp_validate_incoming"})},
	{Name: "tcp-no-ack", Traffic: inject(0, 0, "x"), Want: segments(Want{Reason: "TCP_FLAGS", Location: "tcp_v4_do_rcv", Class: "malformed"})},
	{
		// There is room for three connections that nobody accepts. Two more
		// clients than that have had their answer when their last words,
		// which R held back, are let through.
		Name: "accept-queue-full-late",
		Traffic: func(l *Lab) {
			l.B.Start("busy", "tcpserve", B4+":80", "few")
			connect := func(comm string) { l.Equal(comm, l.A.Tell(comm, "tcp", B4+":80"), "ok") }
			connect("first")
			connect("second")
			l.R.NFT(chain("forward", "ip saddr "+A4+" tcp flags & (syn|ack) == ack drop"))
			connect("third")
			connect("fourth")
			l.R.Run("nft delete table inet f")
		},
		Want: Want{Reason: "TCP_LISTEN_OVERFLOW", Location: "tcp_v4_rcv", NetNS: "B", Flow: tcpAB, Count: 1, AtLeast: true,
			Class: "receiver-full", Where: atReceiver, OwnerComm: "busy"},
		Also: []Want{{Reason: "NETFILTER_DROP", Location: "nft_do_chain", NetNS: "R", Flow: tcpAB, Count: 2, AtLeast: true,
			Class: "firewall", Where: inTransit, Hook: "FORWARD"}},
	},
}
