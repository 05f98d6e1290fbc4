/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reads the addresses of a packet that is being freed. Its offsets cannot be
 * trusted (measured on 6.18): mac_header is unset at OUTPUT, transport_header
 * for ARP, network_header may be 0; so everything is found from the network
 * header on.
 */
#ifndef LATCH_PACKET_BPF_H
#define LATCH_PACKET_BPF_H

#define UNSET_HEADER 0xffff

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH 51
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_DCCP 33
#define IPPROTO_SCTP 132
#define IPPROTO_UDPLITE 136

/* Reads kernel memory as a type of the kernel's without a helper call, from 6.2
 * on: a tenth of what bpf_probe_read_kernel takes. */
extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

/* The headers of a packet, and how many bytes of them are there. */
struct headers {
	const unsigned char *at;
	__u32 len;
	__u32 network;		/* offset of the network header from head */
	__u32 ip_len;
	__u8 copy[HEADERS];	/* before 6.2 */
};

/* headers_of finds the headers from the network header on. */
static __always_inline bool headers_of(const struct sk_buff *skb, struct headers *h)
{
	unsigned char *head = skb->head;
	__u32 at = skb->network_header, tail = skb->tail;

	h->len = 0;
	h->network = 0;
	h->ip_len = 0;
	/* not set yet, or not any more: the data begins with it */
	if (!at || at == UNSET_HEADER)
		at = skb->data - head;
	if (at >= tail || tail > skb->end)
		return false;
	h->network = at;
	h->at = head + at;
	h->len = tail - at;
	/* what is read behind the tail is inside the buffer: its end is followed
	 * by struct skb_shared_info, which is longer */
	if (!bpf_rdonly_cast)
		return !bpf_probe_read_kernel(h->copy, HEADERS, h->at);
	return true;
}

/* word returns the four bytes at offset off of the headers, in network order.
 * The type's first words stand for any. */
static __always_inline __u32 word(const struct headers *h, __u32 off)
{
	const struct in6_addr *words;
	__u32 value = 0;

	if (bpf_rdonly_cast) {
		words = bpf_rdonly_cast(h->at + off, bpf_core_type_id_kernel(struct in6_addr));
		return words->in6_u.u6_addr32[0];
	}
	if (off <= HEADERS - 4)
		__builtin_memcpy(&value, &h->copy[off], 4);
	return value;
}

/* bits returns those of a word of the headers from the one numbered first on,
 * counted as in the figures of RFC 791. */
static __always_inline __u32 bits(__u32 word, __u32 first, __u32 n)
{
	return __builtin_bswap32(word) >> (32 - first - n) & ((1ULL << n) - 1);
}

/* transport reads the ports, flags or types at offset at of the headers. */
static __always_inline void transport(const struct headers *h, __u32 at,
				      struct drop_key *key)
{
	__u32 first;

	if (at > HEADERS - 16 || at + 4 > h->len)
		return;
	first = word(h, at);
	switch (key->proto) {
	case IPPROTO_TCP:
		if (at + 16 <= h->len)
			key->tcp_flags = bits(word(h, at + 12), 8, 8);
		/* fallthrough */
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		key->sport = bits(first, 0, 16);
		key->dport = bits(first, 16, 16);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		key->icmp_type = bits(first, 0, 8);
		key->icmp_code = bits(first, 8, 8);
	}
}

/* ipv6_transport goes through the extension headers; those that reach beyond
 * HEADERS hide the ports. */
static __always_inline void ipv6_transport(const struct headers *h, struct drop_key *key)
{
	__u32 at = 40, first, i;
	__u8 next = bits(word(h, 4), 16, 8);

	for (i = 0; i < 4; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_DSTOPTS)
			break;
		if (at > HEADERS - 16 || at + 8 > h->len)
			return;
		first = word(h, at);
		if (next == IPPROTO_FRAGMENT && bits(first, 16, 13))
			return; /* a later fragment has no ports */
		at += next == IPPROTO_FRAGMENT ? 8 : 8 * (1 + bits(first, 8, 8));
		next = bits(first, 0, 8);
	}
	key->proto = next;
	transport(h, at, key);
}

/* packet_flow fills in what the packet says of itself. */
static __always_inline bool packet_flow(const struct sk_buff *skb, struct drop_key *key,
					struct headers *h)
{
	__u32 first;
	int i;

	key->ethertype = __builtin_bswap16(skb->protocol);
	if (!headers_of(skb, h))
		return false;
	first = word(h, 0);
	switch (key->ethertype) {
	case ETH_P_IP:
		if (h->len < 20 || bits(first, 0, 4) != 4)
			return false;
		h->ip_len = bits(first, 16, 16);
		key->saddr[0] = word(h, 12);
		key->daddr[0] = word(h, 16);
		key->proto = bits(word(h, 8), 8, 8);
		if (!bits(word(h, 4), 19, 13)) /* a later fragment has no ports */
			transport(h, 4 * bits(first, 4, 4), key);
		return true;
	case ETH_P_IPV6:
		if (h->len < 40 || bits(first, 0, 4) != 6)
			return false;
		h->ip_len = 40 + bits(word(h, 4), 0, 16);
		for (i = 0; i < 4; i++) {
			key->saddr[i] = word(h, 8 + 4 * i);
			key->daddr[i] = word(h, 24 + 4 * i);
		}
		ipv6_transport(h, key);
		return true;
	case ETH_P_ARP: /* of Ethernet and IPv4 */
		if (h->len < 28 || bits(first, 16, 16) != ETH_P_IP)
			return false;
		key->saddr[0] = word(h, 14);
		key->daddr[0] = word(h, 24);
		return true;
	}
	return false;
}

/* is_full says that sk has all of struct sock: TIME_WAIT and NEW_SYN_RECV
 * sockets are shorter (include/net/inet_sock.h). */
static __always_inline bool is_full(const struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	return state != TCP_STATE_TIME_WAIT && state != TCP_STATE_NEW_SYN_RECV;
}

/* socket_flow fills in a socket's addresses, its own first. */
static __always_inline void socket_flow(const struct sock *sk, struct drop_key *key)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family != AF_INET && family != AF_INET6)
		return;
	key->from_socket = SENDERS_SOCKET;
	key->sport = BPF_CORE_READ(sk, __sk_common.skc_num);
	key->dport = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (is_full(sk))
		key->proto = BPF_CORE_READ(sk, sk_protocol);
	if (family == AF_INET) {
		key->ethertype = ETH_P_IP;
		key->saddr[0] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		key->daddr[0] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		return;
	}
	key->ethertype = ETH_P_IPV6;
	BPF_CORE_READ_INTO(&key->saddr, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
	BPF_CORE_READ_INTO(&key->daddr, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32);
}

/* netns_of returns the inode number of the network namespace that the packet is
 * in: its device's. A packet that has crossed a veth pair keeps its sender's
 * socket until ip_rcv_core. Without a device it is the socket's; so too where
 * the device is a word of another use, as in queues of sockets: a real one is
 * in the namespace whose loopback device agrees. Is_device says that dev can be
 * one. */
static __always_inline __u32 netns_of(const struct sock *sk, const struct net_device *dev,
				      bool *is_device)
{
	__u32 netns = 0, at = 0;

	if (sk)
		netns = sk->__sk_common.skc_net.net->ns.inum;
	if (dev) {
		const struct net *net = dev->nd_net.net;

		at = net->ns.inum;
		if (at >= PROC_DYNAMIC_FIRST && at != netns &&
		    (netns < PROC_DYNAMIC_FIRST || net->loopback_dev->nd_net.net == net))
			netns = at;
	}
	*is_device = at >= PROC_DYNAMIC_FIRST;
	return netns < PROC_DYNAMIC_FIRST ? 0 : netns;
}

#endif
