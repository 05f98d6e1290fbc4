/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which bracket of a netfilter hook a packet passed last. The brackets write
 * it and the program that sees a drop reads it, both by the packet's address.
 *
 * A packet goes through a hook's chains without leaving the processor, but for
 * preemption and for softirqs, whose packets have other addresses. So each
 * processor has its own slots, and one is written by a single store: what is
 * not found is unknown, and nothing is mixed from two packets.
 */
#ifndef LATCH_BRACKET_BPF_H
#define LATCH_BRACKET_BPF_H

#include "core.h"

/* Slots of each processor, a power of two: a softirq's packets must not often
 * fall on the one that it interrupted. */
#define BRACKET_SLOTS 256
/* Tags are less than this: what the address leaves of 64 bits. */
#define BRACKET_TAGS 1024

/* key: slot of the address  value: the address shifted by 7, and the tag.
 * Kernel addresses have 57 bits that differ and are multiples of 8. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BRACKET_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} brackets SEC(".maps");

static __always_inline __u64 *bracket_slot(__u64 skb)
{
	__u32 slot = (skb >> 6 ^ skb >> 14) & (BRACKET_SLOTS - 1);

	return bpf_map_lookup_elem(&brackets, &slot);
}

static __always_inline void bracket_note(__u64 skb, __u32 tag)
{
	__u64 *seen = bracket_slot(skb);

	if (seen)
		*(volatile __u64 *)seen = skb << 7 | tag;
}

/* The tag of the bracket that the packet passed last, or -1. It may be of an
 * earlier packet at the address: the reader compares namespace and hook. */
static __always_inline int bracket_find(__u64 skb)
{
	__u64 *slot = bracket_slot(skb), seen;

	if (!slot)
		return -1;
	seen = *(volatile __u64 *)slot;
	if (seen / BRACKET_TAGS != (skb << 7) / BRACKET_TAGS)
		return -1;
	return seen % BRACKET_TAGS;
}

#endif
