/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the programs keep, and what new entries start from. */
#ifndef LATCH_MAPS_H
#define LATCH_MAPS_H

#include "layout.h"
#include "calls.bpf.h"

/* key: function id  value: its settings */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct func);
} funcs SEC(".maps");

/* key: function id  value: its counters */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} func_counters SEC(".maps");

/* key: function and values, cut to size when loaded  value: a series */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct call_key);
	__type(value, struct hist);
} series SEC(".maps");

/* key: function id  value: all calls of a function without keys, or those
 * whose key came after the limit */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist);
} func_series SEC(".maps");

/* traced calls, as struct event; sized when loaded */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* What a new call or series starts from; too large for the stack. */
const struct call new_call = {};
const struct hist new_hist = {};

#endif
