//go:build ignore
/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pairs the entries and exits of system calls and keeps a histogram for each
 * call and key, as call.bpf.c does for user functions. A thread is in one system
 * call at most, so that it names the open one. The tracepoints fire for every
 * process of the machine: whose call it is, is asked before anything else.
 */
#include "core.h"
#include "layout.h"
#include "target.bpf.h"
#include "hist.bpf.h"
#include "fetch.bpf.h"
#include "maps.bpf.h"
#include "series.bpf.h"
#include "trace.bpf.h"
#include "during.bpf.h"
#include "syscall.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

/* The first number that no system call has. */
#define MAX_SYSCALL 1024

/* The words that the fetch programs read: arguments, then the result. */
#define MAX_ARGS 6
#define RESULT MAX_ARGS
#define WORDS (MAX_ARGS + 1)

/* The process of the one who measures, whose calls are none; 0 if it is measured. */
const volatile __u32 self_tgid;
/* Measured are only processes that run this file; 0 means any. */
const volatile __u32 target_dev;
const volatile __u64 target_ino;
/* What becomes of calls: enum call_mode. */
const volatile __u32 mode;
/* The length of a key's data, with what is kept behind it for the exit. */
const volatile __u32 data_size;
/* Where in the data the user call's part of the key begins, and how many bytes of
 * that call's own key are kept; 0 where user calls are not looked for. */
const volatile __u32 outer_at;
const volatile __u32 outer_size;
/* Where calls lead whose number has no name. */
const volatile struct route unnamed;

/* Calls of 32-bit code, whose numbers mean others. */
volatile __u64 foreign;

const struct made_in *made_in_type __attribute__((unused));
const struct route *route_type __attribute__((unused));

/* key: number of the system call */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_SYSCALL);
	__type(key, __u32);
	__type(value, struct route);
} routes SEC(".maps");

/* key: thread  value: what it has in the kernel; its key is cut to size when loaded */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 18);
	__type(key, __u32);
	__type(value, struct system_call);
} open_syscalls SEC(".maps");

/* key: id of a user function  value: how many bytes of data its key has: behind them
 * stands what only its exit needs */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} outer_sizes SEC(".maps");

/* key: group  value: its group_enter */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} enter_groups SEC(".maps");

/* key: group  value: its group_exit */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} exit_groups SEC(".maps");

const struct system_call no_call = {};

struct super_block {
	__u32 s_dev;
} __attribute__((preserve_access_index));

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
} __attribute__((preserve_access_index));

struct file {
	struct inode *f_inode;
} __attribute__((preserve_access_index));

struct mm_struct___exe {
	struct file *exe_file;
} __attribute__((preserve_access_index));

/* is_measured says whether it is the current task's calls that are counted. */
static __always_inline bool is_measured(__u32 tgid)
{
	struct mm_struct___exe *mm;
	struct task_struct *task;
	struct inode *exe;

	if (!enabled || !is_target(tgid) || tgid == self_tgid)
		return false;
	if (!target_ino)
		return true;
	task = (void *)bpf_get_current_task();
	mm = (void *)BPF_CORE_READ(task, mm);
	exe = BPF_CORE_READ(mm, exe_file, f_inode);
	return BPF_CORE_READ(exe, i_ino) == target_ino &&
	       BPF_CORE_READ(exe, i_sb, s_dev) == target_dev;
}

static __always_inline const volatile struct route *route_of(__u64 number)
{
	const volatile struct route *route = NULL;
	__u32 nr = number;

	if (number < MAX_SYSCALL)
		route = bpf_map_lookup_elem(&routes, &nr);
	return route && route->func ? route : &unnamed;
}

static __always_inline bool is_foreign(__u64 number)
{
#if defined(__TARGET_ARCH_x86)
	if (number & 0x40000000) /* __X32_SYSCALL_BIT */
		return true;
#endif
	return IS_32BIT((struct task_struct___files *)bpf_get_current_task());
}

SEC("raw_tracepoint/sys_enter")
int sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	const volatile struct route *route;

	if (!is_measured(bpf_get_current_pid_tgid() >> 32))
		return 0;
	route = route_of(ctx->args[1]);
	if (!route->func)
		return 0;
	bpf_tail_call(ctx, &enter_groups, route->group);
	return 0;
}

SEC("raw_tracepoint/sys_exit")
int sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct system_call *call;
	__u32 tid = pid_tgid;

	if (!enabled || !is_target(pid_tgid >> 32))
		return 0;
	call = bpf_map_lookup_elem(&open_syscalls, &tid);
	if (!call || !call->entry_ns)
		return 0;
	/* the number in the registers may be another one by now */
	bpf_tail_call(ctx, &exit_groups, call->key.dropped);
	return 0;
}

/* read_args is apart for the sake of its frame. */
static __noinline int read_args(struct pt_regs *regs, __u64 *args)
{
	syscall_args(regs, args);
	return 0;
}

/* set_outer makes the user call in flight, if there is one, a part of the key. */
static __noinline int set_outer(struct system_call *call)
{
	struct made_in *in = (void *)call->key.data + outer_at;
	struct caller who = {};
	struct call *outer = current_call(&who);
	__u32 id, *size, n;

	if (!outer)
		return 0;
	id = outer->key.func;
	size = bpf_map_lookup_elem(&outer_sizes, &id);
	n = size ? *size : 0;
	if (n > outer_size)
		n = outer_size;
	call->outer_ns = outer->entry_ns;
	call->goid = who.goid;
	call->stack = who.stack;
	in->func = id + 1ULL;
	in->status = outer->key.status;
	bpf_probe_read_kernel(in + 1, n, outer->key.data);
	return 0;
}

/* charge adds what a system call took to what the user call that made it spent
 * in others. */
static __noinline int charge(const struct system_call *ended, __u64 ns)
{
	struct stack_id stack = ended->stack;
	struct call_id id, *inner = bpf_map_lookup_elem(&innermost, &stack);
	struct call *call;
	int i;

	if (!inner)
		return 0;
	id = *inner;
	for (i = 0; i < MAX_STALE && id.depth; i++) {
		call = bpf_map_lookup_elem(&open_calls, &id);
		if (!call)
			return 0;
		if (call->entry_ns == ended->outer_ns && call->goid == ended->goid) {
			add(call->children_ns, ns);
			return 0;
		}
		id = call->parent;
	}
	return 0;
}

/* tell hands a call to the reader, with its callers: what the frame pointer leads
 * to, and in front of it the word that the stack pointer points to, which is a
 * return address where whoever makes the call has no frame. */
static __noinline bool tell(struct pt_regs *user, const struct call *call, __u64 ns)
{
	struct event *event = new_event(call, bpf_get_current_pid_tgid(), ns);
	struct pt_regs regs;
	__u64 *stack, above = 0;

	if (!event)
		return false;
	if (event_stack) {
		stack = (void *)event + event_stack;
		bpf_probe_read_kernel(&regs, sizeof(regs), user);
		bpf_probe_read_user(&above, sizeof(above), (void *)REGS_SP(&regs));
		stack[0] = REGS_IP(&regs);
#if defined(__TARGET_ARCH_arm64)
		above = regs.regs[30];
#endif
		event->frames = 1 + walk(&regs, above, stack + 1);
	}
	bpf_ringbuf_submit(event, 0);
	return true;
}

/* wanted asks --where. There is no goroutine to tell it of, which the compiler
 * must not know: it would not hand the argument over. */
static __always_inline int wanted(__u64 *words)
{
	__u64 goid = 0;

	asm volatile("" : "+r"(goid));
	return fetch_where((void *)words, goid);
}

/* abandon counts a call that has no return. */
static __always_inline void abandon(struct system_call *call, bool whole)
{
	struct counters *counters = counters_of(call->key.func);

	call->entry_ns = 0;
	if (!counters)
		return;
	if (whole)
		add(counters->cut, 1);
	else
		add(counters->unwound, 1);
}

/* conclude puts a call that has ended where it belongs. */
static __always_inline void conclude(struct pt_regs *regs, const struct func *func,
				     struct system_call *call, struct counters *counters, __u64 ns)
{
	struct call *as_call = (struct call *)call;

	/* the words that the fetch programs keep are none of the key's */
	call->key.dropped = 0;
	if (mode != MODE_TRACE)
		record(func, as_call, call->key.func, counters, mode, ns, ns);
	else if (tell(regs, as_call, ns))
		add(counters->returns, 1);
	else
		lose(counters, LOSS_EVENTS);
}

static __always_inline void clear_key(struct system_call *call)
{
	call->key.status = 0;
	bpf_probe_read_kernel(call->key.data, data_size, &no_call.key.data);
}

/* slot_of_thread is where a thread's call is kept. */
static __always_inline struct system_call *slot_of_thread(__u32 tid)
{
	struct system_call *call = bpf_map_lookup_elem(&open_syscalls, &tid);

	if (call)
		return call;
	bpf_map_update_elem(&open_syscalls, &tid, &no_call, BPF_NOEXIST);
	return bpf_map_lookup_elem(&open_syscalls, &tid);
}

SEC("raw_tracepoint/sys_enter")
int group_enter(struct bpf_raw_tracepoint_args *ctx)
{
	const volatile struct route *route = route_of(ctx->args[1]);
	__u64 words[WORDS] = {};
	struct counters *counters;
	struct system_call *call;
	struct func *func;
	int verdict = VERDICT_WANTED;
	__u32 id;

	if (is_foreign(ctx->args[1])) {
		add(foreign, 1);
		return 0;
	}
	id = route->func - 1;
	func = bpf_map_lookup_elem(&funcs, &id);
	counters = counters_of(id);
	if (!func || !counters)
		return 0;
	add(counters->entries, 1);
	if (func->flags & (FUNC_KEYED | FUNC_WHERE | FUNC_WHERE_EXIT))
		read_args((void *)ctx->args[0], words);
	if (func->flags & FUNC_WHERE) {
		verdict = wanted(words);
		if (!(verdict == VERDICT_UNDECIDED && func->flags & FUNC_READ_AGAIN) &&
		    !judge(counters, verdict))
			return 0;
	}
	call = slot_of_thread(bpf_get_current_pid_tgid());
	if (!call) {
		lose(counters, LOSS_OPEN_CALLS_FULL);
		return 0;
	}
	if (call->entry_ns) /* its exit was not seen */
		abandon(call, false);
	call->key.func = id;
	call->undecided = verdict == VERDICT_UNDECIDED;
	call->outer_ns = 0;
	if (data_size)
		clear_key(call);
	if (func->flags & (FUNC_KEYED | FUNC_WHERE_EXIT))
		fetch_entry((void *)words, (struct call *)call);
	if (outer_at)
		set_outer(call);
	if (func->flags & FUNC_COUNT_ONLY) {
		call->outer_ns = 0;
		((struct call *)call)->entry_ns = bpf_ktime_get_ns();
		conclude((void *)ctx->args[0], func, call, counters, 0);
		call->entry_ns = 0;
		return 0;
	}
	call->key.dropped = route->group;
	call->entry_ns = bpf_ktime_get_ns();
	return 0;
}

/* is_unread says whether something of the key could not be read. */
static __always_inline bool is_unread(__u64 status)
{
	/* KEY_UNREADABLE in any cell: the lower of its two bits alone */
	return status & ~(status >> 1) & 0x5555555555555555ULL;
}

/* read_again reads what was not in memory at the entry: the kernel has read it
 * since. */
static __always_inline void read_again(__u64 *words, struct system_call *call)
{
	call->key.status = 0;
	bpf_probe_read_kernel(call->key.data, outer_at ? outer_at : data_size,
			      &no_call.key.data);
	fetch_entry((void *)words, (struct call *)call);
}

SEC("raw_tracepoint/sys_exit")
int group_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 now = bpf_ktime_get_ns(), words[WORDS] = {}, ns;
	__u32 tid = bpf_get_current_pid_tgid(), id;
	struct counters *counters;
	struct system_call *call;
	struct func *func;
	int verdict;
	bool again;

	call = bpf_map_lookup_elem(&open_syscalls, &tid);
	if (!call)
		return 0;
	id = call->key.func;
	func = bpf_map_lookup_elem(&funcs, &id);
	counters = counters_of(id);
	if (!func || !counters)
		return 0;
	ns = now - call->entry_ns;
	if (func->flags & FUNC_READ_AGAIN)
		read_args((void *)ctx->args[0], words);
	words[RESULT] = ctx->args[1];
	if (call->undecided && !judge(counters, wanted(words)))
		goto out;
	again = func->flags & FUNC_READ_AGAIN;
	if (again && is_unread(call->key.status))
		read_again(words, call);
	if (func->flags & FUNC_WHERE_EXIT) {
		verdict = fetch_where_exit((void *)words, (struct call *)call, ns);
		if (again && verdict == VERDICT_UNDECIDED) {
			read_again(words, call);
			verdict = fetch_where_exit((void *)words, (struct call *)call, ns);
		}
		if (!judge(counters, verdict))
			goto out;
	}
	if (outer_at && call->outer_ns)
		charge(call, ns);
	if (func->flags & (FUNC_KEYED | FUNC_WHERE_EXIT))
		fetch_exit((void *)words, (struct call *)call, ns);
	conclude((void *)ctx->args[0], func, call, counters, ns);
out:
	call->entry_ns = 0;
	return 0;
}

/* A thread that ends in the kernel leaves its call open. When its whole process
 * ends it was in flight until the end. */
SEC("raw_tracepoint/sched_process_exit")
int sys_thread_exit(void *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct task_struct *task;
	struct system_call *call;
	__u32 tid = pid_tgid;

	/* of what executes it has no program any more */
	if (!enabled || !is_target(pid_tgid >> 32))
		return 0;
	call = bpf_map_lookup_elem(&open_syscalls, &tid);
	if (!call)
		return 0;
	if (call->entry_ns) {
		task = (void *)bpf_get_current_task();
		abandon(call, BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT);
	}
	bpf_map_delete_elem(&open_syscalls, &tid);
	return 0;
}

/* A thread that executes a program takes the place of its process's first one,
 * which has ended by then, and its number: args are the task, its number before,
 * and the program. */
SEC("raw_tracepoint/sched_process_exec")
int sys_exec(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tid = pid_tgid, before = ctx->args[1];
	struct system_call *call;

	if (tid == before || !is_measured(pid_tgid >> 32))
		return 0;
	call = bpf_map_lookup_elem(&open_syscalls, &before);
	if (!call)
		return 0;
	bpf_map_update_elem(&open_syscalls, &tid, call, BPF_ANY);
	bpf_map_delete_elem(&open_syscalls, &before);
	return 0;
}
