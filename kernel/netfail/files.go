package netfail

import (
	"strconv"
	"strings"
)

// What a snapshot keeps of the files in /proc/net: the counters that have
// words. A line that is not as expected has none.
type counters map[Counter]uint64

func (c counters) add(source, name, iface, text string) {
	if counterWords[source][name] == "" {
		return
	}
	// A few numbers are signed (Tcp MaxConn), none of which means loss.
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		c[Counter{Source: source, Name: name, Interface: iface}] += n
	}
}

// addTable reads snmp and netstat: pairs of lines, the first of which names
// what is in the second.
//
//	Ip: Forwarding DefaultTTL
//	Ip: 1 64
func (c counters) addTable(text string) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(names) == 0 || names[0] != fields[0] {
			names = fields
			continue
		}
		for i := 1; i < min(len(names), len(fields)); i++ {
			c.add(strings.TrimSuffix(fields[0], ":"), names[i], "", fields[i])
		}
		names = nil
	}
}

// listSources are what names begin with in snmp6 and xfrm_stat, those that
// begin with another of them first.
var listSources = []string{"Ip6", "Icmp6", "UdpLite6", "Udp6", "Xfrm"}

// addList reads snmp6 and xfrm_stat: one counter a line.
//
//	Ip6InDiscards    0
func (c counters) addList(text string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			continue
		}
		for _, source := range listSources {
			if name, ok := strings.CutPrefix(fields[0], source); ok {
				c.add(source, name, "", fields[1])
				break
			}
		}
	}
}

// addSoftnet reads softnet_stat: one processor a line, in hexadecimal.
func (c counters) addSoftnet(text string) {
	columns := []struct {
		at   int
		name string
	}{{1, "dropped"}, {10, "flow_limit"}}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		for _, column := range columns {
			if column.at >= len(fields) {
				continue
			}
			if n, err := strconv.ParseUint(fields[column.at], 16, 64); err == nil {
				c.add("softnet", column.name, "", strconv.FormatUint(n, 10))
			}
		}
	}
}

// devColumns are the columns of dev behind the interface's name; "" counts
// traffic.
var devColumns = [16]string{
	"", "", "rx_errors", "rx_dropped", "rx_fifo", "rx_frame", "", "",
	"", "", "tx_errors", "tx_dropped", "tx_fifo", "tx_colls", "tx_carrier", "",
}

// addDev reads dev: one interface a line, behind two lines of headings.
func (c counters) addDev(text string) {
	for line := range strings.Lines(text) {
		// The name may hold a colon, the numbers do not.
		at := strings.LastIndexByte(line, ':')
		if at < 0 {
			continue
		}
		fields := strings.Fields(line[at+1:])
		if len(fields) != len(devColumns) {
			continue
		}
		for i, name := range devColumns {
			c.add("interface", name, strings.TrimSpace(line[:at]), fields[i])
		}
	}
}
