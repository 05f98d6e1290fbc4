/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Traced calls: each one that ends becomes an event in a ring buffer.
 */
#ifndef LATCH_TRACE_BPF_H
#define LATCH_TRACE_BPF_H

/* The length of an event in bytes, of the key within it, and where the stack
 * begins; 0 where none is wanted. */
const volatile __u32 event_size;
const volatile __u32 event_key_size;
const volatile __u32 event_stack;

/* return_address is where the call that is about to end returns to. A return
 * probe has taken it off the stack, and arm64 keeps it in a register. */
static __always_inline __u64 return_address(struct pt_regs *ctx, const struct func *func,
					    const struct call *call, __u64 sp)
{
	__u64 addr = 0;

#if defined(__TARGET_ARCH_arm64)
	if (!(func->flags & FUNC_RETURN_PROBE))
		return ctx->regs[30];
#endif
	if (func->flags & FUNC_RETURN_PROBE)
		return call->return_addr;
	bpf_probe_read_user(&addr, sizeof(addr), (void *)sp);
	return addr;
}

/* walk writes the return addresses of the calls that enclose one which is about
 * to end: its own, then those that the frame pointers lead to, which are its
 * caller's again by then. It returns how many there are, and FRAMES_CUT unless
 * the last one has no caller. */
static __always_inline __u64 walk(struct pt_regs *ctx, __u64 first, __u64 *stack)
{
	__u64 frame[2], fp = REGS_FP(ctx);
	__u32 i;

	stack[0] = first;
	for (i = 1; i < MAX_FRAMES; i++) {
		if (!fp)
			return i;
		if (fp & 7 || bpf_probe_read_user(frame, sizeof(frame), (void *)fp))
			break;
		if (!frame[1])
			return i;
		stack[i] = frame[1];
		/* a stack grows down: the caller's frame is above */
		if (frame[0] && frame[0] <= fp) {
			i++;
			break;
		}
		fp = frame[0];
	}
	return i | FRAMES_CUT;
}

/* new_event begins to tell the reader of a call, without its callers. It is NULL
 * where there is no room. */
static __always_inline struct event *new_event(const struct call *call, __u64 pid_tgid,
					       __u64 latency_ns)
{
	struct event *event = bpf_ringbuf_reserve(&events, event_size, 0);

	if (!event)
		return NULL;
	event->entry_ns = call->entry_ns;
	event->latency_ns = latency_ns;
	event->goid = call->goid;
	event->tgid = pid_tgid >> 32;
	event->tid = (__u32)pid_tgid;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_probe_read_kernel(&event->key, event_key_size, &call->key);
	event->frames = 0;
	return event;
}

/* emit hands a call to the reader. It is false where there is no room. */
static __always_inline bool emit(struct pt_regs *ctx, const struct func *func,
				 const struct call *call, __u64 pid_tgid,
				 __u64 sp, __u64 latency_ns)
{
	struct event *event = new_event(call, pid_tgid, latency_ns);

	if (!event)
		return false;
	if (event_stack)
		event->frames = walk(ctx, return_address(ctx, func, call, sp),
				     (void *)event + event_stack);
	bpf_ringbuf_submit(event, 0);
	return true;
}

#endif
