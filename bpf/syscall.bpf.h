/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a system call was, when it leaves the kernel, and the files it names. */
#ifndef LATCH_SYSCALL_BPF_H
#define LATCH_SYSCALL_BPF_H

#include "core.h"

struct thread_info {
	unsigned long flags;
	__u32 status;
} __attribute__((preserve_access_index));

struct task_struct___files {
	struct thread_info thread_info;
	struct files_struct *files;
} __attribute__((preserve_access_index));

#if defined(__TARGET_ARCH_x86)

#define SYSCALL(regs) BPF_CORE_READ(regs, orig_ax)
/* arch/x86/include/asm/thread_info.h: TS_COMPAT */
#define IS_32BIT(task) (BPF_CORE_READ(task, thread_info.status) & 2)

static __always_inline void syscall_args(struct pt_regs *regs, __u64 *args)
{
	struct pt_regs r;

	bpf_probe_read_kernel(&r, sizeof(r), regs);
	args[0] = r.di;
	args[1] = r.si;
	args[2] = r.dx;
	args[3] = r.r10;
	args[4] = r.r8;
	args[5] = r.r9;
}

#else

/* What the kernel keeps behind struct user_pt_regs. */
struct pt_regs___syscall {
	__u64 orig_x0;
	int syscallno;
} __attribute__((preserve_access_index));

#define SYSCALL(regs) BPF_CORE_READ((struct pt_regs___syscall *)regs, syscallno)
/* arch/arm64/include/asm/thread_info.h: TIF_32BIT */
#define IS_32BIT(task) (BPF_CORE_READ(task, thread_info.flags) & 1 << 22)

/* The result has taken the place of the first argument. */
static __always_inline void syscall_args(struct pt_regs *regs, __u64 *args)
{
	bpf_probe_read_kernel(args, 6 * sizeof(*args), regs);
	args[0] = BPF_CORE_READ((struct pt_regs___syscall *)regs, orig_x0);
}

#endif

struct file;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} __attribute__((preserve_access_index));

struct files_struct {
	struct fdtable *fdt;
} __attribute__((preserve_access_index));

/* file_at returns the file that a task has open as fd, or NULL. */
static __always_inline struct file *file_at(struct task_struct___files *task, __u64 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	/* a descriptor is an int, whatever the register's upper half holds */
	fd = (__u32)fd;
	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	files = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

#endif
