package firewall

import (
	"encoding/json"
	"math"
)

// A subject is what a match of nft looks at: a field, and what must be so for
// the packet to have it.
type subject struct {
	field field
	mask  uint64
	needs []cond
	words map[string]uint64 // names that nft prints for its values
}

// match reads {"op", "left", "right"}.
func (r *nftReader) match(t *table, body json.RawMessage) []cond {
	var m struct {
		Op          string `json:"op"`
		Left, Right json.RawMessage
	}
	if json.Unmarshal(body, &m) != nil {
		return []cond{unknown()}
	}
	if name, parts := statement(m.Left); name == "concat" {
		needs, c := r.concat(t, parts, m.Right)
		c.not = m.Op == "!="
		return append(needs, c)
	}
	s, ok := subjectOf(m.Left)
	if !ok {
		return []cond{unknown()}
	}
	v := values{cond: cond{field: s.field, mask: s.mask}, words: s.words, reader: r, table: t}
	v.add(m.Right)
	c := v.cond
	switch m.Op {
	case "==":
	case "!=":
		c.not = true
	case "in": // for flags: any of them
		if s.field == fieldTCPFlags && len(c.nums) == 1 && !c.vague {
			c.mask, c.nums, c.not = c.nums[0][0], [][2]uint64{{0, 0}}, true
		}
	case "<", "<=", ">", ">=":
		if len(c.nums) != 1 || c.vague {
			return append(s.needs, unknown())
		}
		n := c.nums[0][0]
		switch {
		case m.Op == "<" && n > 0:
			c.nums[0] = [2]uint64{0, n - 1}
		case m.Op == "<=":
			c.nums[0] = [2]uint64{0, n}
		case m.Op == ">" && n < math.MaxUint64:
			c.nums[0] = [2]uint64{n + 1, math.MaxUint64}
		case m.Op == ">=":
			c.nums[0] = [2]uint64{n, math.MaxUint64}
		default:
			c.nums = nil // none is less than the least
		}
	default:
		return append(s.needs, unknown())
	}
	return append(s.needs, c)
}

// verdictMap reads {"key", "data"}, each element being a pair of a value and a
// verdict.
func (r *nftReader) verdictMap(t *table, body json.RawMessage) ([]cond, []arm) {
	var m struct{ Key, Data json.RawMessage }
	if json.Unmarshal(body, &m) != nil {
		return []cond{unknown()}, []arm{{action: opaque}}
	}
	pairs, vague, ok := r.elements(t, m.Data)
	if !ok {
		return []cond{unknown()}, []arm{{action: opaque}}
	}
	var needs []cond
	subjects, known := subjectsOf(m.Key)
	for _, s := range subjects {
		needs = append(needs, s.needs...)
	}
	arms := []arm{}
	for _, raw := range pairs {
		var pair []json.RawMessage
		if json.Unmarshal(raw, &pair) != nil || len(pair) != 2 {
			arms = append(arms, arm{conds: []cond{unknown()}, action: opaque})
			continue
		}
		word, to := statement(pair[1])
		a, ok := verdict(word, to)
		if !ok {
			a = arm{action: opaque}
		}
		a.conds = []cond{unknown()}
		if known && !vague {
			a.conds = r.element(t, subjects, pair[0])
		}
		arms = append(arms, a)
	}
	return needs, arms
}

// subjectOf reads the left side of a match. It is not ok if a Packet does not
// have it.
func subjectOf(raw json.RawMessage) (subject, bool) {
	name, body := statement(raw)
	switch name {
	case "payload":
		var p struct{ Protocol, Field string }
		if json.Unmarshal(body, &p) != nil {
			return subject{}, false
		}
		return payload(p.Protocol, p.Field)
	case "meta":
		var m struct{ Key string }
		if json.Unmarshal(body, &m) != nil {
			return subject{}, false
		}
		switch m.Key {
		case "l4proto":
			return subject{field: fieldProto, words: protocols}, true
		case "nfproto", "protocol":
			return subject{field: fieldFamily, words: families}, true
		case "iif", "iifname":
			return subject{field: fieldIfIn}, true
		case "oif", "oifname":
			return subject{field: fieldIfOut}, true
		}
	case "&":
		var sides []json.RawMessage
		if json.Unmarshal(body, &sides) != nil || len(sides) != 2 {
			return subject{}, false
		}
		s, ok := subjectOf(sides[0])
		mask, known := flags(sides[1])
		s.mask = mask
		return s, ok && known && s.field == fieldTCPFlags && mask != 0
	}
	return subject{}, false
}

// payload knows the header fields that a Packet has.
func payload(proto, name string) (subject, bool) {
	switch proto + " " + name {
	case "ip saddr", "ip6 saddr":
		return subject{field: fieldSrc, needs: []cond{ipVersion(proto)}}, true
	case "ip daddr", "ip6 daddr":
		return subject{field: fieldDst, needs: []cond{ipVersion(proto)}}, true
	case "ip protocol", "ip6 nexthdr":
		return subject{field: fieldProto, needs: []cond{ipVersion(proto)}, words: protocols}, true
	case "icmp type":
		return subject{field: fieldICMPType, needs: []cond{isNumber(fieldProto, protoICMP)}, words: icmpTypes}, true
	case "icmpv6 type":
		return subject{field: fieldICMPType, needs: []cond{isNumber(fieldProto, protoICMPv6)}, words: icmpv6Types}, true
	case "icmp code":
		return subject{field: fieldICMPCode, needs: []cond{isNumber(fieldProto, protoICMP)}, words: icmpCodes}, true
	case "icmpv6 code":
		return subject{field: fieldICMPCode, needs: []cond{isNumber(fieldProto, protoICMPv6)}, words: icmpv6Codes}, true
	case "tcp flags":
		return subject{field: fieldTCPFlags, needs: []cond{isNumber(fieldProto, protoTCP)}, words: tcpFlags}, true
	case "th sport":
		return subject{field: fieldSrcPort}, true
	case "th dport":
		return subject{field: fieldDstPort}, true
	}
	n, ok := protocols[proto]
	if ok && hasPorts(uint8(n)) && (name == "sport" || name == "dport") {
		f := fieldSrcPort
		if name == "dport" {
			f = fieldDstPort
		}
		return subject{field: f, needs: []cond{isNumber(fieldProto, n)}}, true
	}
	return subject{}, false
}

func ipVersion(proto string) cond {
	if proto == "ip6" {
		return isNumber(fieldFamily, 6)
	}
	return isNumber(fieldFamily, 4)
}
