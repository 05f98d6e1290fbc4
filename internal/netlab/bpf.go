package netlab

import (
	"net"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// verdict loads a program that gives every packet the same answer.
func (h *Host) verdict(kind ebpf.ProgramType, answer int32) *ebpf.Program {
	h.lab.T.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         kind,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, answer), asm.Return()},
		License:      "GPL",
	})
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
	p := h.verdict(ebpf.SchedCLS, tcActShot)
	h.keep("attach tcx program", func(index int) (link.Link, error) {
		return link.AttachTCX(link.TCXOptions{Interface: index, Program: p, Attach: at})
	})
}

// tcActShot is TC_ACT_SHOT of linux/pkt_cls.h.
const tcActShot = 2

// xdp drops what a device gets.
func (h *Host) xdp(flags link.XDPAttachFlags) {
	h.lab.T.Helper()
	p := h.verdict(ebpf.XDP, xdpDrop)
	h.keep("attach XDP program", func(index int) (link.Link, error) {
		return link.AttachXDP(link.XDPOptions{Interface: index, Program: p, Flags: flags})
	})
}

// xdpDrop is XDP_DROP of linux/bpf.h.
const xdpDrop = 1

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
	if err := h.verdict(ebpf.SchedCLS, tcActShot).Pin(pin); err != nil {
		h.lab.T.Fatalf("pin program: %v", err)
	}
	h.Run("tc qdisc add dev " + Dev + " clsact")
	h.Run("tc filter add dev " + Dev + " " + direction + " bpf direct-action object-pinned " + pin)
	if err := os.Remove(pin); err != nil {
		h.lab.T.Fatal(err)
	}
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
}
