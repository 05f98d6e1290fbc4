/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which histogram slot a duration belongs to, latency.Slot in eBPF, and which
 * limit it is above. */
#ifndef LATCH_HIST_H
#define LATCH_HIST_H

#include "layout.h"

/* Inclusive upper bounds of the slots in ns: latency.UpperBoundsNS. */
const volatile __u64 slot_bounds_ns[NUM_BOUNDS];
/* First slot that can hold a duration with this highest bit: latency.FirstSlots. */
const volatile __u16 first_slots[64];
/* The limits in ns above which calls are counted, ascending, filled up with the
 * largest value. */
const volatile __u64 limits_ns[NUM_LIMITS];

static __always_inline __u32 highest_bit(__u64 v)
{
	__u32 bit = 0;

	if (v >> 32) { bit += 32; v >>= 32; }
	if (v >> 16) { bit += 16; v >>= 16; }
	if (v >> 8) { bit += 8; v >>= 8; }
	if (v >> 4) { bit += 4; v >>= 4; }
	if (v >> 2) { bit += 2; v >>= 2; }
	return bit + (v >> 1);
}

/* slot_of finds the first slot whose upper bound is not below ns. A doubling
 * holds 16 bounds, so that five halvings from the first candidate suffice. */
static __always_inline __u32 slot_of(__u64 ns)
{
	__u64 slot = first_slots[highest_bit(ns) & 63];

	if (slot > NUM_SLOTS - 1)
		return NUM_SLOTS - 1;
	if (ns > slot_bounds_ns[slot + 15])
		slot += 16;
	if (ns > slot_bounds_ns[slot + 7])
		slot += 8;
	if (ns > slot_bounds_ns[slot + 3])
		slot += 4;
	if (ns > slot_bounds_ns[slot + 1])
		slot += 2;
	if (ns > slot_bounds_ns[slot])
		slot += 1;
	return slot < NUM_SLOTS ? slot : NUM_SLOTS - 1;
}

/* limit_of finds the highest limit that ns is above, which must be above the
 * first one. */
static __always_inline __u32 limit_of(__u64 ns)
{
	__u64 limit = 0;

	if (ns > limits_ns[8])
		limit += 8;
	if (ns > limits_ns[limit + 4])
		limit += 4;
	if (ns > limits_ns[limit + 2])
		limit += 2;
	if (ns > limits_ns[limit + 1])
		limit += 1;
	return limit;
}

#endif
