package drop

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/netlab"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

func TestMain(m *testing.M) { netlab.Main(m) }

// scenarioLimit is how long a scenario may take to show its drops.
const scenarioLimit = 10 * time.Second

// maxLabs is how many labs there are at a time.
const maxLabs = 4

func TestScenarios(t *testing.T) {
	netlab.NeedKernel(t)
	labs := make(chan bool, maxLabs)
	for _, s := range netlab.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			labs <- true
			defer func() { <-labs }()
			testutil.Attempt(t, func(t testing.TB) { runScenario(t, s) })
		})
	}
}

// runScenario makes a scenario's drops and compares all that is said of them.
func runScenario(t testing.TB, s netlab.Scenario) {
	l := netlab.New(t)
	if s.Setup != nil {
		s.Setup(l)
	}
	tr := start(t, &Options{NetNS: l.Inodes(), Data: 64})
	s.Traffic(l)
	wants := append([]netlab.Want{s.Want}, s.Also...)
	got := newTally(l, wants)
	got.until(t, tr, got.complete)
	l.Fence()
	got.until(t, tr, func() bool { return got.fences == 1 })
	got.check(t)
	got.lossless(t, tr)
}

// The first SYN of a connection goes in the task that asks for it, those that
// follow in a timer, on top of whatever runs. All of them are the program's, and
// as many as the rule has counted.
func TestRetransmittedSYN(t *testing.T) { testutil.Attempt(t, retransmittedSYN) }

func retransmittedSYN(t testing.TB) {
	l := netlab.New(t)
	l.A.NFT("table inet f { chain c { type filter hook output priority 0; tcp dport 80 counter drop; }; }")
	tr := start(t, &Options{NetNS: l.Inodes(), Every: true})
	p := l.A.Start("connector", "tcp", netlab.B4+":80")
	p.Go()
	l.Equal("connect", p.WaitDone()[0], "ETIMEDOUT")
	n := ruleCount(t, l.A)
	got := newTally(l, []netlab.Want{{Reason: "NETFILTER_DROP", Location: "nft_do_chain", NetNS: "A", Count: n}})
	got.until(t, tr, got.complete)
	got.lossless(t, tr)
	drops := got.drops[0]
	slices.SortFunc(drops, func(a, b Drop) int { return a.First.Compare(b.First) })
	if n != 3 || len(drops) != 3 {
		t.Fatalf("%d SYNs of 3, of which the rule has counted %d: %+v", len(drops), n, drops)
	}
	for i, d := range drops {
		timer := i > 0
		if d.Packet.Softirq != timer || slices.Contains(d.Stack, "tcp_write_timer") != timer {
			t.Errorf("SYN %d: softirq %v, stack %v", i, d.Packet.Softirq, d.Stack)
		}
		if !timer && d.Packet.TaskPID != p.PID() {
			t.Errorf("the first SYN went in task %d, not %d", d.Packet.TaskPID, p.PID())
		}
		if o := d.Owner; o == nil || o.PID != p.PID() || o.TID != p.PID() || o.Comm != "connector" || o.State != "SYN_SENT" || o.Receiving {
			t.Errorf("SYN %d: owner %+v, not %d", i, o, p.PID())
		}
		if timer && d.First.Sub(drops[i-1].First) < time.Second-50*time.Millisecond {
			t.Errorf("SYN %d came at %v, the one before at %v", i, d.First, drops[i-1].First)
		}
	}
}

// A packet that has crossed to another namespace has lost its socket. It is still
// the packet of the only program that sends from and to its addresses.
func TestSenderByAddress(t *testing.T) {
	l := netlab.New(t)
	l.R.NFT("table inet f { chain c { type filter hook forward priority 0; tcp dport 80 drop; }; }")
	tr := start(t, &Options{NetNS: l.Inodes(), Every: true})
	p := l.A.Start("connector", "tcp", netlab.B4+":80")
	p.Go()
	var drops []Drop
	for deadline := time.Now().Add(20 * time.Second); len(drops) == 0 && time.Now().Before(deadline); {
		read, err := tr.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range read {
			if d.Flow.DstPort == 80 {
				drops = append(drops, d)
			}
		}
	}
	l.Equal("connect", p.WaitDone()[0], "ETIMEDOUT")
	if len(drops) == 0 {
		t.Fatal("no SYN was dropped")
	}
	if o := drops[0].Owner; o == nil || o.PID != p.PID() || o.Comm != "connector" || !o.ByAddress || o.Receiving || drops[0].Location != "nft_do_chain" {
		t.Errorf("%+v, owner %+v, want process %d", drops[0], o, p.PID())
	}
}

// ruleCount is how many packets the host's only rule has met.
func ruleCount(t testing.TB, h *netlab.Host) uint64 {
	t.Helper()
	out, err := h.Command("nft", "list", "ruleset").Output()
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	_, rest, _ := strings.Cut(string(out), "counter ")
	if _, err := fmt.Sscanf(rest, "packets %d", &n); err != nil {
		t.Fatalf("no counter in %q: %v", out, err)
	}
	return n
}

// A tally sorts drops by the wants that they answer.
type tally struct {
	lab    *netlab.Lab
	wants  []netlab.Want
	drops  [][]Drop // by want
	counts []uint64
	others []Drop
	fences uint64
}

func newTally(l *netlab.Lab, wants []netlab.Want) *tally {
	return &tally{lab: l, wants: wants, drops: make([][]Drop, len(wants)), counts: make([]uint64, len(wants))}
}

// reader is what a tally reads from.
type reader interface{ Read() ([]Drop, error) }

// until reads until done, or until the time is up.
func (y *tally) until(t testing.TB, tr reader, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(scenarioLimit); ; time.Sleep(5 * time.Millisecond) {
		drops, err := tr.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drops {
			y.add(d)
		}
		if done() || time.Now().After(deadline) {
			return
		}
	}
}

func (y *tally) add(d Drop) {
	if d.Flow.DstPort == netlab.FencePort {
		y.fences += d.Count
		return
	}
	for i, w := range y.wants {
		if y.answers(d, w) {
			y.counts[i] += d.Count
			y.drops[i] = append(y.drops[i], d)
			return
		}
	}
	if Classify(&d, kernel.NetNS{}).Quiet {
		return // what hosts say to each other, unasked
	}
	y.others = append(y.others, d)
}

// answers says whether a drop is one of those that w speaks of.
func (y *tally) answers(d Drop, w netlab.Want) bool {
	same, err := path.Match(w.Flow, flowText(d.Flow))
	return err == nil && (same || w.Flow == "") &&
		d.Reason == w.Reason && plain(d.Location) == w.Location && y.lab.NameOf(d.Flow.NetNS) == w.NetNS
}

func (y *tally) complete() bool {
	for i, w := range y.wants {
		if y.counts[i] < w.Count {
			return false
		}
	}
	return true
}

// lossless asserts that the tracer has seen all there was.
func (y *tally) lossless(t testing.TB, tr *Tracer) {
	t.Helper()
	totals, err := tr.Totals()
	if err != nil {
		t.Fatal(err)
	}
	if totals.Lost != 0 || totals.Merged != 0 || totals.EventsLost != 0 {
		t.Errorf("%d drops lost, %d merged, %d packets lost", totals.Lost, totals.Merged, totals.EventsLost)
	}
}

func (y *tally) check(t testing.TB) {
	t.Helper()
	if y.fences != 1 {
		t.Errorf("the fence was seen %d times", y.fences)
	}
	for i, w := range y.wants {
		if n := y.counts[i]; n < w.Count || n > w.Count && !w.AtLeast {
			t.Errorf("%s at %s in %s, %s: %d times, want %d", w.Reason, w.Location, w.NetNS, w.Flow, n, w.Count)
		}
		for _, d := range y.drops[i] {
			y.checkDrop(t, d, w)
		}
	}
	for _, d := range y.others {
		t.Errorf("not expected: %s", y.text(d))
	}
}

func (y *tally) checkDrop(t testing.TB, d Drop, w netlab.Want) {
	t.Helper()
	for _, c := range w.Callers {
		if !slices.Contains(d.Stack, c) {
			t.Errorf("%s is not on the stack of %s", c, y.text(d))
		}
	}
	if comm := ownerComm(d); comm != w.OwnerComm && !w.Quiet {
		t.Errorf("owner %q, want %q: %s", comm, w.OwnerComm, y.text(d))
	}
	c := Classify(&d, kernel.NetNS{})
	if c.Quiet != w.Quiet {
		t.Errorf("quiet %v: %s", c.Quiet, y.text(d))
	}
	if !strings.Contains(c.Words, w.Words) {
		t.Errorf("words %q, want %q: %s", c.Words, w.Words, y.text(d))
	}
	if c.Class != w.Class || c.Where != w.Where || c.Hook != w.Hook {
		t.Errorf("cause %s, %q, hook %q, want %s, %q, %q: %s", c.Class, c.Where, c.Hook, w.Class, w.Where, w.Hook, y.text(d))
	}
}

func ownerComm(d Drop) string {
	// Labs that run at the same time have the same addresses.
	if d.Owner == nil || d.Owner.ByAddress {
		return ""
	}
	return d.Owner.Comm
}

func (y *tally) text(d Drop) string {
	comm := ""
	if d.Packet != nil {
		comm = fmt.Sprintf("%s softirq=%v", d.Packet.Comm, d.Packet.Softirq)
	}
	return fmt.Sprintf("%d × %s @ %s in %s: %s (task %s, owner %q)\n\t%s", d.Count, d.Reason, d.Location, y.lab.NameOf(d.Flow.NetNS), flowText(d.Flow),
		comm, ownerComm(d), strings.Join(d.Stack[:min(len(d.Stack), 7)], " < "))
}

// flowText is a flow in the words of netlab.Want.
func flowText(f Flow) string {
	switch {
	case f.EtherType == 0x0806:
		return fmt.Sprintf("arp %s > %s", f.Src, f.Dst)
	case !f.Src.IsValid():
		return fmt.Sprintf("ether %#04x", f.EtherType)
	case f.Proto == 6 || f.Proto == 17:
		return fmt.Sprintf("%s %s %d > %s %d", map[uint8]string{6: "tcp", 17: "udp"}[f.Proto], f.Src, f.SrcPort, f.Dst, f.DstPort)
	case f.Proto == 1:
		return fmt.Sprintf("icmp %d/%d %s > %s", f.ICMPType, f.ICMPCode, f.Src, f.Dst)
	case f.Proto == 58:
		return fmt.Sprintf("icmp6 %d/%d %s > %s", f.ICMPType, f.ICMPCode, f.Src, f.Dst)
	}
	return fmt.Sprintf("ip %d %s > %s", f.Proto, f.Src, f.Dst)
}
