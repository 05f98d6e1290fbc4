package firewall

import (
	"encoding/json"
	"net/netip"
	"strings"
)

// values collects the right side of a match in a condition.
type values struct {
	cond
	words  map[string]uint64
	reader *nftReader
	table  *table
}

// add reads a value, a prefix, a range, an anonymous or a named set. What it
// cannot read makes the condition vague.
func (c *values) add(raw json.RawMessage) {
	var s string
	var n uint64
	var list []json.RawMessage
	switch {
	case json.Unmarshal(raw, &n) == nil:
		c.nums = append(c.nums, [2]uint64{n, n})
		return
	case json.Unmarshal(raw, &s) == nil:
		if set, ok := strings.CutPrefix(s, "@"); ok {
			c.addSet(set)
		} else {
			c.addWord(s)
		}
		return
	case json.Unmarshal(raw, &list) == nil:
		c.addFlags(raw)
		return
	}
	name, body := statement(raw)
	switch name {
	case "set":
		if json.Unmarshal(body, &list) != nil {
			list = []json.RawMessage{body} // a set of one
		}
		for _, elem := range list {
			c.add(elem)
		}
	case "elem":
		var elem struct{ Val json.RawMessage }
		if json.Unmarshal(body, &elem) != nil || len(elem.Val) == 0 {
			c.vague = true
			return
		}
		c.add(elem.Val)
	case "prefix":
		c.addPrefix(body)
	case "range":
		c.addRange(body)
	case "|":
		c.addFlags(body)
	default:
		c.vague = true
	}
}

// addSet adds the elements of a named set.
func (c *values) addSet(name string) {
	set := c.reader.sets[nftKey(c.table.family, c.table.name, name)]
	if set == nil || set.changing() {
		c.vague = true
		return
	}
	for _, elem := range set.Elem {
		var nested string
		if json.Unmarshal(elem, &nested) == nil && strings.HasPrefix(nested, "@") {
			c.vague = true
			continue
		}
		c.add(elem)
	}
}

// addWord adds a name or an address.
func (c *values) addWord(s string) {
	switch c.field {
	case fieldSrc, fieldDst:
		if a, err := netip.ParseAddr(s); err == nil {
			c.addrs = append(c.addrs, [2]netip.Addr{a, a})
			return
		}
	case fieldIfIn, fieldIfOut:
		c.names = append(c.names, s)
		return
	default:
		if n, ok := c.words[s]; ok {
			c.nums = append(c.nums, [2]uint64{n, n})
			return
		}
	}
	c.vague = true
}

// addFlags adds several flags as one number.
func (c *values) addFlags(raw json.RawMessage) {
	bits, ok := flags(raw)
	if c.field != fieldTCPFlags || !ok {
		c.vague = true
		return
	}
	c.nums = append(c.nums, [2]uint64{bits, bits})
}

func (c *values) addPrefix(body json.RawMessage) {
	var p struct {
		Addr string
		Len  int
	}
	if json.Unmarshal(body, &p) == nil {
		if a, err := netip.ParseAddr(p.Addr); err == nil {
			if prefix, err := a.Prefix(p.Len); err == nil {
				c.addrs = append(c.addrs, prefixRange(prefix))
				return
			}
		}
	}
	c.vague = true
}

func (c *values) addRange(body json.RawMessage) {
	var nums []uint64
	if json.Unmarshal(body, &nums) == nil && len(nums) == 2 {
		c.nums = append(c.nums, [2]uint64{nums[0], nums[1]})
		return
	}
	var addrs []netip.Addr
	if json.Unmarshal(body, &addrs) == nil && len(addrs) == 2 && (c.field == fieldSrc || c.field == fieldDst) {
		c.addrs = append(c.addrs, [2]netip.Addr(addrs))
		return
	}
	c.vague = true
}

// flags reads "syn", ["fin","syn"], {"|": [...]} or a number.
func flags(raw json.RawMessage) (bits uint64, ok bool) {
	var n uint64
	if json.Unmarshal(raw, &n) == nil {
		return n, true
	}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		n, ok := tcpFlags[name]
		return n, ok
	}
	if op, body := statement(raw); op == "|" {
		raw = body
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return 0, false
	}
	for _, part := range list {
		n, ok := flags(part)
		if !ok {
			return 0, false
		}
		bits |= n
	}
	return bits, true
}
