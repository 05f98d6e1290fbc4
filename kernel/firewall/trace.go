package firewall

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mdlayher/netlink"
)

// A Trace follows the packets of one flow through the rules. While it runs, a
// table or a rule of its own is in the namespace, at most ten packets a second
// are traced, and where there is legacy iptables what LOG rules write goes to
// the trace instead of the kernel's log.
type Trace struct {
	watch  *Watch
	packet Packet
	// match is the packet without what NAT may yet write to it.
	match  Packet
	change change
	path   string // of the journal
	conns  []*netlink.Conn
	steps  chan hop
	once   sync.Once
	err    error
}

// A hop is one message of a trace.
type hop struct {
	legacy bool
	// family, table and chain name the place; handle or number the rule,
	// policy says that it is none.
	family, table, chain string
	handle               uint64
	number               int
	policy               bool
	// dropped is the verdict of nft; legacy iptables does not say.
	dropped bool
	// id tells packets apart in nft.
	id uint32
}

// tracePrefix begins the names of the tables that traces make.
const tracePrefix = "latch_trace_"

// traces numbers the traces of this process.
var traces atomic.Uint64

// Trace sets up a trace of the packet's flow at its hook. Close takes it away;
// should the process be killed, Sweep does at the next start.
func (w *Watch) Trace(p Packet) (_ *Trace, err error) {
	hook := p.hook()
	if _, ok := hookNumbers[hook]; !ok {
		return nil, fmt.Errorf("trace packets at hook %q: only those of IP can be", hook)
	}
	start, err := startTime(os.Getpid())
	if err != nil {
		return nil, fmt.Errorf("trace packets: %w", err)
	}
	id := fmt.Sprintf("%d_%d", os.Getpid(), traces.Add(1))
	t := &Trace{
		watch: w, packet: p, match: w.now.beforeNAT(&p).packet, steps: make(chan hop, 256),
		change: change{PID: os.Getpid(), Start: start, NetNS: w.ns.Inode},
		path:   filepath.Join(journalDir, journalPrefix+strings.ReplaceAll(id, "_", "-")+".json"),
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("trace packets in network namespace %s: %w", w.ns, err), t.Close())
		}
	}()
	var script string
	if _, err := exec.LookPath("nft"); err == nil {
		t.change.Table = tracePrefix + id
		script, err = traceTable(t.change.Table, hook, &t.match)
		if err != nil {
			return nil, err
		}
	} else if err := t.legacyRule(id, hook); err != nil {
		return nil, err
	}
	err = w.ns.Do(func() error {
		t.change.Cookie = cookie()
		if err := t.listen(); err != nil {
			return err
		}
		if err := t.change.write(t.path); err != nil {
			return fmt.Errorf("note what is to be undone: %w", err)
		}
		return t.change.apply(script)
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// traceTable is the nft script of a table that marks the flow for tracing,
// before all else at the hook. Legacy iptables heeds the same mark.
func traceTable(name, hook string, p *Packet) (string, error) {
	match := nftTuple(p, true)
	if match == nil {
		return "", errors.New("the packet has no addresses or no protocol")
	}
	const script = `table inet %s {
	chain trace {
		type filter hook %s priority -400; policy accept;
		%s limit rate 10/second meta nftrace set 1
	}
}
`
	return fmt.Sprintf(script, name, strings.ToLower(hook), strings.Join(match, " ")), nil
}

// legacyRule sets up the change for hosts without nft. It needs the raw table
// to be there: iptables would make it, and nothing can remove it again.
func (t *Trace) legacyRule(id, hook string) error {
	match := iptablesTuple(&t.match, true)
	if match == nil {
		return errors.New("the packet has no addresses or no protocol")
	}
	firewall := "iptables"
	if v6(&t.packet) {
		firewall = "ip6tables"
	}
	hasRaw := false
	for _, table := range t.watch.now.tables {
		hasRaw = hasRaw || table.firewall == firewall && table.name == "raw"
	}
	if !hasRaw {
		return errors.New("nft is not installed (Debian package nftables), and " + firewall + " has no raw table here")
	}
	chain := "PREROUTING"
	if hook == "OUTPUT" || hook == "POSTROUTING" {
		chain = "OUTPUT"
	}
	t.change.Tool = legacyTool(firewall)
	t.change.Rule = append(append([]string{chain}, match...),
		"-m", "comment", "--comment", tracePrefix+id, "-m", "limit", "--limit", "10/second", "-j", "TRACE")
	return nil
}

// listen opens the sockets in this thread's namespace.
func (t *Trace) listen() error {
	if t.change.Table != "" {
		conn, err := listenNFT()
		if err != nil {
			return err
		}
		t.follow(conn, decodeNFT)
	}
	legacy := false
	for _, table := range t.watch.now.tables {
		f := frame{legacy: true}
		legacy = legacy || f.runs(table)
	}
	if !legacy {
		return nil
	}
	pf := "2" // AF_INET
	if v6(&t.packet) {
		pf = "10" // AF_INET6
	}
	was, err := os.ReadFile(nfLogPath(pf))
	if err != nil {
		return err
	}
	if logger := strings.TrimSpace(string(was)); logger != nfLogTrace {
		t.change.Log = map[string]string{pf: logger}
	}
	conn, err := listenLog()
	if err != nil {
		return err
	}
	t.follow(conn, func(m netlink.Message) (hop, bool) { return decodeLog(m, &t.match) })
	return nil
}

// follow reads a socket until it is closed.
func (t *Trace) follow(conn *netlink.Conn, decode func(netlink.Message) (hop, bool)) {
	t.conns = append(t.conns, conn)
	go func() {
		for {
			messages, err := conn.Receive()
			if errors.Is(err, os.ErrClosed) || err != nil && !overrun(err) {
				return
			}
			for _, m := range messages {
				s, ok := decode(m)
				if !ok {
					continue
				}
				select {
				case t.steps <- s:
				default: // nobody waits: the next packet will do
				}
			}
		}
	}()
}

// Wait returns the rule that drops the next packet of the flow that is
// dropped. It may update the watch, which must not be in other use meanwhile.
func (t *Trace) Wait(ctx context.Context) (Answer, error) {
	ours := make(map[uint32]bool) // packets that our table marked
	for {
		select {
		case <-ctx.Done():
			return Answer{}, fmt.Errorf("wait for a traced packet: %w", ctx.Err())
		case s := <-t.steps:
			if s.table == t.change.Table && !s.legacy {
				ours[s.id] = true
				continue
			}
			if !s.legacy && (!s.dropped || !ours[s.id]) {
				continue
			}
			if a, ok := t.answer(s); ok {
				return a, nil
			}
		}
	}
}

// answer names the rule of a step that dropped.
func (t *Trace) answer(s hop) (Answer, bool) {
	if s.legacy && t.change.Tool != "" && s.table == "raw" && s.chain == t.change.Rule[0] {
		s.number-- // behind our own, which no snapshot has
	}
	at, ok := t.watch.now.find(s)
	if !ok && t.watch.Update() == nil {
		at, ok = t.watch.now.find(s)
	}
	if !ok {
		return Answer{}, false
	}
	if s.legacy && !at.drops() {
		return Answer{}, false
	}
	c := candidate{at, []string{at.chain.name}, yes}
	walk := walk{packet: &t.packet, ends: drop}
	for _, base := range t.watch.now.at(t.packet.hook(), family(&t.packet)) {
		walk.base(base, yes)
	}
	for _, found := range walk.found {
		if found.place == at {
			c.path = found.path
		}
	}
	return Answer{Rules: []Rule{t.watch.newRule(c, &t.packet)}, Confidence: Exact, How: "traced"}, true
}

// drops says whether what decides at the place may be a drop.
func (p place) drops() bool {
	if p.rule == nil {
		return p.chain.policy == drop
	}
	for _, a := range p.rule.arms {
		if a.action == drop || a.action == opaque {
			return true
		}
	}
	return false
}

// find looks up the place of a step.
func (rs *ruleset) find(s hop) (place, bool) {
	for _, t := range rs.tables {
		legacy := t.firewall == "iptables" || t.firewall == "ip6tables"
		if legacy != s.legacy || t.family != s.family || t.name != s.table {
			continue
		}
		c := t.chain(s.chain)
		if c == nil {
			return place{}, false
		}
		if s.policy {
			return place{chain: c}, true
		}
		for _, r := range c.rules {
			if legacy && r.number == s.number || !legacy && r.handle == s.handle {
				return place{c, r}, true
			}
		}
	}
	return place{}, false
}

// Close takes the trace away. The ruleset is then what it was.
func (t *Trace) Close() error {
	t.once.Do(func() {
		if _, err := os.Stat(t.path); err == nil {
			if _, t.err = t.change.undoIn(t.watch.ns); t.err != nil {
				_, t.err = t.change.undoAnywhere() // it may have another name now
			}
			if t.err == nil {
				t.err = os.Remove(t.path)
			}
		}
		for _, conn := range t.conns {
			t.err = errors.Join(t.err, conn.Close())
		}
	})
	return t.err
}

// nftScript runs a script of nft in this thread's namespace, all of it or
// nothing.
func nftScript(script string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("add a trace: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
