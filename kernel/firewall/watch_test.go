package firewall

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/kernel"
)

// Reading makes no table, not even one that iptables would make on its own.
func TestOpenChangesNothing(t *testing.T) {
	ns := newNS(t)
	before := rulesOf(t, ns)
	w, err := Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Update(); err != nil {
		t.Fatal(err)
	}
	if after := rulesOf(t, ns); after != before {
		t.Errorf("was:\n%s\nis:\n%s", before, after)
	}
	a := w.Explain(at("OUTPUT", datagram()), 1)
	if a.Doubt() != "unknown" || len(a.Rules) != 0 || !strings.HasPrefix(a.Unknown, "no rule that was read drops such a packet") {
		t.Errorf("of no rules: %+v", a)
	}
}

func open(t *testing.T, ns kernel.NetNS) *Watch {
	t.Helper()
	w, err := Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func update(t *testing.T, w *Watch) {
	t.Helper()
	if err := w.Update(); err != nil {
		t.Fatal(err)
	}
}

func TestMissingTools(t *testing.T) {
	ns := newNS(t)
	in(t, ns, `iptables-legacy -A OUTPUT -p udp -j DROP; iptables-nft -A OUTPUT -p udp -m mark --mark 0 -j DROP`)
	hide(t, "nft iptables-legacy-save")
	w := open(t, ns)
	for _, c := range []struct{ stack, want string }{
		{"nf_hook_slow __ip_local_out", "this namespace has rules of legacy iptables, but iptables-legacy-save is not installed (Debian package iptables)"},
		{"nft_do_chain nft_do_chain_ipv4 nf_hook_slow __ip_local_out", "nft is not installed (Debian package nftables): its rules are not known"},
	} {
		p := datagram()
		p.Stack = strings.Fields(c.stack)
		a := w.Explain(p, 1)
		if got, _, _ := strings.Cut(a.Unknown, "; "); got != c.want || len(a.Rules) != 0 {
			t.Errorf("%s: %s, %v", c.stack, got, a.Rules)
		}
	}
}

// A tool that fails takes nothing from the other firewalls.
func TestFailingTool(t *testing.T) {
	ns := newNS(t)
	in(t, ns, `iptables-legacy -A OUTPUT -p udp -j DROP`)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nft"), []byte("#!/bin/sh\necho no JSON >&2; exit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	w := open(t, ns)
	p := at("OUTPUT", datagram())
	a := w.Explain(p, 0)
	if a.Doubt() != "only candidate" || a.Rules[0].String() != "iptables filter/OUTPUT rule 1" || a.Unknown != "run nft: exit status 1: no JSON" {
		t.Errorf("got %v, %s, %q", a.Rules, a.Doubt(), a.Unknown)
	}
	w.nftShows = true
	p.Stack = []string{"nf_hook_slow", "__ip_local_out"} // no drop of nft's
	if a := w.Explain(p, 0); a.Doubt() != "exact" || a.Unknown != "" {
		t.Errorf("got %s, %q", a.Doubt(), a.Unknown)
	}
}

// A namespace may lose its name while a trace is in it.
func TestTraceInNamespaceThatLosesItsName(t *testing.T) {
	ns := newNS(t)
	holder := exec.Command("ip", "netns", "exec", ns.Name, "cat")
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = holder.Wait()
	})
	// It is the namespace's only process, and in it once cat answers.
	poll(t, func() bool {
		in, err := kernel.NetNSOf(fmt.Sprintf("/proc/%d/ns/net", holder.Process.Pid))
		return err == nil && in.Inode == ns.Inode
	})
	trace, err := open(t, ns).Trace(at("OUTPUT", datagram()))
	if err != nil {
		t.Fatal(err)
	}
	host(t, "ip netns del "+ns.Name)
	if err := trace.Close(); err != nil {
		t.Error(err)
	}
	host(t, fmt.Sprintf("ip netns attach %s %d", ns.Name, holder.Process.Pid))
	if left := in(t, ns, "nft list ruleset"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

// poll waits until something is so.
func poll(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about in 10 s")
		}
	}
}

// Without iptables-nft-save its tables are nft's, extensions unknown.
func TestIPTablesByNFT(t *testing.T) {
	ns := newNS(t)
	in(t, ns, `iptables-nft -A OUTPUT -p icmp -m icmp --icmp-type 0 -j DROP; iptables-nft -A OUTPUT -p udp -m length --length 1:500 -j REJECT`)
	hide(t, "iptables-nft-save")
	w := open(t, ns)
	udp(t, ns, 4000, 4001, 1, "x")
	update(t, w)
	a := w.Explain(at("OUTPUT", datagram()), 1)
	if len(a.Rules) != 1 || a.Rules[0].String() != "nft ip filter/OUTPUT handle 3" || a.Doubt() != "exact" || a.How != "counter +1" ||
		a.Unknown != "iptables-nft-save is not installed (Debian package iptables): its rules are read as nft shows them" {
		t.Errorf("got %v, %s, %s, %s", a.Rules, a.Doubt(), a.How, a.Unknown)
	}
}

func TestRulesThatChange(t *testing.T) {
	ns := newNS(t)
	in(t, ns, `iptables-legacy -A OUTPUT -p udp -j DROP`)
	w := open(t, ns)
	udp(t, ns, 4000, 4001, 2, "x")
	in(t, ns, `iptables-legacy -A OUTPUT -p tcp -j DROP`)
	update(t, w)
	a := w.Explain(at("OUTPUT", datagram()), 2)
	if a.Doubt() != "only candidate" || a.Unknown != "the rules have changed since the baseline" {
		t.Errorf("got %v, %s, %q", a.Rules, a.Doubt(), a.Unknown)
	}
	in(t, ns, `iptables-legacy -F OUTPUT`)
	update(t, w)
	if a := w.Explain(at("OUTPUT", datagram()), 2); a.Doubt() != "unknown" {
		t.Errorf("of a rule that is gone: %v, %s", a.Rules, a.Doubt())
	}
}

// A counter that stood still speaks against its rule, whatever the conditions.
func TestCounterThatStoodStill(t *testing.T) {
	ns := newNS(t)
	in(t, ns, `iptables-legacy -A OUTPUT -p udp -j DROP`)
	w := open(t, ns)
	update(t, w)
	a := w.Explain(at("OUTPUT", datagram()), 2)
	if a.Doubt() != "unknown" || a.Unknown != "iptables filter/OUTPUT rule 1 would drop it, but its counter did not rise" {
		t.Errorf("got %v, %s, %q", a.Rules, a.Doubt(), a.Unknown)
	}
}

// Two rules whose conditions are not known and that both counted are left.
func TestOneOfTwo(t *testing.T) {
	ns := newNS(t)
	in(t, ns, `iptables-legacy -A OUTPUT -p udp -m length --length 29 -j DROP; iptables-legacy -A OUTPUT -p udp -m length --length 30 -j DROP
iptables-legacy -A OUTPUT -p udp -m length --length 31 -j DROP`)
	w := open(t, ns)
	udp(t, ns, 4000, 4001, 1, "x")
	udp(t, ns, 4000, 4001, 3, "xx")
	update(t, w)
	a := w.Explain(at("OUTPUT", datagram()), 3)
	if a.Doubt() != "one of 2" || a.Rules[0].Number != 2 || a.Rules[1].Number != 1 || a.How != "counter +3" {
		t.Errorf("got %v, %s, %s", a.Rules, a.Doubt(), a.How)
	}
}
