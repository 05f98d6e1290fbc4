package netlab

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
)

// What programs answer (linux/pkt_cls.h, linux/bpf.h).
const (
	tcActUnspec = -1
	tcActShot   = 2
	xdpDrop     = 1
	xdpPass     = 2
)

// etherIPv4 is the EtherType as the packet has it, read on a little-endian
// machine: all that run latch are.
const etherIPv4 = 0x0008

// dropTC loads a program that drops IPv4: what else goes by is no part of any
// scenario.
func (h *Host) dropTC() *ebpf.Program {
	h.lab.T.Helper()
	const protocol = 16 // in struct __sk_buff
	return h.load(ebpf.SchedCLS, asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, protocol, asm.Word),
		asm.Mov.Imm(asm.R0, tcActUnspec),
		asm.JNE.Imm(asm.R2, etherIPv4, "pass"),
		asm.Mov.Imm(asm.R0, tcActShot),
		asm.Return().WithSymbol("pass"),
	})
}

// dropXDP is the like for XDP.
func (h *Host) dropXDP() *ebpf.Program {
	h.lab.T.Helper()
	const data, dataEnd = 0, 4 // in struct xdp_md
	return h.load(ebpf.XDP, asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, data, asm.Word),
		asm.LoadMem(asm.R3, asm.R1, dataEnd, asm.Word),
		asm.Mov.Imm(asm.R0, xdpPass),
		asm.Mov.Reg(asm.R4, asm.R2),
		asm.Add.Imm(asm.R4, 14),
		asm.JGT.Reg(asm.R4, asm.R3, "pass"),
		asm.LoadMem(asm.R4, asm.R2, 12, asm.Half),
		asm.JNE.Imm(asm.R4, etherIPv4, "pass"),
		asm.Mov.Imm(asm.R0, xdpDrop),
		asm.Return().WithSymbol("pass"),
	})
}

func (h *Host) load(kind ebpf.ProgramType, code asm.Instructions) *ebpf.Program {
	h.lab.T.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: kind, Instructions: code, License: "GPL"})
	if err != nil {
		h.lab.T.Fatalf("load program: %v", err)
	}
	h.lab.T.Cleanup(func() { p.Close() })
	return p
}

// keep holds a link until the end of the test.
func (h *Host) keep(what string, attach func(ifindex int) (link.Link, error)) {
	h.lab.T.Helper()
	h.in(what, func() error {
		index, err := net.InterfaceByName(Dev)
		if err != nil {
			return err
		}
		l, err := attach(index.Index)
		if err != nil {
			return err
		}
		h.lab.T.Cleanup(func() { l.Close() })
		return nil
	})
}

// tcx drops what a device sends or gets.
func (h *Host) tcx(at ebpf.AttachType) {
	h.lab.T.Helper()
	p := h.dropTC()
	h.keep("attach tcx program", func(index int) (link.Link, error) {
		return link.AttachTCX(link.TCXOptions{Interface: index, Program: p, Attach: at})
	})
}

// xdp drops what a device gets.
func (h *Host) xdp(flags link.XDPAttachFlags) {
	h.lab.T.Helper()
	p := h.dropXDP()
	h.keep("attach XDP program", func(index int) (link.Link, error) {
		return link.AttachXDP(link.XDPOptions{Interface: index, Program: p, Flags: flags})
	})
}

// clsact drops what a device sends, by a filter as tc(8) adds it. The program
// is in a BPF file system for as long as tc needs to find it.
func (h *Host) clsact(direction string) {
	h.lab.T.Helper()
	dir := h.lab.T.TempDir()
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		h.lab.T.Fatalf("mount BPF file system: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			h.lab.T.Errorf("unmount %s: %v", dir, err)
		}
	}()
	pin := filepath.Join(dir, "drop")
	if err := h.dropTC().Pin(pin); err != nil {
		h.lab.T.Fatalf("pin program: %v", err)
	}
	h.Run("tc qdisc add dev " + Dev + " clsact")
	h.Run("tc filter add dev " + Dev + " " + direction + " bpf direct-action object-pinned " + pin)
	if err := os.Remove(pin); err != nil {
		h.lab.T.Fatal(err)
	}
}

// NewCgroup makes a cgroup (v2) of that name, which is empty, and returns its
// directory. It is gone at the end of the test, behind programs that the test starts
// later.
func NewCgroup(t testing.TB, name string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	root := ""
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			root = f[1]
		}
	}
	dir := filepath.Join(root, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { until(t, "cgroup "+name, "become empty", func() bool { return os.Remove(dir) == nil }) })
	return dir
}

// cgroup makes a cgroup that may send nothing, as IPAddressDeny=any of
// systemd.resource-control(5) has it.
func (l *Lab) cgroup() string {
	l.T.Helper()
	dir := NewCgroup(l.T, l.A.Name)
	p := l.A.load(ebpf.CGroupSKB, asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()})
	hold, err := link.AttachCgroup(link.CgroupOptions{Path: dir, Attach: ebpf.AttachCGroupInetEgress, Program: p})
	if err != nil {
		l.T.Fatalf("attach cgroup program: %v", err)
	}
	l.T.Cleanup(func() { hold.Close() })
	return dir
}

var programsBPF = []Scenario{
	{
		Name:    "clsact-egress",
		Setup:   func(l *Lab) { l.A.clsact("egress") },
		Traffic: app(B4+":7", "ok=3"),
		Want:    Want{Reason: "TC_EGRESS", Location: "__dev_queue_xmit", NetNS: "A", Flow: udpAB, Count: 3, Class: "tc", Where: leaving, OwnerComm: "app"},
	},
	{
		Name:    "tcx-egress",
		Setup:   func(l *Lab) { l.A.tcx(ebpf.AttachTCXEgress) },
		Traffic: app(B4+":7", "ok=3"),
		Want:    Want{Reason: "TC_EGRESS", Location: "__dev_queue_xmit", NetNS: "A", Flow: udpAB, Count: 3, Class: "tc", Where: leaving, OwnerComm: "app"},
	},
	{
		Name:    "tcx-ingress",
		Setup:   func(l *Lab) { l.B.tcx(ebpf.AttachTCXIngress) },
		Traffic: app(B4+":7", "ok=3"),
		Want:    Want{Reason: "TC_INGRESS", Location: "__netif_receive_skb_core", NetNS: "B", Flow: udpAB, Count: 3, Class: "tc", Where: onArrival},
	},
	{
		Name:    "xdp-generic",
		Setup:   func(l *Lab) { l.B.xdp(link.XDPGenericMode) },
		Traffic: app(B4+":7", "ok=3"),
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "do_xdp_generic", NetNS: "B", Flow: udpAB, Count: 3, Class: "xdp", Where: onArrival},
	},
	{
		Name:    "xdp-native",
		Setup:   func(l *Lab) { l.B.xdp(link.XDPDriverMode) },
		Traffic: app(B4+":7", "ok=3"),
		Want:    Want{Reason: "NOT_SPECIFIED", Location: "veth_xdp_rcv_skb", NetNS: "B", Flow: udpAB, Count: 3, Class: "xdp", Where: onArrival},
	},
	{
		Name: "cgroup-egress",
		Traffic: func(l *Lab) {
			dir, err := os.Open(l.cgroup())
			if err != nil {
				l.T.Fatal(err)
			}
			defer dir.Close()
			cmd := l.A.program("app", "udp", B4+":7", "3", "100")
			cmd.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
			p := testutil.StartCmd(l.T, cmd)
			p.Go()
			l.Equal("app", p.WaitDone()[0], "EPERM=3")
		},
		Want: Want{Reason: "BPF_CGROUP_EGRESS", Location: "ip_finish_output", NetNS: "A", Flow: udpAB, Count: 3, Class: "socket-filter", Where: leaving, OwnerComm: "app"},
	},
}
