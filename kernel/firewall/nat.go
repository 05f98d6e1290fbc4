package firewall

import (
	"math"
	"net/netip"
)

// An untranslated is a packet as chains below a priority may have met it: what
// NAT writes there is not known.
type untranslated struct {
	prio   int
	packet Packet
}

// beforeNAT says what chains met before the hook's translation, if there are
// rules for any. The kernel translates at all four hooks once there is one
// chain of that type, replies too (nf_nat_register_fn).
func (rs *ruleset) beforeNAT(p *Packet) untranslated {
	u := untranslated{math.MinInt, *p}
	u.packet.Hook = p.hook()
	if !rs.translates(family(p)) {
		return u
	}
	switch u.packet.Hook {
	case "PREROUTING", "OUTPUT":
		u.prio = dstNAT
		u.packet.Dst, u.packet.DstPort = netip.Addr{}, 0
	case "INPUT", "POSTROUTING":
		u.prio = srcNAT
		u.packet.Src, u.packet.SrcPort = netip.Addr{}, 0
	}
	return u
}

// translates says whether there are rules of NAT for a family.
func (rs *ruleset) translates(family int) bool {
	for _, t := range rs.tables {
		if t.family == "ip" && family == 6 || t.family == "ip6" && family == 4 {
			continue
		}
		for _, c := range t.chains {
			if c.nat && len(c.rules) > 0 {
				return true
			}
		}
	}
	return false
}
