package firewall

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// An action is what a rule does with a packet that meets its conditions.
type action int

const (
	pass   action = iota // goes on with the next rule
	drop                 // REJECT too
	queue                // to user space
	accept               // leaves the base chain
	leave                // RETURN
	jump
	jumpFor // goto: does not come back to this chain
	opaque  // an extension that may do anything
)

func (a action) String() string {
	return [...]string{"pass", "drop", "queue", "accept", "return", "jump", "goto", "opaque"}[a]
}

// An arm is one outcome of a rule: most have one, a verdict map has one for
// each element, of which at most one is taken.
type arm struct {
	conds  []cond
	action action
	target string
}

// A rule is one line of a firewall.
type rule struct {
	number int    // in its chain, from 1
	handle uint64 // nft's, 0 for legacy iptables
	text   string
	conds  []cond
	arms   []arm
	// packets is its counter, if it counts. counts says that every packet
	// that meets its conditions is in it: none comes behind the counter.
	packets uint64
	counted bool
	counts  bool
}

// A table holds chains, as in "filter" of family ip.
type table struct {
	firewall string // iptables, ip6tables, nft, iptables-nft, ip6tables-nft
	family   string // nft's: ip, ip6, inet, arp, bridge, netdev
	name     string
	tool     string // the program that shows and changes it
	chains   []*chain
	names    map[string]*chain
}

// A chain is a list of rules. Base chains are called by a hook.
type chain struct {
	table  *table
	name   string
	hook   string // upper case but for ingress and egress, "" if no base chain
	prio   int
	policy action
	nat    bool // translates addresses
	// packets counts what the policy decided, if it counts.
	packets uint64
	counted bool
	rules   []*rule
}

func (t *table) chain(name string) *chain { return t.names[name] }

func (t *table) add(c *chain) {
	if t.names == nil {
		t.names = make(map[string]*chain)
	}
	t.names[c.name] = c
	t.chains = append(t.chains, c)
}

// A ruleset is all of a namespace's tables at one time.
type ruleset struct{ tables []*table }

// at lists the base chains that a packet of a family (4 or 6, 0 if unknown)
// meets at a hook, in the order in which it does.
func (rs *ruleset) at(hook string, family int) []*chain {
	var at []*chain
	for _, t := range rs.tables {
		if t.family == "ip" && family == 6 || t.family == "ip6" && family == 4 {
			continue
		}
		for _, c := range t.chains {
			if c.hook != "" && strings.EqualFold(c.hook, hook) {
				at = append(at, c)
			}
		}
	}
	slices.SortStableFunc(at, func(a, b *chain) int { return cmp.Compare(a.prio, b.prio) })
	return at
}

// A place is a rule of a chain, or its policy where rule is nil.
type place struct {
	chain *chain
	rule  *rule
}

// counter is how many packets the place has decided on, if it counts them.
func (p place) counter() (packets uint64, ok bool) {
	if p.rule == nil {
		return p.chain.packets, p.chain.counted
	}
	return p.rule.packets, p.rule.counted
}

// same finds in an earlier ruleset what is p now, the zero place if it was not
// there. Rules of legacy iptables have no handle: they are the same where the
// text and the number are.
func (rs *ruleset) same(p place) (was place, ok bool) {
	now := p.chain.table
	for _, t := range rs.tables {
		if t.firewall != now.firewall || t.family != now.family || t.name != now.name {
			continue
		}
		c := t.chain(p.chain.name)
		if c == nil {
			return place{}, false
		}
		if p.rule == nil {
			return place{chain: c}, c.policy == p.chain.policy
		}
		for _, r := range c.rules {
			if r.handle == p.rule.handle && bare(r.text) == bare(p.rule.text) && (r.handle != 0 || r.number == p.rule.number) {
				return place{chain: c, rule: r}, true
			}
		}
	}
	return place{}, false
}

var counterText = regexp.MustCompile(`\bcounter packets \d+ bytes \d+`)

// bare is nft's text without the values of its counters.
func bare(text string) string { return counterText.ReplaceAllString(text, "counter") }
