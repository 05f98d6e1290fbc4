package drop

import (
	"path"
	"slices"
	"strings"
	"sync"
)

// A row of the table of causes. Reason, location and caller are patterns:
// alternatives with "|" between them, in which * stands for any text. The
// reason "-" is that of kernels that give none (before 5.17); an empty pattern
// fits everything. The caller is any function outward of the location within
// the same context.
type row struct {
	reason, location, caller string
	when                     func(*Drop) bool // nil is always
	class, words             string
	advice                   string // "" is that of the class
}

// A pattern is one of a row, taken apart.
type pattern struct {
	any   bool
	names map[string]bool
	globs []glob
}

// A glob begins with literal text.
type glob struct{ literal, text string }

func newPattern(alternatives string) pattern {
	p := pattern{any: alternatives == "", names: make(map[string]bool)}
	for a := range strings.SplitSeq(alternatives, "|") {
		if i := strings.IndexAny(a, "*["); i >= 0 {
			p.globs = append(p.globs, glob{a[:i], a})
		} else {
			p.names[a] = true
		}
	}
	return p
}

// fits says whether one of the alternatives is name.
func (p *pattern) fits(name string) bool {
	if p.any || p.names[name] {
		return true
	}
	for _, g := range p.globs {
		if strings.HasPrefix(name, g.literal) {
			if ok, err := path.Match(g.text, name); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// A ready row has its patterns taken apart.
type readyRow struct {
	row
	reason, location, caller pattern
}

func ready(rows []row) []readyRow {
	all := make([]readyRow, len(rows))
	for i, r := range rows {
		all[i] = readyRow{r, newPattern(r.reason), newPattern(r.location), newPattern(r.caller)}
	}
	return all
}

// The table of causes, taken apart when it is first needed.
var (
	quiet = sync.OnceValue(func() []readyRow { return ready(quietRows) })
	loss  = sync.OnceValue(func() []readyRow { return ready(lossRows) })
)

// find returns the first of rows that fits d.
func find(rows []readyRow, d *Drop, s site) (row, bool) {
	reason := d.Reason
	if reason == "" {
		reason = "-"
	}
	for i := range rows {
		r := &rows[i]
		if !r.reason.fits(reason) || !r.location.fits(s.location()) || r.when != nil && !r.when(d) {
			continue
		}
		if r.caller.any || slices.ContainsFunc(s[min(1, len(s)):], r.caller.fits) {
			return r.row, true
		}
	}
	return row{}, false
}

// A site is the stack of a drop as far as it speaks of this packet: from the
// location outward to where an interrupt, a timer or the receiving half of a
// device began. Beyond that the stack may be of a task that was interrupted, or
// of the sender of a packet that was received on a virtual device.
type site []string

// contexts are the functions at which a site ends; the last of a site says
// which it was.
var contexts = newPattern("process_backlog|*napi_poll|net_rx_action|handle_softirqs|__do_softirq|do_softirq|net_tx_action|" +
	"call_timer_fn|run_timer_softirq|__netif_receive_skb*|netif_receive_skb*|napi_gro_*")

func newSite(d *Drop) site {
	var s site
	location := bare(d.Location)
	if location != "" {
		s = append(s, location)
	}
	for i, f := range d.Stack {
		f = bare(f)
		if i == 0 && f == location {
			continue
		}
		s = append(s, f)
		if contexts.fits(f) {
			break
		}
	}
	return s
}

// bare strips what compilers and symbol tables add to a function's name:
// .isra.0, .constprop.0, .part.0, .cold, an offset and a module.
func bare(name string) string {
	name, _, _ = strings.Cut(name, " ")
	name, _, _ = strings.Cut(name, "+")
	name, _, _ = strings.Cut(name, ".")
	return name
}

func (s site) location() string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// Where a packet is, by the functions it is in.
const (
	beforeLeaving = "before leaving"
	onArrival     = "on arrival"
	inTransit     = "in transit"
	atReceiver    = "at the receiver"
)

var (
	leaving = newPattern("__ip_local_out|__ip6_local_out|ip_local_out|ip6_local_out|ip6_xmit|ip_send_skb|ip6_send_skb|ip_push_pending_frames|" +
		"__ip_queue_xmit|ip_queue_xmit|ip_build_and_send_pkt|ip_send_unicast_reply|udp*_sendmsg|raw*_sendmsg|packet_sendmsg|tcp_sendmsg*|" +
		"ndisc_send_skb|mld_sendpack|arp_xmit|igmp*_send*|ip6_pkt_discard_out|ip6_pkt_prohibit_out")
	forwarding = newPattern("ip_forward|ip_forward_finish|ip6_forward|ip6_forward_finish|ip_error|ip6_pkt_discard|ip6_pkt_prohibit|" +
		"br_forward|__br_forward|br_forward_finish|br_dev_queue_push_xmit|ip_mr_forward|ip_mr_input|ip6_mr_input")
	delivering = newPattern("ip_local_deliver|ip_local_deliver_finish|ip_protocol_deliver_rcu|ip6_input|ip6_input_finish|ip6_protocol_deliver_rcu|" +
		"ip6_mc_input|tcp_v[46]_rcv|tcp_v[46]_do_rcv|__udp[46]_lib_rcv|icmp_rcv|icmpv6_rcv|ping_rcv|arp_rcv|arp_process|br_pass_frame_up")
	arriving = newPattern("ip_rcv|ip_rcv_core|ip_rcv_finish|ip_rcv_finish_core|ip_list_rcv|ip_sublist_rcv|ipv6_rcv|ip6_rcv_core|ip6_rcv_finish|" +
		"ip6_rcv_finish_core|ipv6_list_rcv|ip6_sublist_rcv|__netif_receive_skb_core|do_xdp_generic|netif_receive_generic_xdp|*_xdp_rcv*|" +
		"enqueue_to_backlog|br_handle_frame")
	// sending functions serve both what is sent and what is forwarded.
	sending = newPattern("ip_output|ip_mc_output|ip6_output|ip_finish_output*|__ip_finish_output|ip6_finish_output*|ip_fragment|ip_do_fragment|" +
		"ip6_fragment|__dev_queue_xmit|dev_hard_start_xmit|neigh_resolve_output|neigh_connected_output|__neigh_event_send|dst_discard*|" +
		"xfrm_output*")
	received  = newPattern("__netif_receive_skb*|process_backlog|ip_rcv|ipv6_rcv|ip*list_rcv|net_rx_action")
	resolving = newPattern("neigh_*")
)

// where says how far the packet had come. Compilers turn the last call of a
// function into a jump, so that ip_forward is often not on the stack of what it
// sent on: what sends within a receiving context, and was not asked to by a
// protocol, forwards.
func (s site) where(d *Drop) string {
	sends := false
	for _, f := range s {
		switch {
		case leaving.fits(f):
			return beforeLeaving
		case sending.fits(f):
			sends = true
		case delivering.fits(f) && sends:
			return beforeLeaving // an answer
		case delivering.fits(f):
			return atReceiver
		case forwarding.fits(f):
			return inTransit
		case arriving.fits(f) && !sends:
			return onArrival
		}
	}
	switch {
	case sends && len(s) > 1 && received.fits(s[len(s)-1]):
		return inTransit
	case resolving.fits(s.location()) && d.Owner != nil: // a timer: only what a socket sent has one
		return beforeLeaving
	}
	return ""
}

// hooks are the functions that call the netfilter hooks, whatever is inlined
// in them: include/linux/netfilter.h's NF_HOOK and nf_hook.
var hooks = []struct {
	functions pattern
	hook      string
}{
	{newPattern("__ip_local_out|__ip6_local_out|ip_local_out|ip6_local_out|ip6_xmit|raw_sendmsg|raw_send_hdrinc|rawv6_sendmsg|rawv6_send_hdrinc|" +
		"ndisc_send_skb|mld_sendpack|igmp6_send|arp_xmit"), "OUTPUT"},
	{newPattern("ip_local_deliver|ip6_input|ip6_mc_input|arp_rcv|br_pass_frame_up"), "INPUT"},
	{newPattern("ip_forward|ip6_forward|br_forward|__br_forward|ip_mr_forward|ipmr_queue_xmit|ip6mr_forward2"), "FORWARD"},
	{newPattern("ip_rcv|ipv6_rcv|ip_list_rcv|ip_sublist_rcv|ipv6_list_rcv|ip6_sublist_rcv|br_handle_frame|xfrm4_transport_finish|xfrm6_transport_finish"), "PREROUTING"},
	{newPattern("ip_output|ip_mc_output|ip6_output|ip6_finish_output*|ip_finish_output*|br_forward_finish|br_deliver*"), "POSTROUTING"},
	{newPattern("__netif_receive_skb_core"), "INGRESS"},
	{newPattern("__dev_queue_xmit"), "EGRESS"},
}

// hook names the one that ran, by the function that called nf_hook_slow.
func (s site) hook() string {
	i := slices.IndexFunc(s, func(f string) bool { return strings.HasPrefix(f, "nf_hook_slow") })
	if i < 0 || i+1 >= len(s) {
		return ""
	}
	for _, h := range hooks {
		if h.functions.fits(s[i+1]) {
			return h.hook
		}
	}
	return ""
}
