package firewall

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// newNS makes a network namespace with loopback up, for the length of the
// test.
func newNS(t testing.TB) kernel.NetNS {
	t.Helper()
	testutil.NeedRoot(t)
	for _, tool := range []string{"ip", "nft", "ping", "iptables-legacy", "iptables-nft"} {
		testutil.Need(t, tool)
	}
	name := fmt.Sprintf("lfw%d-%s", os.Getpid(), strings.NewReplacer("/", "-", "Test", "").Replace(t.Name()))
	host(t, "ip netns add "+name)
	t.Cleanup(func() { host(t, "ip netns del "+name) })
	host(t, "ip -n "+name+" link set lo up")
	ns, err := kernel.NetNSNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// host runs a shell command.
func host(t testing.TB, script string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// in runs a shell script in the namespace.
func in(t testing.TB, ns kernel.NetNS, script string) string {
	t.Helper()
	var out []byte
	err := ns.Do(func() (err error) {
		out, err = exec.Command("sh", "-ec", script).CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// ping sends n echo requests of which none is answered.
func ping(t testing.TB, ns kernel.NetNS, to string, n int) {
	t.Helper()
	out := in(t, ns, fmt.Sprintf("ping -n -c %d -i 0.01 -W 0.1 %s || true", n, to))
	if !strings.Contains(out, "100% packet loss") {
		t.Fatalf("the packets were not dropped:\n%s", out)
	}
}

// udp sends n datagrams of one flow to 127.0.0.1.
func udp(t testing.TB, ns kernel.NetNS, from, to uint16, n int, data string) {
	t.Helper()
	err := ns.Do(func() error {
		conn, err := net.DialUDP("udp4", &net.UDPAddr{Port: int(from)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(to)})
		if err != nil {
			return err
		}
		defer conn.Close()
		for range n {
			_, _ = conn.Write([]byte(data)) // EPERM where OUTPUT drops it
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	lo4 = netip.MustParseAddr("127.0.0.1")
	lo6 = netip.MustParseAddr("::1")

	legacyOut = []string{"nf_hook_slow", "__ip_local_out", "ip_push_pending_frames"}
	legacyIn  = []string{"nf_hook_slow", "ip_local_deliver", "__netif_receive_skb_one_core"}
	inetOut   = []string{"nft_do_chain", "nft_do_chain_inet", "nf_hook_slow", "__ip_local_out"}
	inetIn    = []string{"nft_do_chain", "nft_do_chain_inet", "nf_hook_slow", "ip_local_deliver"}
	ipv4Out   = []string{"nft_do_chain", "nft_do_chain_ipv4", "nf_hook_slow", "__ip_local_out"}
)

// echo is an echo request on the loopback device.
func echo(stack []string) Packet {
	return Packet{Stack: stack, Src: lo4, Dst: lo4, Proto: protoICMP, ICMPType: 8}
}

func datagram(stack []string, from, to uint16) Packet {
	return Packet{Stack: stack, Src: lo4, Dst: lo4, Proto: protoUDP, SrcPort: from, DstPort: to}
}

func pings(n int) func(*testing.T, kernel.NetNS) {
	return func(t *testing.T, ns kernel.NetNS) { ping(t, ns, "127.0.0.1", n) }
}

func datagrams(n int) func(*testing.T, kernel.NetNS) {
	return func(t *testing.T, ns kernel.NetNS) { udp(t, ns, 4000, 4001, n, "x") }
}

var liveCases = []struct {
	name   string
	rules  string
	send   func(*testing.T, kernel.NetNS)
	packet Packet
	drops  uint64
	rule   string // Rule.String of the first
	doubt  string
	how    string
	text   string
}{
	{
		name:   "legacy",
		rules:  `iptables-legacy -A OUTPUT -p icmp -j DROP`,
		send:   pings(3),
		packet: echo(legacyOut), drops: 3,
		rule: "iptables filter/OUTPUT rule 1", doubt: "exact", how: "counter +3, evaluated",
		text: "-A OUTPUT -p icmp -j DROP",
	},
	{
		name:   "nft",
		rules:  `nft 'add table inet f; add chain inet f o { type filter hook output priority 0; }; add rule inet f o icmp type echo-request counter drop comment "no pings"'`,
		send:   pings(3),
		packet: echo(inetOut), drops: 3,
		rule: "nft inet f/o handle 2", doubt: "exact", how: "counter +3, evaluated",
		text: `icmp type echo-request counter packets 3 bytes 252 drop comment "no pings"`,
	},
	{
		name:   "iptables-nft",
		rules:  `iptables-nft -A OUTPUT -p icmp -m icmp --icmp-type 8 -j DROP`,
		send:   pings(3),
		packet: echo(ipv4Out), drops: 3,
		rule: "iptables-nft filter/OUTPUT rule 1", doubt: "exact", how: "counter +3, evaluated",
		text: "-A OUTPUT -p icmp -m icmp --icmp-type 8 -j DROP",
	},
	{
		name: "chain of its own",
		rules: `iptables-legacy -N BLOCK
iptables-legacy -A OUTPUT -j BLOCK
iptables-legacy -A BLOCK -d 10.0.0.0/8 -j DROP
iptables-legacy -A BLOCK -p icmp -m comment --comment "no pings" -j DROP`,
		send:   pings(3),
		packet: echo(legacyOut), drops: 3,
		rule: "iptables filter/OUTPUT→BLOCK rule 2", doubt: "exact", how: "counter +3, evaluated",
		text: `-A BLOCK -p icmp -m comment --comment "no pings" -j DROP`,
	},
	{
		name: "counters decide",
		rules: `iptables-legacy -A OUTPUT -p udp -m conntrack --ctstate INVALID -j DROP
iptables-legacy -A OUTPUT -p udp -m mark --mark 7 -j DROP
iptables-legacy -A OUTPUT -p udp -m length --length 0:100 -j DROP`,
		send:   datagrams(5),
		packet: datagram(legacyOut, 4000, 4001), drops: 5,
		rule: "iptables filter/OUTPUT rule 3", doubt: "exact", how: "counter +5",
		text: "-A OUTPUT -p udp -m length --length 0:100 -j DROP",
	},
	{
		name:   "policy that counts",
		rules:  `iptables-legacy -P OUTPUT DROP`,
		send:   datagrams(2),
		packet: datagram(legacyOut, 4000, 4001), drops: 2,
		rule: "iptables filter/OUTPUT policy", doubt: "exact", how: "counter +2, evaluated",
		text: "policy drop",
	},
	{
		name: "policy of nft",
		rules: `nft 'add table inet f; add chain inet f i { type filter hook input priority 0; policy drop; }
add rule inet f i ip saddr 10.0.0.0/8 accept'`,
		send:   datagrams(2),
		packet: datagram(inetIn, 4000, 4001), drops: 2,
		rule: "nft inet f/i policy", doubt: "exact", how: "evaluated",
		text: "policy drop",
	},
	{
		name: "policy behind an unknown",
		rules: `nft 'add table inet f; add chain inet f i { type filter hook input priority 0; policy drop; }
add rule inet f i ct state established accept'`,
		send:   datagrams(2),
		packet: datagram(inetIn, 4000, 4001), drops: 2,
		rule: "nft inet f/i policy", doubt: "only candidate", how: "evaluated",
		text: "policy drop",
	},
	{
		name: "nft without counters",
		rules: `nft 'add table inet f; add chain inet f o { type filter hook output priority 0; }
add rule inet f o meta mark 7 drop
add rule inet f o udp dport 4001 meta length 1-100 drop
add rule inet f o udp dport 4002 drop'`,
		send:   datagrams(2),
		packet: datagram(inetOut, 4000, 4001), drops: 2,
		rule: "nft inet f/o handle 2", doubt: "one of 2", how: "evaluated",
		text: "meta mark 0x00000007 drop",
	},
	{
		name: "reject",
		rules: `iptables-legacy -A INPUT -p udp --dport 4001 -j REJECT
iptables-legacy -A INPUT -p udp -j DROP`,
		send:   datagrams(1),
		packet: datagram(legacyIn, 4000, 4001), drops: 1,
		rule: "iptables filter/INPUT rule 1", doubt: "exact", how: "counter +1, evaluated",
		text: "-A INPUT -p udp -m udp --dport 4001 -j REJECT --reject-with icmp-port-unreachable",
	},
	{
		name:  "ip6tables",
		rules: `ip6tables-legacy -A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type echo-request -j DROP`,
		send:  func(t *testing.T, ns kernel.NetNS) { ping(t, ns, "::1", 2) },
		packet: Packet{Stack: []string{"nf_hook_slow", "__ip6_local_out"}, Src: lo6, Dst: lo6,
			Proto: protoICMPv6, ICMPType: 128}, drops: 2,
		rule: "ip6tables filter/OUTPUT rule 1", doubt: "exact", how: "counter +2, evaluated",
		text: "-A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j DROP",
	},
	{
		name: "map",
		rules: `nft 'add table inet f; add chain inet f o { type filter hook output priority 0; }; add chain inet f guards
add map inet f m { type inet_service : verdict; elements = { 22 : accept, 4001 : jump guards }; }
add rule inet f guards ip daddr 127.0.0.0/8 counter drop
add rule inet f o udp dport vmap @m'`,
		send:   datagrams(3),
		packet: datagram(inetOut, 4000, 4001), drops: 3,
		rule: "nft inet f/guards handle 4", doubt: "exact", how: "counter +3, evaluated",
		text: "ip daddr 127.0.0.0/8 counter packets 3 bytes 87 drop",
	},
	{
		name:   "both firewalls",
		rules:  `iptables-legacy -A OUTPUT -p udp -m mark --mark 7 -j DROP; iptables-nft -A OUTPUT -p udp -m udp --dport 4001 -j DROP`,
		send:   datagrams(3),
		packet: datagram(ipv4Out, 4000, 4001), drops: 3,
		rule: "iptables-nft filter/OUTPUT rule 1", doubt: "exact", how: "counter +3, evaluated",
		text: "-A OUTPUT -p udp -m udp --dport 4001 -j DROP",
	},
}

func TestExplain(t *testing.T) {
	for _, c := range liveCases {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			ns := newNS(t)
			in(t, ns, c.rules)
			w, err := Open(ns)
			if err != nil {
				t.Fatal(err)
			}
			c.send(t, ns)
			if err := w.Update(); err != nil {
				t.Fatal(err)
			}
			a := w.Explain(c.packet, c.drops)
			if len(a.Rules) == 0 {
				t.Fatalf("no rule: %+v", a)
			}
			r := a.Rules[0]
			if r.String() != c.rule || a.Doubt() != c.doubt || a.How != c.how || r.Text != c.text || a.Unknown != "" {
				t.Errorf("got  %s, %s, %s, %q, %q\nwant %s, %s, %s, %q", r, a.Doubt(), a.How, r.Text, a.Unknown,
					c.rule, c.doubt, c.how, c.text)
			}
			enter := "ip netns exec " + ns.Name + " "
			if !strings.HasPrefix(r.Command, enter) || !strings.HasPrefix(r.Allow, enter) {
				t.Fatalf("commands for another namespace: %s; %s", r.Command, r.Allow)
			}
			if shown := host(t, r.Command); !strings.Contains(shown, r.Chain) {
				t.Errorf("%s shows no chain %s:\n%s", r.Command, r.Chain, shown)
			}
			host(t, r.Allow)
			if err := w.Update(); err != nil {
				t.Fatal(err)
			}
			for _, again := range w.Explain(c.packet, 0).Rules {
				if again.String() == c.rule && again.Handle == r.Handle && again.Policy == r.Policy && again.Text == c.text {
					t.Errorf("%s leaves %s in force", r.Allow, again)
				}
			}
		})
	}
}
