//go:build ignore
/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stands between two base chains of a netfilter hook and notes which packets
 * came by. It lets all pass.
 */
#include "bracket.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

/* include/linux/netfilter_bpf.h */
struct nf_hook_state;
struct sk_buff;
struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

/* include/uapi/linux/netfilter.h */
#define NF_ACCEPT 1

/* Which bracket this is, less than BRACKET_TAGS. */
const volatile __u32 tag;

SEC("netfilter")
int bracket(struct bpf_nf_ctx *ctx)
{
	volatile __u64 skb = 0;

	/* The verifier forbids arithmetic on a pointer. What an atomic write has
	 * left on the stack is a number to it. */
	__sync_lock_test_and_set(&skb, (__u64)ctx->skb);
	bracket_note(skb, tag);
	return NF_ACCEPT;
}
