package firewall

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// builtin has the base chains of iptables: hook and priority of a table's
// chains, include/uapi/linux/netfilter_ipv4.h (enum nf_ip_hook_priorities).
var builtin = map[string]struct {
	prio  int
	hooks string
}{
	"raw":      {-300, "PREROUTING OUTPUT"},
	"mangle":   {-150, "PREROUTING INPUT FORWARD OUTPUT POSTROUTING"},
	"nat":      {dstNAT, "PREROUTING INPUT OUTPUT POSTROUTING"},
	"filter":   {0, "INPUT FORWARD OUTPUT"},
	"security": {50, "INPUT FORWARD OUTPUT"},
}

// The priorities at which the kernel translates addresses: of the destination
// at PREROUTING and OUTPUT, of the source at INPUT and POSTROUTING.
const (
	dstNAT = -100
	srcNAT = 100
)

// builtinChain says at which hook and priority iptables has a chain.
func builtinChain(table, chain string) (prio int, ok bool) {
	b, ok := builtin[table]
	if !ok {
		return 0, false
	}
	for hook := range strings.FieldsSeq(b.hooks) {
		if hook == chain {
			if table == "nat" && (chain == "INPUT" || chain == "POSTROUTING") {
				return srcNAT, true
			}
			return b.prio, true
		}
	}
	return 0, false
}

// maxLine is the longest line read of a rule: 65536 addresses of a match.
const maxLine = 1 << 20

// parseSave reads what iptables-save -c prints (iptables-save(8)).
func parseSave(out []byte, firewall string) ([]*table, error) {
	family := "ip"
	if strings.HasPrefix(firewall, "ip6") {
		family = "ip6"
	}
	var tables []*table
	var t *table
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Buffer(nil, maxLine)
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		switch {
		case line == "" || line[0] == '#' || line == "COMMIT":
		case line[0] == '*':
			t = &table{firewall: firewall, tool: firewall, family: family, name: line[1:]}
			tables = append(tables, t)
		case t == nil:
			return nil, fmt.Errorf("read %s rules: line %d is in no table: %q", firewall, n, line)
		case line[0] == ':':
			c, err := parseChainLine(t, line[1:])
			if err != nil {
				return nil, fmt.Errorf("read %s rules: line %d: %w", firewall, n, err)
			}
			t.add(c)
		default:
			if err := parseRuleLine(t, line); err != nil {
				return nil, fmt.Errorf("read %s rules: line %d: %w", firewall, n, err)
			}
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read %s rules: %w", firewall, err)
	}
	for _, t := range tables {
		resolveTargets(t)
	}
	return tables, nil
}

// parseChainLine reads "OUTPUT ACCEPT [3:252]" or "BLOCK - [0:0]".
func parseChainLine(t *table, line string) (*chain, error) {
	f := strings.Fields(line)
	if len(f) < 2 {
		return nil, fmt.Errorf("no chain: %q", line)
	}
	c := &chain{table: t, name: f[0], policy: accept}
	if f[1] == "-" {
		return c, nil
	}
	if prio, ok := builtinChain(t.name, c.name); ok {
		c.hook, c.prio, c.nat = c.name, prio, t.name == "nat"
	}
	if f[1] == "DROP" {
		c.policy = drop
	}
	if len(f) > 2 {
		c.packets, c.counted = counters(f[2])
	}
	return c, nil
}

// counters reads the packets of "[3:252]".
func counters(s string) (packets uint64, ok bool) {
	s, _, ok = strings.Cut(strings.TrimPrefix(s, "["), ":")
	packets, err := strconv.ParseUint(s, 10, 64)
	return packets, ok && err == nil
}

// parseRuleLine reads "[1:84] -A OUTPUT -p icmp -j DROP".
func parseRuleLine(t *table, line string) error {
	if strings.Contains(line, "--comment "+tracePrefix) {
		return nil // our own
	}
	r := new(rule)
	if line[0] == '[' {
		head, rest, _ := strings.Cut(line, " ")
		r.packets, r.counted = counters(head)
		r.counts = r.counted
		line = rest
	}
	words := splitWords(line)
	if len(words) < 2 || words[0].text != "-A" {
		return fmt.Errorf("no rule: %q", line)
	}
	c := t.chain(words[1].text)
	if c == nil {
		return fmt.Errorf("a rule of the chain %q, which is not there", words[1].text)
	}
	r.text = line
	r.number = len(c.rules) + 1
	var a arm
	r.conds, a = parseMatches(words[2:], t.family == "ip6")
	r.arms = []arm{a}
	c.rules = append(c.rules, r)
	return nil
}

// A word is one argument. quoted ones are never options.
type word struct {
	text   string
	quoted bool
}

func (w word) option() bool { return !w.quoted && strings.HasPrefix(w.text, "-") && w.text != "-" }
func (w word) bang() bool   { return !w.quoted && w.text == "!" }

// splitWords splits a line as iptables-restore does: at spaces, with double
// quotes and backslashes in them (xtables-shared, add_param_to_argv).
func splitWords(line string) []word {
	var words []word
	var b strings.Builder
	in, quoted := false, false
	end := func() {
		if b.Len() > 0 || quoted {
			words = append(words, word{b.String(), quoted})
		}
		b.Reset()
		quoted = false
	}
	for i := 0; i < len(line); i++ {
		switch ch := line[i]; {
		case ch == '\\' && in && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		case ch == '"':
			in, quoted = !in, true
		case (ch == ' ' || ch == '\t') && !in:
			end()
		default:
			b.WriteByte(ch)
		}
	}
	end()
	return words
}

// resolveTargets tells jumps to chains from extensions of other names.
func resolveTargets(t *table) {
	for _, c := range t.chains {
		for _, r := range c.rules {
			a := &r.arms[0]
			if a.action == jump && t.chain(a.target) == nil {
				a.action = targetAction(a.target)
				a.target = ""
			}
		}
	}
}

// targetAction is what a target of iptables-extensions(8) does with a packet.
func targetAction(name string) action {
	switch name {
	case "ACCEPT", "SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP":
		return accept
	case "DROP", "REJECT":
		return drop
	case "QUEUE", "NFQUEUE":
		return queue
	case "RETURN":
		return leave
	case "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "TCPOPTSTRIP", "CT", "NOTRACK", "TRACE", "SET", "TOS",
		"DSCP", "ECN", "CLASSIFY", "AUDIT", "CHECKSUM", "TTL", "HL", "SECMARK", "CONNSECMARK", "TEE", "RATEEST",
		"IDLETIMER", "LED", "HMARK":
		return pass
	}
	return opaque
}
