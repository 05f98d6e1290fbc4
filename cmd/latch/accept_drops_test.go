package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/internal/netlab"
	"github.com/latchprof/latch/internal/testutil"
)

// TestDropsArticle is the case that began it all: a ping that its own machine's
// firewall drops, by each of the three firewalls.
func TestDropsArticle(t *testing.T) {
	for _, c := range []struct {
		label                    string
		setup                    func(*netlab.Lab)
		location, rule, ruleText string
	}{
		{"iptables-legacy", func(l *netlab.Lab) { l.A.Run("iptables-legacy -w -A OUTPUT -p icmp -d " + netlab.B4 + " -j DROP") },
			"nf_hook_slow", "iptables filter/OUTPUT rule 1", "-A OUTPUT -d " + netlab.B4 + "/32 -p icmp -j DROP"},
		{"nft", func(l *netlab.Lab) {
			l.A.NFT("table inet f { chain o { type filter hook output priority 0; icmp type echo-request drop; }; }")
		}, "nft_do_chain", "nft inet f/o handle 2", "icmp type echo-request drop"},
		{"iptables-nft", func(l *netlab.Lab) { l.A.Run("iptables-nft -w -A OUTPUT -p icmp -d " + netlab.B4 + " -j DROP") },
			"nft_do_chain", "iptables-nft filter/OUTPUT rule 1", "-A OUTPUT -d " + netlab.B4 + "/32 -p icmp -j DROP"},
	} {
		t.Run(c.label, func(t *testing.T) {
			lab := netlab.New(t)
			c.setup(lab)
			drops, l := told(t, lab, func() { lab.A.Ping("-c 3 -i 0.1 -W 0.2 " + netlab.B4) })
			got := sum(drops, func(d *toldDrop) string {
				if !strings.HasPrefix(d.RuleConfidence, "exact") || d.PID == 0 || d.Call != "" {
					t.Errorf("%+v", d)
				}
				return strings.Join([]string{d.Src, d.Dst, d.Proto, d.Kind, d.Location, d.Caller, d.Hook, d.Cause, d.Where, d.NetNS, d.Comm, d.Rule, d.RuleText}, "|")
			})
			want := map[string]int{strings.Join([]string{netlab.A4, netlab.B4, "icmp", "echo", c.location, "__ip_local_out", "OUTPUT", "firewall", "before leaving",
				lab.A.Name, "ping", c.rule, c.ruleText}, "|"): 3}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("drops (-stated +told):\n%s\n%s", diff, l.said())
			}
		})
	}
}

// TestDropsArticleText is what a person sees of it.
func TestDropsArticleText(t *testing.T) {
	lab := netlab.New(t)
	lab.A.Run("iptables-legacy -w -A OUTPUT -p icmp -j DROP")
	l := watchLab(t, lab, func() { lab.A.Ping("-c 1 -W 0.2 " + netlab.B4) }, "-v")
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	want := regexp.MustCompile(`(?m)^10\.77\.1\.2 → 10\.77\.2\.2 icmp echo   dropped in nf_hook_slow \(OUTPUT hook, from __ip_local_out\)   at \d\d:\d\d:\d\d\.\d{3}
  why    blocked by firewall, before leaving \(NETFILTER_DROP\) — iptables filter/OUTPUT rule 1: "-A OUTPUT -p icmp -j DROP"  \[exact: counter \+1, evaluated\]
  who    ping pid \d+ tid \d+, netns ` + lab.A.Name + `, uid 0,.* socket:\[\d+\], 84 bytes
  saw    sendto\(\) failed with EPERM
  check  ip netns exec ` + lab.A.Name + ` iptables-legacy -t filter -vnL OUTPUT --line-numbers
  allow  ip netns exec ` + lab.A.Name + ` iptables-legacy -t filter -I OUTPUT 1 -d 10\.77\.2\.2 -p icmp --icmp-type 8 -j ACCEPT
  stack  nf_hook_slow < __ip_local_out < .*
1 packet was dropped in .*
by cause
  1  100\.0%  firewall  blocked by firewall
by pair
  1  100\.0%  10\.77\.1\.2 → 10\.77\.2\.2
`)
	if !want.MatchString(l.stdout.String()) {
		t.Errorf("printed\n%s", l.stdout.String())
	}
}

// TestDropsHealthy holds that what works is not reported.
func TestDropsHealthy(t *testing.T) {
	lab := netlab.New(t)
	drops, l := told(t, lab, func() {
		lab.A.Ping("-c 3 -i 0.1 " + netlab.B4)
		lab.A.Ping("-c 3 -i 0.1 " + netlab.B6)
		server := lab.B.Start("web", "tcpserve", netlab.B4+":80")
		server.Go()
		lab.Equal("client", lab.A.Tell("client", "talk", netlab.B4+":80"), "ok")
		lab.Equal("server", server.WaitDone()[0], "end")
	})
	if len(drops) > 0 {
		t.Errorf("%+v", drops)
	}
	for _, want := range []string{"no packet was dropped in ", "ping reply already delivered", "TCP close", "lost: nothing"} {
		if !strings.Contains(l.said(), want) {
			t.Errorf("no %q in\n%s", want, l.said())
		}
	}
	// They are counted, and shown on request.
	all, _ := told(t, lab, func() { lab.A.Ping("-c 3 -i 0.1 " + netlab.B4) }, "--all", "--cause", "no-listener")
	got := sum(all, func(d *toldDrop) string { return fmt.Sprint(d.Words, d.Quiet) })
	if diff := cmp.Diff(map[string]int{"ping reply already deliveredtrue": 3}, got); diff != "" {
		t.Errorf("with --all (-stated +told):\n%s", diff)
	}
}

// TestDropsCauses holds what is told of common failures, to the packet.
func TestDropsCauses(t *testing.T) {
	for _, c := range []struct {
		label   string
		setup   func(*netlab.Lab)
		traffic func(*netlab.Lab)
		want    map[string]int
	}{
		{"nobody listens", nil, func(l *netlab.Lab) {
			l.Equal("app", l.A.Tell("app", "udp", netlab.B4+":7", "3", "100"), "ok=3")
			l.Equal("app", l.A.Tell("app", "tcp", netlab.B4+":80"), "ECONNREFUSED")
		}, map[string]int{"B udp > 7 no-listener: nobody listens on the UDP port": 3, "B tcp > 80 no-listener: nobody listens on the TCP port": 1}},
		{"receiver too slow", nil, func(l *netlab.Lab) {
			l.B.Start("slow", "udpserve", netlab.B4+":7", "rcvbuf")
			l.Equal("app", l.A.Tell("app", "udp", netlab.B4+":7", "20", "1000"), "ok=20")
		}, map[string]int{"B slow udp > 7 receiver-full: receiver too slow: socket buffer full": 19}},
		{"no route", func(l *netlab.Lab) { l.A.Run("ip route del default") }, func(l *netlab.Lab) {
			l.Equal("app", l.A.Tell("app", "tcp", netlab.B4+":80"), "ENETUNREACH")
		}, map[string]int{"A app tcp > 80 no-route: no route to the destination: connect() failed with ENETUNREACH": 1}},
		{"too big", nil, func(l *netlab.Lab) {
			l.Equal("app", l.A.Tell("app", "udp", netlab.B4+":7", "3", "2000", "df"), "EMSGSIZE=3")
		}, map[string]int{"A app udp > 7 too-big: message too big for the protocol, or for the path where it may not be cut into fragments: sendto() failed with EMSGSIZE": 3}},
		{"a drop and its EPERM are one", func(l *netlab.Lab) {
			l.A.NFT("table inet f { chain o { type filter hook output priority 0; udp dport 7 drop; }; }")
		}, func(l *netlab.Lab) {
			l.Equal("app", l.A.Tell("app", "udp", netlab.B4+":7", "3", "100"), "EPERM=3")
		}, map[string]int{"A app udp > 7 firewall: blocked by firewall: sendto() failed with EPERM": 3}},
		{"accept queue", nil, func(l *netlab.Lab) {
			l.B.Start("busy", "tcpserve", netlab.B4+":80", "full")
			l.Equal("first", l.A.Tell("first", "tcp", netlab.B4+":80"), "ok")
			l.Equal("second", l.A.Tell("second", "tcp", netlab.B4+":80"), "ETIMEDOUT")
		}, map[string]int{"B busy tcp > 80 receiver-full: accept queue full: the program does not accept fast enough": 3}},
	} {
		t.Run(c.label, func(t *testing.T) {
			lab := netlab.New(t)
			if c.setup != nil {
				c.setup(lab)
			}
			buffer := regexp.MustCompile(` \d+/\d+$`)
			drops, l := told(t, lab, func() { c.traffic(lab) })
			got := sum(drops, func(d *toldDrop) string {
				where := map[string]string{lab.A.Name: "A", lab.R.Name: "R", lab.B.Name: "B"}[d.NetNS]
				text := fmt.Sprintf("%s %s %s > %d %s: %s", where, d.Comm, d.Proto, d.Dport, d.Cause, buffer.ReplaceAllString(d.Words, ""))
				if d.Told != "" {
					text += ": " + d.Told
				}
				return strings.ReplaceAll(text, "  ", " ")
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("drops (-stated +told):\n%s\n%s\n%s", diff, l.stdout.String(), l.said())
			}
		})
	}
}

// TestDropsFilters holds what is left out by request.
func TestDropsFilters(t *testing.T) {
	lab := netlab.New(t)
	traffic := func() {
		lab.Equal("app", lab.A.Tell("app", "udp", netlab.B4+":7", "3", "100"), "ok=3")
		lab.Equal("app", lab.A.Tell("app", "udp", netlab.B4+":8", "5", "100"), "ok=5")
		lab.Equal("app", lab.A.Tell("app", "tcp", netlab.B4+":80"), "ECONNREFUSED")
	}
	for _, c := range []struct {
		args []string
		want map[string]int
	}{
		{[]string{"--where", "dport == 8"}, counted("udp 8", 5)},
		{[]string{"--where", `dst == "10.77.2.2" && proto == "udp" && dport != 8`}, counted("udp 7", 3)},
		{[]string{"--where", `within(src, "10.77.1.0/24") && proto == "tcp"`}, counted("tcp 80", 1)},
		{[]string{"--cause", "firewall,no-route"}, counted()},
		{[]string{"--cause", "no-listener", "--where", "len > 1000"}, counted()},
		{[]string{"-p", strconv.Itoa(os.Getpid())}, counted()},
	} {
		drops, l := told(t, lab, traffic, c.args...)
		if diff := cmp.Diff(c.want, sum(drops, func(d *toldDrop) string { return fmt.Sprint(d.Proto, " ", d.Dport) })); diff != "" {
			t.Errorf("%q (-stated +told):\n%s\n%s", c.args, diff, l.said())
		}
	}
}

func counted(pairs ...any) map[string]int {
	out := make(map[string]int)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1].(int)
	}
	return out
}

// TestDropsAddUp holds that no packet is told twice or not at all where lines
// come at growing intervals.
func TestDropsAddUp(t *testing.T) {
	const packets = 41
	lab := netlab.New(t)
	lab.A.NFT("table inet f { chain o { type filter hook output priority 0; icmp type echo-request counter drop; }; }")
	ping := func() { lab.A.Ping(fmt.Sprintf("-c %d -i 0.1 -W 0.2 %s", packets, netlab.B4)) }
	drops, _ := told(t, lab, ping)
	got := sum(drops, func(d *toldDrop) string { return d.Rule + ", " + d.Told })
	if len(drops) < 3 || got["nft inet f/o handle 2, sendto() failed with EPERM"] != packets {
		t.Errorf("%d lines, %v", len(drops), got)
	}
	l := watchLab(t, lab, ping)
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	if lines, got := textSum(t, l.stdout.String()); lines < 3 || got != packets {
		t.Errorf("%d lines with %d packets, want %d\n%s", lines, got, packets, l.stdout.String())
	}
}

var (
	textLine  = regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3}  `)
	textCount = regexp.MustCompile(`  ×([\d,]+)(  |$)`)
)

// textSum adds up what the lines for people say.
func textSum(t testing.TB, text string) (lines, packets int) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !textLine.MatchString(line) {
			continue
		}
		lines++
		n := 1
		if m := textCount.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			var err error
			if n, err = strconv.Atoi(strings.ReplaceAll(m[1], ",", "")); err != nil {
				t.Fatal(err)
			}
		}
		packets += n
	}
	return lines, packets
}

// TestDropsScan holds that a scan of many ports is few lines for people, and
// complete for programs.
func TestDropsScan(t *testing.T) {
	const ports = 500
	lab := netlab.New(t)
	var all []int
	for port := range ports {
		all = append(all, 2000+port)
	}
	scan := func() { lab.A.Datagrams(netlab.B4, all...) }
	drops, _ := told(t, lab, scan)
	if got := sum(drops, func(d *toldDrop) string { return d.Words }); len(drops) != ports || got["nobody listens on the UDP port"] != ports {
		t.Errorf("%d lines, %v", len(drops), got)
	}
	l := watchLab(t, lab, scan)
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	if lines, packets := textSum(t, l.stdout.String()); lines > 12 || packets != ports || !strings.Contains(l.stdout.String(), " more flows ") {
		t.Errorf("%d lines with %d packets, want few with %d\n%s", lines, packets, ports, l.stdout.String())
	}
}

// TestDropsPcap holds that each packet is in the file, with its cause.
func TestDropsPcap(t *testing.T) {
	testutil.Need(t, "tcpdump")
	lab := netlab.New(t)
	path := filepath.Join(t.TempDir(), "drops.pcapng")
	l := watchLab(t, lab, func() {
		lab.Equal("app", lab.A.Tell("app", "udp", netlab.B4+":7", "53", "100"), "ok=53")
	}, "--pcap", path)
	if code := l.wait(); code != 0 {
		t.Fatalf("latch ended with %d\n%s", code, l.said())
	}
	out, err := exec.Command("tcpdump", "-nr", path, "udp dst port 7 and dst host "+netlab.B4).Output()
	if n := strings.Count(string(out), "UDP, length 100\n"); err != nil || n != 53 {
		t.Errorf("%d packets, want 53: %v\n%s", n, err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Count(string(data), "nobody listens on the UDP port, at the receiver (NO_SOCKET)") != 53 {
		t.Errorf("not 53 comments: %v", err)
	}

	// A latch that is killed leaves nothing under the name.
	killed := filepath.Join(t.TempDir(), "killed.pcapng")
	l = startLatch(t, "drops", "--netns", lab.B.Name, "--pcap", killed)
	l.waitAttached()
	if err := l.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	l.wait()
	if _, err := os.Stat(killed); !os.IsNotExist(err) {
		t.Errorf("%s: %v", killed, err)
	}
}

// TestDropsExit holds the exit codes of what is demanded.
func TestDropsExit(t *testing.T) {
	lab := netlab.New(t)
	self := func(args ...string) []string { return append([]string{"ip", "netns", "exec", lab.B.Name}, args...) }
	refused := self("ping", "-c", "1", "-W", "1", netlab.A4)
	lab.B.NFT("table inet f { chain o { type filter hook output priority 0; icmp type echo-request drop; }; }")
	for _, c := range []struct {
		label string
		args  []string
		code  int
		said  string
	}{
		{"clean", []string{"--fail-on", "any", "--", "true"}, 0, "latch: attached"},
		{"demanded", []string{"--fail-on", "firewall,no-route", "--", "sh", "-c", strings.Join(refused, " ") + "; true"}, 1, "that must not be (--fail-on): firewall: 1"},
		{"any", []string{"--fail-on", "any", "--", "sh", "-c", strings.Join(refused, " ") + "; true"}, 1, "firewall: 1"},
		{"another cause", []string{"--fail-on", "no-route", "--", "sh", "-c", strings.Join(refused, " ") + "; true"}, 0, ""},
		{"the command's own", []string{"--fail-on", "any", "--", "sh", "-c", "exit 7"}, 7, "latch: sh exited with 7"},
		{"by a signal", []string{"--", "sh", "-c", "kill -9 $$"}, 137, "latch: sh exited with 137"},
		{"both: both are said", []string{"--fail-on", "any", "--", "sh", "-c", strings.Join(refused, " ") + "; exit 7"}, 1, "latch: sh exited with 7\nlatch: packets were dropped that must not be"},
		{"until clean", []string{"--until-clean", "300ms", "-d", "1m"}, 0, ""},
		{"never clean", []string{"--until-clean", "1s", "-d", "2s", "--", "sh", "-c", strings.Join(self("ping", "-c", "20", "-i", "0.1", "-W", "1", netlab.A4), " ") + "; true"}, 1, "until the end (--until-clean)"},
	} {
		t.Run(c.label, func(t *testing.T) {
			l := startLatch(t, append([]string{"drops", "--netns", lab.B.Name}, c.args...)...)
			if code := l.wait(); code != c.code || !strings.Contains(l.said(), c.said) {
				t.Errorf("ended with %d, want %d and %q\n%s\n%s", code, c.code, c.said, l.said(), l.stdout.String())
			}
		})
	}
}

// TestDropsEnds holds that what is watched ends the watching.
func TestDropsEnds(t *testing.T) {
	lab := netlab.New(t)
	target := lab.A.Start("app", "udp", netlab.B4+":7", "3", "100")
	l := startLatch(t, "drops", "--json", "-p", strconv.Itoa(target.PID()))
	l.waitAttached()
	target.Go()
	target.WaitDone()
	target.Finish()
	if code := l.wait(); code != 0 {
		t.Errorf("latch ended with %d\n%s", code, l.said())
	}
	// With a command that goes on, the watching ends by itself, and the command
	// too.
	began := time.Now()
	l = startLatch(t, "drops", "--netns", lab.A.Name, "-d", "100ms", "--", "sleep", "2")
	if code := l.wait(); code != 0 || time.Since(began) < 2*time.Second {
		t.Errorf("latch ended with %d after %v\n%s", code, time.Since(began), l.said())
	}
	if !regexp.MustCompile(`^no packet was dropped in (\d+(\.\d+)?ms|1(\.\d+)?s)\n`).MatchString(l.stdout.String()) {
		t.Errorf("printed\n%s", l.stdout.String())
	}
}

// TestDropsErrors holds what is refused before anything is touched, in one
// sentence.
func TestDropsErrors(t *testing.T) {
	testutil.NeedRoot(t)
	dir := t.TempDir()
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{2, []string{"x"}, `drops takes no argument "x"`},
		{2, []string{"--"}, "no command stands behind --"},
		{2, []string{"--nope"}, "unknown flag: --nope"},
		{2, []string{"-p", "x"}, `"x" is not a process ID`},
		{2, []string{"-d", "-1s"}, "durations cannot be negative"},
		{2, []string{"-d", "x"}, "must be a duration"},
		{2, []string{"--until-clean", "2s", "-d", "1s"}, "--until-clean 2s cannot come true within -d 1s"},
		{2, []string{"--cause", "x"}, "--cause x: there is no such cause"},
		{2, []string{"--cause", "any"}, "--cause any: there is no such cause"},
		{2, []string{"--fail-on", "any,x"}, "--fail-on x: there is no such cause"},
		{2, []string{"--fail-on", ""}, "--fail-on is given nothing"},
		{2, []string{"--netns="}, "--netns is given nothing"},
		{2, []string{"--pcap="}, "--pcap is given nothing"},
		{2, []string{"--where", "src = 1"}, "write == to compare"},
		{2, []string{"--where", "nope == 1"}, `no name "nope"`},
		{2, []string{"--show", "x"}, "--show needs --during"},
		{2, []string{"--during", "f"}, "--during needs the process"},
		{2, []string{"--str-len", "0"}, "1 to 1024 bytes of a string can be kept"},
		{2, []string{"-p", "1", "--", "true"}, "exclude each other"},
		{3, []string{"-p", "999999999"}, "process 999999999: no such process"},
		{3, []string{"--netns", "nope"}, `no network namespace "nope"`},
		{3, []string{"--netns", "0123456789ab"}, "no network namespace of a container 0123456789ab"},
		{3, []string{"--netns", "/etc/passwd"}, "find network namespace: /etc/passwd is none"},
		{3, []string{"--pcap", dir}, "write " + dir + ": not a regular file"},
		{3, []string{"--pcap", dir + "/no/x"}, "write " + dir + "/no/x: directory " + dir + "/no: no such file or directory"},
		{3, []string{"--pcap", "/dev/null"}, "write /dev/null: not a regular file"},
		{3, []string{"--", "/nonexistent"}, "start /nonexistent: no such file or directory"},
	} {
		l := startLatch(t, append([]string{"drops"}, c.args...)...)
		if code := l.wait(); code != c.code || !strings.HasPrefix(l.said(), "latch: ") || !strings.Contains(l.said(), c.want) || strings.Contains(l.said(), "attached") {
			t.Errorf("drops %q: %d, want %d and %q\n%s", c.args, code, c.code, c.want, l.said())
		}
	}
}
