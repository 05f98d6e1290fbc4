/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All that is told of an attempt: part of attempt.bpf.h. */
#ifndef LATCH_TELL_BPF_H
#define LATCH_TELL_BPF_H

/* walk puts the names from a file up to its file system's root into the scratch.
 * Without static, as in_tree. It returns their length, negative where there are
 * more. */
__noinline int walk(__u64 dentry, __u32 at)
{
	const struct dentry *d = (void *)dentry, *parent;
	struct scratch *s = scratch();
	__u32 used = 0;
	long n;
	int i;

	if (!s || !d)
		return 0;
	for (i = 0; i < MAX_DEPTH; i++) {
		parent = BPF_CORE_READ(d, d_parent);
		if (!parent || parent == d)
			return used;
		if (used > PATH_MAX - NAME_MAX - 1)
			break;
		n = bpf_probe_read_kernel_str(&s->parts[(at + used) & PARTS_MASK], NAME_MAX + 1,
					      BPF_CORE_READ(d, d_name.name));
		if (n <= 0)
			break;
		used += n;
		d = parent;
	}
	return -(int)used;
}

/* take_walk appends what walk finds, and returns its length. */
static __always_inline __u32 take_walk(struct scratch *s, const struct dentry *dentry, __u32 *at)
{
	int used = walk((__u64)dentry, *at);

	if (used < 0) {
		s->a.flags |= ATTEMPT_CUT_PATH;
		used = -used;
	}
	*at += used;
	return used;
}

/* take_parents tells who started the process. */
static __always_inline void take_parents(struct attempt *a, struct task_struct___who *leader)
{
	struct task_struct___who *up = leader;
	int i;

#pragma unroll
	for (i = 0; i < ANCESTORS; i++) {
		up = BPF_CORE_READ(up, real_parent, group_leader);
		if (!up)
			break;
		a->parents[i].pid = BPF_CORE_READ(up, tgid);
		a->parents[i].start_ns = BPF_CORE_READ(up, start_boottime);
		BPF_CORE_READ_INTO(&a->parents[i].comm, up, comm);
	}
}

/* take_argv appends the program's arguments. */
static __always_inline void take_argv(struct scratch *s, struct task_struct___who *task, __u32 *at)
{
	__u64 from = BPF_CORE_READ(task, mm, arg_start), to = BPF_CORE_READ(task, mm, arg_end);
	__u64 len = to - from;

	if (len > ARGV_MAX) {
		len = ARGV_MAX;
		s->a.flags |= ATTEMPT_CUT_ARGV;
	}
	if (!len || bpf_probe_read_user(&s->parts[*at & PARTS_MASK], len, (void *)from))
		return;
	s->a.argv_len = len;
	*at += len;
}

/* take_call appends the key of the call in flight. */
static __always_inline void take_call(struct scratch *s, __u32 *at)
{
	struct call *call;
	struct caller who;

	if (!calls || !(call = current_call(&who)))
		return;
	s->a.call_ns = call->entry_ns;
	s->a.goid = call->goid;
	s->a.flags |= ATTEMPT_CALL;
	if (bpf_probe_read_kernel(&s->parts[*at & PARTS_MASK], call_key_size, &call->key))
		return;
	s->a.key_len = call_key_size;
	*at += call_key_size;
}

/* tell hands an attempt to the reader. */
static __noinline int tell(struct scratch *s, struct ask *ask, __u32 at)
{
	struct task_struct___who *task = (void *)bpf_get_current_task(), *leader;
	struct attempt *a = &s->a;
	struct dentry *root;
	__u8 one = 1;
	bool wake;

	leader = BPF_CORE_READ(task, group_leader);
	a->time_ns = bpf_ktime_get_ns();
	a->request = ask->request;
	a->cgroup = bpf_get_current_cgroup_id();
	a->size = ask->size;
	a->start_ns = BPF_CORE_READ(leader, start_boottime);
	a->tgid = bpf_get_current_pid_tgid() >> 32;
	a->tid = (__u32)bpf_get_current_pid_tgid();
	a->uid = (__u32)bpf_get_current_uid_gid();
	a->op = ask->op;
	a->error = ask->error;
	if (BPF_CORE_READ(task, flags) & PF_IO_WORKER) /* a thread that io_uring made */
		BPF_CORE_READ_INTO(&a->comm, leader, comm);
	else
		bpf_get_current_comm(a->comm, sizeof(a->comm));
	take_parents(a, leader);
	if (ask->base[0]) {
		identify_dentry(ask->base[0], &a->base[0]);
		a->mount[0] = mount_id(ask->mnt[0]);
		a->base_len[0] = take_walk(s, ask->base[0], &at);
	}
	if (ask->base[1]) {
		identify_dentry(ask->base[1], &a->base[1]);
		a->mount[1] = mount_id(ask->mnt[1]);
		a->base_len[1] = take_walk(s, ask->base[1], &at);
	}
	root = BPF_CORE_READ(task, fs, root.dentry);
	identify_dentry(root, &a->root);
	a->root_mount = mount_id(BPF_CORE_READ(task, fs, root.mnt));
	a->root_len = take_walk(s, root, &at);
	a->exe_mount = mount_id(BPF_CORE_READ(task, mm, exe_file, f_path.mnt));
	a->exe_len = take_walk(s, BPF_CORE_READ(task, mm, exe_file, f_path.dentry), &at);
	take_argv(s, task, &at);
	take_call(s, &at);
	if (ask->request) {
		a->flags |= ATTEMPT_URING;
		if (bpf_map_update_elem(&requests, &ask->request, &one, BPF_ANY)) {
			add(unfollowed, 1);
			return 0;
		}
	}
	add(told, 1);
	/* to wake the reader for each takes longer than the rest of all this, but
	 * what is watched elsewhere from now on is urgent */
	wake = ask->op == OP_APPEAR || ask->op == OP_RENAME || ask->op == OP_EXCHANGE ||
	       bpf_ringbuf_query(&attempts, BPF_RB_AVAIL_DATA) >= wake_bytes;
	if (bpf_ringbuf_output(&attempts, a, sizeof(*a) + (at & PARTS_MASK),
			       wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		add(lost, 1);
	return 0;
}

#endif
