/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which call is in flight where the kernel runs: for programs that share the
 * maps of call.bpf.c and see what happens inside of the calls.
 */
#ifndef LATCH_DURING_BPF_H
#define LATCH_DURING_BPF_H

#include "core.h"
#include "layout.h"
#include "calls.bpf.h"

/* Go 1.18 to 1.26 on both machines: runtime/runtime2.go. */
#define G_M 48		/* g.m */
#define G_SCHED_SP 56	/* g.sched.sp */
#define M_G0 0		/* m.g0 */

/* How many open calls of a stack are looked at, and how many frames of one. */
#define MAX_STALE 8
#define MAX_WALK 64

/* A stack of the current task, and what is live of it. */
struct live_stack {
	union { /* as runtime.g begins */
		__u64 lo;		/* of a goroutine's */
		__u64 trampoline;	/* of return probes, on a thread's */
	};
	__u64 hi;	/* of a goroutine's; 0 for a thread's */
	__u64 sp, fp;	/* where it is now; 0 if unknown */
};

/* user_registers are those that the task had when it entered the kernel; NULL
 * before Linux 5.15, which gives them to nobody. */
static __always_inline struct pt_regs *user_registers(void)
{
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return NULL;
	return (void *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
}

static __always_inline __u64 kernel_word(const void *addr)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), addr);
	return word;
}

static __always_inline __u64 user_word(__u64 addr)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)addr);
	return word;
}

/* return_trampoline is where return probes of the process lead; 0 without any. */
static __always_inline __u64 return_trampoline(struct task_struct *task)
{
	struct xol_area *area;

	if (!bpf_core_field_exists(struct uprobes_state, xol_area) ||
	    !bpf_core_type_exists(struct xol_area))
		return 0;
	area = BPF_CORE_READ(task, mm, uprobes_state.xol_area);
	return area ? BPF_CORE_READ(area, vaddr) : 0;
}

enum framing { FRAME_GONE, FRAME_LIVE, FRAME_UNKNOWN };

/* framed says whether a call that began with the stack pointer at entry_sp has
 * its frame on a goroutine's stack, lo to hi, still. The frame pointers of Go lead
 * through entry_sp - 8: amd64 has the call's own there, arm64 its caller's. They
 * lead off the stack where C called Go back. Without static, so that the
 * verifier goes through it once. */
__noinline int framed(__u64 lo, __u64 hi, __u64 sp, __u64 fp, __u64 entry_sp)
{
	__u64 next;
	int i;

	if (!sp)
		return FRAME_UNKNOWN;
	if (sp >= entry_sp)
		return sp == entry_sp ? FRAME_LIVE : FRAME_GONE;
	for (i = 0; i < MAX_WALK && fp >= lo && fp < hi; i++) {
		if (fp == entry_sp - 8)
			return FRAME_LIVE;
		if (fp >= entry_sp)
			return FRAME_GONE;
		next = user_word(fp);
		if (next <= fp)
			break;
		fp = next;
	}
	return FRAME_UNKNOWN;
}

/* is_live says whether an open call has not ended unseen: an exception, a panic
 * or a longjmp takes frames off a stack without a return. What tells for a thread,
 * and where frame pointers do not, is the return address, in its place. */
static __always_inline bool is_live(const struct live_stack *stack, const struct caller *who,
				    const struct call_id *id, const struct call *call)
{
	__u64 entry_sp = stack->hi - id->depth, slot; /* a thread's hi is 0 */
	int framing = FRAME_UNKNOWN;

	if (call->goid != who->goid)
		return false;
	if (who->stack.go)
		framing = framed(stack->lo, stack->hi, stack->sp, stack->fp, entry_sp);
	else if (stack->sp > entry_sp)
		return false;
	if (framing != FRAME_UNKNOWN)
		return framing == FRAME_LIVE;
	slot = user_word(entry_sp);
	return slot && (slot == call->return_addr ||
			(!who->stack.go && slot == stack->trampoline));
}

/* live_call returns the innermost call on a stack of the current task, or NULL;
 * inner is what is said to be it. */
static __noinline struct call *live_call(const struct live_stack *stack,
					 const struct caller *who,
					 const struct call_id *inner)
{
	struct call_id id = *inner;
	struct call *call;
	int i;

	for (i = 0; i < MAX_STALE && id.depth; i++) {
		call = bpf_map_lookup_elem(&open_calls, &id);
		if (!call)
			return NULL;
		if (is_live(stack, who, &id, call))
			return call;
		id = call->parent;
	}
	return NULL;
}

/* call_on makes who the goroutine of g and returns its innermost call, or NULL.
 * Where suspended says so, another stack serves it, and it keeps where it is. */
static __noinline struct call *call_on(__u64 g, const struct go_layout *layout,
				       bool suspended, struct caller *who)
{
	struct live_stack stack = {};
	struct call_id *inner;
	struct pt_regs *regs;

	who->stack.stack = g;
	who->stack.go = 1;
	who->goid = layout->goid_offset >= 0 ? user_word(g + layout->goid_offset) : 0;
	inner = bpf_map_lookup_elem(&innermost, &who->stack);
	if (!inner || bpf_probe_read_user(&stack.lo, 2 * sizeof(stack.lo), (void *)g))
		return NULL;
	if (suspended) {
		stack.sp = user_word(g + G_SCHED_SP);
		stack.fp = layout->bp_offset ? user_word(g + layout->bp_offset) : 0;
	} else if ((regs = user_registers())) {
		stack.sp = kernel_word(&REGS_SP(regs));
		stack.fp = kernel_word(&REGS_FP(regs));
		if (stack.sp < stack.lo || stack.sp > stack.hi)
			return NULL;
	}
	return live_call(&stack, who, inner);
}

/* running_g is g of the current task; 0 if there is none. */
static __always_inline __u64 running_g(struct task_struct *task, const struct go_layout *layout)
{
	__u64 g = user_word(THREAD_POINTER(task) + layout->g_offset);

#if defined(__TARGET_ARCH_arm64)
	struct pt_regs *regs = user_registers();

	if (!g && regs) /* without cgo it has a register alone */
		g = kernel_word(&REGS_G(regs));
#endif
	return g;
}

/* goroutine_call makes who the goroutine that the current task runs, whose g is
 * the one given or, where C code or the runtime itself run on a system stack of
 * the thread, the one that this serves. It returns its innermost call, or NULL.
 * m_g0 becomes where the thread's g0 stands if it is not the one that runs. */
static __noinline struct call *goroutine_call(__u64 g, const struct go_layout *layout,
					      struct caller *who, __u64 *m_g0)
{
	__u64 m = user_word(g + G_M), curg = g;
	struct call *call;

	if (layout->curg_offset && m)
		curg = user_word(m + layout->curg_offset);
	call = call_on(g, layout, false, who);
	if (curg == g)
		*m_g0 = m + M_G0;
	else if (!call && curg)
		call = call_on(curg, layout, true, who);
	return call;
}

/* set_thread makes who the current thread. */
static __always_inline void set_thread(struct caller *who)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	who->stack.stack = (__u32)pid_tgid;
	who->stack.tgid = pid_tgid >> 32;
	who->stack.go = 0;
	who->goid = 0;
}

/* thread_call returns the innermost call on the thread's own stack, or NULL, and
 * makes who the thread. m_g0 is where its g0 stands if a goroutine's stack is the
 * one that runs, or 0. */
static __noinline struct call *thread_call(__u64 m_g0, struct caller *who)
{
	struct live_stack stack = {};
	struct call_id *inner;
	struct pt_regs *regs;

	set_thread(who);
	inner = bpf_map_lookup_elem(&innermost, &who->stack);
	if (!inner)
		return NULL;
	regs = user_registers();
	if (m_g0)
		stack.sp = user_word(user_word(m_g0) + G_SCHED_SP);
	else if (regs)
		stack.sp = kernel_word(&REGS_SP(regs));
	stack.trampoline = return_trampoline((void *)bpf_get_current_task());
	return live_call(&stack, who, inner);
}

/* current_call returns the innermost call of the goroutine or thread that the
 * current task runs, or NULL. who becomes that goroutine, if there is one and it
 * is found, or the thread, also where no call is open, so that call_of can tell
 * later. It is for programs that run on behalf of the task, not in an interrupt. */
static __always_inline struct call *current_call(struct caller *who)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, every = 0;
	struct call *call = NULL, *mine;
	struct go_layout *layout;
	struct caller thread;
	__u64 g, m_g0 = 0;

	layout = bpf_map_lookup_elem(&go_layouts, &tgid);
	if (!layout)
		layout = bpf_map_lookup_elem(&go_layouts, &every);
	g = layout ? running_g((void *)bpf_get_current_task(), layout) : 0;
	if (!g)
		return thread_call(0, who);
	set_thread(who);
	call = goroutine_call(g, layout, who, &m_g0);
	/* of a goroutine that calls C and C that calls Go back, the later one is
	 * the inner one */
	mine = thread_call(m_g0, &thread);
	if (!mine || (call && call->entry_ns > mine->entry_ns))
		return call;
	*who = thread;
	return mine;
}

/* call_of returns the innermost call that a goroutine or thread has now, or
 * NULL. It may be asked from anywhere, an interrupt included, and so cannot look
 * at the stack: a call that a panic or a longjmp has left passes for one in flight
 * until the next probed one begins or ends there. */
static __always_inline struct call *call_of(const struct caller *who)
{
	struct call_id *inner = bpf_map_lookup_elem(&innermost, &who->stack);
	struct call *call = inner ? bpf_map_lookup_elem(&open_calls, inner) : NULL;

	return call && call->goid == who->goid ? call : NULL;
}

/* call_dropped counts a dropped packet of a call, which waits from then on. */
static __always_inline void call_dropped(struct call *call, __u64 now)
{
	add(call->drops, 1);
	if (!call->drop_ns)
		call->drop_ns = now;
}

/* call_resumed ends the wait, if there is one. */
static __always_inline void call_resumed(struct call *call, __u64 now)
{
	__u64 since = call->drop_ns;

	if (!since)
		return;
	call->drop_ns = 0;
	if (now > since)
		add(call->lost_ns, now - since);
}

#endif
