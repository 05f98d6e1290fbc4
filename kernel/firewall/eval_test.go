package firewall

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// evaluate takes a packet through one hook of what a tool printed.
func evaluate(tables []*table, p Packet) []string {
	rs := ruleset{tables}
	walk := walk{packet: &p, ends: drop}
	sure := yes
	for _, c := range rs.at(p.hook(), family(&p)) {
		sure = walk.base(c, sure)
	}
	var got []string
	for _, c := range walk.found {
		name := "policy"
		if c.rule != nil {
			name = fmt.Sprint(c.rule.number)
		}
		got = append(got, fmt.Sprintf("%s:%s %s", strings.Join(c.path, ">"), name, c.sure))
	}
	return append(got, "on "+sure.String())
}

func TestEvaluateIPTables(t *testing.T) {
	tcp := Packet{Hook: "INPUT", Src: netip.MustParseAddr("10.1.2.3"), Dst: netip.MustParseAddr("192.0.2.1"), Proto: protoTCP,
		SrcPort: 40000, DstPort: 443, TCPFlags: 2, IfIn: "eth0"}
	ack := tcp
	ack.TCPFlags = 16
	fragment := tcp
	fragment.SrcPort, fragment.DstPort, fragment.TCPFlags, fragment.Proto = 0, 0, 0, 0
	for _, c := range []struct {
		rules string // of the chains INPUT and X
		p     Packet
		want  string
	}{
		{"-A INPUT -p tcp -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -p udp -j DROP", tcp, "on yes"},
		{"-A INPUT ! -p udp -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -p tcp -j DROP", fragment, "INPUT:1 maybe, on maybe"},
		{"-A INPUT -s 10.0.0.0/8 -d 192.0.2.1/32 -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT ! -s 10.0.0.0/8 -j DROP", tcp, "on yes"},
		{"-A INPUT -s 10.0.0.3/255.0.0.255 -j DROP", tcp, "INPUT:1 maybe, on maybe"},
		{"-A INPUT -i eth+ -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -i eth -j DROP", tcp, "on yes"},
		{"-A INPUT -o eth0 -j DROP", tcp, "on yes"},
		{"-A INPUT ! -i lo -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -p tcp -m tcp --dport 400:500 -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -p tcp -m tcp ! --dport 443 -j DROP", tcp, "on yes"},
		{"-A INPUT -p tcp -m multiport --dports 80,443 -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -p tcp -m multiport ! --sports 80,443 -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", tcp, "INPUT:1 yes, on no"},
		{"-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", ack, "on yes"},
		{"-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP", ack, "INPUT:1 maybe, on maybe"},
		{"-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP", tcp, "on yes"},
		{"-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -j DROP", tcp, "INPUT:2 maybe, on maybe"},
		{"-A INPUT -m comment --comment \"a -j DROP\" -j ACCEPT\n-A INPUT -j DROP", tcp, "on yes"},
		{"-A INPUT -m socket\n-A INPUT -j DROP", tcp, "INPUT:2 yes, on no"},
		{"-A INPUT -j LOG --log-prefix \"-j DROP\"\n-A INPUT -j REJECT --reject-with tcp-reset", tcp, "INPUT:2 yes, on no"},
		{"-A INPUT -m limit --limit 1/sec -j LOG\n-A INPUT -j DROP", tcp, "INPUT:2 yes, on no"},
		{"-A INPUT -j TARPIT\n-A INPUT -j DROP", tcp, "INPUT:1 maybe, INPUT:2 maybe, on maybe"},
		{"-A INPUT -j X\n-A INPUT -j DROP\n-A X -p udp -j DROP\n-A X -p tcp -j RETURN\n-A X -j DROP", tcp, "INPUT:2 yes, on no"},
		{"-A INPUT -g X\n-A INPUT -j DROP\n-A X -p udp -j DROP", tcp, "on yes"},
		{"-A INPUT -p udp -j X\n-A X -j DROP", tcp, "on yes"},
		{"-A INPUT -m mark --mark 1 -j X\n-A INPUT -j DROP\n-A X -j RETURN", tcp, "INPUT:2 yes, on no"},
		{"-A INPUT -m mark --mark 1 -j X\n-A INPUT -j DROP\n-A X -j ACCEPT", tcp, "INPUT:2 maybe, on maybe"},
		{"-A INPUT -j X\n-A X -j X", tcp, "on maybe"},
		{"-A INPUT -j NFQUEUE\n-A INPUT -j DROP", tcp, "on yes"},
	} {
		save := "*filter\n:INPUT ACCEPT [0:0]\n:X - [0:0]\n" + c.rules + "\nCOMMIT\n"
		tables, err := parseSave([]byte(save), "iptables")
		if err != nil {
			t.Errorf("%s: %v", c.rules, err)
			continue
		}
		if got := strings.Join(evaluate(tables, c.p), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.rules, got, c.want)
		}
	}
}

// What a packet of the fixture's output chain may be dropped by.
func TestEvaluateNFT(t *testing.T) {
	src, dst := netip.MustParseAddr("172.16.0.1"), netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		name string
		p    Packet
		want string
	}{
		{"echo request", Packet{Src: src, Dst: dst, Proto: protoICMP, ICMPType: 8},
			"o:5 maybe, on maybe"},
		{"from the set, echo request", Packet{Src: netip.MustParseAddr("192.168.1.7"), Dst: dst, Proto: protoICMP, ICMPType: 8},
			"o>guards:1 maybe, on maybe"},
		{"beside the set, echo request", Packet{Src: netip.MustParseAddr("192.168.1.10"), Dst: dst, Proto: protoICMP, ICMPType: 8},
			"o:5 maybe, on maybe"},
		{"tcp to a port of guards", Packet{Src: src, Dst: dst, Proto: protoTCP, SrcPort: 9, DstPort: 5, TCPFlags: 16},
			"o>guards:2 maybe, on maybe"},
		{"udp", Packet{Src: src, Dst: dst, Proto: protoUDP, SrcPort: 9, DstPort: 1003, IfOut: "lo"},
			"o:19 maybe, o:20 maybe, o:21 maybe, o:22 maybe, on maybe"},
		{"udp to another port", Packet{Src: src, Dst: dst, Proto: protoUDP, SrcPort: 9, DstPort: 3, IfOut: "eth7"},
			"o:10 maybe, o:19 maybe, o:20 maybe, o:21 maybe, o:24 maybe, on maybe"},
		{"neighbour solicitation", Packet{Src: netip.MustParseAddr("fe81::1"), Dst: netip.MustParseAddr("ff02::1"), Proto: protoICMPv6, ICMPType: 135},
			"o:12 maybe, on maybe"},
	} {
		c.p.Hook = "OUTPUT"
		r, err := parseNFT(fixture(t, "many.nft.json"), fixture(t, "many.nft"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(evaluate(r.tables, c.p), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Chains that come before the translation met another address than the one
// the packet had when it was dropped.
func TestBeforeNAT(t *testing.T) {
	p := Packet{Hook: "PREROUTING", Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("10.0.0.5"), Proto: protoTCP,
		SrcPort: 9, DstPort: 8080}
	const raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 8080 -j DROP\nCOMMIT\n"
	const mangle = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 192.0.2.0/24 -j DROP\nCOMMIT\n"
	for _, c := range []struct {
		save, doubt string
		rules       int
	}{
		{raw, "exact", 1},
		{raw + "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n", "exact", 1},
		{raw + "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n", "only candidate", 1},
		{raw + mangle + "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5:8080\nCOMMIT\n", "one of 2", 2},
		{mangle + "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination 10.0.0.5\nCOMMIT\n", "exact", 1},
	} {
		tables, err := parseSave([]byte(c.save), "iptables")
		if err != nil {
			t.Fatal(err)
		}
		s := &snapshot{ruleset: ruleset{tables}}
		w := &Watch{before: s, now: s}
		if a := w.Explain(p, 0); a.Doubt() != c.doubt || len(a.Rules) != c.rules {
			t.Errorf("%s\n got %s, %v", c.save, a.Doubt(), a.Rules)
		}
	}
}

func TestStacks(t *testing.T) {
	for _, c := range []struct {
		stack string
		hook  string
		shows frame // where nft frees by itself
		older frame // where nf_hook_slow does
	}{
		{"nf_hook_slow __ip_local_out ip_push_pending_frames", "OUTPUT", frame{legacy: true}, frame{legacy: true, nft: true}},
		{"nf_hook_slow.constprop.0 ip_local_deliver", "INPUT", frame{legacy: true}, frame{legacy: true, nft: true}},
		{"nft_do_chain nft_do_chain_inet nf_hook_slow ip_forward", "FORWARD", frame{nft: true, family: "inet"}, frame{nft: true, family: "inet"}},
		{"nft_do_chain nft_do_chain_ipv4 nf_hook_slow __ip_local_out", "OUTPUT", frame{nft: true, family: "ip"}, frame{nft: true, family: "ip"}},
		{"nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_xmit", "OUTPUT", frame{nft: true, family: "ip6"}, frame{nft: true, family: "ip6"}},
		{"nft_do_chain nft_do_chain_netdev nf_hook_slow __netif_receive_skb_core", "ingress", frame{nft: true, family: "netdev"}, frame{nft: true, family: "netdev"}},
		{"nft_do_chain nft_do_chain_netdev nf_hook_slow __dev_queue_xmit", "egress", frame{nft: true, family: "netdev"}, frame{nft: true, family: "netdev"}},
		{"nft_do_chain nft_nat_do_chain nf_nat_inet_fn nf_hook_slow ip_output", "POSTROUTING", frame{nft: true}, frame{nft: true}},
		{"nf_hook_slow_list ip_sublist_rcv ip_list_rcv", "PREROUTING", frame{legacy: true}, frame{legacy: true, nft: true}},
		{"nf_queue nf_hook_slow __ip_local_out", "OUTPUT", frame{legacy: true, nft: true, queued: true}, frame{legacy: true, nft: true, queued: true}},
		{"tcp_v4_rcv ip_protocol_deliver_rcu", "", frame{legacy: true, nft: true}, frame{legacy: true, nft: true}},
	} {
		stack := strings.Fields(c.stack)
		if got := HookOf(stack); got != c.hook {
			t.Errorf("%s: hook %q, not %q", c.stack, got, c.hook)
		}
		if got := frameOf(stack, true); got != c.shows {
			t.Errorf("%s: %+v, not %+v", c.stack, got, c.shows)
		}
		if got := frameOf(stack, false); got != c.older {
			t.Errorf("%s on older kernels: %+v, not %+v", c.stack, got, c.older)
		}
	}
	for release, want := range map[string]bool{"6.18.44-fc": true, "6.7.0": true, "6.6.30": false, "5.10": false, "7.0": true, "": false} {
		if nftShows(release) != want {
			t.Errorf("nftShows(%q) is not %v", release, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"OUTPUT": "OUTPUT", "": "''", "a b": "'a b'", "$(reboot)": "'$(reboot)'",
		"it's": `'it'\''s'`, "10.0.0.0/8": "10.0.0.0/8", "é": "'é'"} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) is %s, not %s", in, got, want)
		}
	}
}

func FuzzParseSave(f *testing.F) {
	f.Add(fixture(f, "many.iptables"))
	f.Add([]byte("*filter\n:INPUT DROP [1:2]\n[1:2] -A INPUT ! -p -j\n-A INPUT -m\n-A INPUT -j INPUT\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tables, err := parseSave(data, "iptables")
		if err != nil {
			return
		}
		for _, hook := range []string{"INPUT", "OUTPUT"} {
			p := datagram()
			p.Hook = hook
			evaluate(tables, p)
		}
	})
}

func FuzzParseNFT(f *testing.F) {
	f.Add(fixture(f, "many.nft.json"), fixture(f, "many.nft"))
	f.Add([]byte(`{"nftables":[{"chain":{"family":"ip","table":"t","name":"c","hook":"output","prio":0}},
{"rule":{"family":"ip","table":"t","chain":"c","handle":2,"expr":[{"jump":{"target":"c"}},{"vmap":{"key":{},"data":"@m"}}]}}]}`), []byte("table ip t {\n"))
	f.Fuzz(func(t *testing.T, data, text []byte) {
		r, err := parseNFT(data, text)
		if err != nil {
			return
		}
		p := datagram()
		p.Hook = "OUTPUT"
		evaluate(r.tables, p)
	})
}
