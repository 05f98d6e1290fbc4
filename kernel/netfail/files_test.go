package netfail

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, text string
		add        func(counters, string)
		want       counters
	}{
		{name: "tables", add: counters.addTable, text: `Ip: Forwarding DefaultTTL InHdrErrors OutNoRoutes
Ip: 1 64 3 18446744073709551615
Tcp: MaxConn AttemptFails
Tcp: -1 2
`, want: counters{
			{Source: "Ip", Name: "InHdrErrors"}: 3, {Source: "Ip", Name: "OutNoRoutes"}: 1<<64 - 1,
			{Source: "Tcp", Name: "AttemptFails"}: 2,
		}},
		{name: "a table of a newer kernel", add: counters.addTable, text: `TcpExt: ListenOverflows TCPUnheardOf ListenDrops
TcpExt: 7 8 9
New: InErrors
New: 1
`, want: counters{{Source: "TcpExt", Name: "ListenOverflows"}: 7, {Source: "TcpExt", Name: "ListenDrops"}: 9}},
		{name: "broken tables", add: counters.addTable, text: `Ip: InHdrErrors OutNoRoutes
Ip: many
Udp: NoPorts
Udp: 5 6 7
Ip:

Udp: InErrors`, want: counters{{Source: "Udp", Name: "NoPorts"}: 5}},
		{name: "lists", add: counters.addList, text: "Ip6InReceives                   	9765\nIp6OutNoRoutes                  	4\n" +
			"Icmp6InErrors                   	5\nUdp6NoPorts 6\nUdpLite6NoPorts 7\nXfrmOutPolBlock             	8\nXfrm\nXfrm 9 9\n",
			want: counters{
				{Source: "Ip6", Name: "OutNoRoutes"}: 4, {Source: "Icmp6", Name: "InErrors"}: 5, {Source: "Udp6", Name: "NoPorts"}: 6,
				{Source: "UdpLite6", Name: "NoPorts"}: 7, {Source: "Xfrm", Name: "OutPolBlock"}: 8,
			}},
		{name: "softnet", add: counters.addSoftnet, text: `00752861 0000000a 00000008 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000002 00000000 00000000 00000000 00000000
007324c1 000000ff 00000018 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001 00000000 00000000
`, want: counters{{Source: "softnet", Name: "dropped"}: 265, {Source: "softnet", Name: "flow_limit"}: 2}},
		{name: "short softnet", add: counters.addSoftnet, text: "1\nx y z\n", want: counters{}},
		{name: "devices", add: counters.addDev, text: `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
eth0:1:1 0    0    0     0          0         0 0 0 0    0    2    0     0       0          0
 bad: 1 2 3
`, want: counters{
			{Source: "interface", Name: "rx_errors", Interface: "lo"}: 3, {Source: "interface", Name: "rx_dropped", Interface: "lo"}: 4,
			{Source: "interface", Name: "rx_fifo", Interface: "lo"}: 5, {Source: "interface", Name: "rx_frame", Interface: "lo"}: 6,
			{Source: "interface", Name: "tx_errors", Interface: "lo"}: 11, {Source: "interface", Name: "tx_dropped", Interface: "lo"}: 12,
			{Source: "interface", Name: "tx_fifo", Interface: "lo"}: 13, {Source: "interface", Name: "tx_colls", Interface: "lo"}: 14,
			{Source: "interface", Name: "tx_carrier", Interface: "lo"}:    15,
			{Source: "interface", Name: "rx_errors", Interface: "eth0:1"}: 0, {Source: "interface", Name: "rx_dropped", Interface: "eth0:1"}: 0,
			{Source: "interface", Name: "rx_fifo", Interface: "eth0:1"}: 0, {Source: "interface", Name: "rx_frame", Interface: "eth0:1"}: 0,
			{Source: "interface", Name: "tx_errors", Interface: "eth0:1"}: 0, {Source: "interface", Name: "tx_dropped", Interface: "eth0:1"}: 2,
			{Source: "interface", Name: "tx_fifo", Interface: "eth0:1"}: 0, {Source: "interface", Name: "tx_colls", Interface: "eth0:1"}: 0,
			{Source: "interface", Name: "tx_carrier", Interface: "eth0:1"}: 0,
		}},
		{name: "nothing", add: counters.addDev, text: "", want: counters{}},
	} {
		got := make(counters)
		test.add(got, test.text)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.name, diff)
		}
	}
}

func TestDelta(t *testing.T) {
	overflows := Counter{Source: "TcpExt", Name: "ListenOverflows"}
	rx := Counter{Source: "interface", Name: "rx_dropped", Interface: "eth0"}
	anew := Counter{Source: "interface", Name: "rx_dropped", Interface: "eth1"}
	soft := Counter{Source: "softnet", Name: "dropped"}
	gone := Counter{Source: "Ip", Name: "InDiscards"}
	before := &Snapshot{counters{overflows: 5, rx: 100, anew: 100, gone: 1}}
	after := &Snapshot{counters{overflows: 23, rx: 100, anew: 7, soft: 1}}
	want := []Change{
		{Counter: overflows, Delta: 18, Words: "SYNs or final ACKs lost: accept queue full"},
		{Counter: anew, Delta: 7, Words: "packets dropped after they were received"},
		{Counter: soft, Delta: 1, Machine: true, Words: "packets dropped because a processor's backlog was full (netdev_max_backlog)"},
	}
	if diff := cmp.Diff(want, Delta(before, after)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := after.Value(overflows); n != 23 {
		t.Errorf("value %d", n)
	}
	if all := Delta(after, after); all != nil {
		t.Errorf("nothing moved: %v", all)
	}
}

// Every column has its words.
func TestWords(t *testing.T) {
	for _, name := range devColumns {
		if name != "" && counterWords["interface"][name] == "" {
			t.Errorf("interface %s has no words", name)
		}
	}
	for source, names := range counterWords {
		for name, words := range names {
			if words == "" {
				t.Errorf("%s %s has no words", source, name)
			}
		}
	}
}
