package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/kernel/firewall"
	"github.com/latchprof/latch/kernel/netfail"
	"github.com/latchprof/latch/report"
)

// A groupKey is what drops have in common that are told in one line.
type groupKey struct {
	reason, location, caller string
	flow                     drop.Flow
	merged                   bool
	call                     int64 // when the call in flight began, 0 without one
	goid                     uint64
	refused                  string // the system call that failed, if none was dropped
}

// A group is drops of one kind: those not told yet, and when to tell them.
type group struct {
	waiting *drop.Drop
	cause   drop.Cause
	refused string
	told    string // what the program was told
	packets []*drop.Packet
	pause   time.Duration
	next    time.Time
	sends   bool // a system call may have failed by it
	gone    bool // it is forgotten
}

// How often a line about the same kind of drop comes at least and at most, and
// how many packets wait for it.
const (
	minPause   = time.Second
	maxPause   = 16 * time.Second
	maxPackets = 500
)

// answerTime is how long a line waits for what the program was told, which is
// known a tenth of a second later (netfail.Watcher.Next).
const answerTime = 150 * time.Millisecond

// keep adds a drop to its group, if it is wanted.
func (w *dropWatch) keep(d *drop.Drop, cause drop.Cause, refused string) {
	if cause.Quiet && !w.options.all {
		w.sum.hide(&cause, d.Count)
		return
	}
	if pids := w.options.target.pids; len(pids) > 0 && d.Call == nil && (d.Owner == nil || !slices.Contains(pids, d.Owner.PID)) {
		return // a call in flight is one of these processes'
	}
	if len(w.options.causes) > 0 && !slices.Contains(w.options.causes, cause.Class) {
		return
	}
	key := groupKey{reason: d.Reason, location: d.Location, caller: caller(d.Stack), flow: d.Flow, merged: d.Merged, refused: refused}
	if d.Call != nil {
		key.call, key.goid = d.Call.Began.UnixNano(), d.Call.Goid
	}
	g := w.groups[key]
	if g == nil {
		g = &group{refused: refused}
		w.groups[key] = g
	}
	g.cause = cause
	if refused == "" && cause.Class == "firewall" {
		w.rules.count(d)
	}
	if d.Packet != nil {
		if w.pcap != nil {
			g.packets = append(g.packets, d.Packet)
		}
		if d.Owner != nil && d.Owner.Inode != 0 && !d.Packet.Softirq {
			w.sent[sending{d.Owner.Inode, netip.AddrPortFrom(d.Flow.Dst, d.Flow.DstPort)}] = g
			w.sent[sending{inode: d.Owner.Inode}] = g
			g.sends = true
		}
	}
	g.add(d)
}

func (g *group) add(d *drop.Drop) {
	if g.waiting == nil {
		kept := *d // not the whole of what was read with it
		g.waiting = &kept
		return
	}
	g.waiting.Count += d.Count
	if d.First.Before(g.waiting.First) {
		g.waiting.First = d.First
	}
	if d.Last.After(g.waiting.Last) {
		g.waiting.Last = d.Last
	}
	g.waiting.Times = append(g.waiting.Times, d.Times...)
	g.waiting.Packet = cmp.Or(g.waiting.Packet, d.Packet)
	g.waiting.Owner = cmp.Or(g.waiting.Owner, d.Owner)
}

// A sending is what a socket sends, where to.
type sending struct {
	inode uint64
	dst   netip.AddrPort
}

// forget drops what is known of groups that nothing was added to for long, so
// that a watch of days does not grow.
func (w *dropWatch) forget() {
	now := time.Now()
	if now.Sub(w.swept) < maxPause {
		return
	}
	w.swept = now
	maps.DeleteFunc(w.groups, func(_ groupKey, g *group) bool {
		g.gone = g.waiting == nil && now.After(g.next.Add(maxPause))
		return g.gone
	})
	maps.DeleteFunc(w.sent, func(_ sending, g *group) bool { return g.gone })
}

// pair says whether a socket call failed because its packet was dropped: then
// the two are one event, and its line says what the program saw.
func (w *dropWatch) pair(f *netfail.Failure) bool {
	g := cmp.Or(w.sent[sending{f.Inode, f.Dst}], w.sent[sending{inode: f.Inode}]) // NAT may have changed where to
	if g == nil || f.Inode == 0 || !byDrop(f) {
		return false
	}
	g.told = fmt.Sprintf("%s() failed with %s", f.Call, unix.ErrnoName(f.Err))
	return true
}

// byDrop says whether calls fail so where their packet is dropped.
func byDrop(f *netfail.Failure) bool { return f.Err == unix.EPERM || f.Err == unix.ENOBUFS }

// tell writes the lines that are due, or all of them, in the order of time.
func (w *dropWatch) tell(all bool) error {
	var due []*group
	now := time.Now()
	for _, g := range w.groups {
		if g.waiting == nil {
			continue
		}
		early := now.Before(g.next) && len(g.packets) < maxPackets || g.sends && w.failures.watches() && now.Sub(g.waiting.First) < answerTime
		if !all && (early || g.isFirewall() && !w.rules.ready(g.waiting)) {
			continue
		}
		due = append(due, g)
	}
	slices.SortFunc(due, func(a, b *group) int { return a.waiting.First.Compare(b.waiting.First) })
	for _, g := range due {
		if err := w.tellGroup(g, now, all); err != nil {
			return err
		}
	}
	for _, line := range w.folder.due(now, all) {
		if err := w.out.Write(line); err != nil {
			return err
		}
	}
	if err := w.buffer.Flush(); err != nil {
		return fmt.Errorf("write drops: %w", err)
	}
	return nil
}

// isFirewall says that a rule did it, which can be named.
func (g *group) isFirewall() bool { return g.cause.Class == "firewall" && g.refused == "" }

func (w *dropWatch) tellGroup(g *group, now time.Time, last bool) error {
	var answer *firewall.Answer
	if g.isFirewall() {
		a, ok := w.rules.explain(g.waiting, last)
		if !ok {
			return nil // it is being traced
		}
		answer = &a
	}
	d := g.waiting
	line := w.line(d, g, answer)
	var err error
	if line.During, err = w.calls.during(d.Call, d.First); err != nil {
		return err
	}
	packets := g.packets
	g.waiting, g.packets, g.told = nil, nil, ""
	g.pause = min(max(2*g.pause, minPause), maxPause)
	g.next = now.Add(g.pause)
	if w.where != nil && !w.where.Match(func(name string) any { return value(d, line, name) }) {
		return nil
	}
	if d.Owner != nil {
		describeOwner(line, d.Owner)
	}
	w.sum.add(line)
	if w.pcap != nil {
		if err := w.pcap.add(line, packets); err != nil {
			return err
		}
	}
	if !w.options.json && w.folder.takes(line, now) {
		return nil
	}
	return w.out.Write(line)
}

// value is what --where reads of a drop: what its line says, and else what the
// kernel said.
func value(d *drop.Drop, line *report.Drop, name string) any {
	switch name {
	case "hook":
		return line.Hook
	case "cause":
		return line.Cause
	case "rule":
		return line.Rule
	case "netns":
		return line.NetNS
	case "function":
		if line.During == nil {
			return ""
		}
		return line.During.Func
	}
	return d.Value(name)
}
