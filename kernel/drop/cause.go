package drop

import (
	"strings"

	"github.com/latchprof/latch/kernel"
)

// A Cause says in words a person can act on why packets were dropped.
type Cause struct {
	// Class is the short name of what happened, such as "firewall" or
	// "no-listener": what --cause and --fail-on take.
	Class string
	// Words is one clause in plain English: "blocked by firewall".
	Words string
	// Where is "before leaving", "on arrival" (taken from a device, before
	// the routing decision), "in transit" or "at the receiver", or "" where
	// the stack does not say.
	Where string
	// Hook is the netfilter hook in capitals, such as OUTPUT or INGRESS, ""
	// if it was none.
	Hook string
	// Check is a command that shows what is behind it, Remedy one that would
	// mend it; neither is ever run. "" where none makes sense. Values of the
	// packet are quoted for a shell.
	Check, Remedy string
	// Quiet says that it is a routine free and no loss: it is counted and
	// hidden.
	Quiet bool
}

// The classes of causes.
const (
	firewall      = "firewall"
	noListener    = "no-listener"
	receiverFull  = "receiver-full"
	queueFull     = "queue-full"
	noNeighbour   = "no-neighbour"
	noRoute       = "no-route"
	blackhole     = "blackhole"
	forwardingOff = "forwarding-off"
	tooBig        = "too-big"
	ttl           = "ttl"
	malformed     = "malformed"
	checksum      = "checksum"
	spoofed       = "spoofed"
	notForUs      = "not-for-us"
	fragment      = "fragment"
	xdp           = "xdp"
	tc            = "tc"
	linkDown      = "link-down"
	ipsec         = "ipsec"
	ipv6Off       = "ipv6-off"
	noReader      = "no-reader"
	tcp           = "tcp"
	socketFilter  = "socket-filter"
	memory        = "memory"
	other         = "other"
)

// Classes returns the names of all classes, what is lost most plainly first.
func Classes() []string {
	return []string{
		firewall, noListener, receiverFull, queueFull, noNeighbour, noRoute, blackhole, forwardingOff, tooBig, ttl,
		malformed, checksum, spoofed, notForUs, fragment, xdp, tc, linkDown, ipsec, ipv6Off, noReader, tcp, socketFilter,
		memory, other,
	}
}

// Classify finds the cause of d in the table of what is known, by its reason,
// its location and its callers, of which the innermost that fits decides. ns is
// where the commands of the cause are to run: the zero value is the namespace
// of whoever reads them. A combination that is not known gets the class
// "other" and the kernel's own words.
func Classify(d *Drop, ns kernel.NetNS) Cause {
	s := newSite(d)
	c := Cause{Class: other, Where: s.where(d)}
	r, known := find(quiet(), d, s)
	c.Quiet = known
	if !known {
		r, known = find(loss(), d, s)
	}
	v := values(d, ns)
	if known {
		c.Class = r.class
		c.Words = fill(r.words, v.plain)
	} else {
		c.Words = ownWords(d.Reason, s)
	}
	if r.class == firewall || r.advice == adviseQueue {
		c.Hook = s.hook()
	}
	if c.Quiet {
		return c
	}
	a := advices[c.Class]
	if r.advice != "" {
		a = advices[r.advice]
	}
	if ns == (kernel.NetNS{}) || ns.Name != "" || ns.PID != 0 {
		c.Check, c.Remedy = fill(a.check, v.quoted), fill(a.remedy, v.quoted)
	}
	return c
}

// ownWords are the kernel's, in lower case.
func ownWords(reason string, s site) string {
	switch {
	case reason != "" && reason != "NOT_SPECIFIED":
		return strings.ToLower(strings.ReplaceAll(reason, "_", " "))
	case s.location() != "":
		return "dropped in " + s.location()
	}
	return "dropped without a reason"
}
