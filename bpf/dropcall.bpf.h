/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which call a packet was dropped in. In a system call it is that of the task
 * that runs; in an interrupt or a timer, that of whoever used the socket last.
 */
#ifndef LATCH_DROPCALL_BPF_H
#define LATCH_DROPCALL_BPF_H

#include "owner.bpf.h"

/* Whether the drops of calls in flight are counted with them. */
const volatile bool marking;
/* How much of a call's key is told, in bytes. */
const volatile __u32 call_key_size;
/* enum skb_drop_reason of a neighbour that did not answer; 0 if there is none. */
const volatile __u32 neighbour_failed;

/* Reasons for which packets are freed as a matter of routine, from Go. */
#define ROUTINE_REASONS 256
const volatile __u8 routine[ROUTINE_REASONS];

/* Where a function's code is. */
struct code {
	__u64 from, to;
};

/* The functions below which the kernel works for the task that runs, and those
 * below which it does not, whatever is further out. */
const volatile struct code system_calls[2], softirqs[4];

/* A processor's stack, as bpf_get_stack tells it. */
struct kernel_stack {
	__u64 frames[DROP_FRAMES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kernel_stack);
} stacks SEC(".maps");

static __always_inline bool is_in(__u64 address, const volatile struct code *code, __u32 n)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < n; i++)
		if (address >= code[i].from && address < code[i].to)
			return true;
	return false;
}

/* in_task says whether the kernel works for the task that runs. */
static __noinline bool in_task(void *ctx)
{
	__u32 zero = 0, i;
	struct kernel_stack *stack = bpf_map_lookup_elem(&stacks, &zero);
	long got;

	if (!stack)
		return false;
	got = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), 0);
	for (i = 0; i < DROP_FRAMES; i++) {
		if (got < (long)((i + 1) * sizeof(__u64)))
			return false;
		if (is_in(stack->frames[i], softirqs, 4))
			return false;
		if (is_in(stack->frames[i], system_calls, 2))
			return true;
	}
	return false;
}

/* meet_call finds the call that a packet was dropped in, or NULL, and counts the
 * drop with it. The call waits from then on, or, where a neighbour was asked in
 * vain, from when the packet was sent. */
static __noinline struct call *meet_call(void *ctx, const struct sk_buff *skb,
					 const struct sock *sk, __u32 reason)
{
	__u64 address = (__u64)sk, since = bpf_ktime_get_ns();
	struct sock_owner *owner = NULL;
	struct call *call = NULL;
	struct caller who;

	if (sk)
		owner = bpf_map_lookup_elem(&owners, &address);
	if ((!sk || sk == skb->sk) && in_task(ctx)) {
		if (owner)
			owner->in_send = 1;
		call = current_call(&who);
	} else if (owner) {
		call = call_of(&owner->caller);
	}
	if (!call || !marking)
		return call;
	if (owner && neighbour_failed && reason == neighbour_failed &&
	    owner->used_ns > call->entry_ns)
		since = owner->used_ns;
	call_dropped(call, since);
	return call;
}

/* How many arguments tcp_retransmit_skb has: from 6.17 on there is a third that
 * says whether it went out; before, it is only called then. */
const volatile __u32 retransmit_arguments;

/* What was lost is sent again. */
SEC("tp_btf/tcp_retransmit_skb")
int retransmit(__u64 *ctx)
{
	__u64 address = ctx[0];
	struct sock_owner *owner = bpf_map_lookup_elem(&owners, &address);

	if (retransmit_arguments > 2 && (int)ctx[2])
		return 0;
	if (owner)
		resume(owner);
	return 0;
}

#endif
