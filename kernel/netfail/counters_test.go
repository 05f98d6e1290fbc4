package netfail_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/netfail"
)

func snapshot(t testing.TB, ns kernel.NetNS) *netfail.Snapshot {
	t.Helper()
	s, err := netfail.Counters(ns)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// moved returns what moved in the namespace since before, but for what is the
// whole machine's.
func moved(t testing.TB, ns kernel.NetNS, before *netfail.Snapshot) map[netfail.Counter]uint64 {
	t.Helper()
	all := make(map[netfail.Counter]uint64)
	for _, change := range netfail.Delta(before, snapshot(t, ns)) {
		if change.Words == "" || change.Machine != (change.Source == "softnet") {
			t.Errorf("%+v", change)
		}
		if !change.Machine {
			all[change.Counter] = change.Delta
		}
	}
	return all
}

func TestCounters(t *testing.T) {
	testutil.Need(t, "tc")
	datagrams := func(n int, to unix.Sockaddr, size int, want error) func() error {
		return func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			for range n {
				if err := unix.Sendto(fd, make([]byte, size), 0, to); !errors.Is(err, want) {
					return err
				}
			}
			return nil
		}
	}
	for _, test := range []struct {
		name  string
		setup []string // arguments of ip or tc
		noV6  bool     // on d0
		do    func() error
		want  map[netfail.Counter]uint64
	}{
		{name: "nothing"},
		{name: "a healthy connection", do: healthy},
		{name: "35 no route", do: datagrams(3, v4("203.0.113.1", 53), 5, unix.ENETUNREACH),
			want: map[netfail.Counter]uint64{{Source: "Ip", Name: "OutNoRoutes"}: 3}},
		{name: "70 IPsec policy", setup: []string{"ip xfrm policy add src 0.0.0.0/0 dst 10.66.0.70/32 dir out action block"},
			do: datagrams(5, v4("10.66.0.70", 53), 5, unix.EPERM), want: map[netfail.Counter]uint64{{Source: "Xfrm", Name: "OutPolBlock"}: 5}},
		{name: "nobody listens", do: datagrams(1, v4("10.66.0.1", 53), 5, nil),
			want: map[netfail.Counter]uint64{
				{Source: "Udp", Name: "NoPorts"}: 1, {Source: "Icmp", Name: "OutDestUnreachs"}: 1, {Source: "Icmp", Name: "InDestUnreachs"}: 1,
			}},
		// The neighbour is set, so that packets reach the queue, and IPv6 is off,
		// so that none of its own packets do; the bucket
		// holds no packet of 1400 bytes. The program is not told.
		{name: "29 shaper full", noV6: true, setup: []string{
			"ip neigh add 10.66.0.2 lladdr 02:00:00:00:00:02 dev d0",
			"tc qdisc add dev d0 root handle 7: tbf rate 8bit burst 200 limit 200",
		}, do: datagrams(11, v4("10.66.0.2", 53), 1400, nil),
			want: map[netfail.Counter]uint64{
				{Source: "qdisc", Name: "dropped", Interface: "d0", Qdisc: "tbf 7:"}: 11,
				{Source: "Udp", Name: "SndbufErrors"}:                                11, {Source: "Ip", Name: "OutDiscards"}: 11,
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ns := newLab(t)
			if test.noV6 {
				noIPv6(t, ns, "d0")
			}
			for _, line := range test.setup {
				args := strings.Fields(line)
				run(t, args[0], append([]string{"-n", ns.Name}, args[1:]...)...)
			}
			before := snapshot(t, ns)
			if test.do != nil {
				if err := ns.Do(test.do); err != nil {
					t.Fatal(err)
				}
			}
			want := test.want
			if want == nil {
				want = map[netfail.Counter]uint64{}
			}
			if diff := cmp.Diff(want, moved(t, ns, before)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// healthy connects, accepts, sends and closes.
func healthy() error {
	server, err := listen(v4("10.66.0.1", 8080), 1)
	if err != nil {
		return err
	}
	defer unix.Close(server)
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(client)
	if err := unix.Connect(client, v4("10.66.0.1", 8080)); err != nil {
		return err
	}
	conn, _, err := unix.Accept(server)
	if err != nil {
		return err
	}
	defer unix.Close(conn)
	if _, err := unix.Write(client, message); err != nil {
		return err
	}
	_, err = unix.Read(conn, make([]byte, len(message)))
	return err
}

func listen(at unix.Sockaddr, backlog int) (fd int, err error) {
	family := unix.AF_INET
	if _, ok := at.(*unix.SockaddrInet6); ok {
		family = unix.AF_INET6
	}
	if fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, err
	}
	if err := errors.Join(unix.Bind(fd, at), unix.Listen(fd, backlog)); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// Row 45: connections that find the accept queue full are counted, and the
// listener and its owner are found.
func TestFullListeners(t *testing.T) {
	for _, test := range []struct {
		name, addr string
		at         unix.Sockaddr
	}{
		{"IPv4", "10.66.0.1:8080", v4("10.66.0.1", 8080)},
		{"IPv6", "[::1]:8081", v6("::1", 8081)},
	} {
		t.Run(test.name, func(t *testing.T) {
			ns := newLab(t)
			var fds []int
			t.Cleanup(func() {
				for _, fd := range fds {
					unix.Close(fd)
				}
			})
			var inode uint64
			// A second listener, which is well.
			err := ns.Do(func() error {
				well, err := listen(v4("10.66.0.1", 9090), 5)
				if err != nil {
					return err
				}
				fds = append(fds, well)
				full, err := listen(test.at, 1)
				if err != nil {
					return err
				}
				fds = append(fds, full)
				var st unix.Stat_t
				err = unix.Fstat(full, &st)
				inode = st.Ino
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if all, err := netfail.FullListeners(ns); err != nil || len(all) != 0 {
				t.Fatalf("before: %+v, %v", all, err)
			}
			before := snapshot(t, ns)

			// Two fit into a queue of one.
			const fit, lost = 2, 7
			connect := func(n int) (fds []int) {
				t.Helper()
				if err := ns.Do(func() (err error) {
					fds, err = connectAll(test.at, n)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				return fds
			}
			fds = append(fds, connect(fit)...)
			wait(t, "the queue fills", func() bool {
				all, err := netfail.FullListeners(ns)
				return err == nil && len(all) == 1 && all[0].Full()
			})
			// They end at once, so that their SYNs are not sent again.
			for _, fd := range connect(lost) {
				unix.Close(fd)
			}
			overflows := netfail.Counter{Source: "TcpExt", Name: "ListenOverflows"}
			wait(t, "every SYN arrives", func() bool { return moved(t, ns, before)[overflows] >= lost })
			after := moved(t, ns, before)
			// A SYN is sent again after a second, should the machine be so slow.
			want := lost + after[netfail.Counter{Source: "TcpExt", Name: "TCPSynRetrans"}]
			if n := after[overflows]; n != want {
				t.Errorf("%d overflows, not %d", n, want)
			}
			if n := after[netfail.Counter{Source: "TcpExt", Name: "ListenDrops"}]; n != want {
				t.Errorf("%d drops, not %d", n, want)
			}

			all, err := netfail.FullListeners(ns)
			if err != nil || len(all) != 1 {
				t.Fatalf("%+v, %v", all, err)
			}
			l := all[0]
			if l.Addr.String() != test.addr || l.Queue != fit || l.Backlog != 1 || !l.Full() || l.Drops != want || l.Inode != inode || l.UID != 0 {
				t.Errorf("%+v, not at %s with %d dropped and inode %d", l, test.addr, want, inode)
			}
			comm, err := os.ReadFile("/proc/self/comm")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(l.Owners, netfail.Owner{PID: os.Getpid(), Comm: strings.TrimSuffix(string(comm), "\n")}) {
				t.Errorf("owners %+v", l.Owners)
			}
		})
	}
}

// connectAll starts n connections.
func connectAll(to unix.Sockaddr, n int) (fds []int, _ error) {
	family := unix.AF_INET
	if _, ok := to.(*unix.SockaddrInet6); ok {
		family = unix.AF_INET6
	}
	for range n {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return fds, err
		}
		fds = append(fds, fd)
		if err := unix.Connect(fd, to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
			return fds, err
		}
	}
	return fds, nil
}
