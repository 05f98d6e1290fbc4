/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What unlink.bpf.c and its reader both see. */
#ifndef LATCH_UNLINK_H
#define LATCH_UNLINK_H

enum unlink_op {
	OP_NONE,
	OP_UNLINK,
	OP_RMDIR,
	OP_RENAME,
	OP_EXCHANGE,
	OP_TRUNCATE,	/* by path */
	OP_FTRUNCATE,	/* of an open file */
	OP_OPEN,	/* with O_TRUNC; or with O_CREAT, until it is known what it did */
	OP_COMPLETE,	/* what io_uring was asked for is done */
	OP_APPEAR,	/* a name was made */
};

enum attempt_flags {
	ATTEMPT_TOUCHED = 1 << 0, /* it changed a watched directory, or a watched file */
	ATTEMPT_URING = 1 << 1,	/* asked of io_uring; the outcome comes as OP_COMPLETE */
	ATTEMPT_CUT_ARGV = 1 << 2, /* argv has more than is here */
	ATTEMPT_CUT_PATH = 1 << 3, /* a directory is deeper than can be told */
	ATTEMPT_FILE = 1 << 4,	/* file is the one that was truncated */
	ATTEMPT_CALL = 1 << 5,	/* a call is in flight */
	ATTEMPT_VICTIM = 1 << 6, /* a rename that took the place of another file */
};

/* What is of interest about the names in a directory. */
enum dir_flags {
	DIR_NAMES = 1 << 0,	/* those in names */
	DIR_SUFFIXES = 1 << 1,	/* those that end as is wanted */
	DIR_TREE = 1 << 2,	/* all, and all below them */
};

/* A file as the kernel knows it: stat(2) says other numbers on overlayfs and
 * btrfs. */
struct file_id {
	__u64 ino;
	__u64 dev;
};

struct ancestor {
	__u64 start_ns;		/* CLOCK_BOOTTIME; with pid it names a process for good */
	__u32 pid;
	char comm[16];
	__u32 pad;
};

#define ANCESTORS 5

/*
 * An attempt to take a name away, or a file's content. Behind it come, each as
 * long as is said: the two paths as the program gave them, the directories these
 * start from, the process's root, its executable, its arguments, and the key of
 * the call in flight. Directories and the executable are the names
 * from the file up to its file system's root, each with a NUL behind it.
 */
struct attempt {
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u64 request;		/* of io_uring, 0 for a system call */
	__u64 cgroup;
	__u64 size;		/* what a file was truncated to */
	__u64 start_ns;		/* of the process, CLOCK_BOOTTIME */
	__u64 call_ns;		/* when the call in flight began */
	__u64 goid;
	struct file_id base[2];	/* directories that the paths start from */
	struct file_id file;
	struct file_id touched;	/* a watched directory that changed */
	struct file_id root;
	struct ancestor parents[ANCESTORS];
	__u32 mount[2];		/* that the bases are on, as in mountinfo */
	__u32 root_mount, exe_mount;
	__u32 tgid, tid, uid;
	__u32 op;		/* enum unlink_op */
	__u32 flags;		/* enum attempt_flags */
	__u32 error;		/* errno, 0 for success */
	__u32 key_len;
	__u32 typed_len[2], base_len[2];
	__u32 root_len, exe_len, argv_len;
	char comm[16];
};

/* What the kernel says of one of our own files. */
struct own_file {
	struct file_id file;
	__u32 mount;
	__u32 found;
};

#endif
