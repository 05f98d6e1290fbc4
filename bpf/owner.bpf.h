/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who has a socket. The task that runs when a packet is dropped is often a
 * bystander, so owners are noted when they connect, listen, send or receive.
 */
#ifndef LATCH_OWNER_BPF_H
#define LATCH_OWNER_BPF_H

#include "during.bpf.h"

/* Whether calls in flight are looked for, for which it must be known which
 * goroutine or thread used a socket last. Without, the owners of streams are
 * noted only when they connect or listen. */
const volatile bool calls;

/* key: address of a socket  value: who used it last */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, __u64);
	__type(value, struct sock_owner);
} owners SEC(".maps");

#define SOCK_STREAM 1
#define EAGAIN 11

static __always_inline __u64 inode_of(const struct sock *sk)
{
	const struct socket *socket = sk->sk_socket;

	/* a socket that accept has not returned yet has no file */
	return socket && socket->file ? socket->file->f_inode->i_ino : 0;
}

/* cgroup_of returns the number of the socket's cgroup, 0 before 5.16, where the
 * word may hold other things. */
static __always_inline __u64 cgroup_of(const struct sock *sk)
{
	if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return 0;
	return BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

static __noinline int note_owner(const struct sock *sk)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), address = (__u64)sk;
	struct sock_owner owner = {};

	owner.inode = inode_of(sk);
	owner.used_ns = bpf_ktime_get_ns();
	owner.tgid = pid_tgid >> 32;
	owner.tid = (__u32)pid_tgid;
	bpf_get_current_comm(owner.comm, sizeof(owner.comm));
	if (calls)
		current_call(&owner.caller);
	bpf_map_update_elem(&owners, &address, &owner, BPF_ANY);
	return 0;
}

/* A connection begins, or a listener: both in the task that asks for it. */
SEC("tp_btf/inet_sock_set_state")
int socket_state(__u64 *ctx)
{
	const struct sock *sk = (void *)ctx[0];
	int to = ctx[2];

	if (to == TCP_STATE_SYN_SENT || to == TCP_STATE_LISTEN)
		note_owner(sk);
	return 0;
}

/* resume ends the wait of the call that uses a socket. */
static __always_inline void resume(const struct sock_owner *owner)
{
	struct call *call = call_of(&owner->caller);

	if (call)
		call_resumed(call, bpf_ktime_get_ns());
}

/* used notes that the current task sent or received. A call that waits because
 * of a drop waits no longer, unless the drop was in this very send, which is told
 * when it is over, or it was only told to try again. */
static __always_inline void used(const struct sock *sk, int outcome)
{
	__u64 address = (__u64)sk;
	struct sock_owner *owner;
	bool again = outcome == -EAGAIN;

	__u16 family = sk->__sk_common.skc_family;

	if (family != AF_INET && family != AF_INET6 && family != AF_PACKET)
		return;
	if (sk->sk_type == SOCK_STREAM && !calls)
		return;
	owner = bpf_map_lookup_elem(&owners, &address);
	if (owner && owner->inode != inode_of(sk))
		owner = NULL;
	if (calls && owner) {
		if (!owner->in_send && !again)
			resume(owner);
		owner->in_send = 0;
		if (again) /* a reader that waits beside the sender is not who sent */
			return;
		/* the map's value is the one to change: the thread may be at another call */
		current_call(&owner->caller);
	}
	if (owner && owner->tid == (__u32)bpf_get_current_pid_tgid()) {
		owner->used_ns = bpf_ktime_get_ns();
		return;
	}
	note_owner(sk);
}

SEC("tp_btf/sock_send_length")
int socket_send(__u64 *ctx)
{
	used((void *)ctx[0], ctx[1]);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int socket_receive(__u64 *ctx)
{
	used((void *)ctx[0], ctx[1]);
	return 0;
}

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} __attribute__((preserve_access_index));

/* include/uapi/linux/stat.h */
#define S_IFMT 00170000
#define S_IFSOCK 0140000

/* Tells the sockets that processes hold. */
SEC("iter/task_file")
int socket_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct drop_key flow = {};
	struct sock_file out = {};
	struct socket *socket;
	struct sock *sk;

	if (!task || !file || task->pid != task->tgid)
		return 0;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	socket_flow(sk, &flow);
	out.sock = (__u64)sk;
	out.inode = BPF_CORE_READ(file, f_inode, i_ino);
	out.tgid = task->tgid;
	out.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	out.uid = BPF_CORE_READ(sk, sk_uid.val);
	__builtin_memcpy(out.saddr, flow.saddr, sizeof(out.saddr));
	__builtin_memcpy(out.daddr, flow.daddr, sizeof(out.daddr));
	out.sport = flow.sport;
	out.dport = flow.dport;
	out.ethertype = flow.ethertype;
	out.proto = flow.proto;
	bpf_probe_read_kernel_str(out.comm, sizeof(out.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

#endif
