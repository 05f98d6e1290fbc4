package firewall

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// plainModules are matches all of whose options parseOption knows or takes for
// unknown one by one. Any other match is one unknown condition.
var plainModules = []string{"tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmp6", "multiport", "iprange", "comment"}

// protocols has the names that iptables-save prints (xtables_chain_protos).
var protocols = map[string]uint64{
	"icmp": protoICMP, "igmp": 2, "tcp": protoTCP, "udp": protoUDP, "dccp": protoDCCP, "gre": 47, "esp": 50, "ah": 51,
	"ipv6-icmp": protoICMPv6, "icmpv6": protoICMPv6, "ospf": 89, "ipip": 94, "pim": 103, "comp": 108, "vrrp": 112,
	"sctp": protoSCTP, "ipv6-mh": 135, "mobility-header": 135, "udplite": protoUDPLite,
}

// tcpFlags are the bits of byte 13 of the TCP header, RFC 9293 and 3168.
var tcpFlags = map[string]uint64{"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}

// parseMatches reads the arguments of a rule behind its chain.
func parseMatches(words []word, v6 bool) ([]cond, arm) {
	var conds []cond
	a := arm{action: pass}
	module := "" // one that is unknown as a whole
	for len(words) > 0 {
		not := words[0].bang()
		if not {
			words = words[1:]
		}
		if len(words) == 0 || !words[0].option() {
			return append(conds, unknown()), a // no option where one must be
		}
		opt := words[0].text
		n := 1
		for n < len(words) && !words[n].option() && !words[n].bang() {
			n++
		}
		args := make([]string, 0, n-1)
		for _, w := range words[1:n] {
			args = append(args, w.text)
		}
		words = words[n:]
		switch opt {
		case "-j", "-g":
			if len(args) == 0 {
				return append(conds, unknown()), a
			}
			a = arm{action: jump, target: args[0]}
			if opt == "-g" {
				a.action = jumpFor
			}
			return conds, a // the rest are the target's options
		case "-m":
			module = ""
			if len(args) != 1 || !slices.Contains(plainModules, args[0]) {
				module = strings.Join(args, " ")
				conds = append(conds, unknown())
			}
			continue
		case "--comment":
			continue
		}
		if module != "" {
			continue // it is unknown already
		}
		cs, ok := parseOption(opt, args, v6)
		if !ok {
			cs = []cond{unknown()}
		}
		if not && len(cs) > 1 {
			cs = []cond{unknown()} // not both: never printed so
		}
		for _, c := range cs {
			c.not = c.not != not
			conds = append(conds, c)
		}
	}
	return conds, a
}

// parseOption reads one option. It is not ok if its meaning is not known.
func parseOption(opt string, args []string, v6 bool) ([]cond, bool) {
	if opt == "--tcp-flags" && len(args) == 2 {
		mask, ok := flagBits(args[0])
		want, ok2 := flagBits(args[1])
		return []cond{{field: fieldTCPFlags, mask: mask, nums: [][2]uint64{{want, want}}}}, ok && ok2 && mask != 0
	}
	if len(args) != 1 {
		return nil, false
	}
	arg := args[0]
	switch opt {
	case "-s":
		return addrs(fieldSrc, arg)
	case "-d":
		return addrs(fieldDst, arg)
	case "--src-range":
		return addrs(fieldSrc, arg)
	case "--dst-range":
		return addrs(fieldDst, arg)
	case "-i":
		return devices(fieldIfIn, arg)
	case "-o":
		return devices(fieldIfOut, arg)
	case "-p":
		n, ok := protocols[arg]
		if !ok {
			var err error
			n, err = strconv.ParseUint(arg, 10, 8)
			ok = err == nil
		}
		return []cond{isNumber(fieldProto, n)}, ok
	case "--sport", "--sports":
		return ports(fieldSrcPort, arg)
	case "--dport", "--dports":
		return ports(fieldDstPort, arg)
	case "--icmp-type":
		if v6 {
			return nil, false
		}
		return icmp(arg)
	case "--icmpv6-type":
		return icmp(arg)
	}
	return nil, false
}

// addrs reads 10.0.0.0/8, 10.0.0.0/255.0.0.255, 1.1.1.1-2.2.2.2 or an address.
func addrs(f field, s string) ([]cond, bool) {
	if lo, hi, ok := strings.Cut(s, "-"); ok {
		a, err := netip.ParseAddr(lo)
		b, err2 := netip.ParseAddr(hi)
		return []cond{{field: f, addrs: [][2]netip.Addr{{a, b}}}}, err == nil && err2 == nil
	}
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		return []cond{{field: f, addrs: [][2]netip.Addr{{a, a}}}}, err == nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return nil, false // a mask with holes
	}
	return []cond{{field: f, addrs: [][2]netip.Addr{prefixRange(p)}}}, true
}

func devices(f field, s string) ([]cond, bool) {
	if head, ok := strings.CutSuffix(s, "+"); ok {
		s = head + "*"
	}
	return []cond{{field: f, names: []string{s}}}, true
}

// ports reads 80, 80:90 or 80,443:445.
func ports(f field, s string) ([]cond, bool) {
	c := cond{field: f}
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, ok := strings.Cut(part, ":")
		if !ok {
			hi = lo
		}
		a, err := strconv.ParseUint(lo, 10, 16)
		b, err2 := strconv.ParseUint(hi, 10, 16)
		if err != nil || err2 != nil {
			return nil, false
		}
		c.nums = append(c.nums, [2]uint64{a, b})
	}
	return []cond{c}, true
}

// icmp reads 8 or 3/1; any is 255 in the kernel and no condition.
func icmp(s string) ([]cond, bool) {
	if s == "any" || s == "255" {
		return nil, true
	}
	kind, code, both := strings.Cut(s, "/")
	n, err := strconv.ParseUint(kind, 10, 8)
	if err != nil {
		return nil, false
	}
	conds := []cond{isNumber(fieldICMPType, n)}
	if both {
		n, err := strconv.ParseUint(code, 10, 8)
		if err != nil {
			return nil, false
		}
		conds = append(conds, isNumber(fieldICMPCode, n))
	}
	return conds, true
}

// flagBits reads FIN,SYN or NONE.
func flagBits(s string) (bits uint64, ok bool) {
	switch s {
	case "NONE":
		return 0, true
	case "ALL":
		return 0x3f, true
	}
	for name := range strings.SplitSeq(s, ",") {
		bit, ok := tcpFlags[strings.ToLower(name)]
		if !ok {
			return 0, false
		}
		bits |= bit
	}
	return bits, true
}
