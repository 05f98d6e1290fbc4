package main

import (
	"errors"
	"fmt"
	"net/netip"
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
	spaces []kernel.NetNS // whose counters are read
	// uncounted is how many more there are.
	uncounted int
	watcher   *netfail.Watcher
	before    map[uint32]*netfail.Snapshot
	routes    map[routeQuestion]bool

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
// Socket calls are watched where it is wanted.
func watchFailures(inside []kernel.NetNS, spaces *namespaces, calls bool) (_ *failures, err error) {
	f := &failures{spaces: inside, before: make(map[uint32]*netfail.Snapshot), routes: make(map[routeQuestion]bool), done: make(chan struct{}), listeners: make(map[uint64]uint64)}
	if len(inside) == 0 {
		f.spaces = spaces.all()
	}
	if n := len(f.spaces) - maxCounted; n > 0 {
		f.spaces, f.uncounted = f.spaces[:maxCounted], n
	}
	for _, ns := range f.spaces {
		if snapshot, err := netfail.Counters(ns); err == nil { // else it has just ended
			f.before[ns.Inode] = snapshot
		}
	}
	f.overflowing()
	if !calls {
		close(f.done)
		return f, nil
	}
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
	if f.watcher == nil {
		return nil
	}
	err := f.watcher.Stop()
	<-f.done
	return err
}

// watches says whether socket calls are watched.
func (f *failures) watches() bool { return f.watcher != nil }

// attached is how many probes watch for failures.
func (f *failures) attached() int {
	if f.watcher == nil {
		return 0
	}
	return 1
}

// lost is how many calls failed that take has not returned and will not.
func (f *failures) lost() (uint64, error) {
	if f.watcher == nil {
		return 0, nil
	}
	_, lost, err := f.watcher.Counts()
	return lost, err
}

func (f *failures) Close() error {
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Close()
}

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

// refusals are the classes of what a socket call says, and what a route says
// by it.
var refusals = map[unix.Errno]struct{ class, ofRoute string }{
	unix.ENETUNREACH: {"no-route", "no-route"}, unix.EHOSTUNREACH: {"no-neighbour", "blackhole"}, unix.EMSGSIZE: {"too-big", ""},
	unix.EPERM: {"firewall", ""}, unix.ENOBUFS: {"queue-full", ""}, unix.EINVAL: {"other", "blackhole"}, unix.EACCES: {"other", "blackhole"},
	unix.ENETDOWN: {"link-down", ""}, unix.EHOSTDOWN: {"no-neighbour", ""}, unix.ENODEV: {"link-down", ""},
}

// A routeQuestion is whether a route says an error of a destination.
type routeQuestion struct {
	netns uint32
	err   unix.Errno
	dst   netip.Addr
}

// maxQuestions bounds the answers that are kept.
const maxQuestions = 4096

// classOf says what a failure comes from, asking once for each destination.
func (f *failures) classOf(failure *netfail.Failure, spaces *namespaces) string {
	classes, ok := refusals[failure.Err]
	if !ok {
		return "other"
	}
	if classes.ofRoute == "" || !failure.Dst.IsValid() {
		return classes.class
	}
	q := routeQuestion{failure.NetNS, failure.Err, failure.Dst.Addr()}
	ofRoute, known := f.routes[q]
	if ns, ok := spaces.find(failure.NetNS); !known && ok {
		if len(f.routes) >= maxQuestions {
			clear(f.routes)
		}
		if answer, err := failure.OfRoute(ns); err == nil { // else it has ended
			ofRoute = answer
		}
		f.routes[q] = ofRoute
	}
	if ofRoute {
		return classes.ofRoute
	}
	return classes.class
}

// refused puts a call that failed into the form of a drop.
func (f *failures) refused(failure *netfail.Failure, spaces *namespaces) (drop.Drop, drop.Cause) {
	d := drop.Drop{
		Reason: unix.ErrnoName(failure.Err), Location: failure.Call, Count: 1, First: failure.Time, Last: failure.Time,
		Flow: drop.Flow{
			NetNS: failure.NetNS, EtherType: etherType(failure.Dst.Addr().Unmap().Is4()), Proto: failure.Proto,
			Src: failure.Src.Addr(), Dst: failure.Dst.Addr(), SrcPort: failure.Src.Port(), DstPort: failure.Dst.Port(),
		},
		Owner: &drop.Owner{Inode: failure.Inode, UID: failure.UID, CgroupID: failure.CgroupID, PID: failure.PID, TID: failure.TID, Comm: failure.Comm, Port: failure.Src.Port()},
	}
	if d.Flow.Src.IsUnspecified() { // not bound yet
		d.Flow.Src = netip.Addr{}
	}
	return d, drop.Cause{Class: f.classOf(failure, spaces), Words: failure.Words(), Where: "before leaving"}
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
	lines = slices.Compact(lines)
	if f.uncounted > 0 {
		lines = append(lines, fmt.Sprintf("counters and listeners of %d more namespaces were not looked at (--netns asks for one)", f.uncounted))
	}
	return lines
}
