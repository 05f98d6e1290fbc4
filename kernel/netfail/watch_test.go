package netfail_test

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/netfail"
)

var (
	v4 = func(addr string, port int) unix.Sockaddr {
		return &unix.SockaddrInet4{Addr: netip.MustParseAddr(addr).As4(), Port: port}
	}
	v6 = func(addr string, port int) unix.Sockaddr {
		return &unix.SockaddrInet6{Addr: netip.MustParseAddr(addr).As16(), Port: port}
	}
	message = []byte("hello")
)

// A step is one system call, and what is to be reported of it.
type step struct {
	name                 string
	family, kind, option int
	do                   func(fd int) error
	err                  unix.Errno
	call, src, dst       string // call "": nothing is reported
	size                 int64
	ofRoute              bool // what OfRoute is to answer
}

// steps need a lab with the routes of TestWatch.
var steps = []step{
	{name: "35 TCP connect without a route", family: unix.AF_INET, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v4("203.0.113.1", 80)) },
		err: unix.ENETUNREACH, call: "connect", src: "0.0.0.0:0", dst: "203.0.113.1:80", ofRoute: true},
	{name: "35 UDP connect without a route", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return unix.Connect(fd, v4("203.0.113.1", 53)) },
		err: unix.ENETUNREACH, call: "connect", src: "0.0.0.0:*", dst: "203.0.113.1:53", ofRoute: true},
	{name: "35 UDP sendto without a route", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return unix.Sendto(fd, message, 0, v4("203.0.113.1", 53)) },
		err: unix.ENETUNREACH, call: "sendto", src: "0.0.0.0:*", dst: "203.0.113.1:53", size: 5, ofRoute: true},
	{name: "35 UDP sendmsg with msg_name", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do: func(fd int) error {
			if err := unix.Bind(fd, v4("10.66.0.1", 4001)); err != nil {
				return err
			}
			_, err := unix.SendmsgBuffers(fd, [][]byte{message, message}, nil, v4("203.0.113.1", 53), 0)
			return err
		},
		err: unix.ENETUNREACH, call: "sendmsg", src: "10.66.0.1:4001", dst: "203.0.113.1:53", size: 10, ofRoute: true},
	{name: "35 TCP connect over IPv6", family: unix.AF_INET6, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v6("2001:db8::1", 80)) },
		err: unix.ENETUNREACH, call: "connect", src: "[::]:0", dst: "[2001:db8::1]:80", ofRoute: true},
	{name: "35 UDP sendto over IPv6", family: unix.AF_INET6, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return unix.Sendto(fd, message, 0, v6("2001:db8::1", 53)) },
		err: unix.ENETUNREACH, call: "sendto", src: "[::]:*", dst: "[2001:db8::1]:53", size: 5, ofRoute: true},
	{name: "35 IPv4 through a socket of IPv6", family: unix.AF_INET6, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v6("::ffff:203.0.113.1", 80)) },
		err: unix.ENETUNREACH, call: "connect", src: "[::]:0", dst: "203.0.113.1:80", ofRoute: true},
	{name: "37 connect into a blackhole", family: unix.AF_INET, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v4("198.51.100.1", 80)) },
		err: unix.EINVAL, call: "connect", src: "0.0.0.0:0", dst: "198.51.100.1:80", ofRoute: true},
	{name: "37 sendto into a blackhole", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return unix.Sendto(fd, message, 0, v4("198.51.100.1", 53)) },
		err: unix.EINVAL, call: "sendto", src: "0.0.0.0:*", dst: "198.51.100.1:53", size: 5, ofRoute: true},
	{name: "37 blackhole of IPv6", family: unix.AF_INET6, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return unix.Sendto(fd, message, 0, v6("fd67::1", 53)) },
		err: unix.EINVAL, call: "sendto", src: "[::]:*", dst: "[fd67::1]:53", size: 5, ofRoute: true},
	{name: "37 prohibit route", family: unix.AF_INET, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v4("198.51.100.129", 80)) },
		err: unix.EACCES, call: "connect", src: "0.0.0.0:0", dst: "198.51.100.129:80", ofRoute: true},
	{name: "37 unreachable route", family: unix.AF_INET, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v4("198.51.100.65", 80)) },
		err: unix.EHOSTUNREACH, call: "connect", src: "0.0.0.0:0", dst: "198.51.100.65:80", ofRoute: true},
	{name: "70 IPsec policy", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return unix.Sendto(fd, message, 0, v4("10.66.0.70", 53)) },
		err: unix.EPERM, call: "sendto", src: "0.0.0.0:*", dst: "10.66.0.70:53", size: 5},
	{name: "70 IPsec policy, TCP", family: unix.AF_INET, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v4("10.66.0.70", 80)) },
		err: unix.EPERM, call: "connect", src: "0.0.0.0:0", dst: "10.66.0.70:80"},
	{name: "27 sendto too big", family: unix.AF_INET, kind: unix.SOCK_DGRAM, option: unix.IP_PMTUDISC_DO,
		do:  func(fd int) error { return unix.Sendto(fd, make([]byte, 2000), 0, v4("10.66.0.2", 53)) },
		err: unix.EMSGSIZE, call: "sendto", src: "0.0.0.0:*", dst: "10.66.0.2:53", size: 2000},
	{name: "27 write too big on a connected socket", family: unix.AF_INET, kind: unix.SOCK_DGRAM, option: unix.IP_PMTUDISC_DO,
		do: func(fd int) error {
			if err := unix.Connect(fd, v4("10.66.0.2", 53)); err != nil {
				return err
			}
			_, err := unix.Write(fd, make([]byte, 2001))
			return err
		},
		err: unix.EMSGSIZE, call: "write", src: "10.66.0.1:*", dst: "10.66.0.2:53", size: 2001},
	{name: "27 writev too big over IPv6", family: unix.AF_INET6, kind: unix.SOCK_DGRAM, option: unix.IP_PMTUDISC_DO,
		do: func(fd int) error {
			if err := unix.Connect(fd, v6("fd66::2", 53)); err != nil {
				return err
			}
			_, err := unix.Writev(fd, [][]byte{make([]byte, 1000), make([]byte, 1003)})
			return err
		},
		err: unix.EMSGSIZE, call: "writev", src: "[fd66::1]:*", dst: "[fd66::2]:53", size: 2003},
	{name: "sendmmsg without a route", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return sendmmsg(fd, message, netip.MustParseAddrPort("203.0.113.1:53")) },
		err: unix.ENETUNREACH, call: "sendmmsg", src: "0.0.0.0:*", dst: "203.0.113.1:53", size: 5, ofRoute: true},
	{name: "an address of a link without its interface", family: unix.AF_INET6, kind: unix.SOCK_STREAM,
		do:  func(fd int) error { return unix.Connect(fd, v6("fe80::99", 80)) },
		err: unix.EINVAL, call: "connect", src: "[::]:0", dst: "[fe80::99]:80"},

	{name: "a plain file that may not be written", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do: func(int) error {
			fd, err := unix.MemfdCreate("latch-sealed", unix.MFD_ALLOW_SEALING)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != nil {
				return err
			}
			_, err = unix.Write(fd, message)
			return err
		},
		err: unix.EPERM},
	{name: "a socket of another family", family: unix.AF_UNIX, kind: unix.SOCK_DGRAM,
		do: func(fd int) error {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 5000); err != nil {
				return err
			}
			return unix.Sendto(fd, make([]byte, 100000), 0, &unix.SockaddrUnix{Name: "@latch-nobody"})
		},
		err: unix.EMSGSIZE},
	{name: "a port that does not exist", family: unix.AF_INET, kind: unix.SOCK_DGRAM,
		do:  func(fd int) error { return unix.Sendto(fd, message, 0, v4("10.66.0.2", 0)) },
		err: unix.EINVAL},
	{name: "no socket at all", family: unix.AF_INET, kind: unix.SOCK_STREAM,
		do:  func(int) error { return unix.Connect(1<<20, v4("203.0.113.1", 80)) },
		err: unix.EBADF},
}

// The failures of all steps are reported, in their order, and nothing else.
func TestWatch(t *testing.T) {
	ns, other := newLab(t), newLab(t)
	for _, route := range [][]string{
		{"route", "add", "blackhole", "198.51.100.0/26"},
		{"route", "add", "unreachable", "198.51.100.64/26"},
		{"route", "add", "prohibit", "198.51.100.128/26"},
		{"-6", "route", "add", "blackhole", "fd67::/64"},
		{"xfrm", "policy", "add", "src", "0.0.0.0/0", "dst", "10.66.0.70/32", "dir", "out", "action", "block"},
	} {
		run(t, "ip", append([]string{"-n", ns.Name}, route...)...)
	}
	w := watch(t, ns)
	before := time.Now()
	inodes := make([]uint64, len(steps))
	var tid int
	err := ns.Do(func() error {
		tid = unix.Gettid()
		for i, s := range steps {
			inode, err := s.run()
			if !errors.Is(err, s.err) {
				t.Errorf("%s: %v, not %v", s.name, err, s.err)
			}
			inodes[i] = inode
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A namespace that is not watched.
	if err := other.Do(func() error {
		if _, err := steps[0].run(); !errors.Is(err, steps[0].err) {
			t.Errorf("elsewhere: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	failures := rest(t, w)
	after := time.Now()

	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, s := range steps {
		if s.call == "" {
			continue
		}
		if n == len(failures) {
			t.Fatalf("%s: not reported", s.name)
		}
		f := failures[n]
		n++
		if f.Call != s.call || f.Err != s.err || f.Dst != netip.MustParseAddrPort(s.dst) || f.Size != s.size {
			t.Errorf("%s: %s to %s of %d bytes: %v", s.name, f.Call, f.Dst, f.Size, f.Err)
		}
		if src := source(f.Src, s.src); src != s.src {
			t.Errorf("%s: from %s, not %s", s.name, src, s.src)
		}
		if f.Inode != inodes[i] || f.NetNS != ns.Inode || f.PID != os.Getpid() || f.TID != tid || f.UID != 0 ||
			f.Comm+"\n" != string(comm) || f.Type != s.kind || f.Socket == 0 || f.CgroupID == 0 {
			t.Errorf("%s: not whose it was: %+v", s.name, f)
		}
		if f.Time.Before(before) || f.Time.After(after) {
			t.Errorf("%s: at %v, not between %v and %v", s.name, f.Time, before, after)
		}
		if of, err := f.OfRoute(ns); err != nil || of != s.ofRoute {
			t.Errorf("%s: a route's doing: %t, %v", s.name, of, err)
		}
		if f.Words() == "" {
			t.Errorf("%s: no words for %v", s.name, f.Err)
		}
	}
	for _, f := range failures[n:] {
		t.Errorf("reported as well: %+v", f)
	}
	if seen, lost, err := w.Counts(); err != nil || seen != uint64(n) || lost != 0 {
		t.Errorf("%d seen, %d lost, %v; want %d, 0", seen, lost, err, n)
	}
}

// source writes an address as a step has it, with * for a port that the kernel
// chose.
func source(src netip.AddrPort, want string) string {
	if src.Port() != 0 && want[len(want)-1] == '*' {
		s := netip.AddrPortFrom(src.Addr(), 0).String()
		return s[:len(s)-1] + "*"
	}
	return src.String()
}

// run makes the call on a socket of its own, whose number it returns.
func (s *step) run() (inode uint64, _ error) {
	fd, err := unix.Socket(s.family, s.kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	level, name := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER
	if s.family == unix.AF_INET6 {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER
	}
	if s.option != 0 {
		if err := unix.SetsockoptInt(fd, level, name, s.option); err != nil {
			return 0, err
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	return st.Ino, s.do(fd)
}

func watch(t testing.TB, namespaces ...kernel.NetNS) *netfail.Watcher {
	t.Helper()
	w, err := netfail.Watch(&netfail.Options{NetNS: namespaces})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// rest stops the watcher and returns what it saw.
func rest(t testing.TB, w *netfail.Watcher) []*netfail.Failure {
	t.Helper()
	if err := w.Stop(); err != nil {
		t.Fatal(err)
	}
	var all []*netfail.Failure
	for {
		f, err := w.Next()
		if errors.Is(err, os.ErrClosed) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
}

// A firewall's drop is a failure of the call too, of the same socket and
// thread.
func TestWatchFirewall(t *testing.T) {
	testutil.Need(t, "nft")
	ns := newLab(t)
	run(t, "ip", "netns", "exec", ns.Name, "nft", "add table inet f; add chain inet f o { type filter hook output priority 0; }; add rule inet f o udp dport 9 drop")
	w := watch(t, ns)
	s := step{family: unix.AF_INET, kind: unix.SOCK_DGRAM, do: func(fd int) error { return unix.Sendto(fd, message, 0, v4("10.66.0.2", 9)) }}
	var inode uint64
	if err := ns.Do(func() (err error) {
		if inode, err = s.run(); !errors.Is(err, unix.EPERM) {
			t.Errorf("sendto: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all := rest(t, w)
	if len(all) != 1 || all[0].Err != unix.EPERM || all[0].Inode != inode {
		t.Fatalf("%+v", all)
	}
}

// What the buffer has no room for is counted.
func TestWatchLost(t *testing.T) {
	const calls = 1009
	ns := newLab(t)
	w, err := netfail.Watch(&netfail.Options{NetNS: []kernel.NetNS{ns}, RingBytes: os.Getpagesize()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := ns.Do(func() error {
		for range calls {
			if _, err := steps[0].run(); !errors.Is(err, steps[0].err) {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	read := uint64(len(rest(t, w)))
	seen, lost, err := w.Counts()
	if err != nil || seen != calls || lost == 0 || read+lost != seen {
		t.Errorf("%d seen, %d lost, %d read, %v", seen, lost, read, err)
	}
}

func TestWatchRefuses(t *testing.T) {
	testutil.NeedRoot(t)
	if w, err := netfail.Watch(&netfail.Options{RingBytes: 12345}); err == nil {
		t.Errorf("a ring of 12345 bytes: %v", w.Close())
	}
}
