package drop

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/latchprof/latch/kernel"
)

// Advice that is not that of a whole class.
const (
	adviseNft        = "nft"
	adviseTables6    = "ip6tables"
	adviseARPTables  = "arp tables"
	adviseQueue      = "nfqueue"
	adviseLSM        = "security module"
	adviseCgroup     = "cgroup"
	adviseTCIngress  = "tc ingress"
	adviseUDP        = "udp"
	adviseSockets    = "sockets"
	adviseListen     = "listening"
	adviseAccept     = "accept queue"
	adviseTun        = "tun"
	adviseBridge     = "bridge"
	adviseLink       = "link"
	adviseUp         = "link up"
	adviseBacklog    = "cpu backlog"
	adviseNeigh6     = "neighbour 6"
	adviseNeighQueue = "neighbour queue"
	adviseNeighTable = "neighbour table"
	adviseRoute      = "route"
	adviseSource     = "source"
	adviseRPFilter   = "rp_filter"
	adviseMulticast  = "multicast"
	adviseProtoMem   = "protocol memory"
	adviseWireGuard  = "wireguard"
	adviseNone       = "none"
)

// advices are the commands for a class, or for some of its rows. A remedy is
// given only where one setting is at fault: none takes a rule, a filter or a
// program away, and none makes up an address. {in} goes to the packet's
// namespace; what is without it is one setting for the whole machine.
var advices = map[string]struct{ check, remedy string }{
	firewall:         {"{in}sh -c 'iptables-save -c; nft -a list ruleset'", ""},
	adviseTables6:    {"{in}sh -c 'ip6tables-save -c; nft -a list ruleset'", ""},
	adviseNft:        {"{in}nft -a list ruleset", ""},
	adviseARPTables:  {"{in}sh -c 'arptables-save -c; nft -a list ruleset'", ""},
	adviseQueue:      {"{in}cat /proc/net/netfilter/nfnetlink_queue", ""},
	adviseLSM:        {"ausearch -m avc -ts recent", ""},
	adviseCgroup:     {"bpftool cgroup tree", ""},
	noListener:       {"{in}ss -lntp[ 'sport = :{dport}']", ""},
	adviseUDP:        {"{in}ss -lnup[ 'sport = :{dport}']", ""},
	adviseSockets:    {"{in}ss -anp", ""},
	receiverFull:     {"{in}ss -unmp[ 'sport = :{dport}']", ""},
	adviseListen:     {"{in}ss -tnmp[ 'sport = :{dport}']", ""},
	adviseAccept:     {"{in}ss -lntp[ 'sport = :{dport}']", "{in}sysctl -w net.core.somaxconn=4096"},
	queueFull:        {"{in}tc -s qdisc show[ dev {dev}]", ""},
	adviseBacklog:    {"cat /proc/net/softnet_stat", "sysctl -w net.core.netdev_max_backlog=10000"},
	noNeighbour:      {"{in}ip -s neigh show[ dev {dev}]", ""},
	adviseNeigh6:     {"{in}ip -6 -s neigh show[ dev {dev}]", ""},
	adviseNeighQueue: {"{in}ip -s neigh show[ dev {dev}]", "{in}sysctl -w net/ipv{4or6}/neigh/{dev}/unres_qlen_bytes=1048576"},
	adviseNeighTable: {"{in}ip -s neigh show nud all", "sysctl -w net.ipv{4or6}.neigh.default.gc_thresh3=8192"},
	noRoute:          {"{in}ip route get {dst}", ""},
	blackhole:        {"{in}ip route show table all match {dst}", ""},
	adviseRoute:      {"{in}sh -c 'ip route show table all match {dst}; sysctl {forwarding}'", ""},
	forwardingOff:    {"{in}sysctl {forwarding}[ net/ipv{4or6}/conf/{dev}/forwarding]", "{in}sysctl -w {forwarding}=1"},
	tooBig:           {"{in}ip link show", ""},
	ttl:              {"{in}traceroute -n {dst}", ""},
	malformed:        {"{in}nstat -asz 'Ip*InHdrErrors' 'Ip*InTruncatedPkts' 'Ip*InDiscards'", ""},
	checksum:         {"{in}ethtool -k {dev}", ""},
	spoofed:          {"{in}ip addr show", ""},
	adviseSource:     {"{in}ip route get {src}", ""},
	adviseRPFilter:   {"{in}ip route get {src}", "{in}sysctl -w net/ipv4/conf/{dev}/rp_filter=2"},
	notForUs:         {"{in}ip -d link show[ dev {dev}]", ""},
	adviseMulticast:  {"{in}ip maddr show[ dev {dev}]", ""},
	fragment:         {"{in}nstat -asz 'Ip*Reasm*'", ""},
	xdp:              {"{in}ip -d link show[ dev {dev}]", ""},
	tc:               {"{in}tc -s filter show dev {dev} egress", ""},
	adviseTCIngress:  {"{in}tc -s filter show dev {dev} ingress", ""},
	linkDown:         {"{in}ip -d link show[ dev {dev}]", ""},
	adviseUp:         {"{in}ip -d link show[ dev {dev}]", "{in}ip link set dev {dev} up"},
	adviseLink:       {"{in}ip -d link show[ dev {dev}]", ""},
	adviseBridge:     {"{in}bridge -d link show[ dev {dev}]", ""},
	ipsec:            {"{in}sh -c 'ip xfrm policy; cat /proc/net/xfrm_stat'", ""},
	ipv6Off:          {"{in}sysctl net.ipv6.conf.all.disable_ipv6[ net/ipv6/conf/{dev}/disable_ipv6]", "{in}sysctl -w net/ipv6/conf/{dev}/disable_ipv6=0"},
	noReader:         {"{in}ip -d link show[ dev {dev}]", ""},
	adviseTun:        {"fuser -v /dev/net/tun", ""},
	tcp:              {"{in}nstat -asz 'TcpExt*'", ""},
	socketFilter:     {"{in}ss -anep[ 'sport = :{dport}']", ""},
	memory:           {"free -m", ""},
	adviseProtoMem:   {"sh -c 'cat /proc/net/sockstat; sysctl net.ipv4.udp_mem net.ipv4.tcp_mem'", ""},
	adviseWireGuard:  {"{in}wg show[ {dev}]", ""},
	other:            {"", ""},
	adviseNone:       {"", ""},
}

// fill puts values into a template. {name} stands for a value; "" is none. A
// part in brackets is left out where one of its values is missing; where one
// outside of brackets is, the result is "".
func fill(template string, value func(name string) (string, bool)) string {
	var out strings.Builder
	for rest := template; rest != ""; {
		part, optional := rest, false
		if i := strings.IndexByte(rest, '['); i == 0 {
			end := strings.IndexByte(rest, ']')
			part, rest, optional = rest[1:end], rest[end+1:], true
		} else if i > 0 {
			part, rest = rest[:i], rest[i:]
		} else {
			rest = ""
		}
		text, ok := fillPart(part, value)
		if !ok && !optional {
			return ""
		}
		if ok {
			out.WriteString(text)
		}
	}
	return out.String()
}

func fillPart(part string, value func(name string) (string, bool)) (string, bool) {
	var out strings.Builder
	for {
		text, rest, found := strings.Cut(part, "{")
		out.WriteString(text)
		if !found {
			return out.String(), true
		}
		name, rest, _ := strings.Cut(rest, "}")
		v, ok := value(name)
		if !ok {
			return "", false
		}
		out.WriteString(v)
		part = rest
	}
}

// A valueSet holds what a drop has for templates.
type valueSet map[string]string

func (v valueSet) plain(name string) (string, bool) {
	text := v[name]
	return text, text != ""
}

// quoted gives values for a shell. Only {in} is one command's words already.
func (v valueSet) quoted(name string) (string, bool) {
	if name == "in" {
		return v[name], true
	}
	text := v[name]
	return quote(text), text != ""
}

// quote makes text one word of a POSIX shell.
func quote(text string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./:@%+=,-", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !safe(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func values(d *Drop, ns kernel.NetNS) valueSet {
	v := valueSet{
		"in": within(ns), "4or6": "4", "forwarding": "net.ipv4.ip_forward", "src": address(d.Flow.Src), "dst": address(d.Flow.Dst), "dport": number(int(d.Flow.DstPort)),
		"ipproto": number(int(d.Flow.Proto)), "icmptype": strconv.Itoa(int(d.Flow.ICMPType)),
	}
	if d.Flow.EtherType != 0 {
		v["ethertype"] = fmt.Sprintf("0x%04x", d.Flow.EtherType)
	}
	if isIPv6(d) {
		v["4or6"], v["forwarding"] = "6", "net.ipv6.conf.all.forwarding"
	}
	if p := d.Packet; p != nil {
		v["dev"], v["qdisc"], v["limit"] = p.IfName, p.QdiscID, number(p.QdiscLimit)
		v["rmem"], v["rcvbuf"] = number(p.RmemAlloc), number(p.RcvBuf)
	}
	return v
}

// within is what runs a command in a namespace.
func within(ns kernel.NetNS) string {
	switch {
	case ns.Name != "":
		return "ip netns exec " + quote(ns.Name) + " "
	case ns.PID != 0:
		return fmt.Sprintf("nsenter -n -t %d ", ns.PID)
	}
	return ""
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().WithZone("").String()
}
