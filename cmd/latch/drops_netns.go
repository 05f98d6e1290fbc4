package main

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/latchprof/latch/kernel"
)

// namespaces are those of this machine, by inode number.
type namespaces struct {
	known map[uint32]kernel.NetNS
	past  map[uint32]kernel.NetNS // that were known: their last drops are told behind them
	read  time.Time
	asked map[uint32]bool // since
	// inside are the containers in those that have no name.
	inside map[uint32]string
	self   uint32
}

// maxPast bounds the namespaces that are remembered.
const maxPast = 4096

func newNamespaces() (*namespaces, error) {
	self, err := kernel.NetNSOf("/proc/self/ns/net")
	if err != nil {
		return nil, err
	}
	n := &namespaces{self: self.Inode}
	return n, n.refresh()
}

func (n *namespaces) refresh() error {
	all, err := kernel.NetNamespaces()
	if err != nil {
		return err
	}
	if time.Since(n.read) > settle {
		n.asked = make(map[uint32]bool)
	}
	if len(n.past) > maxPast || n.past == nil {
		n.past = make(map[uint32]kernel.NetNS)
	}
	maps.Copy(n.past, n.known)
	n.known, n.read, n.inside = make(map[uint32]kernel.NetNS), time.Now(), make(map[uint32]string)
	for _, ns := range all {
		n.known[ns.Inode] = ns
	}
	if _, ok := n.known[n.self]; !ok {
		return errors.New("find our own network namespace: it is not in /proc")
	}
	return nil
}

// all lists the namespaces: our own, then those with a name, then the others.
func (n *namespaces) all() []kernel.NetNS {
	out := slices.Collect(maps.Values(n.known))
	rank := func(ns kernel.NetNS) int {
		switch {
		case ns.Inode == n.self:
			return 0
		case ns.Name != "":
			return 1
		}
		return 2
	}
	slices.SortFunc(out, func(a, b kernel.NetNS) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Inode, b.Inode))
	})
	return out
}

// find returns the namespace with an inode number; it is not ok where none
// has it any more. Numbers are given again soon, and names come a moment after
// the namespace.
func (n *namespaces) find(inode uint32) (kernel.NetNS, bool) {
	ns, ok := n.known[inode]
	if inode == n.self {
		return ns, ok
	}
	if time.Since(n.read) > settle || !ok && !n.asked[inode] {
		if n.refresh() == nil {
			ns, ok = n.known[inode]
		}
		n.asked[inode] = true
	}
	return ns, ok
}

// name is what a namespace is called: by ip netns, or "" for our own, or by the
// container in it, or by its number.
func (n *namespaces) name(inode uint32) string {
	ns, ok := n.find(inode)
	if !ok {
		ns, ok = n.past[inode]
	}
	switch {
	case inode == 0:
		return ""
	case ok && ns.Name != "":
		return ns.Name
	case inode == n.self:
		return ""
	}
	container, known := n.inside[inode]
	if !known {
		container = ns.Container()
		n.inside[inode] = container
	}
	if container != "" {
		return container
	}
	return kernel.NetNS{Inode: inode}.String()
}
