//go:build ignore
/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Tells of each time that a tracepoint of the kernel is passed. */
#include "core.h"
#include "layout.h"
#include "target.bpf.h"
#include "hist.bpf.h"
#include "fetch.bpf.h"
#include "maps.bpf.h"
#include "series.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

/* The process of the one who watches, which is not watched. */
const volatile __u32 self_tgid;
/* Which function this is: each tracepoint has programs of its own. */
const volatile __u32 func_id;
/* The length of a passing in bytes, and whether stacks are wanted. */
const volatile __u32 passing_size;
const volatile bool stacks;

const struct passing *passing_type __attribute__((unused));

static __always_inline void tell(void *ctx, const void *words, struct counters *counters,
				 const struct func *func, __u64 pid_tgid)
{
	struct passing *p = bpf_ringbuf_reserve(&events, passing_size, 0);
	__u64 *frames;
	long n;

	if (!p) {
		lose(counters, LOSS_EVENTS);
		return;
	}
	p->time_ns = bpf_ktime_get_ns();
	p->unused = 0;
	p->zero = 0;
	p->tgid = pid_tgid >> 32;
	p->tid = (__u32)pid_tgid;
	bpf_get_current_comm(p->comm, sizeof(p->comm));
	p->kernel_frames = 0;
	p->user_frames = 0;
	p->key.func = func_id;
	p->key.dropped = 0;
	p->key.status = 0;
	if (func->flags & FUNC_KEYED)
		fetch_entry((void *)words, (struct call *)p);
	if (stacks) {
		frames = (void *)p + passing_size - 2 * 8 * MAX_FRAMES;
		n = bpf_get_stack(ctx, frames, 8 * MAX_FRAMES, 0);
		if (n > 0)
			p->kernel_frames = n / 8;
		n = bpf_get_stack(ctx, frames + MAX_FRAMES, 8 * MAX_FRAMES, BPF_F_USER_STACK);
		if (n > 0)
			p->user_frames = n / 8;
	}
	bpf_ringbuf_submit(p, 0);
	add(counters->returns, 1);
}

/* pass handles one: what the fetch programs read stands in words. */
static __always_inline int pass(void *ctx, void *words)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), goid = 0;
	__u32 id = func_id;
	struct counters *counters;
	struct func *func;

	if (!enabled || !is_target(pid_tgid >> 32) || pid_tgid >> 32 == self_tgid)
		return 0;
	func = bpf_map_lookup_elem(&funcs, &id);
	counters = counters_of(id);
	if (!func || !counters)
		return 0;
	add(counters->entries, 1);
	asm volatile("" : "+r"(goid)); /* the compiler would not hand it over */
	if (func->flags & FUNC_WHERE && !judge(counters, fetch_where(words, goid)))
		return 0;
	tell(ctx, words, counters, func, pid_tgid);
	return 0;
}

/* The tracepoint's own arguments. */
SEC("raw_tracepoint/event")
int raw_event(struct bpf_raw_tracepoint_args *ctx)
{
	return pass(ctx, ctx);
}

/* The record that is made of them: its address is the only word. */
SEC("tracepoint/event")
int record_event(void *ctx)
{
	__u64 words[1] = {};
	void *record = ctx;

	/* a number, not a context, so that it can be counted with */
	bpf_probe_read_kernel(words, sizeof(words), &record);
	return pass(ctx, words);
}
