/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counts drops by kind. A lookup by so long a key would be most of what a drop
 * costs, so that each processor has slots of its own, to which it adds without a
 * lookup or a lock. A kind gets a slot when it is first met, and keeps it until
 * the reader begins a new generation, with other slots and other maps: then
 * nothing changes any more in the old ones once the kernel has waited for the
 * programs that run.
 */
#ifndef LATCH_COUNT_BPF_H
#define LATCH_COUNT_BPF_H

/* key: what was dropped where and why */
struct drop_counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct drop_key);
	__type(value, struct drop_count);
};

enum drop_kinds {
	FLOWS,
	MERGED,		/* where and why, without the flow: what has no room in FLOWS */
};

/* key: enum drop_kinds  value: counts of this generation */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct drop_counts);
} kinds SEC(".maps");

/* The slots of each processor for even and for odd generations; sized when
 * loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop_bucket);
} buckets SEC(".maps");

/* A processor's buckets in one generation: two to the power of this. */
const volatile __u32 bucket_bits;

volatile __u32 generation;

#define KEY_WORDS (sizeof(struct drop_key) / sizeof(__u64))
#define NO_ROOM (~0ULL)

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

/* The upper bits of the hash are the best. */
static __always_inline __u64 hash_of(const struct drop_key *key)
{
	const __u64 *x = (void *)key;
	__u64 mix = 0;

	mix += x[0] * 0x9e3779b97f4a7c15ULL;
	mix += x[1] * 0xbf58476d1ce4e5b9ULL;
	mix += x[2] * 0x94d049bb133111ebULL;
	mix += x[3] * 0xd6e8feb86659fd93ULL;
	mix += x[4] * 0xff51afd7ed558ccdULL;
	mix += x[5] * 0xc4ceb9fe1a85ec53ULL;
	mix += x[6] * 0xa0761d6478bd642fULL;
	mix += x[7] * 0xe7037ed1a0b428dbULL;
	return (mix ^ mix >> 32) * 0x9e3779b97f4a7c15ULL;
}

static const struct drop_count no_drops;

/* count_of finds or makes the kind's count in the map, NULL if there is no room. */
static __always_inline struct drop_count *count_of(const struct drop_key *key, __u32 which,
						   __u32 now, struct drop_totals *total)
{
	void *counts = bpf_map_lookup_elem(&kinds, &which);
	struct drop_count *count;

	if (!counts)
		return NULL;
	count = bpf_map_lookup_elem(counts, key);
	if (count)
		return count;
	if (which == FLOWS && total->full == now + 1ULL)
		return NULL;
	bpf_map_update_elem(counts, key, &no_drops, BPF_NOEXIST);
	count = bpf_map_lookup_elem(counts, key);
	if (!count && which == FLOWS)
		total->full = now + 1ULL;
	return count;
}

/* count_kind returns how often this happened before, as far as this processor
 * knows, or NO_ROOM. Alone says that the program does not run on it twice, as it
 * may before 5.12, where an interrupt comes: the inner one has no slots. */
static __always_inline __u64 count_kind(const struct drop_key *key, __u32 which, bool alone,
					struct drop_totals *total)
{
	__u32 now = generation, bits = bucket_bits, index, i;
	__u32 unused = DROP_WAYS;
	__u64 hash = hash_of(key), before;
	struct drop_bucket *bucket = NULL;
	struct drop_count *count;

	if (alone) {
		index = (bpf_get_smp_processor_id() * 2 + (now & 1)) << bits | hash >> (64 - bits);
		bucket = bpf_map_lookup_elem(&buckets, &index);
	}
	if (bucket) {
#pragma unroll
		for (i = 0; i < DROP_WAYS; i++) {
			if (!bucket->tags[i]) {
				unused = i;
				break;
			}
			if ((bucket->tags[i] ^ hash) <= TAG_BEFORE && same_kind(&bucket->keys[i], key))
				return (bucket->tags[i] & TAG_BEFORE) + bucket->packets[i]++;
		}
	}
	count = count_of(key, which, now, total);
	if (!count)
		return NO_ROOM;
	before = count->packets;
	add(count->packets, 1);
	total->looked_up++;
	if (bucket && unused < DROP_WAYS) {
		bucket->keys[unused] = *key;
		barrier();
		bucket->tags[unused] = (hash & ~(__u64)TAG_BEFORE) |
				       (before < TAG_BEFORE ? before + 1 : TAG_BEFORE);
	}
	return before;
}

/* count_merged counts a drop without its flow. */
static __noinline int count_merged(const struct drop_key *key, bool alone,
				   struct drop_totals *total)
{
	struct drop_key merged = {
		.location = key->location, .reason = key->reason, .netns = key->netns, .merged = 1,
	};

	/* what is no packet is told by it; others than these are for a sender to make up */
	if (key->ethertype == ETH_P_IP || key->ethertype == ETH_P_IPV6 || key->ethertype == ETH_P_ARP)
		merged.ethertype = key->ethertype;
	else if (key->ethertype)
		merged.ethertype = ETH_P_UNKNOWN;
	if (count_kind(&merged, MERGED, alone, total) == NO_ROOM)
		add(total->uncounted, 1);
	else
		add(total->merged, 1);
	return 0;
}

static __always_inline __u64 count_drop(const struct drop_key *key, bool alone,
					struct drop_totals *total)
{
	__u64 before = count_kind(key, FLOWS, alone, total);

	if (before == NO_ROOM)
		count_merged(key, alone, total);
	barrier();
	total->counted++;
	return before;
}

#endif
