package drop

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// namespace makes a network namespace with its loopback device up, which ends
// with the test.
func namespace(t testing.TB) kernel.NetNS {
	t.Helper()
	testutil.NeedRoot(t)
	made, done := make(chan kernel.NetNS), make(chan struct{})
	var failed error
	go func() {
		// Never unlocked: the thread, and the namespace with it, ends.
		runtime.LockOSThread()
		defer close(made)
		if failed = unix.Unshare(unix.CLONE_NEWNET); failed != nil {
			return
		}
		if failed = loopbackUp(); failed != nil {
			return
		}
		var ns kernel.NetNS
		if ns, failed = kernel.NetNSOf(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())); failed != nil {
			return
		}
		made <- ns
		<-done
	}()
	ns := <-made
	if failed != nil {
		t.Fatal(failed)
	}
	t.Cleanup(func() { close(done) })
	return ns
}

// loopbackUp raises the calling thread's loopback device.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

func start(t testing.TB, opts *Options) *Tracer {
	t.Helper()
	tr, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

// closedPorts sends datagrams from one socket to each of the ports of
// 127.0.0.1 in the namespace, none of which is open. Each is dropped.
func closedPorts(ns kernel.NetNS, datagrams, firstPort, ports int) error {
	return ns.Do(func() error {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		defer c.Close()
		for i := range datagrams {
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(firstPort+i%ports))
			if _, err := c.WriteToUDPAddrPort([]byte("hello"), to); err != nil {
				return err
			}
		}
		return nil
	})
}

// collect reads until want packets were dropped, as the kernel may leave
// loopback's packets to a thread of its own, then detaches and reads the rest.
func collect(t testing.TB, tr *Tracer, want uint64) ([]Drop, Totals) {
	t.Helper()
	var all []Drop
	var sum uint64
	read := func() {
		drops, err := tr.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drops {
			sum += d.Count
		}
		all = append(all, drops...)
	}
	for deadline := time.Now().Add(20 * time.Second); sum < want && time.Now().Before(deadline); {
		read()
		runtime.Gosched()
	}
	if err := tr.Stop(); err != nil {
		t.Fatal(err)
	}
	read()
	totals, err := tr.Totals()
	if err != nil {
		t.Fatal(err)
	}
	if sum != want || totals.Lost != 0 {
		t.Errorf("%d drops of %d, %d lost", sum, want, totals.Lost)
	}
	return all, totals
}

// isClosedPort says that d is what happens to a datagram for a closed port. The
// function is udp_rcv from 7.3 on, into which the other is inlined.
func isClosedPort(tr *Tracer, d *Drop) bool {
	return (d.Reason == "NO_SOCKET" || tr.noReasons && d.Reason == "") && (d.Location == "__udp4_lib_rcv" || d.Location == "udp_rcv")
}

func TestDropIsDescribed(t *testing.T) {
	ns := namespace(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, Data: 64})
	if err := closedPorts(ns, 1, 9, 1); err != nil {
		t.Fatal(err)
	}
	drops, _ := collect(t, tr, 1)
	if len(drops) != 1 {
		t.Fatalf("%d drops, want 1: %+v", len(drops), drops)
	}
	d := drops[0]
	lo := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if !isClosedPort(tr, &d) || d.Count != 1 {
		t.Errorf("%d packets, %s at %s", d.Count, d.Reason, d.Location)
	}
	f := d.Flow
	if f.NetNS != ns.Inode || f.EtherType != etherIPv4 || f.Proto != 17 || f.Src != lo || f.Dst != lo || f.DstPort != 9 || f.SrcPort == 0 || f.IfIndex != 1 {
		t.Errorf("flow %+v", f)
	}
	if !slices.Contains(d.Stack, "ip_local_deliver_finish") || d.Stack[0] != d.Location {
		t.Errorf("stack %v", d.Stack)
	}
	p := d.Packet
	if p == nil {
		t.Fatal("no packet")
	}
	if p.IPLen != 20+8+5 || p.IfName != "lo" || !p.Softirq || !p.LinkHeader || string(p.Data[14+20+8:]) != "hello" {
		t.Errorf("packet %+v", p)
	}
	if d.Owner != nil {
		t.Errorf("owner %+v of a packet for no socket", d.Owner)
	}
}

// Two processors count a few flows and read meanwhile; nothing is lost or
// counted twice.
func TestCountsAreExact(t *testing.T) {
	ns := namespace(t)
	const senders, each = 4, 20000
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}})
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			if err := closedPorts(ns, each, 100*i+100, 90); err != nil { // more flows than slots
				t.Error(err)
			}
		})
	}
	_, totals := collect(t, tr, senders*each)
	wg.Wait()
	if totals.Merged != 0 {
		t.Errorf("%d merged", totals.Merged)
	}
}

func TestFlowsBeyondTheLimitAreMerged(t *testing.T) {
	ns := namespace(t)
	const limit, flows, each = 64, 3000, 3
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, MaxFlows: limit})
	if err := closedPorts(ns, flows*each, 1000, flows); err != nil {
		t.Fatal(err)
	}
	drops, totals := collect(t, tr, flows*each)
	var own, merged uint64
	for _, d := range drops {
		if !isClosedPort(tr, &d) || d.Flow.NetNS != ns.Inode {
			t.Errorf("%s at %s in %d", d.Reason, d.Location, d.Flow.NetNS)
		}
		if d.Merged {
			merged += d.Count
			if cause := Classify(&d, ns); cause.Quiet || d.Flow.EtherType != etherIPv4 {
				t.Errorf("merged drops of EtherType %#x count as %+v", d.Flow.EtherType, cause)
			}
		} else {
			own += d.Count
		}
	}
	if merged != totals.Merged || own != limit*each {
		t.Errorf("%d of %d flows' own, %d merged, %d by the totals", own, limit*each, merged, totals.Merged)
	}
}

func TestEveryPacketIsSeen(t *testing.T) {
	ns := namespace(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode}, Every: true, Data: 100})
	const n = 5000
	if err := closedPorts(ns, n, 7, 3); err != nil {
		t.Fatal(err)
	}
	drops, totals := collect(t, tr, n)
	if len(drops) != n || totals.EventsLost != 0 {
		t.Fatalf("%d packets of %d, %d events lost", len(drops), n, totals.EventsLost)
	}
	for _, d := range drops {
		if d.Count != 1 || d.Packet == nil || len(d.Stack) == 0 {
			t.Fatalf("drop %+v", d)
		}
	}
}

func TestOtherNamespacesAreLeftOut(t *testing.T) {
	ns := namespace(t)
	tr := start(t, &Options{NetNS: []uint32{ns.Inode + 1<<20}})
	all := start(t, &Options{NetNS: []uint32{ns.Inode}}) // its program runs behind the other's
	if err := closedPorts(ns, 100, 9, 1); err != nil {
		t.Fatal(err)
	}
	collect(t, all, 100)
	collect(t, tr, 0)
}
