package report

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/latchprof/latch/internal/testutil"
)

// udpPacket is an IPv4 header and a datagram of 4 bytes.
func udpPacket() []byte {
	p := []byte{0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 77, 1, 2, 10, 77, 2, 2, 0xec, 0x59, 0, 9, 0, 12, 0, 0, 'd', 'a', 't', 'a'}
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum+sum>>16))
	return p
}

func arpFrame() []byte {
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6},
		0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 77, 1, 2, 0, 0, 0, 0, 0, 0, 10, 77, 1, 1)
	return frame
}

// writePcap writes three packets: without and with a link header, and one that
// was cut.
func writePcap(t *testing.T, w io.Writer) {
	t.Helper()
	pcap, err := NewPcapWriter(w)
	if err != nil {
		t.Fatal(err)
	}
	all := drops()
	at := time.Date(2026, 11, 25, 14, 3, 8, 123456789, time.UTC)
	arp := &Drop{EtherType: 0x806, Proto: "arp", IfName: "eth0", NetNS: "A", Cause: "link-down", Words: "link is down", Location: "__dev_queue_xmit"}
	for _, c := range []struct {
		drop   *Drop
		packet DropPacket
	}{
		{all[1], DropPacket{Time: at, Data: udpPacket(), Len: 32}},
		{arp, DropPacket{Time: at.Add(time.Second), Data: arpFrame(), LinkHeader: true, Len: 42}},
		{all[5], DropPacket{Time: at.Add(2 * time.Second), Data: udpPacket()[:28], Len: 1000}},
	} {
		if err := pcap.Write(c.drop, &c.packet); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPcapReadBack(t *testing.T) {
	var file bytes.Buffer
	writePcap(t, &file)
	r, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		captured, length int
		device           string
		etherType        uint16
		comments         []string
	}{
		{46, 46, "none", 0x800, []string{`— nft inet f/o handle 3: "tcp dport 8080 drop"  [exact: traced]`, "NETFILTER_DROP", "dropped in nft_do_chain (OUTPUT hook",
			"app pid 11773", `during main.sendOrder(orderID="order-42", n=3) +28µs`, "header is made up"}},
		{42, 42, "eth0 in A", 0x806, []string{"link is down\ndropped in __dev_queue_xmit\nno process is known, netns A, device eth0"}},
		{42, 1014, `\x1b in a\nb`, 0x800, []string{`during evil\x1b`}},
	}
	for i, w := range want {
		data, info, opts, err := r.ReadPacketDataWithOptions()
		if err != nil {
			t.Fatal(err)
		}
		device, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != w.captured || info.Length != w.length || device.Name != w.device || device.LinkType != layers.LinkTypeEthernet ||
			binary.BigEndian.Uint16(data[12:]) != w.etherType {
			t.Errorf("packet %d: %d of %d bytes, device %q, %x", i, len(data), info.Length, device.Name, data[:14])
		}
		if at := time.Date(2026, 11, 25, 14, 3, 8+i, 123456789, time.UTC); !info.Timestamp.Equal(at) {
			t.Errorf("packet %d: at %v, want %v", i, info.Timestamp, at)
		}
		for _, part := range w.comments {
			if len(opts.Comments) != 1 || !strings.Contains(opts.Comments[0], part) {
				t.Errorf("packet %d: no %q in %q", i, part, opts.Comments)
			}
		}
	}
	if _, _, _, err := r.ReadPacketDataWithOptions(); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end", err)
	}
}

// TestPcapTcpdump asks the tool that people have.
func TestPcapTcpdump(t *testing.T) {
	testutil.Need(t, "tcpdump")
	path := filepath.Join(t.TempDir(), "drops.pcapng")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	writePcap(t, file)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tcpdump", "-nn", "-tttt", "--time-stamp-precision=nano", "-r", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, part := range []string{"08.123456789 IP 10.77.1.2.60505 > 10.77.2.2.9: UDP, length 4", "09.123456789 ARP, Request who-has 10.77.1.1 tell 10.77.1.2, length 28"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
}

func TestPcapManyDevices(t *testing.T) {
	var file bytes.Buffer
	w, err := NewPcapWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxInterfaces + 10 {
		d := &Drop{IfName: "veth" + string(rune('0'+i%10)) + strings.Repeat("x", i/10), Words: strings.Repeat("é", 40000)}
		if err := w.Write(d, &DropPacket{Data: udpPacket()}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.interfaces) != maxInterfaces {
		t.Errorf("%d devices", len(w.interfaces))
	}
}

func TestPcapWriteError(t *testing.T) {
	if _, err := NewPcapWriter(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("%v, want %v", err, errBroken)
	}
}

// FuzzPcap holds that what is written can be read, whatever the target said.
func FuzzPcap(f *testing.F) {
	f.Add(udpPacket(), false, 32, "eth0", "A", "blocked", "nft \x00", uint16(0x800))
	f.Add([]byte{}, true, -1, "", "\xff", "", "", uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, link bool, length int, ifname, netns, words, rule string, etherType uint16) {
		if length > 1<<20 {
			length = 1 << 20
		}
		var file bytes.Buffer
		w, err := NewPcapWriter(&file)
		if err != nil {
			t.Fatal(err)
		}
		d := &Drop{IfName: ifname, NetNS: netns, Words: words, Rule: rule, EtherType: etherType}
		p := &DropPacket{Time: time.Unix(1, 2), Data: data, LinkHeader: link, Len: length}
		for range 2 {
			if err := w.Write(d, p); err != nil {
				t.Fatal(err)
			}
		}
		r, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, info, opts, err := r.ReadPacketDataWithOptions()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasSuffix(got, data) || info.Length < len(got) || !info.Timestamp.Equal(time.Unix(1, 2)) {
				t.Errorf("%x of %x, %+v", got, data, info)
			}
			if len(opts.Comments) != 1 || !utf8.ValidString(opts.Comments[0]) || opts.Comments[0] == "" {
				t.Errorf("comments %q", opts.Comments)
			}
		}
	})
}
