package firewall

import (
	"fmt"
	"strings"
)

// A Confidence says how sure an answer is.
type Confidence int

const (
	// None is that no rule is known that could have dropped the packet.
	None Confidence = iota
	// OneOf is that each of the answer's rules could have.
	OneOf
	// Only is that no other rule that was read could have.
	Only
	// Exact is that the rule did: it was traced, its counter and no other's
	// rose by the drops, or all its conditions are known to hold.
	Exact
)

// An Answer names the rules that may have dropped a packet, the likeliest
// first.
type Answer struct {
	Rules      []Rule
	Confidence Confidence
	// How says what it rests on: "traced", "counter +3", "evaluated", or
	// several of these.
	How string
	// Unknown is what could not be known, as a sentence, "" if nothing.
	Unknown string
}

// Doubt is the confidence in words: "exact", "only candidate", "one of 3".
func (a Answer) Doubt() string {
	switch a.Confidence {
	case Exact:
		return "exact"
	case Only:
		return "only candidate"
	case OneOf:
		return fmt.Sprintf("one of %d", len(a.Rules))
	}
	return "unknown"
}

// A Rule is a rule, or a chain's policy, as its firewall's own tool has it.
// All names and texts come from the ruleset.
type Rule struct {
	// Firewall is iptables, ip6tables, nft, iptables-nft or ip6tables-nft.
	Firewall string
	// Family is nft's: ip, ip6, inet, arp, bridge or netdev.
	Family, Table, Chain string
	// Path lists the chains from the hook's to the rule's.
	Path []string
	// Number is the rule's in its chain, from 1; 0 for a policy.
	Number int
	// Handle is nft's, 0 for legacy iptables and for policies.
	Handle uint64
	// Policy says that no rule of the base chain decided.
	Policy bool
	// Text is the rule as the tool prints it.
	Text string
	// Command shows the rule, Allow would let such packets through. Neither
	// is ever run. Both are "" for a namespace without a name or a process,
	// Allow also where nothing narrow enough is known.
	Command, Allow string
}

// String names the rule: "iptables filter/OUTPUT→BLOCK rule 2", "nft inet
// filter/guards handle 5".
func (r Rule) String() string {
	name := r.Firewall + " "
	if r.Firewall == "nft" {
		name += r.Family + " " + r.Table + "/" + r.Chain
	} else {
		name += r.Table + "/" + strings.Join(r.Path, "→")
	}
	switch {
	case r.Policy:
		return name + " policy"
	case r.Firewall == "nft":
		return fmt.Sprintf("%s handle %d", name, r.Handle)
	}
	return fmt.Sprintf("%s rule %d", name, r.Number)
}

// newRule describes a candidate to people.
func (w *Watch) newRule(c candidate, p *Packet) Rule {
	t := c.chain.table
	r := Rule{Firewall: t.firewall, Family: t.family, Table: t.name, Chain: c.chain.name, Path: c.path}
	if c.rule == nil {
		r.Policy = true
		r.Text = "policy " + c.chain.policy.String()
	} else {
		r.Number, r.Handle, r.Text = c.rule.number, c.rule.handle, c.rule.text
	}
	if t.tool == "nft" {
		r.Command = w.command("nft", "-a", "list", "chain", t.family, t.name, c.chain.name)
	} else {
		r.Command = w.command(t.tool, "-t", t.name, "-vnL", c.chain.name, "--line-numbers")
	}
	if t.family == "ip" || t.family == "ip6" || t.family == "inet" {
		r.Allow = w.allow(c, p)
	}
	return r
}

// allow is a rule that accepts the packet's flow before the place that drops
// it.
func (w *Watch) allow(c candidate, p *Packet) string {
	t := c.chain.table
	if t.tool == "nft" {
		match := nftTuple(p, false)
		if match == nil {
			return ""
		}
		args := []string{"nft", "add", "rule", t.family, t.name, c.chain.name}
		if c.rule != nil {
			args = []string{"nft", "insert", "rule", t.family, t.name, c.chain.name, "position", fmt.Sprint(c.rule.handle)}
		}
		return w.command(append(append(args, match...), "accept")...)
	}
	match := iptablesTuple(p, false)
	if match == nil {
		return ""
	}
	args := []string{t.tool, "-t", t.name, "-A", c.chain.name}
	if c.rule != nil {
		args = []string{t.tool, "-t", t.name, "-I", c.chain.name, fmt.Sprint(c.rule.number)}
	}
	return w.command(append(append(args, match...), "-j", "ACCEPT")...)
}

// command is a shell command that runs in the watched namespace, "" if there
// is none.
func (w *Watch) command(args ...string) string {
	if !w.known {
		return ""
	}
	words := append([]string{}, w.enter...)
	for _, a := range args {
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

// quote makes one word for a shell of s.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,+@=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
