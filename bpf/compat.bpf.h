/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* System calls on files by programs of 32 bits, as those of 64 bits that they are. */
#ifndef LATCH_COMPAT_BPF_H
#define LATCH_COMPAT_BPF_H

#include "syscall.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define NR_OPEN 2
#define NR_TRUNCATE 76
#define NR_FTRUNCATE 77
#define NR_RENAME 82
#define NR_MKDIR 83
#define NR_RMDIR 84
#define NR_CREAT 85
#define NR_LINK 86
#define NR_UNLINK 87
#define NR_SYMLINK 88
#define NR_MOUNT 165
#define NR_UMOUNT2 166
#define NR_OPENAT 257
#define NR_MKDIRAT 258
#define NR_UNLINKAT 263
#define NR_RENAMEAT 264
#define NR_LINKAT 265
#define NR_SYMLINKAT 266
#define NR_RENAMEAT2 316
#else
#define NR_MKDIRAT 34
#define NR_UNLINKAT 35
#define NR_SYMLINKAT 36
#define NR_LINKAT 37
#define NR_RENAMEAT 38
#define NR_UMOUNT2 39
#define NR_MOUNT 40
#define NR_TRUNCATE 45
#define NR_FTRUNCATE 46
#define NR_OPENAT 56
#define NR_RENAMEAT2 276
/* Arm's 64 bits have no calls without a directory: these are numbers of our own. */
#define NR_OPEN 10002
#define NR_CREAT 10085
#define NR_RENAME 10082
#define NR_MKDIR 10083
#define NR_RMDIR 10084
#define NR_LINK 10086
#define NR_UNLINK 10087
#define NR_SYMLINK 10088
#endif
#define NR_MOVE_MOUNT 429
#define NR_OPENAT2 437

/* arch/x86/entry/syscalls/syscall_32.tbl, arch/arm64/tools/syscall_32.tbl: up to 255
 * they are the same on both. */
#if defined(__TARGET_ARCH_x86)
#define COMPAT_OPENAT 295
#define COMPAT_MKDIRAT 296
#define COMPAT_UNLINKAT 301
#define COMPAT_RENAMEAT 302
#define COMPAT_LINKAT 303
#define COMPAT_SYMLINKAT 304
#define COMPAT_RENAMEAT2 353
#else
#define COMPAT_OPENAT 322
#define COMPAT_MKDIRAT 323
#define COMPAT_UNLINKAT 328
#define COMPAT_RENAMEAT 329
#define COMPAT_LINKAT 330
#define COMPAT_SYMLINKAT 331
#define COMPAT_RENAMEAT2 382
#endif

static __always_inline __u64 from_compat(__u64 nr)
{
	switch (nr) {
	case 5: return NR_OPEN;
	case 8: return NR_CREAT;
	case 9: return NR_LINK;
	case 10: return NR_UNLINK;
	case 21: return NR_MOUNT;
	case 38: return NR_RENAME;
	case 39: return NR_MKDIR;
	case 40: return NR_RMDIR;
	case 52: return NR_UMOUNT2;
	case 83: return NR_SYMLINK;
	case 92: /* truncate64 differs in how the size is given, which is 0 most often */
	case 193: return NR_TRUNCATE;
	case 93:
	case 194: return NR_FTRUNCATE;
	case COMPAT_OPENAT: return NR_OPENAT;
	case COMPAT_MKDIRAT: return NR_MKDIRAT;
	case COMPAT_UNLINKAT: return NR_UNLINKAT;
	case COMPAT_RENAMEAT: return NR_RENAMEAT;
	case COMPAT_LINKAT: return NR_LINKAT;
	case COMPAT_SYMLINKAT: return NR_SYMLINKAT;
	case COMPAT_RENAMEAT2: return NR_RENAMEAT2;
	case NR_MOVE_MOUNT:
	case NR_OPENAT2: return nr;
	}
	return ~0ULL;
}

/* number_of is the number of the system call that the task is in. */
static __always_inline __u64 number_of(struct pt_regs *regs)
{
	struct task_struct___files *task = (void *)bpf_get_current_task();
	__u64 nr = SYSCALL(regs);

	return IS_32BIT(task) ? from_compat(nr) : nr;
}

/* arguments_of are its arguments. */
static __always_inline void arguments_of(struct pt_regs *regs, __u64 *args)
{
	struct task_struct___files *task = (void *)bpf_get_current_task();

	syscall_args(regs, args);
	if (!IS_32BIT(task))
		return;
#if defined(__TARGET_ARCH_x86)
	args[0] = (__u32)BPF_CORE_READ(regs, bx);
	args[1] = (__u32)BPF_CORE_READ(regs, cx);
	args[2] = (__u32)BPF_CORE_READ(regs, dx);
	args[3] = (__u32)BPF_CORE_READ(regs, si);
	args[4] = (__u32)BPF_CORE_READ(regs, di);
#else
	int i;

	for (i = 0; i < 6; i++)
		args[i] = (__u32)args[i];
#endif
}

#endif
