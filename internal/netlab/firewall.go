package netlab

// chain is an nft base chain with rules.
func chain(hook, rules string) string {
	return "table inet f { chain c { type filter hook " + hook + " priority 0; " + rules + "; }; }"
}

// ping is three pings from A.
func ping(addr string) func(*Lab) {
	return func(l *Lab) { l.A.Ping("-c 3 -i 0.01 -W 0.2 " + addr) }
}

// app sends three datagrams of 100 bytes from A, and says what it should see.
func app(to, sees string) func(*Lab) {
	return func(l *Lab) { l.Equal("app", l.A.Tell("app", "udp", to, "3", "100"), sees) }
}

// syn sends one SYN from A.
func syn(to string) func(*Lab) {
	return func(l *Lab) { l.Equal("app", l.A.Tell("app", "syn", to), "EINPROGRESS") }
}

// refused connects from A in vain.
func refused(to string) func(*Lab) {
	return func(l *Lab) { l.Equal("app", l.A.Tell("app", "tcp", to), "ECONNREFUSED") }
}

// out is what all drops of A's own firewall have in common.
func out(w Want) Want {
	w.Reason, w.NetNS, w.Class, w.Where = "NETFILTER_DROP", "A", "firewall", leaving
	if w.Hook == "" {
		w.Hook = "OUTPUT"
	}
	if w.Count == 0 {
		w.Count = 3
	}
	return w
}

const (
	pingAB  = "icmp 8/0 " + A4 + " > " + B4
	ping6AB = "icmp6 128/0 " + A6 + " > " + B6
	udpAB   = "udp " + A4 + " * > " + B4 + " 7"
	tcpAB   = "tcp " + A4 + " * > " + B4 + " 80"
)

// Section "the article": a ping that A's own firewall drops, and its kin.
var firewallOut = []Scenario{
	{
		Name:    "legacy-output-ping",
		Setup:   func(l *Lab) { l.A.Run("iptables-legacy -w -A OUTPUT -p icmp -d " + B4 + " -j DROP") },
		Traffic: ping(B4),
		Want:    out(Want{Location: "nf_hook_slow", Callers: []string{"__ip_local_out"}, Flow: pingAB, OwnerComm: "ping"}),
	},
	{
		Name:    "nft-output-ping",
		Setup:   func(l *Lab) { l.A.NFT(chain("output", "ip daddr "+B4+" icmp type echo-request drop")) },
		Traffic: ping(B4),
		Want:    out(Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_inet", "nf_hook_slow", "__ip_local_out"}, Flow: pingAB, OwnerComm: "ping"}),
	},
	{
		Name:    "iptables-nft-output-ping",
		Setup:   func(l *Lab) { l.A.Run("iptables-nft -w -A OUTPUT -p icmp -d " + B4 + " -j DROP") },
		Traffic: ping(B4),
		Want:    out(Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_ipv4", "nf_hook_slow", "__ip_local_out"}, Flow: pingAB, OwnerComm: "ping"}),
	},
	{
		Name: "legacy-output-user-chain",
		Setup: func(l *Lab) {
			l.A.Run("iptables-legacy -w -N BLOCK")
			l.A.Run("iptables-legacy -w -A BLOCK -p udp -j DROP")
			l.A.Run("iptables-legacy -w -A OUTPUT -d " + B4 + " -j BLOCK")
		},
		Traffic: app(B4+":7", "EPERM=3"),
		Want:    out(Want{Location: "nf_hook_slow", Callers: []string{"__ip_local_out"}, Flow: udpAB, OwnerComm: "app"}),
	},
	{
		Name:    "ip6tables-legacy-output-ping",
		Setup:   func(l *Lab) { l.A.Run("ip6tables-legacy -w -A OUTPUT -p icmpv6 -d " + B6 + " -j DROP") },
		Traffic: ping(B6),
		Want:    out(Want{Location: "nf_hook_slow", Callers: []string{"__ip6_local_out"}, Flow: ping6AB, OwnerComm: "ping"}),
	},
	{
		Name:    "nft-output-udp",
		Setup:   func(l *Lab) { l.A.NFT(chain("output", "udp dport 7 drop")) },
		Traffic: app(B4+":7", "EPERM=3"),
		Want:    out(Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_inet", "nf_hook_slow", "__ip_local_out"}, Flow: udpAB, OwnerComm: "app"}),
	},
	{
		// The SYN leaves in the program's own context. The two more go from a
		// timer, a second apart, on top of whatever runs.
		Name:  "nft-output-syn-retransmit",
		Setup: func(l *Lab) { l.A.NFT(chain("output", "tcp dport 80 drop")) },
		Traffic: func(l *Lab) {
			l.Equal("connect", l.A.Tell("connector", "tcp", B4+":80"), "ETIMEDOUT")
		},
		Want: out(Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_inet", "nf_hook_slow", "__ip_local_out"}, Flow: tcpAB, OwnerComm: "connector",
			Count: 3}),
	},
	{
		Name:    "legacy-mangle-postrouting",
		Setup:   func(l *Lab) { l.A.Run("iptables-legacy -w -t mangle -A POSTROUTING -p udp --dport 7 -j DROP") },
		Traffic: app(B4+":7", "EPERM=3"),
		Want:    out(Want{Location: "nf_hook_slow", Callers: []string{"ip_output"}, Hook: "POSTROUTING", Flow: udpAB, OwnerComm: "app"}),
	},
	{
		Name:    "nft-postrouting",
		Setup:   func(l *Lab) { l.A.NFT(chain("postrouting", "udp dport 7 drop")) },
		Traffic: app(B4+":7", "EPERM=3"),
		Want:    out(Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip_output"}, Hook: "POSTROUTING", Flow: udpAB, OwnerComm: "app"}),
	},
	{
		Name: "nft-netdev-egress",
		Setup: func(l *Lab) {
			l.A.NFT("table netdev f { chain c { type filter hook egress device " + Dev + " priority 0; ip protocol udp drop; }; }")
		},
		Traffic: app(B4+":7", "ok=3"),
		Want:    out(Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_netdev", "__dev_queue_xmit"}, Hook: "EGRESS", Flow: udpAB, OwnerComm: "app"}),
	},
	{
		// Told that the device is busy, ping tries again at once.
		Name: "nft-netdev-egress-ping",
		Setup: func(l *Lab) {
			l.A.NFT("table netdev f { chain c { type filter hook egress device " + Dev + " priority 0; ip protocol icmp drop; }; }")
		},
		Traffic: ping(B4),
		Want: out(Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_netdev", "__dev_queue_xmit"}, Hook: "EGRESS", Flow: pingAB, OwnerComm: "ping",
			AtLeast: true}),
	},
	{
		Name:    "legacy-queue-nobody",
		Setup:   func(l *Lab) { l.A.Run("iptables-legacy -w -A OUTPUT -p udp --dport 7 -j NFQUEUE --queue-num 3") },
		Traffic: app(B4+":7", "ok=3"),
		Want: Want{Reason: "NOT_SPECIFIED", Location: "nf_queue", Callers: []string{"nf_hook_slow", "__ip_local_out"}, NetNS: "A", Count: 3,
			Class: "no-reader", Where: leaving, Hook: "OUTPUT", Flow: udpAB, OwnerComm: "app"},
	},
	{
		Name:    "iptables-nft-queue-nobody",
		Setup:   func(l *Lab) { l.A.Run("iptables-nft -w -A OUTPUT -p udp --dport 7 -j NFQUEUE --queue-num 3") },
		Traffic: app(B4+":7", "ok=3"),
		Want: Want{Reason: "NOT_SPECIFIED", Location: "nf_queue", Callers: []string{"nf_hook_slow", "__ip_local_out"}, NetNS: "A", Count: 3,
			Class: "no-reader", Where: leaving, Hook: "OUTPUT", Flow: udpAB, OwnerComm: "app"},
	},
}

// blocked is what drops of a firewall elsewhere have in common.
func blocked(netns string, w Want) Want {
	w.Reason, w.NetNS, w.Class = "NETFILTER_DROP", netns, "firewall"
	switch w.Hook {
	case "FORWARD":
		w.Where = inTransit
	case "INPUT":
		w.Where = atReceiver
	default:
		w.Where = onArrival
	}
	if w.Count == 0 {
		w.Count = 3
	}
	return w
}

var firewallIn = []Scenario{
	{
		Name:    "legacy-input-udp",
		Setup:   func(l *Lab) { l.B.Run("iptables-legacy -w -A INPUT -p udp --dport 7 -j DROP") },
		Traffic: app(B4+":7", "ok=3"),
		Want:    blocked("B", Want{Location: "nf_hook_slow", Callers: []string{"ip_local_deliver"}, Hook: "INPUT", Flow: udpAB}),
	},
	{
		Name:    "nft-input-policy",
		Setup:   func(l *Lab) { l.B.NFT(chain("input", "policy drop; tcp dport 22 accept")) },
		Traffic: app(B4+":7", "ok=3"),
		Want:    blocked("B", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip_local_deliver"}, Hook: "INPUT", Flow: udpAB}),
	},
	{
		Name:    "nft-input-v6",
		Setup:   func(l *Lab) { l.B.NFT(chain("input", "udp dport 7 drop")) },
		Traffic: app("["+B6+"]:7", "ok=3"),
		Want:    blocked("B", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip6_input"}, Hook: "INPUT", Flow: "udp " + A6 + " * > " + B6 + " 7"}),
	},
	{
		Name:    "nft-forward",
		Setup:   func(l *Lab) { l.R.NFT(chain("forward", "udp dport 7 drop")) },
		Traffic: app(B4+":7", "ok=3"),
		Want:    blocked("R", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip_forward"}, Hook: "FORWARD", Flow: udpAB}),
	},
	{
		Name:    "nft-forward-v6",
		Setup:   func(l *Lab) { l.R.NFT(chain("forward", "udp dport 7 drop")) },
		Traffic: app("["+B6+"]:7", "ok=3"),
		Want:    blocked("R", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip6_forward"}, Hook: "FORWARD", Flow: "udp " + A6 + " * > " + B6 + " 7"}),
	},
	{
		Name:    "nft-reject-reset",
		Setup:   func(l *Lab) { l.B.NFT(chain("input", "tcp dport 80 reject with tcp reset")) },
		Traffic: refused(B4 + ":80"),
		Want:    blocked("B", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip_local_deliver"}, Hook: "INPUT", Flow: tcpAB, Count: 1}),
	},
	{
		// The answer to the first SYN comes while connect holds the socket and
		// is only noted (tcp_v4_err), that to the second ends it.
		Name:    "legacy-reject",
		Setup:   func(l *Lab) { l.B.Run("iptables-legacy -w -A INPUT -p tcp --dport 80 -j REJECT") },
		Traffic: refused(B4 + ":80"),
		Want:    blocked("B", Want{Location: "nf_hook_slow", Callers: []string{"ip_local_deliver"}, Hook: "INPUT", Flow: tcpAB, Count: 1, AtLeast: true}),
	},
	{
		Name:    "iptables-nft-forward",
		Setup:   func(l *Lab) { l.R.Run("iptables-nft -w -A FORWARD -p tcp --dport 80 -j DROP") },
		Traffic: syn(B4 + ":80"),
		Want:    blocked("R", Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_ipv4", "ip_forward"}, Hook: "FORWARD", Flow: tcpAB, Count: 1}),
	},
	{
		Name:    "nft-prerouting",
		Setup:   func(l *Lab) { l.B.NFT(chain("prerouting", "udp dport 7 drop")) },
		Traffic: app(B4+":7", "ok=3"),
		Want:    blocked("B", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip_rcv"}, Hook: "PREROUTING", Flow: udpAB}),
	},
	{
		Name:    "legacy-raw-prerouting",
		Setup:   func(l *Lab) { l.R.Run("iptables-legacy -w -t raw -A PREROUTING -p udp --dport 7 -j DROP") },
		Traffic: app(B4+":7", "ok=3"),
		Want:    blocked("R", Want{Location: "nf_hook_slow", Callers: []string{"ip_rcv"}, Hook: "PREROUTING", Flow: udpAB}),
	},
	{
		Name: "nft-netdev-ingress",
		Setup: func(l *Lab) {
			l.B.NFT("table netdev f { chain c { type filter hook ingress device " + Dev + " priority 0; ip protocol udp drop; }; }")
		},
		Traffic: app(B4+":7", "ok=3"),
		Want:    blocked("B", Want{Location: "nft_do_chain", Callers: []string{"nft_do_chain_netdev", "__netif_receive_skb_core"}, Hook: "INGRESS", Flow: udpAB}),
	},
	{
		Name:    "nft-ct-invalid",
		Setup:   func(l *Lab) { l.B.NFT(chain("input", "ct state invalid drop")) },
		Traffic: func(l *Lab) { l.A.Send(Dev, toRouter(ip4(A4, B4, protoICMP, icmp(0, 0)))) },
		Want:    blocked("B", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip_local_deliver"}, Hook: "INPUT", Flow: "icmp 0/0 " + A4 + " > " + B4, Count: 1}),
	},
	{
		Name: "nft-limit",
		Setup: func(l *Lab) {
			l.B.NFT(chain("input", "udp dport 7 limit rate 1/hour burst 2 packets accept; udp dport 7 drop"))
		},
		Traffic: app(B4+":7", "ok=3"),
		Want:    blocked("B", Want{Location: "nft_do_chain", Callers: []string{"nf_hook_slow", "ip_local_deliver"}, Hook: "INPUT", Flow: udpAB, Count: 1}),
		Also:    []Want{noListener("udp", "__udp4_lib_rcv", 2)},
	},
}
