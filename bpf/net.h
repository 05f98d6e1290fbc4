/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel's network types, as CO-RE stubs of the fields that are read. */
#ifndef LATCH_NET_H
#define LATCH_NET_H

struct net_device;

struct net {
	struct ns_common ns;
	struct net_device *loopback_dev;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct Qdisc_ops {
	char id[16];
} __attribute__((preserve_access_index));

struct Qdisc {
	const struct Qdisc_ops *ops;
	__u32 limit;
} __attribute__((preserve_access_index));

struct netdev_queue {
	struct Qdisc *qdisc;
} __attribute__((preserve_access_index));

struct net_device {
	char name[16];
	int ifindex;
	possible_net_t nd_net;
	struct Qdisc *qdisc;
	struct netdev_queue *_tx;
} __attribute__((preserve_access_index));

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
} __attribute__((preserve_access_index));

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} __attribute__((preserve_access_index));

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
} __attribute__((preserve_access_index));

struct file {
	struct inode *f_inode;
	void *private_data;
} __attribute__((preserve_access_index));

struct socket {
	struct file *file;
	struct sock *sk;
} __attribute__((preserve_access_index));

typedef struct {
	__u32 val;
} __attribute__((preserve_access_index)) kuid_t;

typedef struct {
	int counter;
} __attribute__((preserve_access_index)) atomic_t;

struct kernfs_node {
	__u64 id;
} __attribute__((preserve_access_index));

struct cgroup {
	struct kernfs_node *kn;
} __attribute__((preserve_access_index));

struct sock_cgroup_data {
	struct cgroup *cgroup; /* from 5.16 on: before, a tagged word */
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
	int sk_rcvbuf;
	unsigned short sk_type;
	__u16 sk_protocol;
	struct socket *sk_socket;
	kuid_t sk_uid;
	struct sock_cgroup_data sk_cgrp_data;
} __attribute__((preserve_access_index));

struct sk_buff {
	unsigned int len;
	unsigned int data_len;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
	struct net_device *dev;
	struct sock *sk;
} __attribute__((preserve_access_index));

/* include/uapi/linux/if_ether.h, in host order */
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_IPV6 0x86dd
#define ETH_P_UNKNOWN 0xffff	/* reserved (RFC 1701) */

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17

/* include/net/tcp_states.h */
#define TCP_STATE_SYN_SENT 2
#define TCP_STATE_TIME_WAIT 6
#define TCP_STATE_LISTEN 10
#define TCP_STATE_NEW_SYN_RECV 12

/* include/linux/proc_ns.h: the least number of a namespace */
#define PROC_DYNAMIC_FIRST 0xf0000000U

#endif
