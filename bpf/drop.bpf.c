//go:build ignore
/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counts dropped packets by where, why and which flow, and shows the first few
 * of each with the stack, the socket and the packet's bytes. Needs nothing but
 * the tracepoint skb:kfree_skb, with the kernel's types.
 */
#include "core.h"
#include "net.h"
#include "drop.h"
#include "packet.bpf.h"
#include "owner.bpf.h"
#include "dropcall.bpf.h"
#include "count.bpf.h"
#include "bracket.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

/* How many arguments the tracepoint has: the reason came in 5.17, the receiving
 * socket in 6.11. */
const volatile __u32 arguments;
/* Whether only the drops of some namespaces are wanted. */
const volatile bool has_namespaces;
/* Whether each drop is wanted as an event, or the first few of each kind and
 * those within calls. */
const volatile bool every;
/* Events of each kind, and the most of all kinds in a tenth of a second on each
 * processor: an event costs a hundred times what counting does. */
const volatile __u32 few = 4;
const volatile __u32 burst = 200;
/* The length of an event with the packet's bytes, and how many of those. */
const volatile __u32 event_size = sizeof(struct drop_event);
const volatile __u32 event_data;
/* Whether firewalls are bracketed. */
const volatile bool has_brackets;

/* Raised when everything is attached. */
volatile bool enabled;

/* Keeps these types in the BTF, for the Go side. */
const struct drop_event *drop_event_type __attribute__((unused));
const struct drop_bucket *drop_bucket_type __attribute__((unused));
const enum drop_kinds *drop_kinds_type __attribute__((unused));
const struct sock_file *sock_file_type __attribute__((unused));
const enum from_socket *from_socket_type __attribute__((unused));

/* key: namespace that is wanted */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} namespaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop_totals);
} totals SEC(".maps");

/* What is left of a processor's share of events. */
struct ration {
	__u64 since_ns;
	__u64 used;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ration);
} rations SEC(".maps");

/* dropped packets, as struct drop_event; sized when loaded */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* is_wanted says whether a namespace's drops are wanted. */
static __always_inline bool is_wanted(__u32 netns, struct drop_totals *total)
{
	if (!has_namespaces || (netns && netns == total->wanted))
		return true;
	if (!bpf_map_lookup_elem(&namespaces, &netns))
		return false;
	total->wanted = netns;
	return true;
}

#define RATION_NS 100000000ULL

static __always_inline bool is_rationed(__u64 now)
{
	__u32 zero = 0;
	struct ration *ration = bpf_map_lookup_elem(&rations, &zero);

	if (!ration)
		return true;
	if (now - ration->since_ns > RATION_NS) {
		ration->since_ns = now;
		ration->used = 0;
	}
	return ration->used++ >= burst;
}

/* describe_socket says whose socket it is. */
static __always_inline void describe_socket(const struct sock *sk, struct drop_event *event)
{
	/* before 6.2 a map is not looked up by a key in the buffer itself */
	__u64 address = (__u64)sk;
	struct sock_owner *owner;

	event->sock = address;
	event->sock_port = sk->__sk_common.skc_num;
	event->sock_state = sk->__sk_common.skc_state;
	if (is_full(sk)) {
		event->inode = inode_of(sk);
		event->uid = sk->sk_uid.val;
		event->cgroup = cgroup_of(sk);
		event->rcvbuf = sk->sk_rcvbuf;
		event->rmem_alloc = sk->sk_backlog.rmem_alloc.counter;
	}
	owner = bpf_map_lookup_elem(&owners, &address);
	if (owner && (owner->inode == event->inode || !event->inode))
		event->owner = *owner;
}

/* describe_call tells the call that the packet was dropped in. */
static __always_inline void describe_call(const struct call *call, struct drop_event *event)
{
	if (!call)
		return;
	event->call.entry_ns = call->entry_ns;
	event->call.goid = call->goid;
	bpf_probe_read_kernel((void *)event + sizeof(*event), call_key_size, &call->key);
}

static __always_inline bool is_noop(const char *id)
{
	return id[0] == 'n' && id[1] == 'o' && id[2] == 'o' && id[3] == 'p' && !id[4];
}

static __always_inline void describe_device(const struct net_device *dev,
					    struct drop_event *event)
{
	const struct Qdisc *qdisc = dev->_tx->qdisc;

	bpf_probe_read_kernel(event->ifname, sizeof(event->ifname), dev->name);
	bpf_probe_read_kernel(event->qdisc, sizeof(event->qdisc), qdisc->ops->id);
	/* A device without carrier keeps its qdisc, but its queues have noop
	 * (dev_deactivate). */
	if (is_noop(event->qdisc))
		return;
	qdisc = dev->qdisc;
	bpf_probe_read_kernel(event->qdisc, sizeof(event->qdisc), qdisc->ops->id);
	event->qdisc_limit = qdisc->limit;
}

/* copy_packet copies the packet's own bytes behind the event, from the link
 * header on where it has one. */
static __always_inline void copy_packet(const struct sk_buff *skb, const struct headers *h,
					struct drop_event *event)
{
	__u32 from = h->network, len = h->len;

	if (!len)
		return;
	if (skb->mac_header != UNSET_HEADER && skb->mac_header + 14 == from) {
		event->link_header = 1;
		from -= 14;
		len += 14;
	}
	if (len > event_data)
		len = event_data;
	/* for verifiers that do not take the bound from above */
	if (len - 1 >= 65535)
		return;
	if (!bpf_probe_read_kernel((void *)event + sizeof(*event) + call_key_size, len,
				   skb->head + from))
		event->data_len = len;
}

/* What is known of a drop when it is counted. */
struct seen {
	struct drop_key key;
	struct drop_totals *total;
	struct call *call;	/* that it was dropped in, if calls are looked for */
	bool merged;
};

/* show hands the drop to the reader, with what else is to be seen of it. */
static __noinline int show(void *ctx, const struct sk_buff *skb, const struct sock *sk,
			   const struct seen *seen, const struct headers *h)
{
	struct drop_totals *total = seen->total;
	struct drop_event *event;
	__u64 now = bpf_ktime_get_ns(), pid_tgid;
	long got;

	if (!every && !seen->call && is_rationed(now)) {
		add(total->unsampled, 1);
		return 0;
	}
	event = bpf_ringbuf_reserve(&events, event_size, 0);
	if (!event) {
		add(total->lost, 1);
		return 0;
	}
	__builtin_memset(event, 0, __builtin_offsetof(struct drop_event, stack));
	event->key = seen->key;
	event->merged = seen->merged;
	event->time_ns = now;
	event->skb = (__u64)skb;
	event->len = skb->len;
	event->ip_len = h->ip_len;
	/* what is read back is a number, with which the verifier lets one reckon */
	event->bracket = has_brackets ? bracket_find(*(volatile __u64 *)&event->skb) : -1;
	pid_tgid = bpf_get_current_pid_tgid();
	event->tgid = pid_tgid >> 32;
	event->tid = (__u32)pid_tgid;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	if (sk) {
		event->receiving = sk != skb->sk;
		describe_socket(sk, event);
	}
	if (seen->key.ifindex)
		describe_device(skb->dev, event);
	if (calls)
		describe_call(seen->call, event);
	if (event_data)
		copy_packet(skb, h, event);
	got = bpf_get_stack(ctx, event->stack, sizeof(event->stack), 0);
	event->frames = got > 0 ? got / sizeof(__u64) : 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* account counts the drop by what the packet says of itself, and shows it if it
 * is one of the first. */
static __always_inline int account(void *ctx, const struct sk_buff *skb, const struct sock *sk,
			      struct seen *seen, bool alone)
{
	struct drop_key *key = &seen->key;
	struct headers headers;
	__u64 before;

	if (!packet_flow(skb, key, &headers) && sk) {
		socket_flow(sk, key);
		if (sk != skb->sk)
			key->from_socket = RECEIVERS_SOCKET;
	}
	before = count_drop(key, alone, seen->total);
	seen->merged = before == NO_ROOM;
	if (before < few || every || (seen->call && few))
		show(ctx, skb, sk, seen, &headers);
	return 0;
}

/* account_apart has the headers in a frame of its own: beside those that look for
 * a call they have no room on the stack. */
static __noinline int account_apart(void *ctx, const struct sk_buff *skb, const struct sock *sk,
				    struct seen *seen, bool alone)
{
	return account(ctx, skb, sk, seen, alone);
}

/* on_drop is either program: in_calls says whether calls in flight are looked for.
 * Each has its own frame, which is small where calls are looked for. */
static __always_inline int on_drop(__u64 *ctx, bool in_calls)
{
	const struct sk_buff *skb = (void *)ctx[0];
	const struct sock *sk = NULL;
	struct seen seen;
	struct drop_key *key = &seen.key;
	const struct net_device *dev;
	__u32 zero = 0;
	bool alone, is_device;

	if (!enabled)
		return 0;
	__builtin_memset(key, 0, sizeof(*key));
	key->location = ctx[1];
	if (arguments > 2)
		key->reason = ctx[2];
	if (arguments > 3)
		sk = (void *)ctx[3];
	if (!sk)
		sk = skb->sk;
	dev = skb->dev;
	key->netns = netns_of(sk, dev, &is_device);
	seen.total = bpf_map_lookup_elem(&totals, &zero);
	if (!seen.total || !is_wanted(key->netns, seen.total))
		return 0;
	if (is_device)
		key->ifindex = dev->ifindex;
	/* before the packet is looked at, whose many ways the verifier would go
	 * through once for each of these */
	alone = !seen.total->running++;
	seen.call = NULL;
	if (in_calls && alone && is_packet(skb, sk) && !routine[key->reason % ROUTINE_REASONS])
		seen.call = meet_call(ctx, skb, sk, key->location);
	if (in_calls)
		account_apart(ctx, skb, sk, &seen, alone);
	else
		account(ctx, skb, sk, &seen, alone);
	seen.total->running--;
	return 0;
}

SEC("tp_btf/kfree_skb")
int drop(__u64 *ctx)
{
	return on_drop(ctx, false);
}

SEC("tp_btf/kfree_skb")
int drop_in_calls(__u64 *ctx)
{
	return on_drop(ctx, true);
}
