package firewall

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// newNS makes a network namespace with loopback up, for the length of the
// test.
func newNS(t testing.TB) kernel.NetNS {
	t.Helper()
	return newNSCalled(t, "")
}

// newNSCalled tells the namespaces of one test apart.
func newNSCalled(t testing.TB, which string) kernel.NetNS {
	t.Helper()
	testutil.NeedRoot(t)
	for _, tool := range []string{"ip", "nft", "ping", "iptables-legacy", "iptables-nft"} {
		testutil.Need(t, tool)
	}
	name := fmt.Sprintf("lfw%d-%s", os.Getpid(), strings.NewReplacer("/", "-", "Test", "").Replace(t.Name())+which)
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
)

// echo is an echo request on the loopback device.
func echo() Packet { return Packet{Src: lo4, Dst: lo4, Proto: protoICMP, ICMPType: 8} }

// datagram is one of those that datagrams sends.
func datagram() Packet {
	return Packet{Src: lo4, Dst: lo4, Proto: protoUDP, SrcPort: 4000, DstPort: 4001}
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
		packet: echo(), drops: 3,
		rule: "iptables filter/OUTPUT rule 1", doubt: "exact", how: "counter +3, evaluated",
		text: "-A OUTPUT -p icmp -j DROP",
	},
	{
		name:   "nft",
		rules:  `nft 'add table inet f; add chain inet f o { type filter hook output priority 0; }; add rule inet f o icmp type echo-request counter drop comment "no pings"'`,
		send:   pings(3),
		packet: echo(), drops: 3,
		rule: "nft inet f/o handle 2", doubt: "exact", how: "counter +3, evaluated",
		text: `icmp type echo-request counter packets 3 bytes 252 drop comment "no pings"`,
	},
	{
		name:   "iptables-nft",
		rules:  `iptables-nft -A OUTPUT -p icmp -m icmp --icmp-type 8 -j DROP`,
		send:   pings(3),
		packet: echo(), drops: 3,
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
		packet: echo(), drops: 3,
		rule: "iptables filter/OUTPUT→BLOCK rule 2", doubt: "exact", how: "counter +3, evaluated",
		text: `-A BLOCK -p icmp -m comment --comment "no pings" -j DROP`,
	},
	{
		name: "counters decide",
		rules: `iptables-legacy -A OUTPUT -p udp -m conntrack --ctstate INVALID -j DROP
iptables-legacy -A OUTPUT -p udp -m mark --mark 7 -j DROP
iptables-legacy -A OUTPUT -p udp -m length --length 0:100 -j DROP`,
		send:   datagrams(5),
		packet: datagram(), drops: 5,
		rule: "iptables filter/OUTPUT rule 3", doubt: "exact", how: "counter +5",
		text: "-A OUTPUT -p udp -m length --length 0:100 -j DROP",
	},
	{
		name:   "policy that counts",
		rules:  `iptables-legacy -P OUTPUT DROP`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "iptables filter/OUTPUT policy", doubt: "exact", how: "counter +2, evaluated",
		text: "policy drop",
	},
	{
		name: "policy of nft",
		rules: `nft 'add table inet f; add chain inet f i { type filter hook input priority 0; policy drop; }
add rule inet f i ip saddr 10.0.0.0/8 accept'`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "nft inet f/i policy", doubt: "exact", how: "evaluated",
		text: "policy drop",
	},
	{
		name: "policy behind an unknown",
		rules: `nft 'add table inet f; add chain inet f i { type filter hook input priority 0; policy drop; }
add rule inet f i ct state established accept'`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
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
		packet: datagram(), drops: 2,
		rule: "nft inet f/o handle 2", doubt: "one of 2", how: "evaluated",
		text: "meta mark 0x00000007 drop",
	},
	{
		name: "reject",
		rules: `iptables-legacy -A INPUT -p udp --dport 4001 -j REJECT
iptables-legacy -A INPUT -p udp -j DROP`,
		send:   datagrams(1),
		packet: datagram(), drops: 1,
		rule: "iptables filter/INPUT rule 1", doubt: "exact", how: "counter +1, evaluated",
		text: "-A INPUT -p udp -m udp --dport 4001 -j REJECT --reject-with icmp-port-unreachable",
	},
	{
		name:  "ip6tables",
		rules: `ip6tables-legacy -A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type echo-request -j DROP`,
		send:  func(t *testing.T, ns kernel.NetNS) { ping(t, ns, "::1", 2) },
		packet: Packet{Src: lo6, Dst: lo6,
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
		packet: datagram(), drops: 3,
		rule: "nft inet f/guards handle 4", doubt: "exact", how: "counter +3, evaluated",
		text: "ip daddr 127.0.0.0/8 counter packets 3 bytes 87 drop",
	},
	{
		name:   "both firewalls",
		rules:  `iptables-legacy -A OUTPUT -p udp -m mark --mark 7 -j DROP; iptables-nft -A OUTPUT -p udp -m udp --dport 4001 -j DROP`,
		send:   datagrams(3),
		packet: datagram(), drops: 3,
		rule: "iptables-nft filter/OUTPUT rule 1", doubt: "exact", how: "counter +3, evaluated",
		text: "-A OUTPUT -p udp -m udp --dport 4001 -j DROP",
	},
	{
		name:   "mangle before leaving",
		rules:  `iptables-legacy -t mangle -A POSTROUTING -p udp -m udp --dport 4001 -j DROP; iptables-legacy -A OUTPUT -p udp -m mark --mark 7 -j DROP`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "iptables mangle/POSTROUTING rule 1", doubt: "exact", how: "counter +2, evaluated",
		text: "-A POSTROUTING -p udp -m udp --dport 4001 -j DROP",
	},
	{
		name:   "raw on arrival",
		rules:  `iptables-legacy -t raw -A PREROUTING -i lo -p udp -j DROP`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "iptables raw/PREROUTING rule 1", doubt: "exact", how: "counter +2",
		text: "-A PREROUTING -i lo -p udp -j DROP",
	},
	{
		name: "three base chains",
		rules: `nft 'add table inet f
add chain inet f a { type filter hook prerouting priority -150; }; add rule inet f a udp dport 4000 counter drop
add chain inet f b { type filter hook prerouting priority 0; }; add rule inet f b ip saddr . udp dport { 127.0.0.1 . 4001, 10.0.0.1 . 7 } counter drop
add chain inet f c { type filter hook prerouting priority 10; policy drop; }'`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "nft inet f/b handle 5", doubt: "exact", how: "counter +2, evaluated",
		text: "ip saddr . udp dport { 10.0.0.1 . 7, 127.0.0.1 . 4001 } counter packets 2 bytes 58 drop",
	},
	{
		name:   "queue with no reader",
		rules:  `iptables-legacy -A OUTPUT -p udp -m udp --dport 4001 -j NFQUEUE --queue-num 5; iptables-legacy -A OUTPUT -j DROP`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "iptables filter/OUTPUT rule 1", doubt: "exact", how: "counter +2, evaluated",
		text: "-A OUTPUT -p udp -m udp --dport 4001 -j NFQUEUE --queue-num 5",
	},
	{
		name:   "device ingress",
		rules:  `nft 'add table netdev n; add chain netdev n i { type filter hook ingress device lo priority 0; }; add rule netdev n i udp dport 4001 drop'`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "nft netdev n/i handle 2", doubt: "exact", how: "evaluated",
		text: "udp dport 4001 drop",
	},
	{
		name:   "device egress",
		rules:  `nft 'add table netdev n; add chain netdev n e { type filter hook egress device lo priority 0; }; add rule netdev n e udp dport 4001 counter drop'`,
		send:   datagrams(2),
		packet: datagram(), drops: 2,
		rule: "nft netdev n/e handle 2", doubt: "exact", how: "counter +2, evaluated",
		text: "udp dport 4001 counter packets 2 bytes 86 drop",
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
			drops := countDrops(t, ns, nil)
			c.send(t, ns)
			c.packet.Stack = drops.stack(t, c.drops)
			if err := w.Update(); err != nil {
				t.Fatal(err)
			}
			a := w.Explain(c.packet, c.drops)
			if len(a.Rules) == 0 {
				t.Fatalf("no rule: %+v of %v", a, c.packet)
			}
			r := a.Rules[0]
			if r.String() != c.rule || a.Doubt() != c.doubt || a.How != c.how || r.Text != c.text || a.Unknown != "" {
				t.Errorf("got  %s, %s, %s, %q, %q\nwant %s, %s, %s, %q", r, a.Doubt(), a.How, r.Text, a.Unknown,
					c.rule, c.doubt, c.how, c.text)
			}
			enter := "ip netns exec " + ns.Name + " "
			if !strings.HasPrefix(r.Command, enter) || r.Allow != "" && !strings.HasPrefix(r.Allow, enter) {
				t.Fatalf("commands for another namespace: %s; %s", r.Command, r.Allow)
			}
			if shown := host(t, r.Command); !strings.Contains(shown, r.Chain) {
				t.Errorf("%s shows no chain %s:\n%s", r.Command, r.Chain, shown)
			}
			if r.Allow == "" {
				if r.Family != "netdev" {
					t.Error("no remedy")
				}
				return
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

// A router drops what it forwards, with both devices known.
func TestForward(t *testing.T) {
	a, r, b := newNSCalled(t, "-a"), newNSCalled(t, "-r"), newNSCalled(t, "-b")
	host(t, fmt.Sprintf(`ip -n %[2]s link add ra type veth peer name ar netns %[1]s
ip -n %[2]s link add rb type veth peer name br netns %[3]s
ip -n %[1]s addr add 10.77.1.2/24 dev ar; ip -n %[1]s link set dev ar up; ip -n %[1]s route add default via 10.77.1.1
ip -n %[3]s addr add 10.77.2.2/24 dev br; ip -n %[3]s link set dev br up; ip -n %[3]s route add default via 10.77.2.1
ip -n %[2]s addr add 10.77.1.1/24 dev ra; ip -n %[2]s link set dev ra up
ip -n %[2]s addr add 10.77.2.1/24 dev rb; ip -n %[2]s link set dev rb up`, a.Name, r.Name, b.Name))
	in(t, r, `echo 1 >/proc/sys/net/ipv4/ip_forward`)
	if out := in(t, a, "ping -n -c 1 -W 5 10.77.2.2"); !strings.Contains(out, " 0% packet loss") {
		t.Fatal(out)
	}
	in(t, r, `iptables-legacy -N GUARDS; iptables-legacy -A FORWARD -i rb -j DROP
iptables-legacy -A FORWARD -i ra -o rb -g GUARDS; iptables-legacy -A GUARDS ! -s 10.77.1.3/32 -p icmp -j REJECT --reject-with icmp-admin-prohibited`)
	w, err := Open(r)
	if err != nil {
		t.Fatal(err)
	}
	drops := countDrops(t, r, nil)
	ping(t, a, "10.77.2.2", 2)
	if err := w.Update(); err != nil {
		t.Fatal(err)
	}
	p := Packet{Stack: drops.stack(t, 2), Src: netip.MustParseAddr("10.77.1.2"), Dst: netip.MustParseAddr("10.77.2.2"),
		Proto: protoICMP, ICMPType: 8, IfIn: "ra", IfOut: "rb"}
	const rule = "iptables filter/FORWARD→GUARDS rule 1"
	if got := w.Explain(p, 2); len(got.Rules) != 1 || got.Rules[0].String() != rule || got.Doubt() != "exact" || got.How != "counter +2, evaluated" {
		t.Errorf("got %v, %s, %s, %s", got.Rules, got.Doubt(), got.How, got.Unknown)
	}
	trace, err := w.Trace(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := trace.Close(); err != nil {
			t.Error(err)
		}
	})
	ping(t, a, "10.77.2.2", 1)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if got, err := trace.Wait(ctx); err != nil || got.Rules[0].String() != rule || got.How != "traced" {
		t.Errorf("traced: %v, %v", got.Rules, err)
	}
}
