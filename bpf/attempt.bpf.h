/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether an attempt to take a name away may be of interest, and how it is told. */
#ifndef LATCH_ATTEMPT_BPF_H
#define LATCH_ATTEMPT_BPF_H

#include "during.bpf.h"
#include "syscall.bpf.h"
#include "vfs.bpf.h"
#include "unlink.h"

#define AT_FDCWD -100

/* Lowered before anything is taken out. */
volatile bool enabled;
/* Whether attempts that failed are wanted. */
const volatile bool failed;
/* Whether calls in flight are looked for, and how much of a key is told. */
const volatile bool calls;
const volatile __u32 call_key_size;
/* The reader is woken from here on; before that it comes by itself. */
const volatile __u32 wake_bytes;
/* Whether all watched directories are on file systems that say in the system
 * call itself that they changed, and this kernel tells. */
volatile bool truth;
/* Whether any directory has DIR_TREE. */
volatile bool trees;

/* How wanted names end, as hashes of their last bytes. */
#define SUFFIXES 4
struct suffix {
	__u64 hash;
	__u64 len;	/* 0 for none */
};
struct suffix suffixes[SUFFIXES];
volatile bool any_suffix; /* one of them means any name, or there were too many */

/* Raised whenever a watched path may lead elsewhere from now on. Until the reader
 * has looked and says so, what is known of directories counts for nothing. */
__u64 generation, armed;
/* The generation in which a link or a mount may have led a path to names that are
 * not in names; until the reader has looked, any name may be of interest. */
__u64 unnamed;

/* Attempts that were told; that found no room; that could not be read; io_uring's
 * that could not be followed. */
__u64 told, lost, unreadable, unfollowed;

/* key: hash of a name  value: nothing */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} names SEC(".maps");

/* key: a watched file, for truncations under other names */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct file_id);
	__type(value, __u8);
} files SEC(".maps");

struct touch {
	struct file_id dir;
	struct file_id moved;	/* the first file of a watched device */
	__u32 flags;	/* enum dir_flags */
	__u8 file;	/* a watched file changed */
	__u8 victim;	/* so did a second file: what a rename replaces */
	__u8 unsure;	/* of what was watched at the time it is not known */
};

/* key: a device that has watched directories */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} devices SEC(".maps");

/* key: thread in a system call, or request of io_uring */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct touch);
} touches SEC(".maps");

/* key: request of io_uring that was told */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} requests SEC(".maps");

/* struct attempt; sized when loaded */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} attempts SEC(".maps");

/* The parts of an attempt come to less than this; each begins below it. */
#define PARTS_MAX 32768
#define PARTS_MASK (PARTS_MAX - 1)
#define ARGV_MAX 2048

/* A processor's place to put an attempt together; as large as this no map's own
 * values for each processor can be. */
struct scratch {
	__u32 busy;
	__u32 wanted;	/* of the name looked at last */
	struct attempt a;
	char parts[PARTS_MAX + sizeof(struct call_key)];
};

/* key: processor; sized when loaded */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* What is asked of the kernel. */
struct ask {
	__u32 op;		/* enum unlink_op */
	__u32 error;
	__s32 dfd[2];
	__u64 path[2];		/* in user space, in the kernel for io_uring */
	__u64 size;
	__u64 request;
	bool truncates;		/* an open with O_TRUNC */
	bool known;		/* what is known of directories counts */
	bool nameless;		/* any name may be of interest */
	bool links;		/* it may have made a symbolic link */
	struct file *file;	/* that was truncated, where it is known */
	struct dentry *base[2];	/* where the paths start */
	struct vfsmount *mnt[2];
};

struct filename {
	const char *name;
} __attribute__((preserve_access_index));

/* io_uring/fs.c: what a request keeps of its arguments. */
struct io_unlink {
	int dfd;
	int flags;
	struct filename *filename;
} __attribute__((preserve_access_index));

struct io_rename {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
} __attribute__((preserve_access_index));

struct delayed_filename { /* from 7.0 on */
	struct filename *__incomplete_filename;
} __attribute__((preserve_access_index));

struct io_unlink___delayed {
	struct delayed_filename filename;
} __attribute__((preserve_access_index));

struct io_rename___delayed {
	struct delayed_filename oldpath, newpath;
} __attribute__((preserve_access_index));

/* The address of a path that a request has. */
#define PATH_OF(req, type, field)                                                              \
	((__u64)(bpf_core_type_exists(struct delayed_filename) ?                               \
		 BPF_CORE_READ((struct type##___delayed *)req, field.__incomplete_filename, name) : \
		 BPF_CORE_READ((struct type *)req, field, name)))

struct io_cqe {
	__s32 res;
} __attribute__((preserve_access_index));

struct io_wq_work {
	int flags;
} __attribute__((preserve_access_index));

struct io_kiocb {
	__u8 opcode;
	struct io_cqe cqe;
	struct io_wq_work work;
} __attribute__((preserve_access_index));

struct io_worker {
	struct io_wq_work *cur_work;
} __attribute__((preserve_access_index));

/* include/uapi/linux/io_uring.h */
#define IORING_OP_RENAMEAT 35
#define IORING_OP_UNLINKAT 36

/* working_on returns the request that a worker of io_uring is at. */
static __always_inline __u64 working_on(const struct task_struct___who *task)
{
	struct io_worker *worker = BPF_CORE_READ(task, worker_private);
	struct io_wq_work *work = worker ? BPF_CORE_READ(worker, cur_work) : NULL;

	return work ? (__u64)work - bpf_core_field_offset(struct io_kiocb, work) : 0;
}

static __always_inline struct scratch *scratch(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&scratches, &cpu);
}

/* What is wanted of a name. */
enum wanted {
	WANT_NAME = 1 << 0,	/* it is in names */
	WANT_SUFFIX = 1 << 1,	/* it ends as is wanted */
	WANT_HERE = 1 << 2,	/* there is no directory before it */
};

#define HASH_START 14695981039346656037ULL
#define HASH_PRIME 1099511628211ULL
/* How many slashes behind a name are passed over. */
#define MAX_SLASHES 16

/* without_slashes returns the length of the path that lies in this processor's
 * scratch without the slashes at its end. Without static, as in_tree. */
__noinline int without_slashes(__u32 at, __u32 len)
{
	struct scratch *s = scratch();
	int i;

	if (!s)
		return 0;
	for (i = 0; i < MAX_SLASHES; i++) {
		if (!len || s->parts[(at + len - 1) & PARTS_MASK] != '/')
			break;
		len--;
	}
	return len;
}

/* look_at says what is wanted of the last name of such a path. */
__noinline int look_at(__u32 at, __u32 len)
{
	struct scratch *s = scratch();
	__u64 hash = HASH_START, ends = any_suffix, differs;
	__u32 k, q, wanted = 0;
	char c;

	if (!s)
		return 0;
	for (k = 1; k <= NAME_MAX; k++) {
		if (!len)
			break;
		c = s->parts[(at + len - 1) & PARTS_MASK];
		if (c == '/')
			break;
		hash = (hash ^ (__u8)c) * HASH_PRIME;
		len--;
		/* without branches, each of which would double what the verifier
		 * goes through */
#pragma unroll
		for (q = 0; q < SUFFIXES; q++) {
			differs = (suffixes[q].len ^ k) | (suffixes[q].hash ^ hash);
			ends |= ~(differs | -differs) >> 63;
		}
	}
	if (ends)
		wanted |= WANT_SUFFIX;
	if (!len)
		wanted |= WANT_HERE;
	if (bpf_map_lookup_elem(&names, &hash))
		wanted |= WANT_NAME;
	return wanted;
}

/* fits says whether names that are wanted so are of interest in a directory. */
static __always_inline bool fits(__u32 wanted, __u32 dir)
{
	return (wanted & WANT_NAME && dir & DIR_NAMES) ||
	       (wanted & WANT_SUFFIX && dir & DIR_SUFFIXES) || dir & DIR_TREE;
}

/* flags_of says what is of interest about the names in a directory. */
static __always_inline __u32 flags_of(const struct dentry *dir)
{
	__u32 flags, *known;
	struct file_id id;

	identify_dentry(dir, &id);
	known = bpf_map_lookup_elem(&dirs, &id);
	flags = known ? *known : 0;
	if (trees && !(flags & DIR_TREE) && in_tree((__u64)dir))
		flags |= DIR_TREE;
	return flags;
}

/* touch notes that a call changes an inode, if that is of interest. */
static __noinline int touch(const struct inode *inode, __u64 who, __u32 op)
{
	struct touch fresh = {}, *touch;
	const struct dentry *dir = NULL;
	bool is_dir = (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR;
	struct file_id id;

	if (!is_dir && op < OP_RENAME) /* of what is deleted the directory tells */
		return 0;
	identify_inode(inode, &id);
	if (!bpf_map_lookup_elem(&devices, &id.dev))
		return 0;
	dir = alias(inode);
	if (!is_dir) {
		fresh.moved = id;
		fresh.file = bpf_map_lookup_elem(&files, &id) != NULL;
		dir = dir ? BPF_CORE_READ(dir, d_parent) : NULL;
	}
	if (dir) {
		identify_dentry(dir, &fresh.dir);
		fresh.flags = flags_of(dir);
	}
	/* it may be known when the call ends, but was not now */
	fresh.unsure = generation != armed;
	if (!fresh.flags && !fresh.moved.ino && !fresh.unsure)
		return 0;
	touch = bpf_map_lookup_elem(&touches, &who);
	if (!touch) {
		bpf_map_update_elem(&touches, &who, &fresh, BPF_ANY);
		return 0;
	}
	if (!touch->flags)
		touch->dir = fresh.dir;
	touch->flags |= fresh.flags;
	touch->file |= fresh.file;
	touch->unsure |= fresh.unsure;
	if (!fresh.moved.ino)
		return 0;
	if (touch->moved.ino && touch->moved.ino != fresh.moved.ino &&
	    touch->moved.dev == fresh.moved.dev)
		touch->victim = 1;
	if (!touch->moved.ino || fresh.file)
		touch->moved = fresh.moved;
	return 0;
}

/* start_at finds the directory that a path starts from. */
static __always_inline void start_at(struct ask *ask, int i, bool absolute)
{
	struct task_struct___who *task = (void *)bpf_get_current_task();
	struct file *file;

	if (absolute) {
		ask->base[i] = BPF_CORE_READ(task, fs, root.dentry);
		ask->mnt[i] = BPF_CORE_READ(task, fs, root.mnt);
	} else if (ask->dfd[i] == AT_FDCWD) {
		ask->base[i] = BPF_CORE_READ(task, fs, pwd.dentry);
		ask->mnt[i] = BPF_CORE_READ(task, fs, pwd.mnt);
	} else if ((file = file_at((void *)task, ask->dfd[i]))) {
		ask->base[i] = BPF_CORE_READ(file, f_path.dentry);
		ask->mnt[i] = BPF_CORE_READ(file, f_path.mnt);
	}
}

/* take_path reads a path into the scratch, behind what is there, and says whether
 * it may lead to what is watched. */
static __noinline bool take_path(struct scratch *s, struct ask *ask, int i, __u32 *at,
				 const struct touch *touch)
{
	__u32 wanted, off = *at & PARTS_MASK;
	bool told;
	long n;

	i &= 1;
	n = ask->request ?
		bpf_probe_read_kernel_str(&s->parts[off], PATH_MAX, (void *)ask->path[i]) :
		bpf_probe_read_user_str(&s->parts[off], PATH_MAX, (void *)ask->path[i]);
	if (n <= 1) {
		if (n < 0 && !touch)
			add(unreadable, 1);
		return n < 0 && touch;
	}
	s->a.typed_len[i] = n;
	*at = off + n;
	if (ask->op == OP_TRUNCATE && (touch ? touch->file : !truth)) {
		start_at(ask, i, s->parts[off] == '/');
		return true; /* a link may lead to the file */
	}
	wanted = look_at(off, without_slashes(off, n - 1));
	if (!(wanted & (WANT_NAME | WANT_SUFFIX)) && !trees && !ask->nameless)
		return false;
	start_at(ask, i, s->parts[off] == '/');
	if (ask->op == OP_APPEAR && (!(wanted & WANT_NAME) ||
				     (ask->known && wanted & WANT_HERE && s->parts[off] != '/' &&
				      !(flags_of(ask->base[i]) & DIR_NAMES))))
		return false;
	if (ask->op == OP_APPEAR)
		return true;
	/* where it is not known what directories are, what is named says enough */
	told = ask->known && !ask->error;
	if (wanted & WANT_HERE && s->parts[off] != '/')
		return ask->known ? fits(wanted, flags_of(ask->base[i])) :
					     (wanted & (WANT_NAME | WANT_SUFFIX)) || trees || ask->nameless;
	if (told && truth && !ask->request)
		return touch && fits(wanted, touch->flags);
	return (wanted & (WANT_NAME | WANT_SUFFIX)) || trees || ask->nameless;
}

/* take_file does the same for an open file, whose name and directory are known. */
static __noinline bool take_file(struct scratch *s, struct ask *ask, __u32 *at)
{
	const struct file *file = ask->file;
	const struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	bool watched, created;
	__u32 wanted;
	long n;

	created = ask->op == OP_OPEN && BPF_CORE_READ(file, f_mode) & FMODE_CREATED;

	if (created)
		ask->op = OP_APPEAR;
	else if (ask->op == OP_OPEN && !ask->truncates)
		return false;
	identify_inode(BPF_CORE_READ(file, f_inode), &s->a.file);
	s->a.flags |= ATTEMPT_FILE;
	watched = bpf_map_lookup_elem(&files, &s->a.file) != NULL;
	if (!BPF_CORE_READ(dentry, d_hash.pprev)) /* it has no name any more */
		return watched;
	n = bpf_probe_read_kernel_str(s->parts, NAME_MAX + 1, BPF_CORE_READ(dentry, d_name.name));
	if (n <= 1)
		return watched;
	s->a.typed_len[0] = n;
	*at = n;
	wanted = look_at(0, n - 1);
	ask->base[0] = BPF_CORE_READ(dentry, d_parent);
	ask->mnt[0] = BPF_CORE_READ(file, f_path.mnt);
	if (watched)
		return true;
	if (created && (!(wanted & WANT_NAME) || (ask->known &&
						  !(flags_of(ask->base[0]) & DIR_NAMES))))
		return false;
	if (created)
		return true;
	if (!(wanted & (WANT_NAME | WANT_SUFFIX)) && !trees && !ask->nameless)
		return false;
	if (!ask->known)
		return true;
	return fits(wanted, flags_of(ask->base[0]));
}

#include "tell.bpf.h"

/* consider_in is consider, with a place to work in. */
static __noinline int consider_in(struct scratch *s, struct ask *ask)
{
	__u64 who = bpf_get_current_pid_tgid();
	struct touch *touch = NULL, found = {};
	__u32 at = 0;
	bool pass;

	ask->known = generation == armed;
	ask->nameless = unnamed > armed;
	if (truth && !ask->request && ask->op < OP_FTRUNCATE) {
		touch = bpf_map_lookup_elem(&touches, &who);
		if (touch) {
			found = *touch;
			bpf_map_delete_elem(&touches, &who);
			touch = &found;
			ask->known = ask->known && !found.unsure;
		} else if (!ask->error && ask->known) {
			return 0;
		}
	}
	__builtin_memset(&s->a, 0, sizeof(s->a));
	if (ask->file) {
		pass = take_file(s, ask, &at);
	} else {
		if (!ask->path[0])
			return 0;
		pass = take_path(s, ask, 0, &at, touch);
		if (ask->path[1] && take_path(s, ask, 1, &at, touch))
			pass = true;
	}
	if (touch) {
		s->a.flags |= ATTEMPT_TOUCHED;
		s->a.touched = touch->dir;
		if (touch->victim)
			s->a.flags |= ATTEMPT_VICTIM;
		if (ask->op == OP_TRUNCATE) {
			s->a.file = touch->moved;
			s->a.flags |= ATTEMPT_FILE;
		}
	}
	if (!pass)
		return 0;
	if (!ask->error && (ask->op == OP_APPEAR || ask->op == OP_RENAME || ask->op == OP_EXCHANGE)) {
		add(generation, 1);
		if (ask->op != OP_APPEAR || ask->links)
			unnamed = generation;
	}
	return tell(s, ask, at);
}

/* consider tells of an attempt if it may be of interest. */
static __always_inline int consider(struct ask *ask)
{
	struct scratch *s = scratch();

	if (!s)
		return 0;
	if (s->busy) { /* only where a program can be preempted: on no kernel yet */
		add(lost, 1);
		return 0;
	}
	s->busy = 1;
	consider_in(s, ask);
	s->busy = 0;
	return 0;
}

/* completed tells the outcome of a request of io_uring. */
static __noinline int completed(__u64 request, __u32 error)
{
	struct touch *touch = bpf_map_lookup_elem(&touches, &request);
	struct scratch *s = scratch();

	if (!s)
		return 0;
	__builtin_memset(&s->a, 0, sizeof(s->a));
	s->a.time_ns = bpf_ktime_get_ns();
	s->a.request = request;
	s->a.op = OP_COMPLETE;
	s->a.error = error;
	if (touch) {
		s->a.flags = ATTEMPT_TOUCHED | (touch->victim ? ATTEMPT_VICTIM : 0);
		s->a.touched = touch->dir;
		bpf_map_delete_elem(&touches, &request);
	}
	bpf_map_delete_elem(&requests, &request);
	if (bpf_ringbuf_output(&attempts, &s->a, sizeof(s->a), 0))
		add(lost, 1);
	return 0;
}

#endif
