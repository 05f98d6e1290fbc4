/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Counts the packets that are freed in one network namespace, by the bracket
 * that they passed last and by stack. */
#include "bracket.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));
typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;
struct net_device {
	possible_net_t nd_net;
} __attribute__((preserve_access_index));
struct sock_common {
	possible_net_t skc_net;
} __attribute__((preserve_access_index));
struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));
struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
} __attribute__((preserve_access_index));

const volatile __u32 netns;

/* key: tag  value: packets */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BRACKET_TAGS);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

#define FRAMES 64

/* value: return addresses */
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, FRAMES * sizeof(__u64));
} stacks SEC(".maps");

/* key: stack  value: packets */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("raw_tp/kfree_skb")
int drop(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx->args[0];
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	int tag = bracket_find(ctx->args[0]);
	__u64 *count, one = 1;
	__u32 at, stack;

	at = dev ? BPF_CORE_READ(dev, nd_net.net, ns.inum) : BPF_CORE_READ(skb, sk, __sk_common.skc_net.net, ns.inum);
	if (at != netns)
		return 0;
	if (tag >= 0) {
		count = bpf_map_lookup_elem(&drops, &tag);
		if (count)
			add(*count, 1);
	}
	stack = bpf_get_stackid(ctx, &stacks, 0);
	count = bpf_map_lookup_elem(&counts, &stack);
	if (count)
		add(*count, 1);
	else
		bpf_map_update_elem(&counts, &stack, &one, BPF_ANY);
	return 0;
}
