package firewall

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/kernel"
)

// A Watch compares the rules of one network namespace with what they were
// when it was opened. It is not safe for concurrent use.
type Watch struct {
	ns          kernel.NetNS
	before, now *snapshot
	// enter is the head of a command that is to run in the namespace; it is
	// not known for one without a name or a process.
	enter []string
	known bool
	// nftShows says that drops of nft show nft_do_chain; see frameOf.
	nftShows bool
}

// Open reads the namespace's rules and counters, the baseline.
func Open(ns kernel.NetNS) (*Watch, error) {
	s, err := read(ns)
	if err != nil {
		return nil, fmt.Errorf("read the firewall of network namespace %s: %w", ns, err)
	}
	w := &Watch{ns: ns, before: s, now: s, nftShows: nftShows(release())}
	if w.enter, w.known, err = enter(ns); err != nil {
		return nil, err
	}
	return w, nil
}

// enter is the head of a command that is to run in the namespace, if there is
// one.
func enter(ns kernel.NetNS) (head []string, ok bool, err error) {
	own, err := kernel.NetNSOf("/proc/thread-self/ns/net")
	if err != nil {
		return nil, false, err
	}
	if own.Inode == ns.Inode {
		return nil, true, nil
	}
	if ns.Name == "" && ns.PID == 0 {
		all, err := kernel.NetNamespaces()
		if err != nil {
			return nil, false, err
		}
		for _, known := range all {
			if known.Inode == ns.Inode {
				ns = known
			}
		}
	}
	switch {
	case ns.Name != "":
		return []string{"ip", "netns", "exec", quote(ns.Name)}, true, nil
	case ns.PID != 0:
		return []string{"nsenter", "-t", strconv.Itoa(ns.PID), "-n"}, true, nil
	}
	return nil, false, nil
}

// release is the running kernel's, such as "6.18.44".
func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// nftShows says whether kernels of that release free what nft drops in
// nft_do_chain, since 6.7.
func nftShows(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > 6 || major == 6 && minor >= 7
}

// Update reads rules and counters again. Explain judges by the latest reading:
// call it after the drops that are to be explained. It takes some 30 ms, with
// 10,000 rules of nft 1.6 s.
func (w *Watch) Update() error {
	s, err := read(w.ns)
	if err != nil {
		return fmt.Errorf("read the firewall of network namespace %s: %w", w.ns, err)
	}
	w.now = s
	return nil
}

// Explain names the rule that dropped p. Dropped is how many packets of its
// flow were dropped there since the baseline, 0 if that is not known.
func (w *Watch) Explain(p Packet, dropped uint64) Answer {
	hook := p.hook()
	if hook == "" {
		return Answer{Unknown: "the stack names no netfilter hook"}
	}
	f := frameOf(p.Stack, w.nftShows)
	walk := walk{packet: &p, ends: drop}
	if f.queued {
		walk.ends = queue
	}
	sure := yes
	before := w.now.beforeNAT(&p)
	for _, c := range w.now.at(hook, family(&p)) {
		if !f.runs(c.table) || !p.Gap.holds(c.prio) || sure == no {
			continue
		}
		walk.packet = &p
		if c.prio < before.prio {
			walk.packet = &before.packet
		}
		sure = walk.base(c, sure)
	}
	a := w.judge(distinct(walk.found), &p, dropped)
	if p.Gap != nil && len(a.Rules) > 0 {
		a.How += ", bracketed"
	}
	for _, n := range w.now.notes {
		if n.legacy && !f.legacy || !n.legacy && !f.nft {
			continue
		}
		if n.unread && a.Confidence == Exact {
			a.Confidence = Only
		}
		a.Unknown = strings.TrimSuffix(n.text+"; "+a.Unknown, "; ")
	}
	return a
}

// runs says whether a packet in such a frame may have been dropped by the
// table.
func (f frame) runs(t *table) bool {
	legacy := t.firewall == "iptables" || t.firewall == "ip6tables"
	if legacy {
		return f.legacy
	}
	if f.family == "" { // IP's own hooks, or a device's
		return f.nft && t.family != "bridge" && t.family != "arp"
	}
	return f.nft && f.family == t.family
}

// family is 4 or 6, or 0 where the packet has no address.
func family(p *Packet) int {
	switch {
	case p.Src.Is4() || p.Dst.Is4():
		return 4
	case v6(p):
		return 6
	}
	return 0
}

// distinct keeps each place once, by its surest path.
func distinct(found []candidate) []candidate {
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.sure, a.sure) })
	var out []candidate
	seen := make(map[place]bool)
	for _, c := range found {
		if !seen[c.place] {
			seen[c.place] = true
			out = append(out, c)
		}
	}
	return out
}

// A count is by how much a candidate's counter rose.
type count struct {
	candidate
	rose uint64
	// counted says that rose is known. exact, that it is no more than the
	// packets that the place dropped.
	counted, exact bool
}

func (w *Watch) count(c candidate) count {
	out := count{candidate: c}
	was, ok := w.before.same(c.place)
	if !ok {
		return out
	}
	n0, ok0 := was.counter()
	n1, ok1 := c.counter()
	if !ok0 || !ok1 || n1 < n0 {
		return out // it does not count, or was reset
	}
	out.rose, out.counted = n1-n0, true
	out.exact = c.rule == nil || c.rule.counts && len(c.rule.arms) == 1
	return out
}

// judge narrows the candidates by their counters.
func (w *Watch) judge(found []candidate, p *Packet, dropped uint64) Answer {
	var left []count
	for _, c := range found {
		n := w.count(c)
		// A rule that counted nothing dropped nothing.
		if dropped > 0 && n.counted && n.rose == 0 {
			continue
		}
		left = append(left, n)
	}
	full := func(n count) bool { return dropped > 0 && n.counted && n.rose >= dropped }
	slices.SortStableFunc(left, func(a, b count) int {
		if full(a) != full(b) {
			if full(a) {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.sure, a.sure)
	})
	var a Answer
	for _, n := range left {
		a.Rules = append(a.Rules, w.newRule(n.candidate, p))
	}
	switch {
	case len(left) == 0 && len(found) > 0:
		a.Unknown = fmt.Sprintf("%s would drop it, but its counter did not rise", w.newRule(found[0], p))
		return a
	case len(left) == 0:
		a.Unknown = "no rule that was read drops such a packet: connection tracking, a BPF netfilter program or a rule that is gone may have"
		return a
	case len(left) > 1:
		a.Confidence = OneOf
	case left[0].sure == yes && (full(left[0]) || !left[0].counted || dropped == 0) || full(left[0]) && left[0].exact:
		a.Confidence = Exact
	default:
		a.Confidence = Only
	}
	var how []string
	if full(left[0]) {
		how = append(how, fmt.Sprintf("counter +%d", left[0].rose))
	}
	if left[0].sure == yes || len(how) == 0 {
		how = append(how, "evaluated")
	}
	a.How = strings.Join(how, ", ")
	if a.Confidence == Exact && w.before.print != w.now.print {
		a.Confidence = Only
		a.Unknown = "the rules have changed since the baseline"
	}
	return a
}
