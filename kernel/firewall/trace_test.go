package firewall

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchprof/latch/kernel"
)

var saved = regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\]|counter packets \d+ bytes \d+`)

// rulesOf is all that a namespace's tools print of its firewall, without
// counters and times.
func rulesOf(t *testing.T, ns kernel.NetNS) string {
	t.Helper()
	return saved.ReplaceAllString(in(t, ns, `nft list ruleset 2>&1
for names in ip ip6; do cat /proc/net/${names}_tables_names; done
iptables-legacy-save; ip6tables-legacy-save
cat /proc/sys/net/netfilter/nf_log/2 /proc/sys/net/netfilter/nf_log/10`), "")
}

// at puts a packet at a hook.
func at(hook string, p Packet) Packet {
	p.Hook = hook
	return p
}

var traceCases = []struct {
	name, rules string
	packet      Packet
	send        func(*testing.T, kernel.NetNS)
	rule, text  string
	// without are tools that are hidden.
	without string
}{
	{
		name: "nft",
		rules: `nft 'add table inet f; add chain inet f guards; add chain inet f o { type filter hook output priority 0; }
add rule inet f o jump guards; add rule inet f guards udp length 10 drop; add rule inet f guards udp length 9 drop'`,
		packet: at("OUTPUT", datagram()), send: datagrams(1),
		rule: "nft inet f/guards handle 5", text: "udp length 9 drop",
	},
	{
		name: "policy of nft",
		rules: `nft 'add table inet f; add chain inet f i { type filter hook input priority 0; policy drop; }
add rule inet f i ct mark 7 accept'`,
		packet: at("INPUT", datagram()), send: datagrams(1),
		rule: "nft inet f/i policy", text: "policy drop",
	},
	{
		name:   "iptables-nft",
		rules:  `iptables-nft -A OUTPUT -m mark --mark 7 -j DROP; iptables-nft -A OUTPUT -p udp -m mark --mark 0 -j DROP`,
		packet: at("OUTPUT", datagram()), send: datagrams(1),
		rule: "iptables-nft filter/OUTPUT rule 2", text: "-A OUTPUT -p udp -m mark --mark 0x0 -j DROP",
	},
	{
		name:   "legacy marked by nft",
		rules:  `iptables-legacy -N BLOCK; iptables-legacy -A OUTPUT -j BLOCK; iptables-legacy -A BLOCK -m mark --mark 7 -j DROP; iptables-legacy -A BLOCK -m mark --mark 0 -j DROP`,
		packet: at("OUTPUT", echo()), send: pings(1),
		rule: "iptables filter/OUTPUT→BLOCK rule 2", text: "-A BLOCK -m mark --mark 0x0 -j DROP",
	},
	{
		name:   "legacy marked by itself",
		rules:  `iptables-legacy -t raw -A OUTPUT -m mark --mark 7 -j DROP; iptables-legacy -P OUTPUT DROP; iptables-legacy -A OUTPUT -m mark --mark 7 -j ACCEPT`,
		packet: at("OUTPUT", echo()), send: pings(1),
		rule: "iptables filter/OUTPUT policy", text: "policy drop",
		without: "nft",
	},
	{
		name:   "legacy raw",
		rules:  `iptables-legacy -t raw -A OUTPUT -m mark --mark 7 -j DROP; iptables-legacy -t raw -A OUTPUT -m mark --mark 0 -j DROP`,
		packet: at("OUTPUT", echo()), send: pings(1),
		rule: "iptables raw/OUTPUT rule 2", text: "-A OUTPUT -m mark --mark 0x0 -j DROP",
		without: "nft",
	},
	{
		name:   "ip6tables",
		rules:  `ip6tables-legacy -A OUTPUT -p ipv6-icmp -m mark --mark 0 -j DROP`,
		packet: Packet{Hook: "OUTPUT", Src: lo6, Dst: lo6, Proto: protoICMPv6, ICMPType: 128},
		send:   func(t *testing.T, ns kernel.NetNS) { ping(t, ns, "::1", 1) },
		rule:   "ip6tables filter/OUTPUT rule 1", text: "-A OUTPUT -p ipv6-icmp -m mark --mark 0x0 -j DROP",
	},
	{
		name: "translated",
		rules: `iptables-legacy -t nat -A OUTPUT -p udp -m udp --dport 4001 -j DNAT --to-destination 127.0.0.1:4002
iptables-legacy -A OUTPUT -p udp -m udp --dport 4002 -j DROP`,
		packet: at("OUTPUT", Packet{Src: lo4, Dst: lo4, Proto: protoUDP, SrcPort: 4000, DstPort: 4002}), send: datagrams(1),
		rule: "iptables filter/OUTPUT rule 1", text: "-A OUTPUT -p udp -m udp --dport 4002 -j DROP",
	},
}

// hide takes tools out of PATH.
func hide(t *testing.T, names string) {
	t.Helper()
	dir := t.TempDir()
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		entries, err := os.ReadDir(from)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !strings.Contains(" "+names+" ", " "+e.Name()+" ") {
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())) // the first wins
			}
		}
	}
	t.Setenv("PATH", dir)
}

func TestTrace(t *testing.T) {
	for _, c := range traceCases {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			ns := newNS(t)
			in(t, ns, c.rules)
			before := rulesOf(t, ns)
			path := os.Getenv("PATH")
			if c.without != "" {
				hide(t, c.without)
			}
			w, err := Open(ns)
			if err != nil {
				t.Fatal(err)
			}
			trace, err := w.Trace(c.packet)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = trace.Close() })
			if _, err := os.Stat(trace.path); err != nil {
				t.Errorf("no journal: %v", err)
			}
			c.send(t, ns)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			a, err := trace.Wait(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if a.Doubt() != "exact" || a.How != "traced" || a.Rules[0].String() != c.rule || a.Rules[0].Text != c.text {
				t.Errorf("got %s, %s, %s, %q", a.Rules[0], a.Doubt(), a.How, a.Rules[0].Text)
			}
			if err := trace.Close(); err != nil {
				t.Error(err)
			}
			t.Setenv("PATH", path)
			if after := rulesOf(t, ns); after != before {
				t.Errorf("left behind:\n%s\nwas:\n%s", after, before)
			}
			if _, err := os.Stat(trace.path); !os.IsNotExist(err) {
				t.Errorf("the journal is left: %v", err)
			}
		})
	}
}

// childNS names the namespace in which a child of TestSweep sets up a trace.
const childNS = "LATCH_TEST_TRACE"

func TestMain(m *testing.M) {
	if name := os.Getenv(childNS); name != "" {
		if err := traceForever(name); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func traceForever(name string) error {
	ns, err := kernel.NetNSNamed(name)
	if err != nil {
		return err
	}
	w, err := Open(ns)
	if err != nil {
		return err
	}
	if _, err := w.Trace(at("OUTPUT", echo())); err != nil {
		return err
	}
	fmt.Println("ready")
	select {}
}

// A killed process leaves its trace; the next start takes it away, and no
// sooner.
func TestSweep(t *testing.T) {
	for _, without := range []string{"", "nft"} {
		t.Run("without-"+without, func(t *testing.T) {
			ns := newNS(t)
			in(t, ns, `iptables-legacy -A OUTPUT -p icmp -j DROP; iptables-legacy -t raw -A OUTPUT -p icmp -m mark --mark 7 -j DROP
nft 'add table inet f; add chain inet f o { type filter hook output priority 0; }; add rule inet f o udp dport 9 counter drop'`)
			before := rulesOf(t, ns)
			path := os.Getenv("PATH")
			if without != "" {
				hide(t, without)
			}
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), childNS+"="+ns.Name)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = child.Process.Kill()
				_ = child.Wait()
			})
			said := make([]byte, 200)
			n, err := out.Read(said)
			if err != nil || string(said[:n]) != "ready\n" {
				t.Fatalf("the child said %q: %v", said[:n], err)
			}
			t.Setenv("PATH", path)
			traced := rulesOf(t, ns)
			if !strings.Contains(traced, tracePrefix) || !strings.Contains(traced, nfLogTrace) {
				t.Fatalf("no trace to sweep:\n%s", traced)
			}
			if undone, err := Sweep(); err != nil || mentions(undone, ns) {
				t.Errorf("swept a trace at work: %v, %v", undone, err)
			}
			if now := rulesOf(t, ns); now != traced {
				t.Errorf("a trace at work was changed:\n%s", now)
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = child.Wait() // it was killed
			undone, err := Sweep()
			if err != nil || !mentions(undone, ns) {
				t.Errorf("swept %v: %v", undone, err)
			}
			if after := rulesOf(t, ns); after != before {
				t.Errorf("left behind:\n%s\nwas:\n%s", after, before)
			}
			if undone, err := Sweep(); err != nil || mentions(undone, ns) {
				t.Errorf("swept twice: %v, %v", undone, err)
			}
		})
	}
}

// A process may be killed between any two steps of a change, or of undoing it.
func TestSweepHalfDone(t *testing.T) {
	for name, steps := range map[string]string{
		"nothing": "true",
		"table":   "nft add table inet latch_trace_0_1",
		"made":    "nft add table inet latch_trace_0_1; echo nfnetlink_log >/proc/sys/net/netfilter/nf_log/2",
	} {
		t.Run(name, func(t *testing.T) {
			ns := newNS(t)
			before := rulesOf(t, ns)
			was := strings.TrimSpace(in(t, ns, "cat /proc/sys/net/netfilter/nf_log/2"))
			c := change{PID: 1, Start: 1, NetNS: ns.Inode, Table: "latch_trace_0_1", Log: map[string]string{"2": was}}
			if err := ns.Do(func() error { c.Cookie = cookie(); return nil }); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(journalDir, journalPrefix+ns.Name+".json")
			if err := c.write(path); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(path) })
			in(t, ns, steps)
			if undone, err := Sweep(); err != nil || !mentions(undone, ns) {
				t.Errorf("swept %v: %v", undone, err)
			}
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Errorf("the journal is left: %v", err)
			}
			if after := rulesOf(t, ns); after != before {
				t.Errorf("left behind:\n%s\nwas:\n%s", after, before)
			}
		})
	}
}

// A namespace's number may be another's by the time of the sweep.
func TestSweepSparesOtherNamespaces(t *testing.T) {
	ns := newNS(t)
	in(t, ns, "nft add table inet latch_trace_0_1; echo nfnetlink_log >/proc/sys/net/netfilter/nf_log/2")
	before := rulesOf(t, ns)
	c := change{PID: 1, Start: 1, NetNS: ns.Inode, Cookie: 1, Table: "latch_trace_0_1", Log: map[string]string{"2": "NONE"}}
	path := filepath.Join(journalDir, journalPrefix+ns.Name+".json")
	if err := c.write(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(path) })
	if undone, err := Sweep(); err != nil || mentions(undone, ns) {
		t.Errorf("swept %v: %v", undone, err)
	}
	if after := rulesOf(t, ns); after != before {
		t.Errorf("changed:\n%s\nwas:\n%s", after, before)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the journal is left: %v", err)
	}
}

// The firewall may be loaded anew in the middle of a trace.
func TestReloadWhileTracing(t *testing.T) {
	ns := newNS(t)
	in(t, ns, `iptables-legacy -A OUTPUT -p icmp -j DROP`)
	before := rulesOf(t, ns)
	trace, err := open(t, ns).Trace(at("OUTPUT", echo()))
	if err != nil {
		t.Fatal(err)
	}
	in(t, ns, "nft flush ruleset")
	if err := trace.Close(); err != nil {
		t.Error(err)
	}
	if after := rulesOf(t, ns); after != before {
		t.Errorf("left behind:\n%s\nwas:\n%s", after, before)
	}
}

func mentions(undone []string, ns kernel.NetNS) bool {
	for _, s := range undone {
		if strings.HasSuffix(s, "network namespace "+ns.Name) {
			return true
		}
	}
	return false
}
