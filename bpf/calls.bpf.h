/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The calls in flight: kept by call.bpf.c, looked up by whoever shares the maps. */
#ifndef LATCH_CALLS_BPF_H
#define LATCH_CALLS_BPF_H

#include "layout.h"

/* value: an open call; its key is cut to size when loaded */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct call_id);
	__type(value, struct call);
} open_calls SEC(".maps");

/* key: goroutine or thread  value: its innermost open call */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct stack_id);
	__type(value, struct call_id);
} innermost SEC(".maps");

/* key: process, 0 for all that have no entry  value: where its goroutines are */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct go_layout);
} go_layouts SEC(".maps");

#endif
