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
/* Reasons for which packets are freed as a matter of routine, from Go. */
#define ROUTINE_REASONS 256
const volatile __u8 routine[ROUTINE_REASONS];

/* Whether it is seen who sends and receives (6.3). Else a socket's owner is who
 * connected, which tells nothing once others may use it. */
const volatile bool uses_seen;

/* Where a function's code is; 0 and 0 for none. */
struct code {
	__u64 from, to;
};

/* The functions below which the kernel works for the task that runs, and those
 * below which it does not, whatever is further out. */
const volatile struct code system_calls[2], softirqs[4];
/* Those that free packets as a matter of routine, whatever reason they give, and
 * those that give a neighbour up. */
const volatile struct code routine_places[32], neighbour_places[4];

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

/* is_in says whether an address is in one of n functions. It has no branches,
 * each of which would double what the verifier goes through. */
static __always_inline bool is_in(__u64 address, const volatile struct code *code, __u32 n)
{
	__u64 inside = 0, offset;
	__u32 i;

#pragma unroll
	for (i = 0; i < n; i++) {
		offset = address - code[i].from;
		inside |= (offset - (code[i].to - code[i].from)) & ~offset;
	}
	return inside >> 63;
}

enum work { FOR_THE_TASK, FOR_OTHERS, ROUTINE };

/* The most frames within that of who freed a packet, and from it on of functions
 * that only free. */
#define TRACING_FRAMES 10
#define FREEING_FRAMES 4

/* work_of says for whom the kernel works that has the stack in this processor's
 * place, so many bytes of it, and whether it frees the packet as a matter of
 * routine. Without static, so that the verifier goes through it once. */
__noinline int work_of(__u64 location, __u64 bytes)
{
	__u32 zero = 0, i, behind = 0;
	struct kernel_stack *stack = bpf_map_lookup_elem(&stacks, &zero);
	__u64 frame;

	if (!stack)
		return FOR_OTHERS;
	for (i = 0; i < DROP_FRAMES; i++) {
		if (bytes < (i + 1) * sizeof(__u64))
			return FOR_OTHERS;
		frame = stack->frames[i];
		if (behind ? behind <= FREEING_FRAMES : i < TRACING_FRAMES && frame == location) {
			behind++;
			if (is_in(frame, routine_places, 32))
				return ROUTINE;
		}
		if (is_in(frame, softirqs, 4))
			return FOR_OTHERS;
		if (is_in(frame, system_calls, 2))
			return FOR_THE_TASK;
	}
	return FOR_OTHERS;
}

/* take_stack fills this processor's place with its stack and returns how many
 * bytes that are. */
static __always_inline __u64 take_stack(void *ctx)
{
	__u32 zero = 0;
	struct kernel_stack *stack = bpf_map_lookup_elem(&stacks, &zero);
	long got;

	if (!stack)
		return 0;
	got = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), 0);
	return got > 0 ? got : 0;
}

/* may_tell says whether the owner of a packet's socket is who waits for it: for
 * what is closed nobody does. */
static __always_inline bool may_tell(const struct sock *sk, const struct sock_owner *owner)
{
	if (!uses_seen && sk->__sk_common.skc_state != TCP_STATE_SYN_SENT)
		return false;
	return owner->inode && is_full(sk) && owner->inode == inode_of(sk);
}

/* is_packet says whether what is freed was on its way through the network, not a
 * message of another kind of socket. */
static __always_inline bool is_packet(const struct sk_buff *skb, const struct sock *sk)
{
	__u16 family;

	if (skb->protocol)
		return true;
	if (!sk)
		return false;
	family = sk->__sk_common.skc_family;
	return family == AF_INET || family == AF_INET6;
}

/* meet_call finds the call that a packet was dropped in, or NULL, and counts the
 * drop with it. The call waits from then on, or, where a neighbour was asked in
 * vain, from when the packet was sent. */
static __noinline struct call *meet_call(void *ctx, const struct sk_buff *skb,
					 const struct sock *sk, __u64 location)
{
	__u64 address = (__u64)sk, since = bpf_ktime_get_ns();
	struct call *mine = NULL, *theirs = NULL, *call;
	struct sock_owner *owner = NULL;
	struct caller who;
	int work;

	if (sk) {
		owner = bpf_map_lookup_elem(&owners, &address);
		if (owner && may_tell(sk, owner))
			theirs = call_of(&owner->caller);
	}
	if (!sk || sk == skb->sk)
		mine = current_call(&who);
	/* Of most drops there is no call, and the stack is dear. Pointers must not be
	 * asked both at once, with an or. */
	if (!mine) {
		barrier_var(theirs);
		if (!theirs)
			return NULL;
	}
	work = work_of(location, take_stack(ctx));
	if (work == ROUTINE)
		return NULL;
	call = work == FOR_THE_TASK && (!sk || sk == skb->sk) ? mine : theirs;
	/* one that began later has the place of one that has ended meanwhile */
	if (!call || !call->entry_ns || call->entry_ns > since)
		return NULL;
	if (owner && call == mine)
		owner->in_send = 1;
	if (!marking)
		return call;
	if (owner && is_in(location, neighbour_places, 4) && owner->used_ns > call->entry_ns)
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
	if (!owner)
		return 0;
	owner->in_send = 0;
	resume(owner);
	return 0;
}

#endif
