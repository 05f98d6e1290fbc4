package netfail

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/latchprof/latch/kernel"
)

// A Counter is one of the kernel's counters of losses and failures.
type Counter struct {
	// Source is where it stands: a group of /proc/net/snmp, netstat, snmp6 or
	// xfrm_stat, such as "TcpExt", or "interface", "qdisc" or "softnet". Name
	// is what it is called there.
	Source, Name string
	// Interface is the device it belongs to, "" where it is the namespace's.
	Interface string
	// Qdisc is the queueing discipline's kind and handle, such as "tbf 1:",
	// "" where it is none's. One that holds others counts their drops too.
	Qdisc string
}

// A Snapshot is what the counters of a namespace were at one time.
type Snapshot struct{ counters counters }

// Counters reads the namespace's counters.
func Counters(ns kernel.NetNS) (*Snapshot, error) {
	c := make(counters)
	err := ns.Do(func() error { return errors.Join(c.addFiles(), c.addQdiscs()) })
	if err != nil {
		return nil, fmt.Errorf("read network counters of namespace %s: %w", ns, err)
	}
	return &Snapshot{c}, nil
}

// addFiles reads the files of the namespace that the thread is in.
func (c counters) addFiles() error {
	for _, file := range []struct {
		name string
		add  func(string)
	}{
		{"snmp", c.addTable}, {"netstat", c.addTable}, {"snmp6", c.addList}, {"xfrm_stat", c.addList},
		{"softnet_stat", c.addSoftnet}, {"dev", c.addDev},
	} {
		text, err := os.ReadFile("/proc/thread-self/net/" + file.name)
		if errors.Is(err, os.ErrNotExist) {
			continue // a kernel without IPv6, or without IPsec's counters
		}
		if err != nil {
			return err
		}
		file.add(string(text))
	}
	return nil
}

// Value returns a counter's value, 0 for one that the namespace does not have.
func (s *Snapshot) Value(c Counter) uint64 { return s.counters[c] }

// A Change is how far a counter went.
type Change struct {
	Counter
	Delta uint64
	// Words is what was counted, in plain English: "packets without a route
	// to where they were sent".
	Words string
	// Machine says that the counter is the whole machine's, not the
	// namespace's.
	Machine bool
}

// Delta returns the counters that moved between two snapshots of one
// namespace, by source, interface and name. One that is lower than before
// belongs to a device or queue that was made anew, and counts from 0.
func Delta(before, after *Snapshot) []Change {
	var all []Change
	for c, n := range after.counters {
		delta := n - before.counters[c]
		if n < before.counters[c] {
			delta = n
		}
		if delta == 0 {
			continue
		}
		all = append(all, Change{Counter: c, Delta: delta, Words: counterWords[c.Source][c.Name], Machine: c.Source == "softnet"})
	}
	slices.SortFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Interface, b.Interface),
			cmp.Compare(a.Qdisc, b.Qdisc), cmp.Compare(a.Name, b.Name))
	})
	return all
}
