/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counts drops by kind. A lookup by so long a key is most of what a drop costs,
 * and drops come in rows of the same kind: each processor has a few slots for
 * those that it saw last, which it adds to without a lookup or a lock.
 */
#ifndef LATCH_COUNT_BPF_H
#define LATCH_COUNT_BPF_H

/* key: what was dropped where and why */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct drop_key);
	__type(value, struct drop_count);
} drops SEC(".maps");

/* key: where and why, without the flow: what drops has no room for */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 12);
	__type(key, struct drop_key);
	__type(value, struct drop_count);
} merged_drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_SLOTS);
	__type(key, __u32);
	__type(value, struct drop_slot);
} slots SEC(".maps");

#define KEY_WORDS (sizeof(struct drop_key) / sizeof(__u64))

static __always_inline bool same_kind(const struct drop_key *a, const struct drop_key *b)
{
	const __u64 *x = (void *)a, *y = (void *)b;
	__u64 difference = 0;
	__u32 i;

#pragma unroll
	for (i = 0; i < KEY_WORDS; i++)
		difference |= x[i] ^ y[i];
	return !difference;
}

static __always_inline __u32 slot_index(const struct drop_key *key)
{
	const __u64 *x = (void *)key;
	__u64 mix = 0;
	__u32 i;

#pragma unroll
	for (i = 0; i < KEY_WORDS; i++)
		mix += x[i] * (2 * i + 3);
	return mix * 0x9e3779b97f4a7c15ULL >> 58;
}

static const struct drop_count no_drops;

/* count_of finds or makes the kind's count, NULL if there is no room. */
static __always_inline struct drop_count *count_of(const struct drop_key *key)
{
	struct drop_count *count = bpf_map_lookup_elem(&drops, key);

	if (count)
		return count;
	bpf_map_update_elem(&drops, key, &no_drops, BPF_NOEXIST);
	return bpf_map_lookup_elem(&drops, key);
}

/* count_merged counts a drop without its flow. */
static __noinline int count_merged(const struct drop_key *key, struct drop_totals *total)
{
	struct drop_key merged = {
		.location = key->location, .reason = key->reason, .netns = key->netns, .merged = 1,
	};
	struct drop_count *count;

	bpf_map_update_elem(&merged_drops, &merged, &no_drops, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&merged_drops, &merged);
	if (!count) {
		add(total->uncounted, 1);
		return 0;
	}
	add(total->merged, 1);
	add(count->packets, 1);
	return 0;
}

/* take makes the slot the kind's, and counts what it held of another. */
static __always_inline void take(struct drop_slot *slot, const struct drop_key *key,
				 __u64 counted)
{
	struct drop_count *old;

	add(slot->begun, 1);
	if (slot->packets) {
		old = bpf_map_lookup_elem(&drops, &slot->key);
		if (old)
			add(old->packets, slot->packets);
	}
	slot->packets = 0;
	slot->counted = counted;
	slot->key = *key;
	add(slot->done, 1);
}

/* count_drop returns how often this happened before, as far as this processor
 * knows. Alone says that the program does not run on it twice, as it may before
 * 5.12, where an interrupt comes. */
static __always_inline __u64 count_drop(const struct drop_key *key, bool alone,
					struct drop_totals *total)
{
	__u32 index = slot_index(key);
	struct drop_slot *slot = bpf_map_lookup_elem(&slots, &index);
	struct drop_count *count;
	__u64 before;

	if (slot && alone && same_kind(&slot->key, key))
		return slot->counted + slot->packets++;
	count = count_of(key);
	if (!count) {
		count_merged(key, total);
		return ~0ULL;
	}
	before = count->packets;
	add(count->packets, 1);
	if (slot && alone)
		take(slot, key, before + 1);
	return before;
}

#endif
