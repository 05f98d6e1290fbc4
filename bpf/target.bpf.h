/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whose calls are counted, and when. */
#ifndef LATCH_TARGET_BPF_H
#define LATCH_TARGET_BPF_H

#include "core.h"

/* Measured process; 0 means all, or those in targets when has_targets is set. */
const volatile __u32 target_tgid;
const volatile bool has_targets;
/* Measured are only processes in this mount namespace; 0 means any. */
const volatile __u32 target_mounts;

/* Raised after the last attach, lowered before the first detach. */
volatile bool enabled;

/* key: measured process */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} targets SEC(".maps");

static __always_inline bool is_target(__u32 tgid)
{
	struct task_struct *task;

	if (target_mounts) {
		task = (void *)bpf_get_current_task();
		if (BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != target_mounts)
			return false;
	}
	if (target_tgid)
		return tgid == target_tgid;
	return !has_targets || bpf_map_lookup_elem(&targets, &tgid);
}

#endif
