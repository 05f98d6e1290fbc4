package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/netlab"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// A lostPacket is what a line of latch drops --json says of packets that are
// lost in calls.
type lostPacket struct {
	Dport  uint16
	PID    int
	Comm   string
	Count  int
	Stack  []string
	During *struct {
		Func    string
		Args    map[string]any
		Elapsed time.Duration `json:"elapsed_ns"`
	}
}

// inTimer says that it was lost when it was sent again.
func (p *lostPacket) inTimer() bool { return slices.Contains(p.Stack, "tcp_write_timer") }

// lostPackets decodes what latch drops --json printed.
func lostPackets(t testing.TB, printed string) (out []lostPacket) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(printed))
	for dec.More() {
		var p lostPacket
		if err := dec.Decode(&p); err != nil {
			t.Fatalf("%v in\n%s", err, printed)
		}
		out = append(out, p)
	}
	return out
}

// at starts a test program on a host of the lab.
func at(t testing.TB, host *netlab.Host, p prog) (waiting, string) {
	t.Helper()
	exe := testutil.Build(t, p.lang, p.name, p.flags...)
	return waiting{testutil.StartCmd(t, host.Command(exe, p.args...))}, exe
}

// observeAt is observe on a host of the lab.
func observeAt(t testing.TB, host *netlab.Host, p prog, args ...string) *latency.Recording {
	t.Helper()
	target, exe := at(t, host, p)
	l := startLatch(t, slices.Concat([]string{"record", "--json", "-p", target.pid()}, args)...)
	l.waitAttached()
	target.Go()
	target.WaitDone()
	l.interrupt()
	rec := l.recording()
	unharmed(t, p, exe, target.Prog)
	return rec
}

// burn keeps every processor busy with processes that are no party to anything,
// until the test ends.
func burn(t testing.TB) {
	t.Helper()
	for range runtime.NumCPU() {
		cmd := exec.Command("timeout", "120", "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			cmd.Wait()
		})
	}
}

// lose makes a host lose what it sends and one of the rules matches.
func lose(host *netlab.Host, rules ...string) {
	host.NFT("table inet f { chain c { type filter hook output priority 0; " + strings.Join(rules, " drop; ") + " drop; }; }")
}

// onlyFirst makes a rule match the first packet alone.
const onlyFirst = " limit rate 1/hour burst 1 packets"

// answer opens ports of a host: UDP ports send back what comes, TCP ports send a
// line, wait for as long as is said, and close.
func answer(t testing.TB, host *netlab.Host, wait time.Duration, network string, ports ...int) {
	t.Helper()
	err := host.Do(func() error {
		for _, port := range ports {
			place := fmt.Sprintf("%s:%d", netlab.B4, port)
			if network == "udp" {
				c, err := net.ListenPacket(network, place)
				if err != nil {
					return err
				}
				t.Cleanup(func() { c.Close() })
				go echo(c)
				continue
			}
			l, err := net.Listen(network, place)
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
			go hold(l, wait)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func echo(c net.PacketConn) {
	for data := make([]byte, 64); ; {
		n, from, err := c.ReadFrom(data)
		if err != nil {
			return
		}
		c.WriteTo(data[:n], from)
	}
}

func hold(l net.Listener, wait time.Duration) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(c, "welcome")
		time.AfterFunc(wait, func() { c.Close() })
	}
}

// A client is the program orders in one language.
type client struct {
	prog         func(args ...string) prog
	order, ask   string
	orderID, ids string // what tells calls apart
}

var clients = map[string]client{
	"c":  {func(args ...string) prog { return c("orders", args...) }, "send_order", "ask", "id=str(arg0)", "id=str(arg0)"},
	"go": {func(args ...string) prog { return golang("orders", args...) }, "main.sendOrder", "main.ask", "id=orderID", "id"},
}

// TestDropsDuring holds that each SYN that a firewall drops is told of the call
// that connects, with its argument: the first in the system call, and those that a
// timer sends again, on top of whatever runs.
func TestDropsDuring(t *testing.T) {
	for lang, client := range clients {
		t.Run(lang, func(t *testing.T) {
			lab := netlab.New(t)
			lose(lab.A, "tcp dport 81-83")
			burn(t)
			p := client.prog("tcp", netlab.B4, "3")
			target, exe := at(t, lab.A, p)
			l := startLatch(t, "drops", "--json", "-p", target.pid(), "--netns", lab.A.Name, "--during", client.order, "--show", client.orderID)
			l.waitAttached()
			target.Go()
			target.WaitDone()
			l.interrupt()
			if code := l.wait(); code != 0 {
				t.Fatalf("latch ended with %d\n%s", code, l.said())
			}
			packets := lostPackets(t, l.stdout.String())
			for i := 1; i <= 3; i++ {
				checkOrder(t, packets, client.order, i, target.PID())
			}
			unharmed(t, p, exe, target.Prog)
			if t.Failed() {
				t.Logf("%s\n%s", l.stdout.String(), l.said())
			}
		})
	}
}

// TestDropsDuringCommand holds the same of a command that latch starts, whose
// first call loses its first packet.
func TestDropsDuringCommand(t *testing.T) {
	lab := netlab.New(t)
	lose(lab.A, "tcp dport 81")
	exe := testutil.Build(t, "c", "orders")
	l := startTool(t, lab.A.Command(latchPath(t), "drops", "--json", "--netns", lab.A.Name, "--during", "send_order", "--show", "id=str(arg0)", "--", exe, "tcp", netlab.B4, "1"))
	out := l.ofCommand()
	packets := lostPackets(t, out)
	if len(packets) == 0 {
		t.Fatalf("no packets\n%s", l.said())
	}
	checkOrder(t, packets, "send_order", 1, packets[0].PID)
	if t.Failed() {
		t.Logf("%s\n%s", out, l.said())
	}
}

// ofCommand waits for latch's end, which must be a good one, and returns what it
// printed itself. The lines of the command that it started, a test program, come
// first or in between.
func (l *tool) ofCommand() string {
	l.t.Helper()
	if code := l.wait(); code != 0 {
		l.t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	var own []string
	for _, line := range strings.SplitAfter(l.stdout.String(), "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !slices.Contains([]string{"ready", "#", "calls", "done"}, word) {
			own = append(own, line)
		}
	}
	return strings.Join(own, "")
}

// checkOrder holds what is said of the packets that order i lost.
func checkOrder(t *testing.T, packets []lostPacket, function string, i, pid int) {
	t.Helper()
	id := fmt.Sprintf("order-%d", i)
	inCall, inTimers := 0, 0
	last := time.Duration(-1)
	for _, p := range packets {
		if int(p.Dport) != 80+i {
			continue
		}
		if p.inTimer() {
			inTimers += p.Count
		} else {
			inCall += p.Count
		}
		switch {
		case p.PID != pid || p.Comm != "orders":
			t.Errorf("%s: lost by %s, pid %d", id, p.Comm, p.PID)
		case p.During == nil:
			t.Errorf("%s: a packet is told of no call", id)
		case p.During.Func != function || p.During.Args["id"] != id || len(p.During.Args) != 1:
			t.Errorf("%s: a packet is told of %s(%v)", id, p.During.Func, p.During.Args)
		case p.During.Elapsed <= last:
			t.Errorf("%s: %v into the call, behind %v", id, p.During.Elapsed, last)
		default:
			last = p.During.Elapsed
		}
	}
	if inCall != 1 || inTimers < 2 {
		t.Errorf("%s: %d packets were lost in the system call, and %d in timers", id, inCall, inTimers)
	}
	if last < 2*time.Second || last > 4*time.Second {
		t.Errorf("%s: the last packet was lost %v into the call", id, last)
	}
}

// A loss is the series of one key: its calls, and the time that they lost.
type loss struct {
	calls uint64
	lost  time.Duration
	took  time.Duration
}

// losses returns the series of a function by key, its parts joined by a space.
func losses(t testing.TB, rec *latency.Recording, name string) map[string]loss {
	t.Helper()
	out := map[string]loss{}
	f := function(t, rec, name)
	for _, s := range f.Series {
		var key []string
		for _, by := range f.By {
			key = append(key, s.Key[by])
		}
		out[strings.Join(key, " ")] = loss{s.Count, time.Duration(s.LostNS), time.Duration(s.SumNS)}
	}
	return out
}

// checkLoss holds that calls with a key lost no less than at least, and of their
// whole time all but rest.
func checkLoss(t *testing.T, all map[string]loss, key string, calls uint64, atLeast, rest time.Duration) {
	t.Helper()
	got := all[key]
	if got.calls != calls || got.lost < atLeast || got.lost > got.took-rest {
		t.Errorf("%s: %d calls lost %v of %v, want %d calls, at least %v, and %v not lost", key, got.calls, got.lost, got.took, calls, atLeast, rest)
	}
}

// TestRecordDrops holds which calls had drops, and what they lost to them: the
// whole of it where nothing comes through, the time until a SYN is sent again, or
// nothing.
func TestRecordDrops(t *testing.T) {
	for lang, client := range clients {
		t.Run(lang, func(t *testing.T) {
			lab := netlab.New(t)
			lose(lab.A, "tcp dport 81-82", "tcp dport 83"+onlyFirst)
			answer(t, lab.B, 300*time.Millisecond, "tcp", 83, 84)
			rec := observeAt(t, lab.A, client.prog("tcp", netlab.B4, "5"), "--drops", client.order, "--by", client.orderID)
			all := losses(t, rec, client.order)
			checkLoss(t, all, "order-1 with", 1, 3*time.Second, 0)
			checkLoss(t, all, "order-2 with", 1, 3*time.Second, 0)
			checkLoss(t, all, "order-3 with", 1, 900*time.Millisecond, 300*time.Millisecond)
			for _, key := range []string{"order-4 without", "order-5 without"} {
				if got := all[key]; got.calls != 1 || got.lost != 0 {
					t.Errorf("%s: %d calls lost %v", key, got.calls, got.lost)
				}
			}
			if len(all) != 5 {
				t.Errorf("series %v", all)
			}
		})
	}
}

// TestRecordDropsAsked holds that a request which a firewall drops is lost until
// the program asks again, and not longer.
func TestRecordDropsAsked(t *testing.T) {
	for lang, client := range clients {
		t.Run(lang, func(t *testing.T) {
			lab := netlab.New(t)
			lose(lab.A, "udp dport 81"+onlyFirst)
			answer(t, lab.B, 0, "udp", 81, 82)
			rec := observeAt(t, lab.A, client.prog("udp", netlab.B4), "--drops", client.ask, "--by", client.ids)
			all := losses(t, rec, client.ask)
			checkLoss(t, all, "lost with", 1, 200*time.Millisecond, 1)
			checkLoss(t, all, "fine without", 1, 0, 1)
			if all["fine without"].lost != 0 || len(all) != 2 {
				t.Errorf("series %v", all)
			}
		})
	}
}

// TestRecordDropsNeighbour holds that the wait for a neighbour that does not
// answer is lost, from when the packet was sent on.
func TestRecordDropsNeighbour(t *testing.T) {
	for lang, row := range map[string]struct{ lang, address string }{
		"ipv4": {"c", "10.77.1.99"}, "ipv6": {"go", "fd77:1::99"},
	} {
		t.Run(lang, func(t *testing.T) {
			client := clients[row.lang]
			lab := netlab.New(t)
			rec := observeAt(t, lab.A, client.prog("tcp", row.address, "1"), "--drops", client.order, "--by", client.orderID)
			checkLoss(t, losses(t, rec, client.order), "order-1 with", 1, 2800*time.Millisecond, 0)
		})
	}
}

// TestRecordDropsRoutine holds that packets which the kernel frees as a matter of
// routine, as when a connection ends with something unread, are no drops.
func TestRecordDropsRoutine(t *testing.T) {
	lab := netlab.New(t)
	answer(t, lab.B, 100*time.Millisecond, "tcp", 90)
	rec := observeAt(t, lab.A, c("orders", "talk", netlab.B4), "--drops", "talk")
	if got := losses(t, rec, "talk"); len(got) != 1 || got["without"].calls != 5 || got["without"].lost != 0 {
		t.Errorf("series %v", got)
	}
}

// TestRecordDropsCommand holds that a command's drops are told from its first call
// on, and TestRecordDropsFile those of a process that starts later.
func TestRecordDropsCommand(t *testing.T) {
	lab := netlab.New(t)
	lose(lab.A, "tcp dport 81")
	exe := testutil.Build(t, "c", "orders")
	l := startTool(t, lab.A.Command(latchPath(t), "record", "--json", "--drops", "send_order", "--by", "id=str(arg0)", "--", exe, "tcp", netlab.B4, "2"))
	out := l.ofCommand()
	l.stdout.Reset()
	l.stdout.WriteString(out)
	all := losses(t, l.load(), "send_order")
	checkLoss(t, all, "order-1 with", 1, 3*time.Second, 0)
	if got := all["order-2 without"]; got.calls != 1 || got.lost != 0 || len(all) != 2 {
		t.Errorf("series %v", all)
	}
}

func TestRecordDropsFile(t *testing.T) {
	lab := netlab.New(t)
	lose(lab.A, "tcp dport 81")
	p := golang("orders", "tcp", netlab.B4, "2")
	l := startLatch(t, "record", "--json", "--drops", "-e", testutil.Build(t, p.lang, p.name), "main.sendOrder", "--by", "id=orderID")
	l.waitAttached()
	target, exe := at(t, lab.A, p)
	target.Go()
	target.WaitDone()
	l.interrupt()
	all := losses(t, l.recording(), "main.sendOrder")
	checkLoss(t, all, "order-1 with", 1, 3*time.Second, 0)
	if got := all["order-2 without"]; got.calls != 1 || got.lost != 0 || len(all) != 2 {
		t.Errorf("series %v", all)
	}
	unharmed(t, p, exe, target.Prog)
}
