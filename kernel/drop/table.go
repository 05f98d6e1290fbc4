package drop

// quietRows are routine frees, which are no loss. They are looked at before
// lossRows. Their words name what is counted: "89% unix close".
var quietRows = []row{
	{"", "unix_*", "", nil, other, "unix close", ""},
	{"UNIX_*|SOCKET_CLOSE", "", "", nil, other, "unix close", ""},
	{"", "virtio_transport_*|vsock_*|vmci_*|hvs_*", "", nil, other, "vsock", ""},
	{"", "netlink_*|__netlink_*|genl_*|nlmsg_*", "", nil, other, "netlink", ""},
	{"", "inet_rtm_getroute|inet6_rtm_getroute", "", nil, other, "questions for a route", ""},
	{"", "bt_*|hci_*|l2cap_*|sco_*|rfcomm_*", "", nil, other, "bluetooth", ""},
	{"", "", "", notPacket, other, "socket messages that are no packets", ""},
	{"SKB_CONSUMED|CONSUMED|SKB_NOT_DROPPED_YET|NOT_DROPPED_YET", "", "", nil, other, "consumed", ""},

	// A raw socket, such as ping's, gets a copy; the packet itself finds none.
	{"NO_SOCKET|NOT_SPECIFIED|-", "ping_rcv", "", nil, noListener, "ping reply already delivered", ""},
	{"NO_SOCKET|NOT_SPECIFIED|-", "icmp_rcv|icmpv6_rcv", "", echoReply, noListener, "ping reply already delivered", ""},
	{"NO_SOCKET|TCP_RESET|NOT_SPECIFIED|-", "tcp_v[46]_rcv", "", reset, tcp, "reset that no connection waits for", ""},

	// The FIN of every connection is in a queue when the socket is destroyed.
	{"QUEUE_PURGE|NOT_SPECIFIED|-", "sk_stream_kill_queues|tcp_disconnect|tcp_write_queue_purge|tcp_v4_destroy_sock|inet_csk_destroy_sock", "", nil, tcp, "TCP close", ""},
	{"", "inet_sock_destruct|udp_destruct_common|udp_destruct_sock|udpv6_destruct_sock|__sk_destruct|packet_sock_destruct", "", nil, other, "socket closed with packets unread", ""},
	{"", "tun_queue_purge|tun_detach_all|__tun_detach", "", nil, other, "tun closed", ""},
	{"", "__rtnl_unlock|rtnl_unlock|netdev_run_todo|qdisc_reset|*_reset_queue", "", nil, other, "device or qdisc deleted", ""},
	{"QUEUE_PURGE", "", "", nil, other, "queue purged", ""},

	{"TCP_OLD_DATA|TCP_OLD_SEQUENCE|TCP_OFOMERGE|TCP_OLD_ACK", "", "", nil, tcp, "TCP duplicates", ""},
	{"TCP_INVALID_SYN", "", "", accepts, tcp, "TCP duplicates", ""}, // the answer to it was lost
	{"PACKET_SOCK_ERROR", "", "", nil, socketFilter, "copies for packet sockets", ""},
	{"", "packet_rcv*|tpacket_rcv", "", nil, socketFilter, "copies for packet sockets", ""},
	{"OTHERHOST", "", "", nil, notForUs, "frames for another host", ""},
	{"", "ip6_mc_input", "", nil, notForUs, "IPv6 multicast not joined", ""},
	{"IP_INADDRERRORS", "ip6_forward", "", multicast, notForUs, "IPv6 multicast not joined", ""},
	{"NOT_SPECIFIED|-", "ip_rcv_finish_core|ip_rcv_finish", "", linkMulticast, notForUs, "IPv4 multicast not joined", ""},
	{"", "stp_pdu_rcv|llc_rcv|br_stp_rcv", "", nil, notForUs, "spanning tree", ""},
}

// lossRows are what is lost, the first that fits first. What a reason means
// can depend on the function: include/net/dropreason-core.h has the reasons,
// and the functions that free are those of net/ in Linux 5.10 to 6.18.
var lossRows = []row{
	// Netfilter. nft frees in nft_do_chain from 6.8, all others in nf_hook_slow.
	{"NOT_SPECIFIED|-", "nf_queue|__nf_queue|nf_reinject|nfqnl_*", "", nil, noReader, "sent to an NFQUEUE that has no reader or is full", adviseQueue},
	{"NOT_SPECIFIED|-", "nf_hook_slow", "nf_queue|__nf_queue", nil, noReader, "sent to an NFQUEUE that has no reader or is full", adviseQueue},
	{"NETFILTER_DROP", "nft_do_chain", "", nil, firewall, "blocked by firewall", adviseNft},
	{"NETFILTER_DROP", "", "", isARP, firewall, "blocked by firewall", adviseARPTables},
	{"NETFILTER_DROP", "", "", isIPv6, firewall, "blocked by firewall", adviseTables6},
	{"NETFILTER_DROP", "", "", nil, firewall, "blocked by firewall", ""},
	{"NOT_SPECIFIED|-", "nft_do_chain", "", nil, firewall, "blocked by firewall", adviseNft},
	{"NOT_SPECIFIED|-", "nf_hook_slow*|ip6t_do_table", "", isIPv6, firewall, "blocked by firewall", adviseTables6},
	{"NOT_SPECIFIED|-", "nf_hook_slow*|ipt_do_table|arpt_do_table|ebt_do_table", "", nil, firewall, "blocked by firewall", ""},
	{"SECURITY_HOOK", "", "", nil, firewall, "blocked by a security module", adviseLSM},
	{"BPF_CGROUP_EGRESS", "", "", nil, socketFilter, "blocked by a BPF program of its cgroup", adviseCgroup},

	// XDP and tc.
	{"XDP", "", "", nil, xdp, "dropped by an XDP program", ""},
	{"NOT_SPECIFIED|-", "do_xdp_generic|netif_receive_generic_xdp|veth_xdp_rcv*|*_xdp_rcv*|bpf_prog_run_generic_xdp|xdp_do_generic_redirect", "", nil, xdp, "dropped by an XDP program", ""},
	{"TC_INGRESS", "", "", nil, tc, "dropped by a tc program on ingress", adviseTCIngress},
	{"TC_EGRESS", "", "", nil, tc, "dropped by a tc program on egress", ""},
	{"TC_COOKIE_ERROR|TC_CHAIN_NOTFOUND", "", "", nil, tc, "dropped by tc: its chain was not found", adviseTCIngress},
	{"TC_RECLASSIFY_LOOP", "", "", nil, tc, "dropped by tc: its filters go in a circle", adviseTCIngress},
	{"NOT_SPECIFIED|-", "sch_handle_ingress|tc_run|tcx_run", "", nil, tc, "dropped by a tc program", adviseTCIngress},
	{"NOT_SPECIFIED|-", "sch_handle_egress", "", nil, tc, "dropped by a tc program on egress", ""},

	// Nobody listens.
	{"NO_SOCKET", "__udp[46]_lib_rcv|udp_rcv|udpv6_rcv", "", nil, noListener, "nobody listens on the UDP port", adviseUDP},
	{"NO_SOCKET", "tcp_v[46]_rcv", "", connects, noListener, "nobody listens on the TCP port", ""},
	{"NO_SOCKET", "tcp_v[46]_rcv", "", nil, noListener, "no such TCP connection here", ""},
	{"NO_SOCKET", "", "", nil, noListener, "no socket wants it", adviseSockets},

	// The receiver is too slow.
	{"SOCKET_RCVBUFF", "", "", nil, receiverFull, "receiver too slow: socket buffer full[ {rmem}/{rcvbuf}]", ""},
	{"NOT_SPECIFIED|-", "udp_queue_rcv_one_skb|udpv6_queue_rcv_one_skb|__udp_queue_rcv_skb|udp_queue_rcv_skb|udpv6_queue_rcv_skb|raw_rcv*|rawv6_rcv*", "", bufferFull, receiverFull, "receiver too slow: socket buffer full[ {rmem}/{rcvbuf}]", ""},
	{"SOCKET_BACKLOG", "", "", nil, receiverFull, "receiver too slow: socket backlog full", adviseListen},
	{"NOT_SPECIFIED|-", "tcp_add_backlog", "", nil, receiverFull, "receiver too slow: socket backlog full", adviseListen},
	{"TCP_LISTEN_OVERFLOW", "", "", nil, receiverFull, "accept queue full", adviseAccept},
	{"TCP_ZEROWINDOW", "", "", nil, receiverFull, "receiver too slow: TCP window closed", adviseListen},
	{"TCP_OFO_QUEUE_PRUNE", "", "", nil, receiverFull, "receiver too slow: out-of-order queue pruned", adviseListen},

	// A device that sends nothing has the qdisc noop (net/sched/sch_generic.c).
	{"QDISC_DROP|NOT_SPECIFIED|-", "__dev_queue_xmit|noop_enqueue|tun_net_xmit", "", tunWithoutCarrier, noReader, "no program has[ {dev}] open", adviseTun},
	{"QDISC_DROP|NOT_SPECIFIED|-", "__dev_queue_xmit|noop_enqueue", "", noopQdisc, linkDown, "link[ of {dev}] is down", ""},
	{"DEV_READY", "tun_*|tap_*", "", nil, noReader, "no program has[ {dev}] open", adviseTun},
	{"DEV_READY", "", "", nil, linkDown, "device[ {dev}] is not up", adviseUp},
	{"BRIDGE_INGRESS_STP_STATE", "", "", nil, linkDown, "bridge port[ {dev}] does not forward (spanning tree)", adviseBridge},
	{"FULL_RING", "tun_*|tap_*", "", nil, noReader, "the program behind[ {dev}] does not read: its queue is full", adviseTun},
	{"FULL_RING", "", "", nil, queueFull, "ring of the device full", ""},

	// Queues of devices.
	{"QDISC_DROP", "", "", netem, queueFull, "lost by netem, as it was told", ""},
	{"QDISC_DROP", "", "", arpSends, queueFull, "ARP dropped by the queue[ of {dev}]: full, or the link is down", ""},
	{"QDISC_DROP", "", "", isQdisc, queueFull, "queue full: {qdisc}[, limit {limit}]", ""},
	{"QDISC_DROP", "", "", nil, queueFull, "dropped by the queue[ of {dev}]", ""},
	{"QDISC_OVERLIMIT", "", "", nil, queueFull, "queue full[: {qdisc}][, limit {limit}]", ""},
	{"QDISC_CONGESTED|DUALPI2_STEP_DROP", "", "", nil, queueFull, "queue too slow[: {qdisc}] drops to signal congestion", ""},
	{"CAKE_FLOOD", "", "", nil, queueFull, "one flow floods its queue (cake)", ""},
	{"FQ_BAND_LIMIT", "", "", nil, queueFull, "band of the queue full (fq)", ""},
	{"FQ_FLOW_LIMIT", "", "", nil, queueFull, "one flow's queue full (fq)", ""},
	{"FQ_HORIZON_LIMIT", "", "", nil, queueFull, "to be sent too far in the future (fq)", ""},
	{"QDISC_*", "", "", nil, queueFull, "dropped by the queue[: {qdisc}]", ""},
	{"NOT_SPECIFIED|-", "*_enqueue|*_dequeue|__qdisc_drop", "__dev_queue_xmit|__qdisc_run|sch_direct_xmit|net_tx_action", nil, queueFull, "queue full[: {qdisc}][, limit {limit}]", ""},
	{"CPU_BACKLOG", "", "", nil, queueFull, "this CPU's backlog of received packets full", adviseBacklog},
	{"NOT_SPECIFIED|-", "enqueue_to_backlog", "", nil, queueFull, "this CPU's backlog of received packets full", adviseBacklog},

	// Neighbours.
	{"NEIGH_FAILED", "", "", isIPv6, noNeighbour, "no neighbour: nobody answers for the next hop (ND)", adviseNeigh6},
	{"NEIGH_FAILED", "", "", nil, noNeighbour, "no neighbour: nobody answers for the next hop (ARP)", ""},
	{"NEIGH_QUEUEFULL", "", "", nil, noNeighbour, "no neighbour yet: the queue for its answer is full", adviseNeighQueue},
	{"NEIGH_CREATEFAIL", "", "", nil, noNeighbour, "neighbour table full", adviseNeighTable},
	{"NEIGH_DEAD", "", "", nil, noNeighbour, "neighbour entry deleted", ""},
	{"NEIGH_HH_FILLFAIL", "", "", nil, noNeighbour, "no link header could be made for the neighbour", ""},
	{"NOT_SPECIFIED|-", "neigh_*|ndisc_error_report|arp_error_report", "", isIPv6, noNeighbour, "no neighbour: nobody answers for the next hop (ND)", adviseNeigh6},
	{"NOT_SPECIFIED|-", "neigh_*|ndisc_error_report|arp_error_report", "", nil, noNeighbour, "no neighbour: nobody answers for the next hop (ARP)", ""},
	{"NOT_SPECIFIED|-", "__neigh_event_send", "", nil, noNeighbour, "no neighbour: it does not answer, or too many packets wait for it", ""},

	// Routes. In ip_error a reason stands for the route's error (net/ipv4/route.c).
	{"", "ip6_pkt_prohibit|ip6_pkt_prohibit_out", "", nil, blackhole, "route discards it (prohibit)", ""},
	{"NOT_SPECIFIED", "ip_error", "", nil, blackhole, "route discards it (blackhole, prohibit or unreachable)", ""},
	{"NOT_SPECIFIED|-", "dst_discard*|ip_rt_bug", "", nil, blackhole, "route discards it (blackhole), or its device is gone", ""},
	{"IP_INADDRERRORS", "ip6_forward", "", localSource, spoofed, "not forwarded: its source address is of one link or host", ""},
	{"IP_INADDRERRORS", "ip_error|ip6_forward", "", nil, forwardingOff, "not for this host, and forwarding is off", ""},
	{"-", "ip_error", "", nil, other, "no route, a route that discards, or forwarding is off", adviseRoute},
	{"IP_INNOROUTES|IP_OUTNOROUTES", "", "", nil, noRoute, "no route to the destination", ""},
	{"NOT_SPECIFIED|-", "ip6_pkt_discard|ip6_pkt_discard_out", "", nil, noRoute, "no route to the destination", ""},
	{"NOT_SPECIFIED|-", "wg_xmit", "", nil, noRoute, "WireGuard has no peer or no endpoint for it", adviseWireGuard},
	{"NOT_SPECIFIED|-", "blackhole_netdev_xmit", "", nil, linkDown, "its device is gone", ""},
	{"NO_TX_TARGET", "", "", nil, noRoute, "no port, tunnel end or slave[ of {dev}] to send it to", adviseLink},

	// Size and hops.
	{"PKT_TOO_BIG", "ip_forward|ip6_forward", "", nil, tooBig, "bigger than the MTU of the next link, and not to be fragmented", ""},
	{"PKT_TOO_BIG", "", "", nil, tooBig, "bigger than the MTU", ""},
	{"NOT_SPECIFIED|-", "__dev_forward_skb*|veth_xmit", "", nil, tooBig, "the other end[ of {dev}] has a smaller MTU, or is down", adviseLink},
	{"NOT_SPECIFIED|-", "ip_fragment", "", nil, tooBig, "bigger than the MTU, and not to be fragmented", ""},
	{"IP_INHDR", "ip_forward|ip6_forward", "", nil, ttl, "TTL expired: too many hops", ""},
	{"NOT_SPECIFIED|-", "ip_forward|ip6_forward", "", lastHop, ttl, "TTL expired: too many hops", ""},
	{"TCP_MINTTL", "", "", nil, ttl, "TTL below what the socket demands", ""},

	// IPsec and its like.
	{"XFRM_POLICY", "", "", nil, ipsec, "refused by an IPsec policy", ""},
	{"NOT_SPECIFIED|-", "xfrm*|__xfrm*|esp_*|esp6_*|ah_*|ah6_*", "", nil, ipsec, "refused by IPsec", ""},
	{"NOT_SPECIFIED", "__udp[46]_lib_rcv", "", nil, ipsec, "refused by an IPsec policy", ""},
	{"PSP_INPUT|PSP_OUTPUT", "", "", nil, ipsec, "encryption (PSP) missing or not wanted", ""},
	{"IPV6DISABLED", "", "", nil, ipv6Off, "IPv6 is off[ on {dev}]", ""},

	// Addresses that cannot be.
	{"IP_RPFILTER", "", "", nil, spoofed, "source is not routed back this way (rp_filter)", adviseRPFilter},
	{"IP_LOCALNET", "", "", nil, spoofed, "martian: a loopback address on a wire", ""},
	{"IP_LOCAL_SOURCE", "", "", nil, spoofed, "martian: its source is an address of this host", ""},
	{"IP_INVALID_SOURCE", "", "", nil, spoofed, "martian: impossible source address", ""},
	{"IP_INVALID_DEST", "", "", nil, spoofed, "martian: impossible destination address", ""},
	{"LOCAL_MAC", "", "", nil, spoofed, "its source MAC is this host's own: a loop?", ""},
	{"IP_INHDR", "ip6_rcv_core", "", martian, spoofed, "martian: impossible source or destination address", ""},
	{"NOT_SPECIFIED|-", "ip_rcv_finish_core|ip_rcv_finish", "", martian, spoofed, "martian: impossible source or destination address", ""},
	{"VXLAN_ENTRY_EXISTS", "", "", nil, spoofed, "its MAC is fixed to another VXLAN tunnel end", adviseLink},

	// Not for this host.
	{"NOT_SPECIFIED|-", "ip_rcv_finish_core|ip_rcv_finish", "", multicast, notForUs, "multicast that nobody here joined", adviseMulticast},
	{"IP_NOPROTO", "", "", nil, notForUs, "nobody here speaks IP protocol[ {ipproto}]", adviseSockets},
	{"UNHANDLED_PROTO", "icmp_rcv|icmpv6_rcv|icmp_unreach", "", nil, notForUs, "unknown ICMP type[ {icmptype}]", ""},
	{"UNHANDLED_PROTO", "", "", nil, notForUs, "nobody here speaks EtherType[ {ethertype}]", ""},
	{"-|NOT_SPECIFIED", "__netif_receive_skb_core", "", unknownEtherType, notForUs, "nobody here speaks EtherType[ {ethertype}]", ""},
	{"INVALID_PROTO", "icmp_rcv|icmpv6_rcv", "", nil, notForUs, "ICMP to a broadcast address is ignored", ""},
	{"IPV6_NDISC_NS_OTHERHOST", "", "", nil, notForUs, "neighbour solicitation for another host", ""},
	{"VXLAN_VNI_NOT_FOUND", "", "", nil, notForUs, "no VXLAN device has this VNI", adviseLink},
	{"MAC_IEEE_MAC_CONTROL", "", "", nil, notForUs, "link-local control frame, which is not forwarded", ""},

	// What sockets and their programs refuse.
	{"TAP_FILTER|TAP_TXFILTER", "", "", nil, socketFilter, "refused by the filter of the tap device[ {dev}]", adviseTun},
	{"SOCKET_FILTER", "", "", nil, socketFilter, "refused by a filter on the socket or its cgroup", ""},

	// Broken packets.
	{"IP_CSUM", "", "", nil, checksum, "wrong IP checksum", ""},
	{"TCP_CSUM", "", "", nil, checksum, "wrong TCP checksum", ""},
	{"UDP_CSUM", "", "", nil, checksum, "wrong UDP checksum", ""},
	{"ICMP_CSUM", "", "", nil, checksum, "wrong ICMP checksum", ""},
	{"SKB_CSUM", "", "", nil, checksum, "wrong checksum", ""},
	{"IP_INHDR", "", "", nil, malformed, "malformed: bad IP header", ""},
	{"PKT_TOO_SMALL|HDR_TRUNC", "", "", nil, malformed, "malformed: cut short", ""},
	{"TCP_FLAGS", "", "", nil, malformed, "malformed: impossible TCP flags", ""},
	{"IPV6_BAD_EXTHDR", "", "", nil, malformed, "malformed: bad IPv6 extension header", ""},
	{"IPV6_NDISC_*", "", "", nil, malformed, "malformed neighbour discovery", ""},
	{"INVALID_PROTO", "", "", nil, malformed, "malformed: not allowed by its protocol", ""},
	{"UNICAST_IN_L2_MULTICAST", "", "", nil, malformed, "malformed: unicast address in a multicast frame", ""},
	{"MAC_INVALID_SOURCE", "", "", nil, malformed, "malformed: impossible source MAC", ""},
	{"DEV_HDR|VXLAN_INVALID_HDR|TUNNEL_TXINFO", "", "", nil, malformed, "malformed: bad header of a device or tunnel", ""},
	{"IP_TUNNEL_ECN", "", "", nil, malformed, "malformed: inner and outer ECN contradict each other", ""},
	{"SKB_GSO_SEG", "", "", nil, malformed, "could not be cut into segments", ""},
	{"CAN*_RX_INVALID_FRAME", "", "", nil, malformed, "malformed CAN frame", ""},
	{"NOT_SPECIFIED|-", "arp_process|arp_rcv", "", nil, malformed, "malformed ARP", adviseNone},

	// Fragments.
	{"DUP_FRAG", "", "", nil, fragment, "fragment came twice or overlaps", ""},
	{"FRAG_REASM_TIMEOUT", "", "", nil, fragment, "other fragments never came", ""},
	{"FRAG_TOO_FAR", "", "", nil, fragment, "fragments too far apart", ""},
	{"NOT_SPECIFIED|-", "ip_expire|ip6frag_expire_frag_queue|ip6_frag_expire", "", nil, fragment, "other fragments never came", ""},
	{"NOT_SPECIFIED|-", "ip_defrag|ip_frag_queue|ip6_frag_queue|ipv6_frag_rcv|inet_frag_*|nf_ct_frag6_*", "", nil, fragment, "fragment not accepted", ""},

	// Memory.
	{"NOMEM", "", "", nil, memory, "no memory", ""},
	{"PROTO_MEM", "", "", nil, memory, "all sockets of the protocol use more memory than allowed", adviseProtoMem},
	{"PFMEMALLOC", "", "", nil, memory, "no memory: the reserve is kept for swap", ""},
	{"SKB_UCOPY_FAULT", "", "", nil, memory, "data of the program could not be copied", ""},

	// TCP.
	{"TCP_AUTH_HDR|TCP_MD5*|TCP_AO*", "", "", nil, tcp, "TCP signature (MD5 or AO) missing, unexpected or wrong", ""},
	{"TCP_RFC7323_*", "", "", nil, tcp, "TCP timestamp too old (PAWS)", ""},
	{"TCP_INVALID_SEQUENCE|TCP_INVALID_END_SEQUENCE|TCP_OVERWINDOW", "", "", nil, tcp, "TCP data outside of the window", ""},
	{"TCP_INVALID_ACK_SEQUENCE|TCP_TOO_OLD_ACK|TCP_ACK_UNSENT_DATA", "", "", nil, tcp, "TCP acknowledgement outside of what was sent", ""},
	{"TCP_RESET", "", "", nil, tcp, "TCP reset that does not fit", ""},
	{"TCP_INVALID_SYN", "", "", nil, tcp, "TCP SYN within a connection", ""},
	{"TCP_CLOSE|TCP_ABORT_ON_DATA", "", "", nil, tcp, "TCP data for a connection that is closed", ""},
	{"TCP_FASTOPEN", "", "", nil, tcp, "refused by TCP fast open", ""},
	{"TCP_OFO_DROP", "", "", nil, tcp, "TCP data already received", ""},
	{"NOT_SPECIFIED", "tcp_*", "", nil, tcp, "discarded by TCP", ""},

	{"RECURSION_LIMIT", "", "", nil, other, "devices send to each other in a circle", adviseLink},

	// Kernels without reasons free for several at one place.
	{"-", "tcp_v[46]_rcv", "", nil, other, "refused by TCP: nobody listens, a wrong checksum or a filter", noListener},
	{"-", "tcp_*", "", nil, tcp, "discarded by TCP", ""},
	{"-", "__udp[46]_lib_rcv", "", nil, other, "refused by UDP: nobody listens, a wrong checksum or IPsec", adviseUDP},
	{"-", "udp_queue_rcv_one_skb|udpv6_queue_rcv_one_skb|udp_queue_rcv_skb|udpv6_queue_rcv_skb", "", nil, other, "refused by the UDP socket: full, a wrong checksum or a filter", receiverFull},
	{"-", "ip_rcv_core|ip6_rcv_core", "", nil, other, "refused on arrival: bad header, checksum or length, or for another host", malformed},
	{"-", "ip_rcv_finish_core|ip_rcv_finish", "", nil, other, "refused by the routing decision: rp_filter, a martian or a bad option", adviseSource},
	{"NOT_SPECIFIED", "ip_rcv_finish_core|ip_rcv_finish", "", nil, other, "refused by the routing decision: a martian or a bad option", adviseSource},
	{"-", "ip_forward", "", nil, other, "not forwarded: too big, refused by IPsec or bad options", adviseRoute},
	{"-", "ip6_forward", "", nil, other, "not forwarded: too big, refused by IPsec or forwarding is off", adviseRoute},
	{"-", "__dev_queue_xmit", "", nil, other, "not taken by the device[ {dev}]: queue full, link down or a tc program", queueFull},
	{"-", "__netif_receive_skb_core", "", nil, other, "not taken from the device[ {dev}]: a tc program, or nobody speaks its protocol", adviseTCIngress},
}
