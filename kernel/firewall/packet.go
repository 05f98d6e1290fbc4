package firewall

import (
	"net/netip"
	"slices"
	"strings"
)

// A Packet is what is known of a dropped packet. Zero means not known, except
// for ICMPType and ICMPCode.
type Packet struct {
	// Stack is the kernel's, from the function that dropped outward, names
	// without offsets. It gives the hook and the kind of firewall.
	Stack []string
	// Hook is the netfilter hook: PREROUTING, INPUT, FORWARD, OUTPUT,
	// POSTROUTING, ingress or egress. "" takes it from the stack.
	Hook string
	// Src and Dst are the addresses at the drop: behind the translation that
	// lower priorities of the hook did.
	Src, Dst netip.Addr
	// Proto is the IP protocol behind extension headers.
	Proto            uint8
	SrcPort, DstPort uint16
	// TCPFlags is byte 13 of the TCP header.
	TCPFlags           uint8
	ICMPType, ICMPCode uint8
	// IfIn and IfOut name the devices it came from and was to leave by.
	IfIn, IfOut string
	// Gap is where in the hook a bracket saw it last, nil without one.
	Gap *Gap
}

// A Gap is a range of priorities of one hook, both ends excluded.
type Gap struct{ Above, Below int }

// holds says whether a base chain of that priority is in the gap.
func (g *Gap) holds(prio int) bool {
	return g == nil || prio > g.Above && prio < g.Below
}

// hook is the packet's hook, from the stack where it was not given.
func (p *Packet) hook() string {
	if p.Hook != "" {
		return p.Hook
	}
	return HookOf(p.Stack)
}

// hookOf has the callers of nf_hook_slow and nf_hook_slow_list, through the
// inlined NF_HOOK of include/linux/netfilter.h.
var hookOf = map[string]string{
	"__ip_local_out": "OUTPUT", "__ip6_local_out": "OUTPUT", "ip6_xmit": "OUTPUT", "raw_sendmsg": "OUTPUT",
	"rawv6_sendmsg": "OUTPUT", "raw_send_hdrinc": "OUTPUT", "rawv6_send_hdrinc": "OUTPUT",
	"mld_sendpack": "OUTPUT", "ndisc_send_skb": "OUTPUT", "arp_xmit": "OUTPUT",
	"ip_local_deliver": "INPUT", "ip6_input": "INPUT", "ip6_mc_input": "INPUT", "arp_rcv": "INPUT",
	"ip_forward": "FORWARD", "ip6_forward": "FORWARD", "ip_mr_forward": "FORWARD", "ip6_mr_forward": "FORWARD",
	"ip_rcv": "PREROUTING", "ip_list_rcv": "PREROUTING", "ip_sublist_rcv": "PREROUTING",
	"ipv6_rcv": "PREROUTING", "ipv6_list_rcv": "PREROUTING", "ip6_sublist_rcv": "PREROUTING",
	"ip_output": "POSTROUTING", "ip_mc_output": "POSTROUTING", "ip6_output": "POSTROUTING",
	"br_handle_frame": "PREROUTING", "br_pass_frame_up": "INPUT", "__br_forward": "FORWARD",
	"br_forward_finish":        "POSTROUTING",
	"__netif_receive_skb_core": "ingress", "__dev_queue_xmit": "egress",
}

// HookOf returns the netfilter hook in which a packet was dropped: the nearest
// caller that has one. "" means that none is on the stack.
func HookOf(stack []string) string {
	for _, fn := range stack {
		if hook, ok := hookOf[plain(fn)]; ok {
			return hook
		}
	}
	return ""
}

// plain cuts what compilers append to a name: .constprop.0, .isra.0.
func plain(fn string) string {
	name, _, _ := strings.Cut(fn, ".")
	return name
}

// A frame is what a stack says of the firewall.
type frame struct {
	legacy, nft bool
	// family is the nft family, "" for any.
	family string
	// queued says that the packet was to go to user space and nobody took it.
	queued bool
}

// nftFamily has the callers of nft_do_chain in net/netfilter/nft_chain_filter.c,
// by the family of the tables they run.
var nftFamily = map[string]string{
	"nft_do_chain_ipv4": "ip", "nft_do_chain_ipv6": "ip6", "nft_do_chain_inet": "inet",
	"nft_do_chain_inet_ingress": "inet", "nft_do_chain_netdev": "netdev",
	"nft_do_chain_bridge": "bridge", "nft_do_chain_arp": "arp",
}

// frameOf reads the stack. nftShows says that this kernel frees the packets
// that nft drops in nft_do_chain itself, since 6.7 (commit e0d4593140b0) and
// where that was ported back; else nf_hook_slow frees them for every firewall.
func frameOf(stack []string, nftShows bool) frame {
	names := make([]string, len(stack))
	for i, fn := range stack {
		names[i] = plain(fn)
	}
	at := slices.Index(names, "nft_do_chain")
	switch {
	case at >= 0:
		f := frame{nft: true}
		for _, fn := range names[at+1:] {
			if f.family = nftFamily[fn]; f.family != "" {
				break
			}
		}
		return f
	case len(names) > 0 && strings.HasPrefix(names[0], "nf_queue"):
		return frame{legacy: true, nft: true, queued: true}
	case slices.Contains(names, "nf_hook_slow") || slices.Contains(names, "nf_hook_slow_list"):
		return frame{legacy: true, nft: !nftShows}
	}
	return frame{legacy: true, nft: true}
}
