package firewall

// A candidate is a place where the packet may have been dropped.
type candidate struct {
	place
	path []string // of chain names, from the base chain to the place's
	sure truth    // yes where all conditions on the way are known to hold
}

// maxDepth bounds jumps; nft allows 16 (NFT_JUMP_STACK_SIZE) and iptables no
// cycle at all.
const maxDepth = 64

// maxVisits bounds the chains walked for one packet, since a chain may be
// jumped to from many rules.
const maxVisits = 10000

// A walk takes a packet through the chains and collects where it may end.
type walk struct {
	packet *Packet
	// ends is what is taken for a drop: drop, or queue.
	ends   action
	found  []candidate
	visits int
}

// An outcome says of a packet that is in a chain whether it comes out at its
// end, and whether it is accepted in it.
type outcome struct{ end, accepted truth }

// base takes the packet, which is there with certainty sure, through a base
// chain, and says whether it goes on to the next one.
func (w *walk) base(c *chain, sure truth) truth {
	out := w.chain(c, sure, nil)
	switch {
	case c.policy == w.ends && out.end != no:
		w.found = append(w.found, candidate{place{chain: c}, []string{c.name}, min(sure, out.end)})
		return min(sure, out.accepted)
	case c.policy == drop:
		return min(sure, out.accepted)
	}
	return min(sure, max(out.accepted, out.end))
}

// chain takes the packet through a chain in which it is with certainty sure.
func (w *walk) chain(c *chain, sure truth, path []string) outcome {
	w.visits++
	if len(path) > maxDepth || w.visits > maxVisits {
		return outcome{maybe, maybe}
	}
	path = append(path[:len(path):len(path)], c.name)
	here, out := yes, outcome{no, no}
	for _, r := range c.rules {
		met := all(r.conds, w.packet)
		if met == no {
			continue
		}
		for _, a := range r.arms {
			taken := min(met, all(a.conds, w.packet))
			if taken == no {
				continue
			}
			did := w.take(place{c, r}, a, min(sure, here, taken), path)
			out.accepted = max(out.accepted, min(here, taken, did.accepted))
			out.end = max(out.end, min(here, taken, did.end))
			if did.stays != yes {
				here = min(here, max(did.stays, taken.not()))
			}
			if taken == yes {
				break
			}
		}
		if here == no {
			return out
		}
	}
	out.end = max(out.end, here)
	return out
}

// A step says of a packet that takes an arm whether it is in the chain
// afterwards, leaves it as by its end, or is accepted.
type step struct {
	stays truth
	outcome
}

// take does what the arm says to a packet that takes it with certainty sure.
func (w *walk) take(at place, a arm, sure truth, path []string) step {
	switch a.action {
	case w.ends:
		w.found = append(w.found, candidate{at, path, sure})
		return step{}
	case drop:
		return step{}
	case opaque:
		w.found = append(w.found, candidate{at, path, maybe})
		return step{stays: maybe, outcome: outcome{accepted: maybe}}
	case accept, queue:
		return step{outcome: outcome{accepted: yes}}
	case leave:
		return step{outcome: outcome{end: yes}}
	case jump, jumpFor:
		target := at.chain.table.chain(a.target)
		if target == nil {
			return step{maybe, outcome{maybe, maybe}}
		}
		out := w.chain(target, sure, path)
		if a.action == jumpFor {
			return step{outcome: out}
		}
		return step{stays: out.end, outcome: outcome{accepted: out.accepted}}
	}
	return step{stays: yes}
}

// all says whether all conditions hold.
func all(conds []cond, p *Packet) truth {
	t := yes
	for _, c := range conds {
		if t = min(t, c.holds(p)); t == no {
			break
		}
	}
	return t
}
