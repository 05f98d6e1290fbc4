// Package netlab builds a small network of namespaces, and lists ways to lose
// a packet in it: each with what the kernel is known to say of the loss. Only
// tests import it.
package netlab

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// The addresses of the hosts. The router has one in each network; DevA and
// DevB are its devices towards A and B, Dev is the only one of A and of B.
const (
	A4, RA4, RB4, B4 = "10.77.1.2", "10.77.1.1", "10.77.2.1", "10.77.2.2"
	A6, RA6, RB6, B6 = "fd77:1::2", "fd77:1::1", "fd77:2::1", "fd77:2::2"

	MacA, MacRA, MacRB, MacB = "02:77:00:00:01:02", "02:77:00:00:01:01", "02:77:00:00:02:01", "02:77:00:00:02:02"

	Dev, DevA, DevB = "eth0", "toa", "tob"

	// FencePort is where Fence sends to. No scenario uses it.
	FencePort = 65077
)

// prefix begins the names of all namespaces of all labs. The process id of
// their test follows.
const prefix = "llab"

// A Lab is three namespaces, A - R - B, joined by veth pairs: two hosts and
// the router between them, each with IPv4 and IPv6 and with permanent
// neighbour entries. It is gone when its test ends, passed or not.
type Lab struct {
	T       testing.TB
	A, R, B *Host
}

var (
	labs  atomic.Int64
	sweep = sync.OnceValue(removeDead)
)

// New builds a lab. Namespaces that a killed test left are removed first.
func New(t testing.TB) *Lab {
	t.Helper()
	testutil.NeedRoot(t)
	for _, tool := range []string{"ip", "tc", "nft", "iptables-legacy", "ip6tables-legacy", "iptables-nft", "ping"} {
		testutil.Need(t, tool)
	}
	if err := sweep(); err != nil {
		t.Fatal(err)
	}
	l := &Lab{T: t}
	id := fmt.Sprintf("%s%dn%d", prefix, os.Getpid(), labs.Add(1))
	for _, h := range []struct {
		host **Host
		name string
	}{{&l.A, "A"}, {&l.R, "R"}, {&l.B, "B"}} {
		*h.host = l.addHost(id + h.name)
	}
	l.A.ip(
		"link add "+Dev+" address "+MacA+" type veth peer name "+DevA+" address "+MacRA+" netns "+l.R.Name,
		"addr add "+A4+"/24 dev "+Dev, "addr add "+A6+"/64 dev "+Dev+" nodad",
	)
	l.B.ip(
		"link add "+Dev+" address "+MacB+" type veth peer name "+DevB+" address "+MacRB+" netns "+l.R.Name,
		"addr add "+B4+"/24 dev "+Dev, "addr add "+B6+"/64 dev "+Dev+" nodad",
	)
	l.R.ip(
		"addr add "+RA4+"/24 dev "+DevA, "addr add "+RA6+"/64 dev "+DevA+" nodad",
		"addr add "+RB4+"/24 dev "+DevB, "addr add "+RB6+"/64 dev "+DevB+" nodad",
		"link set lo up", "link set "+DevA+" up", "link set "+DevB+" up",
		"neigh add "+A4+" lladdr "+MacA+" dev "+DevA+" nud permanent", "neigh add "+A6+" lladdr "+MacA+" dev "+DevA+" nud permanent",
		"neigh add "+B4+" lladdr "+MacB+" dev "+DevB+" nud permanent", "neigh add "+B6+" lladdr "+MacB+" dev "+DevB+" nud permanent",
	)
	l.R.Sysctl("net.ipv4.ip_forward", "1")
	l.R.Sysctl("net.ipv6.conf.all.forwarding", "1")
	l.A.upVia(RA4, RA6, MacRA)
	l.A.Sysctl("net.ipv4.tcp_syn_linear_timeouts", "1")
	l.B.upVia(RB4, RB6, MacRB)
	// What the kernel does when it notices a link late would meet the traffic.
	for _, end := range []struct {
		host *Host
		dev  string
	}{{l.A, Dev}, {l.R, DevA}, {l.R, DevB}, {l.B, Dev}} {
		end.host.until("have "+end.dev+" up", func() bool { return strings.Contains(end.host.output("ip", "link", "show", end.dev), "state UP") })
	}
	return l
}

// Inodes are those of the three namespaces.
func (l *Lab) Inodes() []uint32 { return []uint32{l.A.Inode, l.R.Inode, l.B.Inode} }

// NameOf returns "A", "R" or "B", or "" for a namespace of someone else.
func (l *Lab) NameOf(inode uint32) string {
	for i, h := range []*Host{l.A, l.R, l.B} {
		if h.Inode == inode {
			return "ARB"[i : i+1]
		}
	}
	return ""
}

// Equal fails the test if a program did not see what it should have.
func (l *Lab) Equal(what, got, want string) {
	l.T.Helper()
	if got != want {
		l.T.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (l *Lab) addHost(name string) *Host {
	l.T.Helper()
	h := &Host{lab: l}
	l.T.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			l.T.Errorf("remove namespace %s: %v: %s", name, err, out)
		}
	})
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		l.T.Fatalf("add namespace %s: %v: %s", name, err, out)
	}
	ns, err := kernel.NetNSNamed(name)
	if err != nil {
		l.T.Fatal(err)
	}
	h.NetNS = ns
	for _, conf := range []string{"all", "default"} {
		h.Sysctl("net.ipv4.conf."+conf+".rp_filter", "0")
		h.Sysctl("net.ipv6.conf."+conf+".accept_dad", "0")
		h.Sysctl("net.ipv6.conf."+conf+".router_solicitations", "0")
		// The groups that every host joins are reported at once, not within a
		// second, and so before anything is traced.
		h.Sysctl("net.ipv6.conf."+conf+".mldv1_unsolicited_report_interval", "1")
		h.Sysctl("net.ipv6.conf."+conf+".mldv2_unsolicited_report_interval", "1")
	}
	return h
}

// upVia raises a host's device and gives it a router.
func (h *Host) upVia(v4, v6, mac string) {
	h.lab.T.Helper()
	h.ip("link set lo up", "link set "+Dev+" up",
		"neigh add "+v4+" lladdr "+mac+" dev "+Dev+" nud permanent", "neigh add "+v6+" lladdr "+mac+" dev "+Dev+" nud permanent",
		"route add default via "+v4, "route add default via "+v6)
}

// removeDead removes the namespaces of labs whose test is no more.
func removeDead() error {
	all, err := kernel.NetNamespaces()
	if err != nil {
		return err
	}
	for _, ns := range all {
		id, _, ours := strings.Cut(strings.TrimPrefix(ns.Name, prefix), "n")
		pid, err := strconv.Atoi(id)
		if !strings.HasPrefix(ns.Name, prefix) || !ours || err != nil {
			continue
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
			continue
		}
		out, err := exec.Command("ip", "netns", "del", ns.Name).CombinedOutput()
		if _, gone := kernel.NetNSNamed(ns.Name); err != nil && gone == nil { // else another test was faster
			return fmt.Errorf("remove namespace %s of a dead test: %w: %s", ns.Name, err, out)
		}
	}
	return nil
}
