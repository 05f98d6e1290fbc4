package firewall

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf/rlimit"
)

// Three chains drop by what Explain cannot read, so that only a bracket tells
// which it was.
func TestBracketsTellChainsApart(t *testing.T) {
	ns := newNS(t)
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	in(t, ns, `nft 'add table inet f
add chain inet f a { type filter hook output priority -10; }; add rule inet f a udp length 9 drop
add chain inet f b { type filter hook output priority 0; }; add rule inet f b udp length 10 drop
add chain inet f c { type filter hook output priority 10; }; add rule inet f c udp length 11 drop'`)
	before := in(t, ns, "nft list ruleset")
	w, err := Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBrackets()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if err := b.Add(w, "OUTPUT"); err != nil {
		t.Fatal(err)
	}
	if after := in(t, ns, "nft list ruleset"); after != before {
		t.Errorf("brackets show in the ruleset:\n%s", after)
	}
	drops := countDrops(t, ns, b)
	for i, chain := range []string{"a", "b", "c"} {
		before := drops.tags(t, len(b.at))
		udp(t, ns, 4000, 4001, 7, strings.Repeat("x", 1+i))
		tag := -1
		for j, n := range drops.tags(t, len(b.at)) {
			if n-before[j] >= 7 && tag < 0 {
				tag = j
			} else if n != before[j] {
				t.Errorf("chain %s: tag %d also rose by %d", chain, j, n-before[j])
			}
		}
		gap, ok := b.Gap(tag, ns.Inode, "OUTPUT")
		if !ok {
			t.Fatalf("chain %s: no tag counted 7 drops", chain)
		}
		if _, ok := b.Gap(tag, ns.Inode, "INPUT"); ok {
			t.Errorf("tag %d is taken for one of INPUT", tag)
		}
		p := at("OUTPUT", datagram())
		if a := w.Explain(p, 7); a.Doubt() != "one of 3" {
			t.Errorf("without the bracket: %s", a.Doubt())
		}
		p.Gap = gap
		a := w.Explain(p, 7)
		if a.Doubt() != "only candidate" || a.Rules[0].Chain != chain || a.How != "evaluated, bracketed" {
			t.Errorf("chain %s: got %v, %s, %s", chain, a.Rules, a.Doubt(), a.How)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
