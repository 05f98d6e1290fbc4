package drop

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// A fixture is a line of testdata/causes.txt: a name, the class it must get,
// the reason, the packet, and the stack as one of Linux 6.18 had it, or as one
// of 5.10 would, between bars.
type fixture struct {
	name, class string
	drop        *Drop
}

func fixtures(t testing.TB) []fixture {
	t.Helper()
	file, err := os.Open("testdata/causes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []fixture
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := strings.Split(lines.Text(), "|")
		if len(f) != 5 {
			t.Fatalf("%d fields in %q", len(f), lines.Text())
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		d := packet(t, f[3])
		d.Reason = strings.TrimPrefix(f[2], "-")
		if f[4] != "" {
			d.Stack = strings.Split(f[4], " < ")
			d.Location = d.Stack[0]
		}
		all = append(all, fixture{f[0], f[1], d})
	}
	return all
}

// packet reads words such as "ip tcp S dport=9 dev=eth0".
func packet(t testing.TB, text string) *Drop {
	t.Helper()
	d := &Drop{Packet: &Packet{}}
	ttl := byte(64)
	link := false
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "-":
		case "ip", "ip6", "arp":
			d.Flow.EtherType = map[string]uint16{"ip": etherIPv4, "ip6": etherIPv6, "arp": etherARP}[key]
			d.Flow.Src, d.Flow.Dst = netip.MustParseAddr("10.99.1.2"), netip.MustParseAddr("10.99.2.2")
			if key == "ip6" {
				d.Flow.Src, d.Flow.Dst = netip.MustParseAddr("fd99:1::2"), netip.MustParseAddr("fd99:2::2")
			}
		case "88b5":
			d.Flow.EtherType = 0x88b5
		case "icmp", "tcp", "udp", "icmp6":
			d.Flow.Proto = map[string]uint8{"icmp": 1, "tcp": 6, "udp": 17, "icmp6": 58}[key]
		case "proto":
			d.Flow.Proto = uint8(n)
		case "S", "A", "R", "FA", "RA", "SA":
			for _, flag := range key {
				d.Flow.TCPFlags |= map[rune]uint8{'F': 1, 'S': flagSYN, 'R': flagRST, 'A': flagACK}[flag]
			}
		case "owner":
			d.Owner = &Owner{Inode: 1}
		case "dport":
			d.Flow.DstPort = uint16(n)
		case "src":
			d.Flow.Src = netip.MustParseAddr(value)
		case "dst":
			d.Flow.Dst = netip.MustParseAddr(value)
		case "dev":
			d.Packet.IfName = value
		case "qdisc":
			d.Packet.QdiscID = value
		case "limit":
			d.Packet.QdiscLimit = n
		case "rcv":
			used, limit, _ := strings.Cut(value, "/")
			d.Packet.RmemAlloc, _ = strconv.Atoi(used)
			d.Packet.RcvBuf, _ = strconv.Atoi(limit)
		case "ttl":
			ttl = byte(n)
		case "link":
			link = true
		default:
			icmp, err := strconv.Atoi(word)
			if err != nil {
				t.Fatalf("unknown word %q", word)
			}
			d.Flow.ICMPType = uint8(icmp)
		}
	}
	d.Packet.Data = header(d.Flow.EtherType, ttl, link)
	d.Packet.LinkHeader = link
	return d
}

// header is as much of a packet as holds its TTL.
func header(etherType uint16, ttl byte, link bool) []byte {
	data := make([]byte, 40)
	data[8] = ttl
	if etherType == etherIPv6 {
		data[7], data[8] = ttl, 0xfd
	}
	if link {
		frame := binary.BigEndian.AppendUint16(make([]byte, 12), etherType)
		data = append(frame, data...)
	}
	return data
}

func TestClassify(t *testing.T) {
	var out bytes.Buffer
	for _, f := range fixtures(t) {
		c := Classify(f.drop, kernel.NetNS{Name: "A"})
		if c.Class != f.class {
			t.Errorf("%s: class %q, want %q", f.name, c.Class, f.class)
		}
		if want := strings.HasPrefix(f.name, "quiet:"); c.Quiet != want {
			t.Errorf("%s: quiet %v, want %v", f.name, c.Quiet, want)
		}
		fmt.Fprintf(&out, "%s\n\t%s: %s\n", f.name, c.Class, c.Words)
		for _, part := range [][2]string{{"where", c.Where}, {"hook", c.Hook}, {"check", c.Check}, {"remedy", c.Remedy}} {
			if part[1] != "" {
				fmt.Fprintf(&out, "\t%s: %s\n", part[0], part[1])
			}
		}
	}
	testutil.Golden(t, "causes.golden", out.Bytes())
}

// TestEveryRow holds that there is a fixture for each row that knows a place,
// and that no row is hidden behind those before it.
func TestEveryRow(t *testing.T) {
	used := make(map[string]bool)
	note := func(d *Drop) {
		s := newSite(d)
		if r, ok := find(quiet(), d, s); ok {
			used[fmt.Sprintf("%q", r.key())] = true
		} else if r, ok := find(loss(), d, s); ok {
			used[fmt.Sprintf("%q", r.key())] = true
		}
	}
	for _, f := range fixtures(t) {
		note(f.drop)
	}
	for _, r := range slices.Concat(quietRows, lossRows) {
		note(sample(&r))
	}
	for _, r := range slices.Concat(quietRows, lossRows) {
		if !used[fmt.Sprintf("%q", r.key())] {
			t.Errorf("no fixture reaches the row %q @ %q < %q: %s", r.reason, r.location, r.caller, r.words)
		}
	}
}

func (r *row) key() []string { return []string{r.reason, r.location, r.caller, r.words, r.advice} }

// sample is a drop that the row is made for, if it asks nothing of the packet.
func sample(r *row) *Drop {
	first := func(pattern string) string {
		name, _, _ := strings.Cut(pattern, "|")
		return strings.ReplaceAll(strings.ReplaceAll(name, "*", "x"), "[46]", "4")
	}
	d := &Drop{Reason: strings.TrimPrefix(first(r.reason), "-"), Location: first(r.location), Flow: Flow{EtherType: etherIPv4}}
	d.Stack = []string{d.Location, first(r.caller)}
	return d
}

// otherReasons have no row by themselves: the first two are known at some
// places only, and the kernel's own words say all that there is of the third.
var otherReasons = []string{"NOT_SPECIFIED", "IP_INADDRERRORS", "ARP_PVLAN_DISABLE", "MAX"}

func TestEveryReason(t *testing.T) {
	testutil.NeedFile(t, "/sys/kernel/btf/vmlinux")
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	var reasons *btf.Enum
	if err := spec.TypeByName("skb_drop_reason", &reasons); err != nil {
		testutil.Missing(t, "a kernel with drop reasons (5.17): "+err.Error())
	}
	for _, v := range reasons.Values {
		if v.Value>>16 != 0 {
			continue // SUBSYS_MASK
		}
		reason := strings.TrimPrefix(v.Name, "SKB_DROP_REASON_")
		d := &Drop{Reason: reason, Location: "somewhere", Stack: []string{"somewhere"}, Flow: Flow{EtherType: etherIPv4}}
		s := newSite(d)
		_, hidden := find(quiet(), d, s)
		_, lost := find(loss(), d, s)
		if known := hidden || lost; known == slices.Contains(otherReasons, reason) {
			t.Errorf("%s has a row: %v", reason, known)
		}
	}
}

func TestClasses(t *testing.T) {
	classes := Classes()
	if len(classes) != 25 || len(slices.Compact(slices.Sorted(slices.Values(classes)))) != 25 {
		t.Errorf("%d classes: %q", len(classes), classes)
	}
	for _, class := range classes {
		if _, ok := advices[class]; !ok {
			t.Errorf("no advice for %s", class)
		}
	}
	for _, r := range slices.Concat(quietRows, lossRows) {
		if _, ok := advices[r.advice]; r.advice != "" && !ok {
			t.Errorf("%s: no advice %q", r.words, r.advice)
		}
		if !slices.Contains(classes, r.class) {
			t.Errorf("%s: no class %q", r.words, r.class)
		}
	}
}

// TestBareNames holds that what compilers add to names changes nothing.
func TestBareNames(t *testing.T) {
	for _, f := range fixtures(t) {
		want := Classify(f.drop, kernel.NetNS{})
		for _, suffix := range []string{".isra.0", ".constprop.0", ".part.0.isra.0", ".cold", "+0x12/0x345", " [nf_tables]"} {
			d := *f.drop
			d.Stack = slices.Clone(d.Stack)
			for i := range d.Stack {
				d.Stack[i] = bare(d.Stack[i]) + suffix
			}
			if len(d.Stack) > 0 {
				d.Location = d.Stack[0]
			}
			if got := Classify(&d, kernel.NetNS{}); got != want {
				t.Errorf("%s with %s: %+v, want %+v", f.name, suffix, got, want)
			}
		}
	}
}

// TestSender holds that what was sending when a packet came in on a virtual
// device says nothing of it.
func TestSender(t *testing.T) {
	d := &Drop{Reason: "NETFILTER_DROP", Location: "nf_hook_slow", Flow: Flow{EtherType: etherIPv4}, Stack: []string{"nf_hook_slow", "unknown_hook",
		"process_backlog", "__napi_poll", "net_rx_action", "__local_bh_enable_ip", "__dev_queue_xmit", "ip_output", "__ip_local_out"}}
	if c := Classify(d, kernel.NetNS{}); c.Hook != "" || c.Where != "" || c.Class != "firewall" {
		t.Errorf("%+v", c)
	}
}

func TestCommandPlaces(t *testing.T) {
	d := packet(t, "ip udp dport=9 dev=eth0")
	d.Reason, d.Location = "DEV_READY", "dev_x"
	for _, c := range []struct {
		ns            kernel.NetNS
		check, remedy string
	}{
		{kernel.NetNS{}, "ip -d link show dev eth0", "ip link set dev eth0 up"},
		{kernel.NetNS{Inode: 7, Name: "a b'c"}, `ip netns exec 'a b'\''c' ip -d link show dev eth0`, `ip netns exec 'a b'\''c' ip link set dev eth0 up`},
		{kernel.NetNS{Inode: 7, PID: 42}, "nsenter -n -t 42 ip -d link show dev eth0", "nsenter -n -t 42 ip link set dev eth0 up"},
		{kernel.NetNS{Inode: 7}, "", ""}, // nobody can be told how to go there
	} {
		if got := Classify(d, c.ns); got.Check != c.check || got.Remedy != c.remedy {
			t.Errorf("%+v: %q, %q", c.ns, got.Check, got.Remedy)
		}
	}
	d.Packet.IfName = "$(reboot)\x1b"
	if got := Classify(d, kernel.NetNS{}); got.Remedy != "ip link set dev '$(reboot)\x1b' up" {
		t.Errorf("%q", got.Remedy)
	}
	d.Packet = nil
	if got := Classify(d, kernel.NetNS{}); got.Check != "ip -d link show" || got.Remedy != "" || got.Words != "device is not up" {
		t.Errorf("%+v", got)
	}
}

// TestQuote asks a shell what it makes of quoted text.
func TestQuote(t *testing.T) {
	testutil.Need(t, "sh")
	for _, text := range []string{"", "eth0", "a b", "it's", "$HOME `id` $(id) \\ \" ; | & * ? ~ # ! {a,b}", "-n", "a\nb", "ü"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q became %q (%v)", text, out, err)
		}
	}
}

// TestTemplates holds that values within quotes are numbers and addresses, and
// that nothing advised takes away what somebody set up.
func TestTemplates(t *testing.T) {
	for name, a := range advices {
		for i, part := range strings.Split(a.check+" "+a.remedy, "'") {
			for _, value := range []string{"{dev}", "{qdisc}", "{in}"} {
				if i%2 == 1 && strings.Contains(part, value) {
					t.Errorf("%s: %s stands within quotes", name, value)
				}
			}
		}
		for _, word := range strings.Fields(a.remedy) {
			if slices.Contains([]string{"del", "delete", "flush", "-D", "-F", "detach", "down", "off"}, word) {
				t.Errorf("%s: %s", name, a.remedy)
			}
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	all := fixtures(b)
	for b.Loop() {
		for _, f := range all {
			Classify(f.drop, kernel.NetNS{})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/drop")
}
