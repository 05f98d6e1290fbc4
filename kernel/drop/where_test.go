package drop

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/testutil"
)

func whereDrop() *Drop {
	return &Drop{
		Reason: "NETFILTER_DROP", Location: "nft_do_chain.isra.0", Count: 3,
		Flow: Flow{EtherType: etherIPv4, Proto: 6, Src: netip.MustParseAddr("::ffff:10.0.0.1"), Dst: netip.MustParseAddr("10.9.8.7"),
			SrcPort: 40000, DstPort: 443, TCPFlags: flagSYN},
		Packet: &Packet{IfName: "eth0", Len: 60, Comm: "bystander", TaskPID: 1},
		Owner:  &Owner{PID: 42, UID: 1000, Comm: "nginx"},
	}
}

// told is what is known of a drop besides.
func told(d *Drop) func(string) any {
	more := map[string]any{"hook": "OUTPUT", "cause": "firewall", "rule": "nft inet f/o handle 3", "netns": "A", "function": "main.sendOrder"}
	return func(name string) any {
		if v, ok := more[name]; ok {
			return v
		}
		return d.Value(name)
	}
}

func TestWhere(t *testing.T) {
	get := told(whereDrop())
	for source, want := range map[string]bool{
		`src == "10.0.0.1" && dport == 443`: true,
		`src == "::ffff:10.0.0.1"`:          true, // as it is reported
		`src == "10.0.0.2" || dport == 443`: true,
		`src != "10.0.0.1"`:                 false,
		`dst == ""`:                         false,
		`!(dport == 80) && sport >= 32768`:  true,
		`dport < 443 || dport > 443`:        false,
		`dport <= 443`:                      true,
		`within(src, "10.0.0.0/8")`:         true,
		`within(src, "10.0.0.1")`:           true,
		`within(src, "10.1.0.0/16")`:        false,
		`within(src, "fd00::/8")`:           false,
		`within(comm, "10.0.0.0/8")`:        false, // no address
		`proto == "tcp"`:                    true,
		`proto == "udp" || proto == "icmp"`: false,
		`hasPrefix(comm, "ng") && strings.HasPrefix(function, "main.")`: true,
		`hasPrefix(comm, "x")`: false,
		`reason == "NETFILTER_DROP" && location == "nft_do_chain"`:            true,
		`hook == "OUTPUT" && cause == "firewall" && netns == "A"`:             true,
		`ifname == "eth0" && pid == 42 && uid == 1000 && len == 60`:           true,
		`count*2 + 1 == 7 && count - 5 == -2 && len/7 == 8 && len%7 == 4`:     true,
		`-7/2 == -3 && -7%2 == -1 && +1 == 1`:                                 true, // as in Go
		`len/0 == 0`:                                                          false,
		`len/0 != 0 || true`:                                                  false, // not to be calculated
		`true || len/0 != 0`:                                                  true,
		`false && len%0 == 0`:                                                 false,
		`!(len/0 == 0)`:                                                       false,
		`comm + "[" + netns + "]" == "nginx[A]"`:                              true,
		`comm > "m" && comm < "o"`:                                            true,
		`(src == "10.0.0.1") == true`:                                         true,
		"comm == `nginx`":                                                     true,
		`dport == 0x1bb && dport == 1e3 - 557`:                                true,
		`18446744073709551615 > 9223372036854775807`:                          true,
		`src == "10.0.0.1" && (dst == "1.1.1.1" || rule != "" && pid%2 == 0)`: true,
	} {
		w, err := ParseWhere(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := w.Match(get); got != want {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
	}
}

// TestWhereUnknown holds that what is not known is "" and 0.
func TestWhereUnknown(t *testing.T) {
	for _, n := range whereNames {
		test := n.name + ` == ""`
		if n.kind == ofNumber {
			test = n.name + " == 0"
		}
		if n.name == "cause" {
			test = `!hasPrefix(cause, "f")`
		}
		w, err := ParseWhere(test)
		if err != nil {
			t.Fatal(err)
		}
		if !w.Match(func(string) any { return nil }) || !w.Match((&Drop{}).Value) {
			t.Errorf("%s does not hold", test)
		}
		if !slices.Equal(w.Names, []string{n.name}) {
			t.Errorf("%s asks for %q", test, w.Names)
		}
	}
}

func TestWhereErrors(t *testing.T) {
	var out bytes.Buffer
	for _, source := range []string{
		"", " ", "dport = 443", "dport == 443 and src == \"1.2.3.4\"", "dprt == 443", "src == 10.0.0.1", "src == '10.0.0.1'", `src == "10.0.0.0/8"`,
		`dport == "443"`, `proto == 6`, `proto == "TCP"`, `cause == "fire"`, "dport", `"x"`, "1", "!dport", "-src == src", "~dport == 1", "dport & 1 == 1",
		"dport << 1 == 1", `within(src, dst)`, `within(src, "10.0.0.0/99")`, `within(src)`, `within(dport, "10.0.0.0/8")`, "within", `strings.Contains(comm, "x")`,
		`foo(src)`, "src[0] == 1", "pid.x == 1", "func == \"main.f\"", "1.5 < len", "99999999999999999999999 > len", "dport == 443 &&", "(dport == 443", "pid == 1 && pid",
		"true < false", "src - dst == 1", `"ü" == "ö" && dprt == 1`, "pid ==\n\tx", "func() bool { return true }()", "hasPrefix(comm, []string{}...)", "1i == 1", "proto == tcp",
		"pid == 1 or pid == 2",
	} {
		_, err := ParseWhere(source)
		var syntax *fetch.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %v is no syntax error", source, err)
			continue
		}
		if syntax.Source != source || syntax.Column < 0 || syntax.Column > len(source) {
			t.Errorf("%q: at %d of %q", source, syntax.Column, syntax.Source)
		}
		fmt.Fprintln(&out, err)
	}
	testutil.Golden(t, "where-errors.golden", out.Bytes())
	if _, err := ParseWhere(strings.Repeat("x", maxSource+1)); err == nil {
		t.Error("a condition of any length is taken")
	}
}

// FuzzWhere holds that nothing that is typed panics, neither when it is parsed
// nor when it is asked.
func FuzzWhere(f *testing.F) {
	f.Add(`src == "10.0.0.1" && dport == 443 || !within(dst, "10.0.0.0/8")`)
	f.Add(`count*2 + 1 == 7 && hasPrefix(comm, "ng") && len/0 == 1 % pid`)
	f.Add("(((")
	f.Add(`-(-9) == 0x7f && "a"+"b" >= comm`)
	get := told(whereDrop())
	f.Fuzz(func(t *testing.T, source string) {
		w, err := ParseWhere(source)
		if err != nil {
			var syntax *fetch.SyntaxError
			if errors.As(err, &syntax) && (syntax.Column < 0 || syntax.Column > len(source)) {
				t.Errorf("%q: column %d", source, syntax.Column)
			}
			_ = err.Error()
			return
		}
		w.Match(get)
		w.Match(func(string) any { return nil })
	})
}

func BenchmarkWhere(b *testing.B) {
	w, err := ParseWhere(`src == "10.0.0.1" && dport == 443 && proto == "tcp"`)
	if err != nil {
		b.Fatal(err)
	}
	get := told(whereDrop())
	for b.Loop() {
		w.Match(get)
	}
}
