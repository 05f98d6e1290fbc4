package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
)

// What a flood of many flows leaves behind does not stay.
func TestIdleGroupsAreForgotten(t *testing.T) {
	now := time.Now()
	idle, recent := &group{next: now.Add(-time.Hour)}, &group{next: now}
	waiting := &group{next: now.Add(time.Hour), waiting: &drop.Drop{Count: 1}}
	w := &dropWatch{
		groups: map[groupKey]*group{{goid: 1}: idle, {goid: 2}: recent, {goid: 3}: waiting},
		sent:   map[sending]*group{{inode: 1}: idle, {inode: 2}: recent, {inode: 3}: waiting},
	}
	w.forget()
	for id := range uint64(4) {
		want := id == 2 || id == 3
		if got := w.groups[groupKey{goid: id}] != nil; got != want {
			t.Errorf("group %d is kept: %v", id, got)
		}
		if got := w.sent[sending{inode: id}] != nil; got != want {
			t.Errorf("group %d is kept for its socket: %v", id, got)
		}
	}
}

func TestCausesAreRemembered(t *testing.T) {
	host := netip.MustParseAddr("192.0.2.1")
	d := drop.Drop{Reason: "NEIGH_FAILED", Location: "neigh_invalidate", Flow: drop.Flow{EtherType: 0x0800, Proto: 17, Src: host, Dst: host}}
	c := make(causes)
	for range 2 {
		if got := c.of(&d, kernel.NetNS{}); got != drop.Classify(&d, kernel.NetNS{}) || len(c) != 1 {
			t.Errorf("cause %+v, %d remembered", got, len(c))
		}
	}
	shop := kernel.NetNS{Inode: 7, Name: "shop"} // is named later
	if got := c.of(&d, shop); got != drop.Classify(&d, shop) || got.Check == c.of(&d, kernel.NetNS{}).Check {
		t.Errorf("in a namespace: %+v", got)
	}
	full := drop.Drop{Reason: "QDISC_DROP", Location: "__dev_queue_xmit", Flow: d.Flow}
	unknown := c.of(&full, kernel.NetNS{})
	full.Packet = &drop.Packet{QdiscID: "tbf", QdiscLimit: 3}
	known := c.of(&full, kernel.NetNS{})
	full.Packet = nil
	if again := c.of(&full, kernel.NetNS{}); known == unknown || again != known {
		t.Errorf("%+v, by a packet %+v, then %+v", unknown, known, again)
	}
}
