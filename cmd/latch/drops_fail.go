package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/drop"
	"github.com/latchprof/latch/kernel/netfail"
)

// failures are what goes wrong in the network without a packet being dropped.
type failures struct {
	spaces  []kernel.NetNS // whose counters are read
	watcher *netfail.Watcher
	before  map[uint32]*netfail.Snapshot

	mu      sync.Mutex
	waiting []*netfail.Failure
	broken  error
	done    chan struct{}

	listeners map[uint64]uint64 // what each has lost, by inode
	looked    time.Time
}

// maxCounted bounds the namespaces whose counters are read.
const maxCounted = 64

// lookEvery is how often it is asked which listeners are full.
const lookEvery = 2 * time.Second

// watchFailures begins with the namespaces given, or with all that there are.
func watchFailures(inside []kernel.NetNS, spaces *namespaces) (_ *failures, err error) {
	f := &failures{spaces: inside, before: make(map[uint32]*netfail.Snapshot), done: make(chan struct{}), listeners: make(map[uint64]uint64)}
	if len(inside) == 0 {
		for _, ns := range spaces.known {
			f.spaces = append(f.spaces, ns)
		}
	}
	f.spaces = f.spaces[:min(len(f.spaces), maxCounted)]
	for _, ns := range f.spaces {
		if snapshot, err := netfail.Counters(ns); err == nil { // else it has just ended
			f.before[ns.Inode] = snapshot
		}
	}
	f.overflowing()
	if f.watcher, err = netfail.Watch(&netfail.Options{NetNS: inside}); err != nil {
		return nil, err
	}
	go f.read()
	return f, nil
}

func (f *failures) read() {
	defer close(f.done)
	for {
		failure, err := f.watcher.Next()
		f.mu.Lock()
		if err == nil {
			f.waiting = append(f.waiting, failure)
		} else if !errors.Is(err, os.ErrClosed) {
			f.broken = err
		}
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take returns the failures since the last time.
func (f *failures) take() ([]*netfail.Failure, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.waiting
	f.waiting = nil
	return out, f.broken
}

// stop ends the watching; take still returns the last ones.
func (f *failures) stop() error {
	err := f.watcher.Stop()
	<-f.done
	return err
}

func (f *failures) Close() error { return f.watcher.Close() }

// overflowing returns a drop for each listener that lost connections since the
// last time: the kernel frees those packets as if they had been used.
func (f *failures) overflowing() []drop.Drop {
	f.looked = time.Now()
	var out []drop.Drop
	for _, ns := range f.spaces {
		full, err := netfail.FullListeners(ns)
		if err != nil {
			continue // it has ended
		}
		for _, l := range full {
			lost := l.Drops - min(l.Drops, f.listeners[l.Inode])
			f.listeners[l.Inode] = l.Drops
			if lost == 0 {
				continue
			}
			d := drop.Drop{Count: lost, First: f.looked, Last: f.looked, Flow: drop.Flow{
				NetNS: ns.Inode, EtherType: etherType(l.Addr.Addr().Is4()), Proto: unix.IPPROTO_TCP, Dst: l.Addr.Addr(), DstPort: l.Addr.Port(),
			}, Owner: &drop.Owner{Inode: l.Inode, UID: l.UID, State: "LISTEN", Port: l.Addr.Port(), Receiving: true}}
			if len(l.Owners) > 0 {
				d.Owner.PID, d.Owner.TID, d.Owner.Comm = l.Owners[0].PID, l.Owners[0].PID, l.Owners[0].Comm
			}
			out = append(out, d)
		}
	}
	return out
}

// overflow is the cause of what overflowing returns.
var overflow = drop.Cause{Class: "receiver-full", Words: "accept queue full: the program does not accept fast enough", Where: "at the receiver"}

func etherType(v4 bool) uint16 {
	if v4 {
		return unix.ETH_P_IP
	}
	return unix.ETH_P_IPV6
}

// refusals are the classes of what a socket call says.
var refusals = map[unix.Errno]string{
	unix.ENETUNREACH: "no-route", unix.EHOSTUNREACH: "no-neighbour", unix.EMSGSIZE: "too-big", unix.EPERM: "firewall",
	unix.ENOBUFS: "queue-full", unix.EINVAL: "blackhole", unix.EACCES: "blackhole",
}

// refused puts a call that failed into the form of a drop.
func refused(f *netfail.Failure) (drop.Drop, drop.Cause) {
	d := drop.Drop{
		Reason: unix.ErrnoName(f.Err), Location: f.Call, Count: 1, First: f.Time, Last: f.Time,
		Flow: drop.Flow{
			NetNS: f.NetNS, EtherType: etherType(f.Dst.Addr().Unmap().Is4()), Proto: f.Proto,
			Src: f.Src.Addr(), Dst: f.Dst.Addr(), SrcPort: f.Src.Port(), DstPort: f.Dst.Port(),
		},
		Owner: &drop.Owner{Inode: f.Inode, UID: f.UID, CgroupID: f.CgroupID, PID: f.PID, TID: f.TID, Comm: f.Comm, Port: f.Src.Port()},
	}
	if d.Flow.Src.IsUnspecified() {
		d.Flow.Src = d.Flow.Src.Unmap()
	}
	class := refusals[f.Err]
	if class == "" {
		class = "other"
	}
	return d, drop.Cause{Class: class, Words: f.Words(), Where: "before leaving"}
}

// moved says which counters of loss rose, a line each.
func (f *failures) moved(spaces *namespaces) []string {
	var lines []string
	for _, ns := range f.spaces {
		before := f.before[ns.Inode]
		if before == nil {
			continue
		}
		after, err := netfail.Counters(ns)
		if err != nil {
			continue // it has ended
		}
		for _, c := range netfail.Delta(before, after) {
			where := ""
			if name := spaces.name(ns.Inode); name != "" && !c.Machine {
				where = "netns " + name + ": "
			}
			of := c.Source
			for _, part := range []string{c.Interface, c.Qdisc} {
				if part != "" {
					of += " " + part
				}
			}
			lines = append(lines, fmt.Sprintf("%s%s %s +%d: %s", where, of, c.Name, c.Delta, c.Words))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}
