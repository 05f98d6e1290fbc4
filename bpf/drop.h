/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the programs that watch dropped packets and the Go side both see.
 */
#ifndef LATCH_DROP_H
#define LATCH_DROP_H

#include "layout.h"

/* The return addresses kept of the kernel's stack. */
#define DROP_FRAMES 40
/* Bytes of a packet's headers that are looked at. */
#define HEADERS 64

/* Whose addresses stand for those of a packet that has none; they are in the
 * order of the socket, its own first. */
enum from_socket {
	PACKETS_OWN,
	SENDERS_SOCKET,
	RECEIVERS_SOCKET,
};

/* A packet's flow, and where and why it was dropped: what drops are counted
 * by. Addresses are in network order, IPv4's in the first word; ports and
 * types in the host's order. */
struct drop_key {
	__u64 location;		/* where the kernel's free function returns to */
	__u32 reason;		/* enum skb_drop_reason, 0 before 5.17 */
	__u32 netns;		/* inode number, 0 if unknown */
	__u32 saddr[4];
	__u32 daddr[4];
	__u32 ifindex;
	__u16 sport, dport;
	__u16 ethertype;
	__u8 proto;
	__u8 tcp_flags;
	__u8 icmp_type, icmp_code;
	__u8 from_socket;	/* the packet had no addresses: enum from_socket */
	__u8 merged;		/* there was no room for the flow's own */
};

/* How often it happened. */
struct drop_count {
	__u64 packets;
};

/* Slots of a processor for its drops of one kind each, in which a kind is looked
 * for by two cache lines. Tag and key are written once, before packets counts, so
 * that they can be read at any time: where the tag is the key's hash, the key is
 * whole. */
#define DROP_WAYS 4
struct drop_bucket {
	__u64 tags[DROP_WAYS];	/* 0 while the slot is free */
	__u64 packets[DROP_WAYS];
	struct drop_key keys[DROP_WAYS];
};

/* The bits of a tag that are not the hash's: how many drops of the kind were
 * counted elsewhere before, 1 or more. */
#define TAG_BEFORE 0xff

/* Who has a socket: it connected, listened, sent or received last. */
struct sock_owner {
	__u64 inode;
	__u64 used_ns;		/* CLOCK_MONOTONIC */
	__u32 tgid;
	__u32 tid;
	char comm[16];
	struct caller caller;	/* the goroutine or thread, where calls are looked for */
	__u64 in_send;		/* a packet was dropped within the send that is not over */
};

/* The call in flight when a packet was dropped. Its key lies behind the event. */
struct drop_call {
	__u64 entry_ns;		/* CLOCK_MONOTONIC; 0 if there was none */
	__u64 goid;
};

/* One dropped packet. Behind it come the call's key, if calls are looked for,
 * and as many bytes of the packet as are wanted. */
struct drop_event {
	struct drop_key key;
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u64 skb;
	__u64 sock;		/* receiving socket, else the sender's; 0 for none */
	__u64 inode;		/* of the socket; 0 for none */
	__u64 cgroup;
	struct sock_owner owner; /* tgid 0 if it is not known */
	struct drop_call call;
	__u32 uid;
	__u32 receiving;	/* sock is the receiver's */
	__s32 bracket;		/* the tag of the last one it passed, or -1 */
	__u32 len;
	__u32 ip_len;
	__u32 tgid, tid;	/* of the task that ran, whoever it is */
	char comm[16];
	char ifname[16];
	char qdisc[16];
	__u32 qdisc_limit;
	__u32 rcvbuf, rmem_alloc;
	__u16 sock_port;
	__u8 sock_state;
	__u8 link_header;	/* data begins with it */
	__u32 data_len;
	__u32 frames;
	__u32 merged;		/* it was counted without its flow */
	__u64 stack[DROP_FRAMES];
};

/* What else happened to drops. */
struct drop_totals {
	__u64 running;		/* 1 while the program runs on this processor */
	__u64 wanted;		/* the namespace of the drop before */
	__u64 full;		/* the generation, plus 1, in which there was no room for a flow */
	__u64 counted;		/* drops that are counted, and those of them not in slots */
	__u64 looked_up;
	__u64 merged;		/* counted without their flow */
	__u64 uncounted;	/* not counted by cause: no room at all */
	__u64 unsampled;	/* events that were not wanted any more */
	__u64 lost;		/* events without room in the ring buffer */
};

/* A socket that a process holds, as the iterator over files tells it. */
struct sock_file {
	__u64 sock;
	__u64 inode;
	__u32 tgid;
	__u32 uid;
	__u32 netns;
	__u32 saddr[4];
	__u32 daddr[4];
	__u16 sport, dport;
	__u16 ethertype;	/* 0 where it is of no IP family */
	__u8 proto;
	__u8 unused;
	char comm[16];
};

#endif
