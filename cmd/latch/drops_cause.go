package main

import (
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
)

// causes remembers the causes of drops: to find one takes longer than all else
// that is done with a drop of a flow that is known.
type causes map[causeKey]*knownCause

// A causeKey is what a cause depends on, besides the packet.
type causeKey struct {
	reason, location string
	flow             drop.Flow
	owned            bool
}

type knownCause struct {
	drop.Cause
	ns kernel.NetNS // that its commands are for
}

// maxCauses bounds those that are remembered.
const maxCauses = 1 << 17

// of returns d's cause. A packet may tell more than was known.
func (c causes) of(d *drop.Drop, ns kernel.NetNS) drop.Cause {
	key := causeKey{d.Reason, d.Location, d.Flow, d.Owner != nil}
	if known := c[key]; known != nil && d.Packet == nil && known.ns == ns {
		return known.Cause
	}
	if len(c) >= maxCauses {
		clear(c)
	}
	cause := drop.Classify(d, ns)
	c[key] = &knownCause{cause, ns}
	return cause
}
