/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files, directories and their names, as CO-RE stubs of the fields that are read. */
#ifndef LATCH_VFS_BPF_H
#define LATCH_VFS_BPF_H

#include "core.h"
#include "unlink.h"

struct hlist_node {
	struct hlist_node *next;
} __attribute__((preserve_access_index));

struct hlist_head {
	struct hlist_node *first;
} __attribute__((preserve_access_index));

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
} __attribute__((preserve_access_index));

struct super_block {
	__u32 s_dev;
} __attribute__((preserve_access_index));

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	struct hlist_head i_dentry;
} __attribute__((preserve_access_index));

struct qstr {
	const unsigned char *name;
} __attribute__((preserve_access_index));

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	union {
		struct hlist_node d_alias;
	} d_u;
} __attribute__((preserve_access_index));

struct dentry___flat { /* the union has no name from 7.0 on */
	struct hlist_node d_alias;
} __attribute__((preserve_access_index));

struct vfsmount {
	struct dentry *mnt_root;
} __attribute__((preserve_access_index));

struct mount {
	struct vfsmount mnt;
	int mnt_id;
} __attribute__((preserve_access_index));

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} __attribute__((preserve_access_index));

struct file {
	unsigned int f_mode;
	struct path f_path;
	struct inode *f_inode;
} __attribute__((preserve_access_index));

struct fs_struct {
	struct path root, pwd;
} __attribute__((preserve_access_index));

struct mm_struct___exe {
	struct file *exe_file;
	unsigned long arg_start, arg_end;
} __attribute__((preserve_access_index));

struct task_struct___who {
	unsigned int flags;
	int tgid;
	char comm[16];
	__u64 start_boottime;
	struct task_struct___who *real_parent, *group_leader;
	struct fs_struct *fs;
	struct mm_struct___exe *mm;
	void *worker_private;
} __attribute__((preserve_access_index));

#define S_IFMT 00170000
#define S_IFDIR 0040000
/* include/linux/fs.h: the file was made by this very open */
#define FMODE_CREATED (1U << 20)
/* include/linux/sched.h */
#define PF_IO_WORKER 0x00000010

/* No path is deeper than this, here. */
#define MAX_DEPTH 128
#define NAME_MAX 255
#define PATH_MAX 4096

/* key: a directory  value: enum dir_flags */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct file_id);
	__type(value, __u32);
} dirs SEC(".maps");

static __always_inline void identify_inode(const struct inode *inode, struct file_id *id)
{
	id->ino = BPF_CORE_READ(inode, i_ino);
	id->dev = BPF_CORE_READ(inode, i_sb, s_dev);
}

/* identify_dentry takes the dentry as a variable of its own: the macro would take
 * for the kernel's what of a longer expression is ours. */
static __always_inline void identify_dentry(const struct dentry *dentry, struct file_id *id)
{
	identify_inode(BPF_CORE_READ(dentry, d_inode), id);
}

static __always_inline __u32 mount_id(const struct vfsmount *mnt)
{
	struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);

	return mnt ? BPF_CORE_READ(m, mnt_id) : 0;
}

/* alias is a directory's name in the tree, or one of a file's; NULL if none is
 * known. */
static __always_inline struct dentry *alias(const struct inode *inode)
{
	struct hlist_node *node = BPF_CORE_READ(inode, i_dentry.first);

	if (!node)
		return NULL;
	if (bpf_core_field_exists(struct dentry, d_u.d_alias))
		return (void *)node - bpf_core_field_offset(struct dentry, d_u.d_alias);
	return (void *)node - bpf_core_field_offset(struct dentry___flat, d_alias);
}

/* in_tree says whether a directory, by its dentry, is that of a watched tree or
 * below one. Without static, so that the verifier goes through it once. */
__noinline int in_tree(__u64 dentry)
{
	const struct dentry *d = (void *)dentry, *parent;
	struct file_id id;
	__u32 *flags;
	int i;

	for (i = 0; i < MAX_DEPTH; i++) {
		identify_dentry(d, &id);
		flags = bpf_map_lookup_elem(&dirs, &id);
		if (flags && *flags & DIR_TREE)
			return 1;
		parent = BPF_CORE_READ(d, d_parent);
		if (!parent || parent == d)
			return 0;
		d = parent;
	}
	return 0;
}

#endif
