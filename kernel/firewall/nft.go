package firewall

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The objects of libnftables-json(5), as far as they are used.
type (
	nftObject struct {
		Table *nftTable `json:"table"`
		Chain *nftChain `json:"chain"`
		Rule  *nftRule  `json:"rule"`
		Set   *nftSet   `json:"set"`
		Map   *nftSet   `json:"map"`
	}
	nftTable struct {
		Family string `json:"family"`
		Name   string `json:"name"`
	}
	nftChain struct {
		Family string `json:"family"`
		Table  string `json:"table"`
		Name   string `json:"name"`
		Type   string `json:"type"`
		Hook   string `json:"hook"`
		Prio   int    `json:"prio"`
		Policy string `json:"policy"`
	}
	nftRule struct {
		Family string            `json:"family"`
		Table  string            `json:"table"`
		Chain  string            `json:"chain"`
		Handle uint64            `json:"handle"`
		Expr   []json.RawMessage `json:"expr"`
	}
	nftSet struct {
		Family string            `json:"family"`
		Table  string            `json:"table"`
		Name   string            `json:"name"`
		Flags  json.RawMessage   `json:"flags"`
		Elem   []json.RawMessage `json:"elem"`
	}
)

// ours says that the object is part of a trace.
func (o nftObject) ours() bool {
	return o.Table != nil && strings.HasPrefix(o.Table.Name, tracePrefix) ||
		o.Chain != nil && strings.HasPrefix(o.Chain.Table, tracePrefix) ||
		o.Rule != nil && strings.HasPrefix(o.Rule.Table, tracePrefix)
}

// changing says that the set's elements come and go by themselves.
func (s *nftSet) changing() bool {
	return strings.Contains(string(s.Flags), "timeout") || strings.Contains(string(s.Flags), "dynamic")
}

// A nftReader holds what rules refer to by name.
type nftReader struct {
	tables []*table
	sets   map[string]*nftSet // by family, table and name
	xt     map[*table]bool    // has extensions of iptables
}

func nftKey(family, table, name string) string { return family + "\x00" + table + "\x00" + name }

// parseNFT reads what nft -j -a list ruleset prints. Text is that of nft -a
// list ruleset and gives the rules' own words.
func parseNFT(out, text []byte) (*nftReader, error) {
	var doc struct {
		Objects []nftObject `json:"nftables"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return nil, fmt.Errorf("read nft rules: %w", err)
	}
	r := &nftReader{sets: make(map[string]*nftSet), xt: make(map[*table]bool)}
	chains := make(map[string]*chain)
	doc.Objects = slices.DeleteFunc(doc.Objects, nftObject.ours)
	// Chains and sets may stand behind rules that name them.
	for _, o := range doc.Objects {
		switch {
		case o.Table != nil:
			r.table(o.Table.Family, o.Table.Name)
		case o.Chain != nil:
			c := o.Chain
			t := r.table(c.Family, c.Table)
			n := &chain{table: t, name: c.Name, prio: c.Prio, hook: hookName(c.Hook), policy: accept, nat: c.Type == "nat"}
			if c.Policy == "drop" {
				n.policy = drop
			}
			t.add(n)
			chains[nftKey(c.Family, c.Table, c.Name)] = n
		case o.Set != nil:
			r.sets[nftKey(o.Set.Family, o.Set.Table, o.Set.Name)] = o.Set
		case o.Map != nil:
			r.sets[nftKey(o.Map.Family, o.Map.Table, o.Map.Name)] = o.Map
		}
	}
	texts := nftTexts(text)
	for _, o := range doc.Objects {
		if o.Rule == nil {
			continue
		}
		c := chains[nftKey(o.Rule.Family, o.Rule.Table, o.Rule.Chain)]
		if c == nil {
			return nil, fmt.Errorf("read nft rules: rule %d of the chain %q, which is not there", o.Rule.Handle, o.Rule.Chain)
		}
		rule := r.rule(c, o.Rule)
		rule.text = texts[nftKey(o.Rule.Family, o.Rule.Table, strconv.FormatUint(rule.handle, 10))]
		c.rules = append(c.rules, rule)
	}
	return r, nil
}

func (r *nftReader) table(family, name string) *table {
	for _, t := range r.tables {
		if t.family == family && t.name == name {
			return t
		}
	}
	t := &table{firewall: "nft", tool: "nft", family: family, name: name}
	r.tables = append(r.tables, t)
	return t
}

// hookName is the hook as a Packet has it.
func hookName(hook string) string {
	if hook == "ingress" || hook == "egress" {
		return hook
	}
	return strings.ToUpper(hook)
}

var (
	nftTableLine = regexp.MustCompile(`^table (\S+) (\S+) \{`)
	nftRuleLine  = regexp.MustCompile(`^\t\t(.*\S) # handle (\d+)$`)
)

// nftTexts finds the rules in nft's own syntax, by nftKey with the handle,
// which is unique in a table.
func nftTexts(text []byte) map[string]string {
	texts := make(map[string]string)
	family, table := "", ""
	for line := range strings.SplitSeq(string(text), "\n") {
		if m := nftTableLine.FindStringSubmatch(line); m != nil {
			family, table = m[1], m[2]
		} else if m := nftRuleLine.FindStringSubmatch(line); m != nil {
			texts[nftKey(family, table, m[2])] = m[1]
		}
	}
	return texts
}

// rule reads the statements of a rule, in their order.
func (r *nftReader) rule(c *chain, n *nftRule) *rule {
	out := &rule{number: len(c.rules) + 1, handle: n.Handle, arms: []arm{{action: pass}}}
	for _, raw := range n.Expr {
		name, body := statement(raw)
		if name == "counter" {
			var counter struct {
				Packets uint64 `json:"packets"`
			}
			// A named counter is a string: it is shared.
			if json.Unmarshal(body, &counter) == nil {
				out.packets, out.counted, out.counts = counter.Packets, true, true
			}
			continue
		}
		before := len(out.conds)
		r.statement(out, c.table, name, body)
		if len(out.conds) > before || len(out.arms) > 1 {
			out.counts = false
		}
	}
	return out
}

// statement splits {"name": body}. The name is "" if it is something else.
func statement(raw json.RawMessage) (string, json.RawMessage) {
	var s map[string]json.RawMessage
	if json.Unmarshal(raw, &s) != nil || len(s) != 1 {
		return "", nil
	}
	for name, body := range s {
		return name, body
	}
	return "", nil
}

func (r *nftReader) statement(out *rule, t *table, name string, body json.RawMessage) {
	switch name {
	case "match":
		out.conds = append(out.conds, r.match(t, body)...)
	case "vmap":
		conds, arms := r.verdictMap(t, body)
		out.conds = append(out.conds, conds...)
		out.arms = arms
	case "xt":
		r.xt[t] = true
		r.extension(out, body)
	case "log", "mangle", "notrack", "dup", "flow", "last", "ct helper", "ct timeout", "ct expectation", "secmark":
	default:
		if a, ok := verdict(name, body); ok {
			out.arms = []arm{a}
			return
		}
		// limit, quota, ct count, set and what newer versions have.
		out.conds = append(out.conds, unknown())
	}
}

// extension reads a match or a target of iptables, of which nft knows no more
// than the name.
func (r *nftReader) extension(out *rule, body json.RawMessage) {
	var xt struct{ Type, Name string }
	if json.Unmarshal(body, &xt) != nil || xt.Type == "" {
		// Built without iptables' library, nft does not even tell a match
		// from a target. A verdict behind it takes the place of this one.
		out.conds = append(out.conds, unknown())
		out.arms = []arm{{action: opaque}}
		return
	}
	if xt.Type == "target" {
		out.arms = []arm{{action: targetAction(xt.Name)}}
	} else if xt.Name != "comment" {
		out.conds = append(out.conds, unknown())
	}
}

// verdict reads a statement that decides.
func verdict(name string, body json.RawMessage) (arm, bool) {
	var to struct{ Target string }
	switch name {
	case "drop", "reject", "synproxy":
		return arm{action: drop}, true
	case "accept", "snat", "dnat", "masquerade", "redirect", "fwd":
		return arm{action: accept}, true
	case "queue":
		return arm{action: queue}, true
	case "return":
		return arm{action: leave}, true
	case "continue":
		return arm{action: pass}, true
	case "tproxy":
		return arm{action: opaque}, true
	case "jump", "goto":
		a := arm{action: jump}
		if name == "goto" {
			a.action = jumpFor
		}
		if json.Unmarshal(body, &to) != nil {
			return arm{action: opaque}, true
		}
		a.target = to.Target
		return a, true
	}
	return arm{}, false
}
