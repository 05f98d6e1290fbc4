/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The few kernel types the programs read, as CO-RE stubs: the loader finds the
 * fields' real offsets in the running kernel's BTF.
 */
#ifndef LATCH_CORE_H
#define LATCH_CORE_H

#include <stdbool.h>
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#if defined(__TARGET_ARCH_x86)

/* arch/x86/include/asm/ptrace.h: fixed ABI of uprobe programs. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#define REGS_SP(ctx) ((ctx)->sp)
#define REGS_IP(ctx) ((ctx)->ip)
#define REGS_G(ctx) ((ctx)->r14)
#define REGS_FP(ctx) ((ctx)->bp)
/* A return probe runs after ret has popped the return address. */
#define RETURN_ADDR_SIZE 8

struct thread_struct {
	unsigned long fsbase;
} __attribute__((preserve_access_index));
#define THREAD_POINTER(task) BPF_CORE_READ(task, thread.fsbase)

#elif defined(__TARGET_ARCH_arm64)

/* arch/arm64/include/uapi/asm/ptrace.h: struct user_pt_regs. */
struct pt_regs {
	unsigned long long regs[31], sp, pc, pstate;
};
#define REGS_SP(ctx) ((ctx)->sp)
#define REGS_IP(ctx) ((ctx)->pc)
#define REGS_G(ctx) ((ctx)->regs[28])
#define REGS_FP(ctx) ((ctx)->regs[29])
#define RETURN_ADDR_SIZE 0

struct thread_uw {
	unsigned long tp_value;
} __attribute__((preserve_access_index));
struct thread_struct {
	struct thread_uw uw;
} __attribute__((preserve_access_index));
#define THREAD_POINTER(task) BPF_CORE_READ(task, thread.uw.tp_value)

#else
#error "latch probes amd64 and arm64"
#endif

/* kernel/events/uprobes.c: return probes jump to the start of this page. */
struct xol_area {
	unsigned long vaddr;
} __attribute__((preserve_access_index));

struct uprobes_state {
	struct xol_area *xol_area;
} __attribute__((preserve_access_index));

struct mm_struct {
	struct uprobes_state uprobes_state;
} __attribute__((preserve_access_index));

struct signal_struct {
	unsigned int flags;
} __attribute__((preserve_access_index));

struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct mnt_namespace {
	struct ns_common ns;
} __attribute__((preserve_access_index));

struct nsproxy {
	struct mnt_namespace *mnt_ns;
} __attribute__((preserve_access_index));

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct nsproxy *nsproxy;
	unsigned long sas_ss_sp;
	unsigned long sas_ss_size;
	struct thread_struct thread;
} __attribute__((preserve_access_index));

/* include/linux/sched/signal.h */
#define SIGNAL_GROUP_EXIT 0x00000004

/* Uprobe programs can be preempted by others on the same processor, so even
 * per-CPU counters are added to atomically. */
#define add(counter, n) __sync_fetch_and_add(&(counter), n)

#endif
