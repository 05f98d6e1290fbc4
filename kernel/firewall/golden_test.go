package firewall

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
)

// describe prints what was understood of tables.
func describe(tables []*table) []byte {
	var b bytes.Buffer
	for _, t := range tables {
		fmt.Fprintf(&b, "%s %s %s\n", t.firewall, t.family, t.name)
		for _, c := range t.chains {
			fmt.Fprintf(&b, "  %s hook %q prio %d policy %s", c.name, c.hook, c.prio, c.policy)
			if c.counted {
				fmt.Fprintf(&b, " packets %d", c.packets)
			}
			fmt.Fprintln(&b)
			for _, r := range c.rules {
				fmt.Fprintf(&b, "    %d #%d %s\n", r.number, r.handle, r.text)
				fmt.Fprintf(&b, "      if %s", describeConds(r.conds))
				for _, a := range r.arms {
					fmt.Fprintf(&b, " then [%s] %s %s", describeConds(a.conds), a.action, a.target)
				}
				if r.counted {
					fmt.Fprintf(&b, " packets %d all %v", r.packets, r.counts)
				}
				fmt.Fprintln(&b)
			}
		}
	}
	return b.Bytes()
}

var fieldNames = [...]string{"unknown", "src", "dst", "family", "proto", "sport", "dport", "flags", "icmptype", "icmpcode", "in", "out", "tuple"}

func describeConds(conds []cond) string {
	var parts []string
	for _, c := range conds {
		s := fieldNames[c.field]
		if c.mask != 0 {
			s += fmt.Sprintf("&%#x", c.mask)
		}
		if c.not {
			s += " not"
		}
		for _, n := range c.nums {
			s += fmt.Sprintf(" %d-%d", n[0], n[1])
		}
		for _, a := range c.addrs {
			s += fmt.Sprintf(" %s-%s", a[0], a[1])
		}
		for _, n := range c.names {
			s += fmt.Sprintf(" %q", n)
		}
		for _, parts := range c.tuples {
			s += " (" + describeConds(parts) + ")"
		}
		if c.vague {
			s += " ..."
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParseSave(t *testing.T) {
	tables, err := parseSave(fixture(t, "many.iptables"), "iptables")
	if err != nil {
		t.Fatal(err)
	}
	testutil.Golden(t, "many.iptables.golden", describe(tables))
}

func TestParseNFT(t *testing.T) {
	r, err := parseNFT(fixture(t, "many.nft.json"), fixture(t, "many.nft"))
	if err != nil {
		t.Fatal(err)
	}
	testutil.Golden(t, "many.nft.golden", describe(r.tables))
}

// Without iptables' library nft says of its extensions nothing at all: each
// may be the target.
func TestUnnamedExtensions(t *testing.T) {
	r, err := parseNFT([]byte(`{"nftables":[
{"chain":{"family":"ip","table":"t","name":"c","hook":"output","prio":0,"policy":"accept"}},
{"rule":{"family":"ip","table":"t","chain":"c","handle":2,"expr":[{"xt":null},{"counter":{"packets":4,"bytes":9}},{"xt":null}]}},
{"rule":{"family":"ip","table":"t","chain":"c","handle":3,"expr":[{"xt":null},{"drop":null}]}}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := datagram()
	p.Hook = "OUTPUT"
	if got := strings.Join(evaluate(r.tables, p), ", "); got != "c:1 maybe, c:2 maybe, on maybe" {
		t.Errorf("got %s", got)
	}
}
