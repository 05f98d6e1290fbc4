/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Counts freed packets by the bracket that they passed last. */
#include "bracket.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

/* key: tag  value: packets */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BRACKET_TAGS);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

SEC("raw_tp/kfree_skb")
int drop(struct bpf_raw_tracepoint_args *ctx)
{
	int tag = bracket_find(ctx->args[0]);
	__u64 *count;

	if (tag < 0)
		return 0;
	count = bpf_map_lookup_elem(&drops, &tag);
	if (count)
		add(*count, 1);
	return 0;
}
