/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Counts functions' calls, and keeps a histogram for each function and key. */
#ifndef LATCH_SERIES_BPF_H
#define LATCH_SERIES_BPF_H

static __always_inline struct counters *counters_of(__u32 id)
{
	return bpf_map_lookup_elem(&func_counters, &id);
}

static __always_inline void lose(struct counters *counters, enum loss why)
{
	add(counters->lost[why], 1);
}

/* judge counts a call that --where does not want, and says whether it wants
 * it. */
static __always_inline bool judge(struct counters *counters, int verdict)
{
	if (verdict == VERDICT_WANTED)
		return true;
	if (verdict == VERDICT_REJECTED)
		add(counters->filtered, 1);
	else
		lose(counters, LOSS_WHERE_UNREADABLE);
	return false;
}

static __always_inline void record_max(__u64 *max, __u64 value)
{
	__u64 seen = *(volatile __u64 *)max, old;
	int i;

	for (i = 0; i < 32 && value > seen; i++) {
		old = __sync_val_compare_and_swap(max, seen, value);
		if (old == seen)
			return;
		seen = old;
	}
}

static __always_inline struct hist *series_of(const struct func *func,
					      struct call *call, __u32 id,
					      struct counters *counters)
{
	struct hist *hist;

	if (func->flags & FUNC_KEYED) {
		hist = bpf_map_lookup_elem(&series, &call->key);
		if (hist)
			return hist;
		bpf_map_update_elem(&series, &call->key, &new_hist, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&series, &call->key);
		if (hist)
			return hist;
		add(counters->merged, 1);
	}
	return bpf_map_lookup_elem(&func_series, &id);
}

/* settle_drops puts a call that has ended with those that had a drop, or with
 * the others, and makes its lost_ns final: a wait that it ends in counts until its
 * end. Others count drops meanwhile and may add one wait twice, but no call waits
 * longer than it takes. What a call met, its caller met too. */
static __always_inline void settle_drops(struct call *call, struct call *outer, __u64 ns)
{
	__u64 lost_ns = call->lost_ns, since = call->drop_ns - call->entry_ns;

	if (call->drop_ns && since < ns)
		lost_ns += ns - since;
	if (lost_ns > ns)
		lost_ns = ns;
	call->drop_ns = 0;
	call->lost_ns = lost_ns;
	call->key.dropped = call->drops > 0;
	if (outer) {
		add(outer->drops, call->drops);
		add(outer->lost_ns, lost_ns);
	}
}

static __always_inline void record(const struct func *func, struct call *call,
				   __u32 id, struct counters *counters,
				   __u32 mode, __u64 ns, __u64 self_ns)
{
	struct hist *hist = series_of(func, call, id, counters);

	if (!hist) {
		lose(counters, LOSS_SERIES);
		return;
	}
	add(hist->slots[slot_of(ns)], 1);
	add(hist->sum_ns, ns);
	add(hist->self_ns, self_ns);
	if (mode == MODE_SPLIT)
		add(hist->lost_ns, call->lost_ns);
	if (mode == MODE_LIMITS && ns > limits_ns[0])
		add(hist->over[limit_of(ns)], 1);
	record_max(&hist->max_ns, ns);
	record_max(&hist->inverse_min_ns, ~ns);
	add(counters->returns, 1);
}

#endif
