package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/netlab"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// apart is a shell in a network namespace that has no name. Each line it reads
// makes it lose a datagram.
type apart struct {
	t     testing.TB
	pid   int
	stdin io.Writer
	said  *bufio.Scanner
}

func startApart(t testing.TB) *apart {
	t.Helper()
	testutil.NeedRoot(t)
	testutil.Need(t, "ip")
	cmd := exec.Command("unshare", "-n", "bash", "-c", `ip link set lo up; echo $$; while read; do echo x >/dev/udp/127.0.0.1/9; echo sent; done`)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	a := &apart{t: t, stdin: stdin, said: bufio.NewScanner(stdout)}
	if a.pid, err = strconv.Atoi(a.line()); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *apart) line() string {
	a.t.Helper()
	if !a.said.Scan() {
		a.t.Fatalf("the shell ended: %v", a.said.Err())
	}
	return a.said.Text()
}

func (a *apart) send() {
	a.t.Helper()
	if _, err := io.WriteString(a.stdin, "\n"); err != nil {
		a.t.Fatal(err)
	}
	a.line()
}

// TestDropsContainer holds how a namespace without a name is called: by its
// number, or by the container in it.
func TestDropsContainer(t *testing.T) {
	a := startApart(t)
	ns, err := kernel.NetNSOf(fmt.Sprintf("/proc/%d/ns/net", a.pid))
	if err != nil {
		t.Fatal(err)
	}
	check := func(given, want string) {
		t.Helper()
		l := startLatch(t, "drops", "--json", "--netns", given)
		l.waitAttached()
		a.send()
		l.interrupt()
		if code := l.wait(); code != 0 {
			t.Fatalf("latch ended with %d\n%s", code, l.said())
		}
		if got := sum(l.drops(), func(d *toldDrop) string { return d.NetNS + " " + d.Words }); got[want+" nobody listens on the UDP port"] != 1 {
			t.Errorf("--netns %s: %v, want one of %s", given, got, want)
		}
	}
	number := strconv.FormatUint(uint64(ns.Inode), 10)
	check(number, number)

	mount := t.TempDir()
	if err := unix.Mount("none", mount, "cgroup2", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	id := fmt.Sprintf("%012x%052x", a.pid, 0)
	short := id[:12]
	group := filepath.Join(mount, "docker-"+id+".scope")
	move := func(to string) {
		if err := os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(strconv.Itoa(a.pid)), 0); err != nil {
			t.Error(err)
		}
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		move(mount)
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	move(group)
	check(strconv.Itoa(a.pid), short)
	check(short, short)
	check(id, short)
}

// TestDropsNamespaceGone holds that the watching ends with what is watched:
// numbers of namespaces are given again at once.
func TestDropsNamespaceGone(t *testing.T) {
	a := startApart(t)
	l := startLatch(t, "drops", "--netns", strconv.Itoa(a.pid))
	l.waitAttached()
	a.send()
	if err := syscall.Kill(a.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := l.wait(); code != 0 || !strings.Contains(l.said(), " is gone") {
		t.Errorf("latch ended with %d\n%s", code, l.said())
	}
	if lines, packets := textSum(t, l.stdout.String()); lines != 1 || packets != 1 {
		t.Errorf("printed\n%s", l.stdout.String())
	}
}

// TestDropsHostile holds that no name gets a terminal to do anything.
func TestDropsHostile(t *testing.T) {
	lab := netlab.New(t)
	lab.A.NFT("table inet f { chain o { type filter hook output priority 0; udp dport 7 drop comment \"\x1b[2J\"; }; }")
	for _, args := range [][]string{nil, {"-v"}} {
		l := watchLab(t, lab, func() {
			lab.Equal("app", lab.A.Tell("\x1b[31m\nx\a", "udp", netlab.B4+":7", "3", "100"), "EPERM=3")
		}, args...)
		if code := l.wait(); code != 0 {
			t.Fatalf("latch ended with %d\n%s", code, l.said())
		}
		out := l.stdout.String()
		if strings.ContainsFunc(out+l.said(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || !strings.Contains(out, `\x1b[31m\nx\x07`) {
			t.Errorf("printed %q and %q", out, l.said())
		}
	}
	drops, _ := told(t, lab, func() {
		lab.Equal("app", lab.A.Tell("\x1b[31m\nx\a", "udp", netlab.B4+":7", "3", "100"), "EPERM=3")
	})
	if got := sum(drops, func(d *toldDrop) string { return d.Comm + d.Rule }); got["\x1b[31m\nx\anft inet f/o handle 2"] != 3 {
		t.Errorf("%v", got)
	}
}

// TestDropsClosedOutput holds that nothing is left behind when nobody reads
// any more.
func TestDropsClosedOutput(t *testing.T) {
	lab := netlab.New(t)
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(latchPath(t), "drops", "--netns", lab.B.Name, "--pcap", filepath.Join(dir, "x.pcapng"))
	l := &tool{t: t, cmd: cmd, attached: make(chan struct{}), exited: make(chan struct{})}
	l.startTo(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l.waitAttached()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	lab.A.Datagrams(netlab.B4, 7)
	if code := l.wait(); code != 141 || strings.Contains(l.said(), "pipe") {
		t.Errorf("latch ended with %d\n%s", code, l.said())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestDropsInterrupted holds that a second Ctrl-C does no harm.
func TestDropsInterrupted(t *testing.T) {
	lab := netlab.New(t)
	l := startLatch(t, "drops", "--netns", lab.B.Name, "--", "sh", "-c", "exec sleep 5 >/dev/null 2>&1")
	l.waitAttached()
	l.interrupt()
	for began := time.Now(); time.Since(began) < waitLimit; time.Sleep(10 * time.Millisecond) {
		l.interrupt()
		select {
		case <-l.exited:
			if code := l.wait(); code != 130 {
				t.Errorf("latch ended with %d\n%s", code, l.said())
			}
			return
		default:
		}
	}
	t.Error("latch did not end")
}

// TestDropsTwice holds that two that watch at the same time both see all.
func TestDropsTwice(t *testing.T) {
	lab := netlab.New(t)
	first := startLatch(t, "drops", "--json", "--netns", lab.B.Name)
	second := startLatch(t, "drops", "--json", "--netns", lab.B.Name, "--pcap", filepath.Join(t.TempDir(), "x.pcapng"))
	first.waitAttached()
	second.waitAttached()
	lab.Equal("app", lab.A.Tell("app", "udp", netlab.B4+":7", "7", "100"), "ok=7")
	for _, l := range []*tool{first, second} {
		l.interrupt()
		if code := l.wait(); code != 0 {
			t.Fatalf("latch ended with %d\n%s", code, l.said())
		}
		if got := sum(l.drops(), func(d *toldDrop) string { return d.Words }); got["nobody listens on the UDP port"] != 7 {
			t.Errorf("%v", got)
		}
	}
}

// TestDropsTraceRules holds that tracing leaves the firewall as it was, also
// after a kill, at the next start.
func TestDropsTraceRules(t *testing.T) {
	lab := netlab.New(t)
	lab.A.NFT(`table inet f { chain o { type filter hook output priority 0; udp dport 7 meta cpu 0-4095 drop; udp dport 7 drop; }; }`)
	ruleset := func() string {
		t.Helper()
		out, err := lab.A.Command("nft", "list", "ruleset").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	before := ruleset()
	send := func() { lab.Equal("app", lab.A.Tell("app", "udp", netlab.B4+":7", "1", "100"), "EPERM=1") }

	l := startLatch(t, "drops", "--netns", lab.A.Name, "--trace-rules")
	l.waitAttached()
	send()
	until(t, "trace", func() bool { return strings.Contains(ruleset(), "latch_trace") })
	if err := l.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	l.wait()
	if ruleset() == before {
		t.Fatal("a killed latch took its trace away")
	}
	l = startLatch(t, "drops", "--netns", lab.A.Name, "-d", "10ms")
	if code := l.wait(); code != 0 || !strings.Contains(l.said(), "latch: took away a trace") || ruleset() != before {
		t.Errorf("latch ended with %d\n%s\n%s", code, l.said(), ruleset())
	}

	l = startLatch(t, "drops", "--netns", lab.A.Name, "--trace-rules")
	l.waitAttached()
	send()
	until(t, "trace", func() bool { return strings.Contains(ruleset(), "latch_trace") })
	l.interrupt()
	if code := l.wait(); code != 0 || ruleset() != before {
		t.Errorf("latch ended with %d\n%s\n%s", code, l.said(), ruleset())
	}
}

// until polls until something is so.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for began := time.Now(); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > waitLimit {
			t.Fatalf("no %s within %v", what, waitLimit)
		}
	}
}

// TestDropsLateRules holds that a rule is named in a namespace whose rules
// were read only after it had dropped.
func TestDropsLateRules(t *testing.T) {
	lab := netlab.New(t)
	lab.A.Run("iptables-legacy -w -A OUTPUT -p udp --dport 7 -j DROP")
	l := startLatch(t, "drops", "--json", "--where", fmt.Sprintf("netns == %q", lab.A.Name))
	l.waitAttached()
	lab.Equal("app", lab.A.Tell("app", "udp", netlab.B4+":7", "3", "100"), "EPERM=3")
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	got := sum(l.drops(), func(d *toldDrop) string { return d.Rule + " " + d.RuleConfidence })
	if got["iptables filter/OUTPUT rule 1 exact: evaluated"] != 3 {
		t.Errorf("%v\n%s", got, l.stdout.String())
	}
}

// TestDropsWithoutTools holds that latch says which tool it lacks.
func TestDropsWithoutTools(t *testing.T) {
	lab := netlab.New(t)
	lab.A.Run("iptables-legacy -w -A OUTPUT -p udp --dport 7 -j DROP")
	cmd := exec.Command(latchPath(t), "drops", "--json", "--netns", lab.A.Name)
	cmd.Env = append(os.Environ(), "PATH="+t.TempDir())
	l := startTool(t, cmd)
	l.waitAttached()
	lab.Equal("app", lab.A.Tell("app", "udp", netlab.B4+":7", "3", "100"), "EPERM=3")
	l.interrupt()
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	for _, d := range l.drops() {
		if d.Rule != "" || d.RuleConfidence != "unknown" || !strings.Contains(d.Remark, "iptables-legacy-save is not installed") {
			t.Errorf("%+v", d)
		}
	}
}

// TestDropsUnprivileged holds that it is said what is missing.
func TestDropsUnprivileged(t *testing.T) {
	testutil.NeedRoot(t)
	cmd := exec.Command(latchPath(t), "drops", "-d", "1s")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	l := startTool(t, cmd)
	if code := l.wait(); code != 3 || !strings.HasPrefix(l.said(), "latch: drops needs root: ") || strings.Contains(l.said(), "\n") {
		t.Errorf("latch ended with %d\n%s", code, l.said())
	}
}
