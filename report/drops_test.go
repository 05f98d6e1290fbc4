package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// drops are drops of all kinds, one of them with names that a hostile program
// chose.
func drops() []*Drop {
	begin := time.Date(2026, 11, 25, 14, 3, 7, 123456789, time.UTC)
	uid := 0
	return []*Drop{
		{
			Time: begin, Src: "10.77.1.2", Dst: "10.77.1.1", Proto: "icmp", Kind: "echo", Reason: "NETFILTER_DROP", Location: "nf_hook_slow",
			Hook: "OUTPUT", Caller: "__ip_local_out", Cause: "firewall", Words: "blocked by firewall", Where: "before leaving",
			Rule: "iptables filter/OUTPUT→BLOCK rule 2", RuleConfidence: "exact", PID: 7815, Comm: "ping", Count: 2, Last: begin.Add(time.Second),
		},
		{
			Time: begin.Add(time.Second), Src: "10.77.1.2", Sport: 60818, Dst: "10.77.2.2", Dport: 8080, Proto: "tcp", Kind: "SYN",
			Reason: "NETFILTER_DROP", Location: "nft_do_chain", Hook: "OUTPUT", Caller: "__ip_local_out", Cause: "firewall",
			Words: "blocked by firewall", Where: "before leaving", Rule: "nft inet f/o handle 3", RuleText: "tcp dport 8080 drop", RuleConfidence: "exact: traced",
			NetNS: "A", PID: 11773, TID: 11774, Comm: "app", UID: &uid, Exe: "/srv/app", Container: "web-1", Cgroup: "/system.slice/app.service", Socket: 4711,
			During: &During{Func: "main.sendOrder", Elapsed: 28 * time.Microsecond,
				Args: []latency.Value{{Name: "orderID", Text: "order-42", Kind: latency.ValueText}, {Name: "n", Text: "3", Kind: latency.ValueNumber}}},
			Stack: []string{"nft_do_chain", "nft_do_chain_inet", "nf_hook_slow", "__ip_local_out", "__tcp_transmit_skb"}, Count: 3, Len: 60, EtherType: 0x800,
			Told: "nothing: the program will only see a timeout", Remark: "the 2nd and 3rd drop ran in a timer on top of qemu: not its packet",
			Check: "ip netns exec A nft -a list chain inet f o", Remedy: "ip netns exec A nft insert rule inet f o tcp dport 8080 accept",
			Times: []time.Time{begin.Add(time.Second), begin.Add(2 * time.Second), begin.Add(4 * time.Second)}, Last: begin.Add(4 * time.Second),
		},
		{
			Time: begin.Add(4 * time.Second), Src: "fd00::1", Sport: 5353, Dst: "fd00::2", Dport: 7777, Proto: "udp", Reason: "SOCKET_RCVBUFF",
			Location: "udp_queue_rcv_one_skb", Cause: "receiver-full", Words: "receiver too slow: socket buffer full 2304/2304", Where: "at the receiver",
			NetNS: "B", IfName: "eth0", PID: 120, Comm: "app2", Count: 19, Check: "ss -unmp 'sport = :7777'",
			Times: []time.Time{begin.Add(4 * time.Second), begin.Add(4*time.Second + 1500*time.Microsecond)},
		},
		{
			Time: begin.Add(5 * time.Second), Proto: "0x88b5", Reason: "UNHANDLED_PROTO", Location: "__netif_receive_skb_core", IfName: "eth0",
			Cause: "not-for-us", Words: "nobody here speaks EtherType 0x88b5", Where: "on arrival", Count: 1,
		},
		{
			Time: begin.Add(6 * time.Second), Src: "fe80::1", Dst: "ff02::1", Proto: "icmp6", Kind: "echo", Reason: "SOMETHING_NEW", Cause: "other", Count: 1,
			Words: "something new", Quiet: true,
		},
		{
			Time: begin.Add(7 * time.Second), Src: "10.0.0.1", Dst: "10.0.0.2", Dport: 9, Proto: "udp\x1b[2J", Cause: "other", Count: 1,
			Words: "\x1b]0;title\a" + strings.Repeat("界", 60), Location: "f\x00", Comm: "\x1b[31m\u202e", PID: 1, NetNS: "a\nb",
			RuleText: "comment \"\x1b\"", Rule: "nft \x1b", Check: "ip link show dev '\x1b[2J'", Remedy: `ip netns exec 'a'\''b' true`,
			During: &During{Func: "evil\x1b", Args: []latency.Value{{Name: "a\nb", Text: "\"\x1b", Kind: latency.ValueText}}, Elapsed: time.Hour},
			Told:   "\x1b", Remark: "\x1b", Stack: []string{"\x1b"}, Container: "\x1b", Cgroup: "\x1b", Exe: "\x1b", Hook: "\x1b", Caller: "\x1b", RuleConfidence: "\x1b",
			Where: "\x1b", Reason: "\x1b", IfName: "\x1b",
		},
	}
}

// folded is 20 drops, of which all but one are folded into it.
func folded() *Drop {
	d := *drops()[1]
	d.During, d.Rule, d.RuleText, d.RuleConfidence = nil, "", "", ""
	for i := range 19 {
		other := d
		other.Dport, other.Time, other.PID, other.Count, other.Told = uint16(9000+i), d.Time.Add(time.Second), 1, 2, ""
		d.Fold(&other)
	}
	return &d
}

func dropSummary() *DropSummary {
	s := &DropSummary{Elapsed: 10 * time.Second, Moved: []string{"netns B: 18 SYN lost: accept queue full of :8080 (app[12]) \x1b"},
		Lost: map[string]uint64{"records: ring full": 3, "stacks": 0}, Cost: "84ns per drop, 0.1% of one CPU"}
	for _, d := range drops() {
		s.Add(d)
	}
	for i := range 20 {
		s.Add(&Drop{Src: "10.1.0.1", Dst: fmt.Sprintf("10.1.0.%d", i), Cause: "no-listener", Words: "nobody listens on UDP port 9", Count: 1000 + uint64(i)})
	}
	s.Add(&Drop{Cause: "other", Words: "unix close", Quiet: true, Count: 4282})
	s.Add(&Drop{Cause: "tcp", Words: "TCP close", Quiet: true, Count: 529})
	return s
}

func TestDropsGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		opts *DropOptions
	}{
		{"drops", nil},
		{"drops-width=60", &DropOptions{Width: 60}},
		{"drops-width=100", &DropOptions{Width: 100}},
		{"drops-color", &DropOptions{Width: 120, Color: true}},
		{"drops-verbose", &DropOptions{Verbose: true}},
		{"drops-verbose-width=80", &DropOptions{Verbose: true, Width: 80}},
		{"drops-verbose-color", &DropOptions{Verbose: true, Width: 100, Color: true}},
		{"drops-json", &DropOptions{JSON: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewDropWriter(&out, c.opts)
			all := drops()
			if c.name != "drops-json" { // where each has its own line
				all = append(all, folded())
			}
			for _, d := range all {
				if err := w.Write(d); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range []*DropSummary{dropSummary(), {Elapsed: time.Second}} {
				if err := w.Summary(s); err != nil {
					t.Fatal(err)
				}
			}
			testutil.Golden(t, c.name+".golden", out.Bytes())
			if c.opts == nil || !c.opts.Color && !c.opts.JSON {
				checkTerminal(t, out.String(), w.Width)
			}
		})
	}
}

// checkTerminal holds that nothing of a hostile program reaches a terminal, and
// that no line but a command is too wide.
func checkTerminal(t *testing.T, text string, cells int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == '\u202e' }) {
			t.Errorf("%q is not safe in a terminal", line)
		}
		command := slices.Contains([]string{"check", "allow", "mend"}, strings.Fields(line + " x")[0])
		if cells > 0 && width(line) > cells && !command {
			t.Errorf("wider than %d: %s", cells, line)
		}
		if line != strings.TrimRight(line, " ") {
			t.Errorf("blanks at the end of %q", line)
		}
	}
}

// TestDropJSON holds the names that house rules give the event.
func TestDropJSON(t *testing.T) {
	keys := []string{"time", "src", "dst", "sport", "dport", "proto", "reason", "location", "hook", "cause", "rule", "rule_confidence", "netns",
		"ifname", "pid", "comm", "during", "stack", "count"}
	var out bytes.Buffer
	w := NewDropWriter(&out, &DropOptions{JSON: true})
	for _, d := range []*Drop{{}, drops()[1]} {
		if err := w.Write(d); err != nil {
			t.Fatal(err)
		}
	}
	dec := json.NewDecoder(&out)
	var empty, full map[string]any
	if err := errors.Join(dec.Decode(&empty), dec.Decode(&full)); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, ok := empty[key]; !ok {
			t.Errorf("no %q", key)
		}
	}
	if len(empty) != len(keys) {
		t.Errorf("an empty drop has %d keys, want %d: %v", len(empty), len(keys), empty)
	}
	during := full["during"].(map[string]any)
	if during["func"] != "main.sendOrder" || during["elapsed_ns"] != 28000.0 || during["args"].(map[string]any)["orderID"] != "order-42" {
		t.Errorf("during: %v", during)
	}
	if full["time"] != "2026-11-25T14:03:08.123456789Z" || full["last"] != "2026-11-25T14:03:11.123456789Z" || len(full["stack"].([]any)) != 5 {
		t.Errorf("%v", full)
	}
	if stack, ok := empty["stack"].([]any); !ok || len(stack) != 0 {
		t.Errorf("stack: %v", empty["stack"])
	}
}

func TestDropSummary(t *testing.T) {
	s := dropSummary()
	if got := s.Causes(); got["no-listener"] != 20190 || got["firewall"] != 5 || s.Dropped() != 20190+5+19+1+1 {
		t.Errorf("%v, %d", got, s.Dropped())
	}
	if _, ok := s.Causes()["tcp"]; ok {
		t.Error("a routine free is counted as lost")
	}
}

func TestSummaryIsBounded(t *testing.T) {
	var s DropSummary
	const n = maxKeys + 5000
	for i := range n {
		s.Add(&Drop{Src: fmt.Sprint(i), Dst: "x", Cause: "other", Words: fmt.Sprint(i), Count: 1})
	}
	if len(s.pairs) > maxKeys+1 || len(s.causes) > maxKeys+1 || s.pairs["(others)"] != 5000 || s.Causes()["other"] != n || s.Dropped() != n {
		t.Errorf("%d pairs, %d causes, %d others", len(s.pairs), len(s.causes), s.pairs["(others)"])
	}
}

func TestShortNS(t *testing.T) {
	for text, d := range map[string]time.Duration{"28µs": 28 * time.Microsecond, "2.04s": 2040 * time.Millisecond, "1.5ms": 1500 * time.Microsecond,
		"100ms": 100 * time.Millisecond, "0ns": 0, "60min": time.Hour, "7ns": 7} {
		if got := shortNS(d); got != text {
			t.Errorf("%d: %q, want %q", d, got, text)
		}
	}
}

func TestDropWriteError(t *testing.T) {
	w := NewDropWriter(brokenWriter{}, nil)
	if err := w.Write(drops()[0]); !errors.Is(err, errBroken) {
		t.Errorf("%v, want %v", err, errBroken)
	}
	if err := w.Summary(dropSummary()); !errors.Is(err, errBroken) {
		t.Errorf("%v, want %v", err, errBroken)
	}
}
