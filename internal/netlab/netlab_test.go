package netlab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

func TestMain(m *testing.M) { Main(m) }

func TestHealthy(t *testing.T) {
	l := New(t)
	for _, addr := range []string{A4, RA4, RB4, B4, A6, RA6, RB6, B6} {
		if out := l.A.Ping("-c 1 -W 2 " + addr); !strings.Contains(out, "1 received") {
			t.Errorf("A gets no answer from %s:\n%s", addr, out)
		}
	}
	talk(l)
	for i, h := range []*Host{l.A, l.R, l.B} {
		if got, want := l.NameOf(h.Inode), "ARB"[i:i+1]; got != want {
			t.Errorf("namespace %d is %q, not %s", h.Inode, got, want)
		}
	}
	if got := l.NameOf(1); got != "" {
		t.Errorf("a foreign namespace is %q", got)
	}
}

// A program has the name it was given, in the thread that does its work, and
// is in its host's namespace.
func TestProgramName(t *testing.T) {
	l := New(t)
	p := l.A.Start("fifteen-letters", "udpserve", A4+":7")
	for _, file := range []string{"comm", fmt.Sprintf("task/%d/comm", p.PID())} {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.PID(), file))
		if got := strings.TrimSpace(string(comm)); err != nil || got != "fifteen-letters" {
			t.Errorf("%s %q, %v", file, got, err)
		}
	}
	ns, err := kernel.NetNSOf(fmt.Sprintf("/proc/%d/ns/net", p.PID()))
	if err != nil || ns.Inode != l.A.Inode {
		t.Errorf("the program is in namespace %v, %v, not in %d", ns.Inode, err, l.A.Inode)
	}
}

func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range All() {
		if seen[s.Name] {
			t.Errorf("two scenarios named %s", s.Name)
		}
		seen[s.Name] = true
		for _, w := range append([]Want{s.Want}, s.Also...) {
			if known := w.Reason != "" && w.Location != "" && w.NetNS != "" && w.Class != "" && w.Count > 0; known == w.NoEvent {
				t.Errorf("%s: what is wanted is not all said, or there is no event: %+v", s.Name, w)
			}
		}
	}
	if len(seen) < 55 {
		t.Errorf("only %d scenarios", len(seen))
	}
}

// failVar has TestFails fail in the middle of things.
const failVar = "LATCH_NETLAB_FAIL"

func TestFails(t *testing.T) {
	if os.Getenv(failVar) == "" {
		t.Skip("only TestNothingLeft runs it")
	}
	l := New(t)
	l.A.NFT(chain("output", "udp dport 7 drop"))
	l.B.xdp(0)
	l.B.Start("server", "udpserve", B4+":7")
	l.A.Run("ip no-such-thing")
}

// Nothing stays behind: not of scenarios that pass, not of one that fails,
// and not of one that is killed when the next one begins.
func TestNothingLeft(t *testing.T) {
	testutil.NeedRoot(t)
	before := world(t)
	t.Run("passing", func(t *testing.T) {
		for _, s := range All() {
			// One of each kind of thing that is set up.
			if !slices.Contains([]string{"legacy-output-user-chain", "nft-netdev-ingress", "clsact-egress", "xdp-native", "cgroup-egress", "tun-no-reader", "bridge-port-blocked", "forwarding-off"}, s.Name) {
				continue
			}
			t.Run(s.Name, func(t *testing.T) {
				l := New(t)
				if s.Setup != nil {
					s.Setup(l)
				}
				s.Traffic(l)
			})
		}
	})
	same(t, before)

	cmd := exec.Command(os.Args[0], "-test.run=^TestFails$")
	cmd.Env = append(os.Environ(), failVar+"=1")
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("no-such-thing")) {
		t.Errorf("a failing scenario: %v\n%s", err, out)
	}
	same(t, before)

	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	left := fmt.Sprintf("%s%dn1A", prefix, dead.Process.Pid)
	if out, err := exec.Command("ip", "netns", "add", left).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := removeDead(); err != nil {
		t.Error(err)
	}
	same(t, before)
}

// world is what the tests could leave in the namespace they run in: names
// of labs, devices, rules, settings, mounts.
func world(t *testing.T) map[string]string {
	t.Helper()
	w := make(map[string]string)
	names, err := filepath.Glob("/run/netns/" + prefix + fmt.Sprint(os.Getpid()) + "*")
	if err != nil {
		t.Fatal(err)
	}
	w["namespaces"] = strings.Join(names, " ")
	for name, line := range map[string]string{
		"links":    "ip -o link show",
		"ruleset":  "nft list ruleset",
		"legacy":   "iptables-legacy -w -S",
		"legacy6":  "ip6tables-legacy -w -S",
		"qdiscs":   "tc qdisc show",
		"policies": "ip xfrm policy",
		"routes":   "ip route show table all",
	} {
		words := strings.Fields(line)
		out, err := exec.Command(words[0], words[1:]...).Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		w[name] = string(out)
	}
	cgroups, err := filepath.Glob("/sys/fs/cgroup/*/" + prefix + fmt.Sprint(os.Getpid()) + "*")
	if err != nil {
		t.Fatal(err)
	}
	w["cgroups"] = strings.Join(cgroups, " ")
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	w["mounts"] = strings.Join(slices.DeleteFunc(strings.Split(string(mounts), "\n"), func(line string) bool {
		return !strings.Contains(line, " bpf ")
	}), "\n")
	for _, dir := range []string{"/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf", "/proc/sys/net/ipv4/neigh"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			value, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrPermission) && !strings.HasSuffix(path, "stable_secret") {
				return err
			}
			w[path] = string(value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	forward, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		t.Fatal(err)
	}
	w["ip_forward"] = string(forward)
	return w
}

// same waits until the world is what it was: what others on the machine do
// in it passes.
func same(t *testing.T, before map[string]string) {
	t.Helper()
	diff := ""
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if diff = cmp.Diff(before, world(t)); diff == "" {
			return
		}
	}
	t.Errorf("left behind (-before +after):\n%s", diff)
}
