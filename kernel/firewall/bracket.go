package firewall

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/kernel"
)

// Brackets are eBPF programs between the base chains of netfilter hooks. They
// let every packet pass and note which of them it passed last, so that a drop
// can be placed between two. They show in no ruleset and are gone with the
// process. They need Linux 6.4 (BPF_LINK_TYPE_NETFILTER). Each costs every
// packet of its hook about 6 ns, by the difference to an empty program, and
// what the kernel takes to call one.
type Brackets struct {
	seen  *ebpf.Map
	at    []bracketed // by tag
	links []io.Closer
}

// A bracketed says where a bracket is.
type bracketed struct {
	netns uint32
	hook  string
	gap   Gap
}

// NewBrackets makes the map and places nothing yet.
func NewBrackets() (*Brackets, error) {
	spec, err := bpf.LoadBracket()
	if err != nil {
		return nil, fmt.Errorf("read the bracket program: %w", err)
	}
	seen, err := ebpf.NewMap(spec.Maps["brackets"])
	if err != nil {
		return nil, fmt.Errorf("make the map of brackets: %w", err)
	}
	return &Brackets{seen: seen}, nil
}

// Map is what bracket_find of bracket.bpf.h reads, in which the program that
// sees drops finds a packet's tag. It is closed with the brackets.
func (b *Brackets) Map() *ebpf.Map { return b.seen }

// hookNumbers are those of enum nf_inet_hooks, include/uapi/linux/netfilter.h.
var hookNumbers = map[string]uint32{"PREROUTING": 0, "INPUT": 1, "FORWARD": 2, "OUTPUT": 3, "POSTROUTING": 4}

// Add brackets the base chains that the watched namespace has at a hook, for
// IPv4 and for IPv6. With fewer than two priorities there is nothing to tell
// apart, and nothing is placed. Two that are one apart stay together.
func (b *Brackets) Add(w *Watch, hook string) error {
	number, ok := hookNumbers[hook]
	if !ok {
		return fmt.Errorf("bracket the hook %s: only those of IP can be", hook)
	}
	for pf, v := range map[uint32]int{unix.NFPROTO_IPV4: 4, unix.NFPROTO_IPV6: 6} {
		var prios []int
		for _, c := range w.now.at(hook, v) {
			if ip := c.table.family == "ip" || c.table.family == "ip6" || c.table.family == "inet"; ip {
				prios = append(prios, c.prio)
			}
		}
		prios = slices.Compact(prios)
		if len(prios) < 2 {
			continue
		}
		err := w.ns.Do(func() error { return b.place(w.ns, hook, pf, number, prios) })
		if err != nil {
			return fmt.Errorf("bracket %s of network namespace %s: %w", hook, w.ns, err)
		}
	}
	return nil
}

// place puts a bracket before each priority that has room for one: before the
// first, and between two that are more than one apart.
func (b *Brackets) place(ns kernel.NetNS, hook string, pf, number uint32, prios []int) error {
	first := len(b.at)
	prev := math.MinInt32 // which no program may have (bpf_nf_link_attach)
	for _, prio := range prios {
		at, ok, err := b.attach(pf, number, prio, prev)
		if err != nil {
			return fmt.Errorf("before priority %d: %w", prio, err)
		}
		prev = prio
		if !ok {
			continue
		}
		if n := len(b.at); n > first {
			b.at[n-1].gap.Below = at + 1
		}
		// What has a program's priority comes before it.
		b.at = append(b.at, bracketed{ns.Inode, hook, Gap{Above: at, Below: math.MaxInt32}})
	}
	return nil
}

// bracketTries is how many priorities are tried. A program's must be its own
// alone (nf_hook_entries_grow), and hooks of the kernel, such as connection
// tracking, have some.
const bracketTries = 16

// attach loads a bracket of its own, since nothing else tells a program where
// it runs, at the highest free priority above prev and below prio. It is not
// ok if there is none.
func (b *Brackets) attach(pf, number uint32, prio, prev int) (at int, ok bool, err error) {
	tag := len(b.at)
	if tag >= bpf.BracketTags {
		return 0, false, fmt.Errorf("more than %d brackets", bpf.BracketTags)
	}
	spec, err := bpf.LoadBracket()
	if err != nil {
		return 0, false, err
	}
	if err := spec.Variables[bpf.BracketVarTag].Set(uint32(tag)); err != nil {
		return 0, false, err
	}
	var progs bpf.BracketPrograms
	err = spec.LoadAndAssign(&progs, &ebpf.CollectionOptions{
		MapReplacements: map[string]*ebpf.Map{bpf.BracketMapBrackets: b.seen},
	})
	if err != nil {
		return 0, false, fmt.Errorf("load: %w", err)
	}
	defer progs.Close() // the link holds it
	for at = prio - 1; at > prev && at >= prio-bracketTries; at-- {
		l, err := link.AttachNetfilter(link.NetfilterOptions{
			Program: progs.Bracket, ProtocolFamily: link.NetfilterProtocolFamily(pf),
			Hook: link.NetfilterInetHook(number), Priority: int32(at),
		})
		switch {
		case err == nil:
			b.links = append(b.links, l)
			return at, true, nil
		case !errors.Is(err, unix.EBUSY):
			return 0, false, fmt.Errorf("attach: %w", err)
		}
	}
	return 0, false, nil
}

// Gap is where the packet was that bracket_find gave the tag for. It is not ok
// for a tag that an earlier packet left, of another namespace or hook.
func (b *Brackets) Gap(tag int, netns uint32, hook string) (gap *Gap, ok bool) {
	if tag < 0 || tag >= len(b.at) || b.at[tag].netns != netns || b.at[tag].hook != hook {
		return nil, false
	}
	g := b.at[tag].gap
	return &g, true
}

// Close removes the brackets.
func (b *Brackets) Close() error {
	var all error
	for i := len(b.links) - 1; i >= 0; i-- {
		all = errors.Join(all, b.links[i].Close())
	}
	b.links = nil
	return errors.Join(all, b.seen.Close())
}
