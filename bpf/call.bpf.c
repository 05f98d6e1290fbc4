//go:build ignore
/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pairs the entries and exits of user functions and keeps a histogram for each
 * function and key. A call is named by where it is on its stack, not by its
 * thread: stacks of one process never overlap, goroutines change threads, and
 * recursion differs in depth.
 */
#include "core.h"
#include "layout.h"
#include "target.bpf.h"
#include "hist.bpf.h"
#include "fetch.bpf.h"
#include "maps.bpf.h"
#include "series.bpf.h"
#include "trace.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

/* Whether the kernel hands out attach cookies; without, func_id says which. */
const volatile bool has_cookies = true;
const volatile __u32 func_id;

/* What becomes of calls: enum call_mode. */
const volatile __u32 mode;

/* Keeps these types in the BTF, for the Go side. */
const struct event *event_type __attribute__((unused));
const enum func_flags *func_flags_type __attribute__((unused));
const enum call_mode *call_mode_type __attribute__((unused));
const enum loss *loss_type __attribute__((unused));
const enum key_status *key_status_type __attribute__((unused));
const struct go_layout *go_layout_type __attribute__((unused));
const enum verdict *verdict_type __attribute__((unused));

/* Where a hit was: who called and how deep. */
struct place {
	struct call_id call;
	struct stack_id stack;
	__u64 goid;
	__u64 sp;
	__u32 tid;
};

/* The words of runtime.g in which Go 1.17 to 1.26 keep goid. */
#define GOID_AT_152 19
#define GOID_AT_160 20

/* locate fills place; sp is the stack pointer at the call's entry. It is false
 * where a Go function runs without a goroutine to be found. */
static __always_inline bool locate(struct pt_regs *ctx, const struct func *func,
				   __u32 id, __u64 pid_tgid, __u64 sp,
				   struct place *place)
{
	__u64 words[GOID_AT_160 + 1], g;
	struct task_struct *task;

	place->sp = sp;
	place->tid = (__u32)pid_tgid;
	place->goid = 0;
	place->call.tgid = pid_tgid >> 32;
	place->call.func = id;
	place->stack.tgid = pid_tgid >> 32;
	if (!(func->flags & FUNC_GO)) {
		place->call.stack = 0;
		place->call.depth = -sp;
		place->stack.stack = place->tid;
		place->stack.go = 0;
		return true;
	}

	/* internal ABI of Go: R14 (arm64: R28) holds g; assembly keeps it in
	 * thread-local storage only */
	g = REGS_G(ctx);
	if (func->flags & FUNC_ABI0) {
		task = (void *)bpf_get_current_task();
		if (bpf_probe_read_user(&g, sizeof(g),
					(void *)(THREAD_POINTER(task) + func->g_offset)))
			return false;
	}
	/* runtime.g starts with stack.lo, stack.hi in all versions; goid, where
	 * it is in those that there are, comes with them in one read */
	if (bpf_probe_read_user(words, sizeof(words), (void *)g)) {
		/* the bounds are enough where g's next page is not in memory */
		words[GOID_AT_152] = words[GOID_AT_160] = 0;
		if (bpf_probe_read_user(words, 2 * sizeof(*words), (void *)g))
			return false;
	}
	if (sp < words[0] || sp >= words[1])
		return false;
	if (func->goid_offset == 8 * GOID_AT_152)
		place->goid = words[GOID_AT_152];
	else if (func->goid_offset == 8 * GOID_AT_160)
		place->goid = words[GOID_AT_160];
	else if (func->goid_offset >= 0)
		bpf_probe_read_user(&place->goid, sizeof(place->goid),
				    (void *)(g + func->goid_offset));
	place->call.stack = g;
	place->call.depth = words[1] - sp;
	place->stack.stack = g;
	place->stack.go = 1;
	return true;
}

/* is_gone says whether the open call at id surely ended, seen from a new call
 * or a return at place. A call is gone when another call of its goroutine
 * stands at its depth or above it, or when its return address was overwritten.
 * Elsewhere a thread may have changed stacks, and it may yet return. A return
 * probe replaces the return address, so that nothing can be read from it. */
static __always_inline bool is_gone(const struct place *place,
				    const struct call_id *id,
				    const struct call *call, __u64 return_addr)
{
	struct func *func;
	__u32 callee = id->func;
	__u64 now;

	if (place->stack.go && call->goid != place->goid)
		return true;
	if (id->depth < place->call.depth)
		return false;
	func = bpf_map_lookup_elem(&funcs, &callee);
	if (!func)
		return false;
	if (id->depth == place->call.depth) {
		if (!(func->flags & FUNC_TAIL_CALLS) || callee == place->call.func)
			return true;
		return !(func->flags & FUNC_RETURN_PROBE) &&
		       call->return_addr != return_addr;
	}
	if (place->stack.go)
		return true;
	if (func->flags & FUNC_RETURN_PROBE)
		return false;
	if (bpf_probe_read_user(&now, sizeof(now), (void *)-id->depth))
		return true;
	return now != call->return_addr;
}

static __always_inline void drop_unwound(const struct call_id *id)
{
	struct counters *counters = counters_of(id->func);

	if (!bpf_map_delete_elem(&open_calls, id) && counters)
		add(counters->unwound, 1);
}

/* enclosing finds the innermost open call that encloses a new one at place,
 * and drops those that are gone. It is at most SWEEP steps: what it leaves
 * behind is found again by its position, or at the end. */
#define SWEEP 16
static __always_inline struct call *enclosing(const struct place *place,
					      __u64 return_addr,
					      struct call_id *id)
{
	struct call_id next;
	struct call *call;
	int i;

	for (i = 0; i < SWEEP && id->depth; i++) {
		call = bpf_map_lookup_elem(&open_calls, id);
		if (!call)
			break;
		if (id->depth < place->call.depth &&
		    !(place->stack.go && call->goid != place->goid))
			return call;
		next = call->parent;
		if (id->depth == place->call.depth && id->func == place->call.func &&
		    call->goid == place->goid) {
			/* replaced by the new call: begin says how it ended */
		} else if (is_gone(place, id, call, return_addr))
			drop_unwound(id);
		else if (id->depth == place->call.depth)
			return call;
		*id = next;
	}
	id->depth = 0;
	return NULL;
}

/* replaced counts an open call whose place another one takes: it left by a tail
 * call to itself, or never returned. */
static __always_inline void replaced(const struct place *place,
				     const struct func *func,
				     struct counters *counters,
				     const struct call *call, __u64 return_addr)
{
	if (func->flags & FUNC_TAIL_CALLS && call->return_addr == return_addr &&
	    call->goid == place->goid)
		lose(counters, LOSS_TAIL_RECURSION);
	else
		add(counters->unwound, 1);
}

/* begin makes the open call at place, in the stead of one that never returned
 * or left by a tail call to itself. */
static __always_inline struct call *begin(const struct place *place,
					  const struct func *func,
					  struct counters *counters,
					  __u64 return_addr)
{
	struct call *call;

	if (!bpf_map_update_elem(&open_calls, &place->call, &new_call, BPF_NOEXIST))
		return bpf_map_lookup_elem(&open_calls, &place->call);
	call = bpf_map_lookup_elem(&open_calls, &place->call);
	if (!call) {
		lose(counters, LOSS_OPEN_CALLS_FULL);
		return NULL;
	}
	replaced(place, func, counters, call, return_addr);
	if (bpf_map_update_elem(&open_calls, &place->call, &new_call, BPF_ANY)) {
		lose(counters, LOSS_OPEN_CALLS_FULL);
		bpf_map_delete_elem(&open_calls, &place->call);
		return NULL;
	}
	return bpf_map_lookup_elem(&open_calls, &place->call);
}

/* conclude puts a call that has ended where it belongs. */
static __always_inline void conclude(struct pt_regs *ctx, const struct func *func,
				     struct call *call, __u32 id,
				     struct counters *counters, __u32 mode,
				     __u64 pid_tgid, __u64 sp, __u64 ns, __u64 self_ns)
{
	if (mode == MODE_WATCH)
		add(counters->returns, 1);
	else if (mode != MODE_TRACE)
		record(func, call, id, counters, mode, ns, self_ns);
	else if (emit(ctx, func, call, pid_tgid, sp, ns))
		add(counters->returns, 1);
	else
		lose(counters, LOSS_EVENTS);
}

/* reject_entry drops what may still be open in the place of a call that is not
 * wanted, so that its return is not taken for the other's. */
static __always_inline void reject_entry(const struct place *place,
					 const struct func *func,
					 struct counters *counters,
					 __u64 return_addr)
{
	struct call *call = bpf_map_lookup_elem(&open_calls, &place->call);

	if (!call)
		return;
	replaced(place, func, counters, call, return_addr);
	bpf_map_delete_elem(&open_calls, &place->call);
}

/* signal_stack_at returns the lowest address of the thread's alternate signal
 * stack if sp lies on it, and 0 if not. */
static __always_inline __u64 signal_stack_at(__u64 sp)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 base = BPF_CORE_READ(task, sas_ss_sp);

	if (!base || sp < base || sp - base > BPF_CORE_READ(task, sas_ss_size))
		return 0;
	return base;
}

static __always_inline int enter(struct pt_regs *ctx, __u32 id)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), return_addr = 0;
	struct call_id parent = {}, *inner;
	struct call *call, *outer = NULL;
	struct counters *counters;
	__u32 return_depth = 0;
	struct place place;
	struct func *func;

	if (!is_target(pid_tgid >> 32))
		return 1;
	func = bpf_map_lookup_elem(&funcs, &id);
	counters = counters_of(id);
	if (!func || !counters)
		return 1;
	add(counters->entries, 1);
	if (!locate(ctx, func, id, pid_tgid, REGS_SP(ctx), &place)) {
		lose(counters, LOSS_NO_GOROUTINE);
		return 1;
	}
	if (!place.stack.go || func->flags & (FUNC_TAIL_CALLS | FUNC_RETURN_ADDR))
		bpf_probe_read_user(&return_addr, sizeof(return_addr),
				    (void *)place.sp);
	if (func->flags & FUNC_WHERE && !judge(counters, fetch_where(ctx, place.goid))) {
		reject_entry(&place, func, counters, return_addr);
		return 1;
	}

	inner = bpf_map_lookup_elem(&innermost, &place.stack);
	if (inner) {
		parent = *inner;
		outer = enclosing(&place, return_addr, &parent);
		if (outer)
			return_depth = outer->return_depth;
	}
	if (func->flags & FUNC_RETURN_PROBE && ++return_depth > MAX_RETURN_DEPTH) {
		lose(counters, LOSS_RETURN_DEPTH);
		return 1;
	}

	call = begin(&place, func, counters, return_addr);
	if (!call)
		return 1;
	call->goid = place.goid;
	call->return_addr = return_addr;
	if (!place.stack.go)
		call->signal_stack = signal_stack_at(place.sp);
	call->parent = parent;
	call->tid = place.tid;
	call->return_depth = return_depth;
	call->key.func = id;
	if (func->flags & (FUNC_KEYED | FUNC_WHERE_EXIT))
		fetch_entry(ctx, call);
	if (func->flags & FUNC_COUNT_ONLY) {
		call->entry_ns = bpf_ktime_get_ns();
		conclude(ctx, func, call, id, counters, mode, pid_tgid, place.sp, 0, 0);
		bpf_map_delete_elem(&open_calls, &place.call);
		return 1;
	}
	if (inner)
		*inner = place.call;
	else
		bpf_map_update_elem(&innermost, &place.stack, &place.call, BPF_ANY);
	call->entry_ns = bpf_ktime_get_ns();
	return 0;
}

/* close_until makes the caller of the call at place the innermost one of its
 * stack, and drops the calls inside it that are gone. */
static __always_inline void close_until(const struct place *place,
					const struct call *ended)
{
	struct call_id id, next, *inner;
	struct call *call;
	int i;

	inner = bpf_map_lookup_elem(&innermost, &place->stack);
	if (!inner)
		return;
	id = *inner;
	for (i = 0; i < SWEEP && id.depth; i++) {
		if (id.depth == place->call.depth && id.func == place->call.func &&
		    id.stack == place->call.stack) {
			/* a thread's entry stays until the thread ends, which
			 * is seen; a goroutine's end is not */
			if (place->stack.go && !ended->parent.depth)
				bpf_map_delete_elem(&innermost, &place->stack);
			else
				*inner = ended->parent;
			return;
		}
		call = bpf_map_lookup_elem(&open_calls, &id);
		if (!call)
			break;
		next = call->parent;
		/* it was tail-called by the one that leaves first: its time is
		 * within that one's already */
		if (id.depth == place->call.depth) {
			call->parent = ended->parent;
			call->orphan = 1;
			return;
		}
		if (is_gone(place, &id, call, 0)) {
			drop_unwound(&id);
			*inner = next;
		}
		id = next;
	}
}

static __always_inline int leave(struct pt_regs *ctx, __u32 id, __u64 sp)
{
	__u64 now = bpf_ktime_get_ns(), pid_tgid = bpf_get_current_pid_tgid();
	__u64 ns, self_ns;
	struct counters *counters;
	struct call *call, *outer = NULL;
	struct place place;
	__u32 ended;
	struct func *func;

	if (!is_target(pid_tgid >> 32))
		return 0;
	func = bpf_map_lookup_elem(&funcs, &id);
	counters = counters_of(id);
	if (!func || !counters || !locate(ctx, func, id, pid_tgid, sp, &place))
		return 0;
	call = bpf_map_lookup_elem(&open_calls, &place.call);
	if (!call) {
		add(counters->strays, 1);
		return 0;
	}
	if (place.stack.go && call->goid != place.goid) {
		add(counters->strays, 1);
		drop_unwound(&place.call);
		return 0;
	}

	ns = now - call->entry_ns;
	if (func->flags & FUNC_WHERE_EXIT &&
	    !judge(counters, fetch_where_exit(ctx, call, ns))) {
		close_until(&place, call);
		bpf_map_delete_elem(&open_calls, &place.call);
		return 0;
	}
	self_ns = ns > call->children_ns ? ns - call->children_ns : 0;
	if (call->parent.depth && !call->orphan) {
		outer = bpf_map_lookup_elem(&open_calls, &call->parent);
		if (outer)
			add(outer->children_ns, ns);
	}
	ended = mode;
	if (ended == MODE_SPLIT)
		settle_drops(call, outer, ns);
	close_until(&place, call);
	if (func->flags & FUNC_KEYED)
		fetch_exit(ctx, call, ns);
	conclude(ctx, func, call, id, counters, ended, pid_tgid, sp, ns, self_ns);
	bpf_map_delete_elem(&open_calls, &place.call);
	return 0;
}

static __always_inline __u32 probed_func(struct pt_regs *ctx)
{
	return has_cookies ? (__u32)bpf_get_attach_cookie(ctx) : func_id;
}

SEC("uprobe.multi")
int call_entry(struct pt_regs *ctx)
{
	if (enabled)
		enter(ctx, probed_func(ctx));
	return 0;
}

/* On a RET the stack pointer is what it was at entry. */
SEC("uprobe.multi")
int call_exit(struct pt_regs *ctx)
{
	if (enabled)
		leave(ctx, probed_func(ctx), REGS_SP(ctx));
	return 0;
}

SEC("uretprobe.multi")
int call_return(struct pt_regs *ctx)
{
	if (enabled)
		leave(ctx, probed_func(ctx), REGS_SP(ctx) - RETURN_ADDR_SIZE);
	return 0;
}

/* Runs at the entry and, if that answered 0, at the return. The session
 * kfuncs changed their prototype in Linux 7.0; the instruction pointer tells
 * the two apart on all. */
SEC("uprobe.session")
int call_session(struct pt_regs *ctx)
{
	bool entry = bpf_get_func_ip(ctx) == REGS_IP(ctx);

	if (!enabled)
		return entry;
	if (entry)
		return enter(ctx, probed_func(ctx));
	return leave(ctx, probed_func(ctx), REGS_SP(ctx) - RETURN_ADDR_SIZE);
}

/* A thread that ends inside calls (pthread_exit) leaves them open. When its
 * whole process ends they were in flight until the end. */
SEC("raw_tracepoint/sched_process_exit")
int thread_exit(void *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct stack_id stack = { .stack = (__u32)pid_tgid, .tgid = pid_tgid >> 32 };
	struct task_struct *task = (void *)bpf_get_current_task();
	struct counters *counters;
	struct call_id id, *inner;
	struct call *call;
	bool whole;
	int i;

	if (!enabled)
		return 0;
	inner = bpf_map_lookup_elem(&innermost, &stack);
	if (!inner)
		return 0;
	id = *inner;
	bpf_map_delete_elem(&innermost, &stack);
	whole = BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT;
	for (i = 0; i < 128 && id.depth; i++) {
		struct call_id next;

		call = bpf_map_lookup_elem(&open_calls, &id);
		if (!call)
			break;
		next = call->parent;
		counters = counters_of(id.func);
		if (!bpf_map_delete_elem(&open_calls, &id) && counters) {
			if (whole)
				add(counters->cut, 1);
			else
				add(counters->unwound, 1);
		}
		id = next;
	}
	return 0;
}
