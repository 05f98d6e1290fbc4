//go:build ignore

// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Who takes a watched name away, or a watched file's content. System calls are
 * seen when they leave the kernel: their outcome, their arguments and the
 * directories these start from are all there then, and no path is in a page
 * that was not read yet. Only calls that may be of interest are told, by the last
 * part of their path and by what is known of its directory; the reader decides.
 */
#include "during.bpf.h"
#include "compat.bpf.h"
#include "vfs.bpf.h"
#include "unlink.h"
#include "attempt.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* For bpf2go, which makes the Go types. */
const enum unlink_op *unlink_op_type __attribute__((unused));
const enum attempt_flags *attempt_flags_type __attribute__((unused));
const enum dir_flags *dir_flags_type __attribute__((unused));
const struct attempt *attempt_type __attribute__((unused));

#define O_CREAT 0100
#define O_TRUNC 01000
#define AT_REMOVEDIR 0x200
#define RENAME_EXCHANGE 2

/* removes says what a system call does to names and files of its paths; opening
 * aside, which is told by the open file. */
static __always_inline int removes(__u64 nr)
{
	switch (nr) {
	case NR_RMDIR: return OP_RMDIR;
	case NR_UNLINK:
	case NR_UNLINKAT: return OP_UNLINK;
	case NR_RENAME:
	case NR_RENAMEAT:
	case NR_RENAMEAT2: return OP_RENAME;
	case NR_TRUNCATE: return OP_TRUNCATE;
	}
	return OP_NONE;
}

static __always_inline int op_of(__u64 nr)
{
	switch (nr) {
	case NR_OPEN:
	case NR_CREAT:
	case NR_OPENAT:
	case NR_OPENAT2: return OP_OPEN;
	case NR_FTRUNCATE: return OP_FTRUNCATE;
	case NR_MKDIR:
	case NR_LINK:
	case NR_SYMLINK:
	case NR_MKDIRAT:
	case NR_LINKAT:
	case NR_SYMLINKAT:
	case NR_MOUNT:
	case NR_UMOUNT2:
	case NR_MOVE_MOUNT: return OP_APPEAR;
	}
	return removes(nr);
}

/* open_flags are the flags of an open. */
static __always_inline __u64 open_flags(__u64 nr, const __u64 *args)
{
	switch (nr) {
	case NR_OPEN:
		return args[1];
	case NR_CREAT:
		return O_CREAT | O_TRUNC;
	case NR_OPENAT:
		return args[2];
	}
	return user_word(args[2]); /* struct open_how */
}

/* take_paths finds the paths among the arguments. */
static __always_inline void take_paths(struct ask *ask, __u64 nr, const __u64 *args)
{
	ask->dfd[0] = ask->dfd[1] = AT_FDCWD;
	switch (nr) {
	case NR_RENAME:
		ask->path[1] = args[1];
		/* fall through */
	case NR_OPEN:
	case NR_CREAT:
	case NR_UNLINK:
	case NR_RMDIR:
	case NR_MKDIR:
	case NR_TRUNCATE:
		ask->path[0] = args[0];
		ask->size = args[1]; /* only of a truncation is it looked at */
		break;
	case NR_LINK:
	case NR_SYMLINK:
		ask->path[0] = args[1];
		ask->links = true;
		break;
	case NR_OPENAT:
	case NR_OPENAT2:
	case NR_MKDIRAT:
		ask->dfd[0] = args[0];
		ask->path[0] = args[1];
		break;
	case NR_UNLINKAT:
		ask->dfd[0] = args[0];
		ask->path[0] = args[1];
		if (args[2] & AT_REMOVEDIR)
			ask->op = OP_RMDIR;
		break;
	case NR_RENAMEAT2:
		if (args[4] & RENAME_EXCHANGE)
			ask->op = OP_EXCHANGE;
		/* fall through */
	case NR_RENAMEAT:
		ask->dfd[0] = args[0];
		ask->path[0] = args[1];
		ask->dfd[1] = args[2];
		ask->path[1] = args[3];
		break;
	case NR_SYMLINKAT:
		ask->dfd[0] = args[1];
		ask->path[0] = args[2];
		ask->links = true;
		break;
	case NR_LINKAT:
		ask->dfd[0] = args[2];
		ask->path[0] = args[3];
		ask->links = true;
		break;
	case NR_FTRUNCATE:
		ask->size = args[1];
		break;
	}
}

/* take_syscall finds out what a system call was for; false for what is of no interest.
 * It has a frame of its own, for the registers. */
static __noinline bool take_syscall(struct pt_regs *regs, long ret, struct ask *ask)
{
	struct task_struct___files *task = (void *)bpf_get_current_task();
	__u64 args[6], nr = number_of(regs), flags;

	ask->op = op_of(nr);
	arguments_of(regs, args);
	if (ask->op == OP_OPEN) {
		flags = open_flags(nr, args);
		if (!(flags & (O_CREAT | O_TRUNC)))
			return false;
		ask->truncates = flags & O_TRUNC;
	}
	ask->error = ret < 0 ? -ret : 0;
	if (ask->error && (ask->op == OP_APPEAR || (ask->op == OP_OPEN && !ask->truncates)))
		return false;
	take_paths(ask, nr, args);
	if (ask->op == OP_APPEAR && !ask->path[0]) { /* mounts move whole trees */
		add(generation, 1);
		unnamed = generation;
		return false;
	}
	if (ask->op == OP_OPEN && !ask->error)
		ask->file = file_at(task, ret);
	else if (ask->op == OP_FTRUNCATE)
		ask->file = file_at(task, args[0]);
	return true;
}

/* Runs for every system call of the machine. */
SEC("raw_tracepoint/sys_exit")
int sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (void *)ctx->args[0];
	long ret = ctx->args[1];
	struct ask ask = {};

	if (!enabled || ((unsigned long)ret >= (unsigned long)-4095 && !failed))
		return 0;
	if (op_of(number_of(regs)) == OP_NONE || !take_syscall(regs, ret, &ask))
		return 0;
	return consider(&ask);
}

/*
 * Since 6.13 it is seen when an inode's time of change is set, or would be if it
 * were not that time already: of the calls that take names away the kernel itself
 * then says which directories they changed, however these were named.
 */
static __always_inline int changed(const struct inode *inode)
{
	struct task_struct___who *task = (void *)bpf_get_current_task();
	__u64 who = bpf_get_current_pid_tgid();
	struct pt_regs *regs;
	int op = OP_RENAME;

	if (!enabled)
		return 0;
	if (BPF_CORE_READ(task, flags) & PF_IO_WORKER) {
		who = working_on(task);
		if (!who || !bpf_map_lookup_elem(&requests, &who))
			return 0;
	} else {
		regs = user_registers();
		op = regs ? removes(number_of(regs)) : OP_NONE;
		if (op == OP_NONE)
			return 0;
	}
	return touch(inode, who, op);
}

SEC("raw_tracepoint/inode_set_ctime_to_ts")
int set_ctime(struct bpf_raw_tracepoint_args *ctx)
{
	return changed((void *)ctx->args[0]);
}

SEC("raw_tracepoint/ctime_ns_xchg")
int swap_ctime(struct bpf_raw_tracepoint_args *ctx)
{
	return changed((void *)ctx->args[0]);
}

SEC("raw_tracepoint/ctime_xchg_skip")
int keep_ctime(struct bpf_raw_tracepoint_args *ctx)
{
	return changed((void *)ctx->args[0]);
}

/* io_uring: what is asked for is told when it is submitted, by whom, and its
 * outcome when it is done. */
SEC("raw_tracepoint/io_uring_submit_req")
int submit(struct bpf_raw_tracepoint_args *ctx)
{
	struct io_kiocb *req = (void *)ctx->args[0];
	struct ask ask = {};

	if (!enabled)
		return 0;
	switch (BPF_CORE_READ(req, opcode)) {
	case IORING_OP_UNLINKAT:
		ask.op = BPF_CORE_READ((struct io_unlink *)req, flags) & AT_REMOVEDIR ?
			OP_RMDIR : OP_UNLINK;
		ask.dfd[0] = BPF_CORE_READ((struct io_unlink *)req, dfd);
		ask.path[0] = PATH_OF(req, io_unlink, filename);
		break;
	case IORING_OP_RENAMEAT:
		ask.op = BPF_CORE_READ((struct io_rename *)req, flags) & RENAME_EXCHANGE ?
			OP_EXCHANGE : OP_RENAME;
		ask.dfd[0] = BPF_CORE_READ((struct io_rename *)req, old_dfd);
		ask.dfd[1] = BPF_CORE_READ((struct io_rename *)req, new_dfd);
		ask.path[0] = PATH_OF(req, io_rename, oldpath);
		ask.path[1] = PATH_OF(req, io_rename, newpath);
		break;
	default:
		return 0;
	}
	ask.request = (__u64)req;
	return consider(&ask);
}

SEC("raw_tracepoint/io_uring_complete")
int complete(struct bpf_raw_tracepoint_args *ctx)
{
	struct io_kiocb *req = (void *)ctx->args[1];
	__u64 key = (__u64)req;

	if (!enabled || !bpf_map_lookup_elem(&requests, &key))
		return 0;
	return completed(key, -BPF_CORE_READ(req, cqe.res));
}

/* What the kernel says of a file that the reader itself has open: run by it. */
struct own_file found;

SEC("raw_tracepoint/sys_enter")
int identify(struct bpf_raw_tracepoint_args *ctx)
{
	struct file *file = file_at((void *)bpf_get_current_task(), ctx->args[0]);

	found.found = 0;
	if (!file)
		return 0;
	identify_inode(BPF_CORE_READ(file, f_inode), &found.file);
	found.mount = mount_id(BPF_CORE_READ(file, f_path.mnt));
	found.found = 1;
	return 0;
}
