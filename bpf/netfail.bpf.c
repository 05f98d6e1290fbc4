//go:build ignore

// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Socket calls that fail because of the network before there is a packet: the
 * result and the arguments are both there when the call leaves the kernel, so
 * that nothing is kept from its beginning. For sends sock:sock_send_length
 * (Linux 6.3) would do, which costs nothing elsewhere, but of a connect that
 * finds no route nothing tells but the end of the call.
 */
#include "core.h"
#include "net.h"
#include "syscall.bpf.h"
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Whether only the namespaces in netnses matter. */
const volatile bool some_netns;
/* The reader is woken from here on; before that it comes by itself. */
const volatile __u32 wake_bytes;

/* Failures that were seen, and those of them that did not fit into the ring. */
__u64 seen, lost;

/* key: inode number of a network namespace */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} netnses SEC(".maps");

/* struct failure; sized when loaded */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} failures SEC(".maps");

enum fail_call {
	CALL_CONNECT,
	CALL_SENDTO,
	CALL_SENDMSG,
	CALL_SENDMMSG,
	CALL_WRITE,
	CALL_WRITEV,
};

enum fail_flags {
	FAIL_DST = 1 << 0,	/* the destination is known */
	FAIL_SIZE = 1 << 1,	/* the size is known */
};

/* A call that failed. Addresses of IPv4 are mapped into IPv6. */
struct failure {
	__u64 time_ns;		/* CLOCK_MONOTONIC at the end of the call */
	__u64 socket;		/* struct sock */
	__u64 inode;		/* N of socket:[N] */
	__u64 cgroup;
	__u64 size;		/* bytes that were to be sent */
	__u32 tgid, tid, uid;
	__u32 netns;
	__u32 error;		/* errno */
	__u32 call;		/* enum fail_call */
	__u32 flags;		/* enum fail_flags */
	__u32 scope;		/* of an IPv6 destination: an interface's index */
	__u16 type;		/* SOCK_STREAM and its like */
	__u16 protocol;
	__u16 sport, dport;
	__u8 src[16], dst[16];
	char comm[16];
};

/* For bpf2go, which makes the Go types. */
const enum fail_call *fail_call_type __attribute__((unused));
const enum fail_flags *fail_flags_type __attribute__((unused));
const struct failure *failure_type __attribute__((unused));

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define S_IFMT 00170000
#define S_IFSOCK 0140000

#define EPERM 1
#define EACCES 13
#define ENODEV 19
#define EINVAL 22
#define EMSGSIZE 90
#define EADDRNOTAVAIL 99
#define ENETDOWN 100
#define ENETUNREACH 101
#define ENOBUFS 105
#define EHOSTDOWN 112
#define EHOSTUNREACH 113
/* The largest of them. */
#define LAST_ERRNO EHOSTUNREACH

/* The errors that are the network's, as bits: those below 64, and the others. */
#define LOW_ERRNOS (1ULL << EPERM | 1ULL << EACCES | 1ULL << ENODEV | 1ULL << EINVAL)
#define HIGH(errno) (1ULL << (errno - 64))
#define HIGH_ERRNOS                                                            \
	(HIGH(EMSGSIZE) | HIGH(EADDRNOTAVAIL) | HIGH(ENETDOWN) |               \
	 HIGH(ENETUNREACH) | HIGH(ENOBUFS) | HIGH(EHOSTDOWN) | HIGH(EHOSTUNREACH))

#if defined(__TARGET_ARCH_x86)
#define NR_WRITE 1
#define NR_WRITEV 20
#define NR_CONNECT 42
#define NR_SENDTO 44
#define NR_SENDMSG 46
#define NR_SENDMMSG 307
#else
#define NR_WRITE 64
#define NR_WRITEV 66
#define NR_CONNECT 203
#define NR_SENDTO 206
#define NR_SENDMSG 211
#define NR_SENDMMSG 269
#endif

/* What the program hands to the kernel: struct sockaddr_in and sockaddr_in6. */
struct user_sockaddr {
	__u16 family, port;
	__u32 v4;
	__u8 v6[16];
	__u32 scope;
};

struct user_iovec {
	__u64 base, len;
};

struct user_msghdr {
	__u64 name;
	__u32 name_len, pad;
	__u64 iov, iov_len;
};

static __always_inline void map_v4(__u8 *to, __u32 addr)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &addr, 4);
}

/* socket_of returns the file's socket of the IP families, or NULL. */
static __always_inline struct sock *socket_of(struct task_struct___files *task, __u64 fd,
					      struct file **found)
{
	struct file *file = file_at(task, fd);
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	*found = file;
	return sk;
}

/* name_destination takes the destination from a user's address. */
static __always_inline void name_destination(struct failure *f, __u64 name, __u32 len)
{
	struct user_sockaddr addr = {};

	if (len < 16 || bpf_probe_read_user(&addr, 16, (void *)name))
		return;
	if (addr.family == AF_INET) {
		map_v4(f->dst, addr.v4);
	} else if (addr.family == AF_INET6 && len >= 24 &&
		   !bpf_probe_read_user(&addr, len < 28 ? 24 : 28, (void *)name)) {
		__builtin_memcpy(f->dst, addr.v6, 16);
		f->scope = addr.scope;
	} else {
		return;
	}
	f->dport = bpf_ntohs(addr.port);
	f->flags |= FAIL_DST;
}

/* name_peer takes it from the connection, if there is one. */
static __always_inline void name_peer(struct failure *f, struct sock *sk)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	__u32 v4 = BPF_CORE_READ(sk, __sk_common.skc_daddr);

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		map_v4(f->dst, v4);
	else
		BPF_CORE_READ_INTO(&f->dst, sk, __sk_common.skc_v6_daddr);
	f->dport = bpf_ntohs(port);
	/* raw sockets and those of ping have a peer without a port */
	if (port || v4)
		f->flags |= FAIL_DST;
}

/* The parts of a message that are added up. */
#define MAX_PARTS 16

static __always_inline void add_parts(struct failure *f, __u64 iov, __u64 n)
{
	struct user_iovec part;
	__u64 i;

	for (i = 0; i < MAX_PARTS && i < n; i++) {
		if (bpf_probe_read_user(&part, sizeof(part), (void *)(iov + i * sizeof(part))))
			return;
		f->size += part.len;
	}
	if (i == n)
		f->flags |= FAIL_SIZE;
}

/* describe_call fills in what the arguments say. */
static __always_inline void describe_call(struct failure *f, struct sock *sk,
					  const __u64 *args)
{
	struct user_msghdr msg;
	__u64 name = 0;
	__u32 len = 0;

	switch (f->call) {
	case CALL_CONNECT:
		name_destination(f, args[1], args[2]);
		return;
	case CALL_SENDTO:
		name = args[4];
		len = args[5];
		/* fall through */
	case CALL_WRITE:
		f->size = args[2];
		f->flags |= FAIL_SIZE;
		break;
	case CALL_WRITEV:
		add_parts(f, args[1], args[2]);
		break;
	default:
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)args[1]))
			return;
		name = msg.name;
		len = msg.name_len;
		add_parts(f, msg.iov, msg.iov_len);
	}
	if (name && len)
		name_destination(f, name, len);
	else
		name_peer(f, sk);
}

/* is_network says whether the error can be the network's doing. EINVAL is what
 * a blackhole route answers, to connect and to datagrams; most are mistakes of
 * the program. */
static __always_inline bool is_network(const struct failure *f)
{
	if (f->error != EINVAL)
		return true;
	if (!(f->flags & FAIL_DST) || (f->call != CALL_CONNECT && f->type == SOCK_STREAM))
		return false;
	return f->dport || f->protocol != 17 /* IPPROTO_UDP */;
}

static __always_inline int call_of(__u64 nr)
{
	switch (nr) {
	case NR_WRITE: return CALL_WRITE;
	case NR_WRITEV: return CALL_WRITEV;
	case NR_CONNECT: return CALL_CONNECT;
	case NR_SENDTO: return CALL_SENDTO;
	case NR_SENDMSG: return CALL_SENDMSG;
	case NR_SENDMMSG: return CALL_SENDMMSG;
	}
	return -1;
}

static __noinline int failed(struct pt_regs *regs, __u64 error)
{
	struct task_struct___files *task = (void *)bpf_get_current_task();
	int call = call_of(SYSCALL(regs));
	struct failure f = {}, *out;
	struct file *file = NULL;
	struct sock *sk;
	__u64 args[6];

	if (call < 0 || IS_32BIT(task))
		return 0;
	syscall_args(regs, args);
	sk = socket_of(task, args[0], &file);
	if (!sk)
		return 0;
	f.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (some_netns && !bpf_map_lookup_elem(&netnses, &f.netns))
		return 0;
	f.call = call;
	f.error = error;
	f.type = BPF_CORE_READ(sk, sk_type);
	f.protocol = BPF_CORE_READ(sk, sk_protocol);
	describe_call(&f, sk, args);
	if (!is_network(&f))
		return 0;

	add(seen, 1);
	out = bpf_ringbuf_reserve(&failures, sizeof(*out), 0);
	if (!out) {
		add(lost, 1);
		return 0;
	}
	f.time_ns = bpf_ktime_get_ns();
	f.socket = (__u64)sk;
	f.inode = BPF_CORE_READ(file, f_inode, i_ino);
	f.cgroup = bpf_get_current_cgroup_id();
	f.tgid = bpf_get_current_pid_tgid() >> 32;
	f.tid = (__u32)bpf_get_current_pid_tgid();
	f.uid = (__u32)bpf_get_current_uid_gid();
	f.sport = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		map_v4(f.src, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else
		BPF_CORE_READ_INTO(&f.src, sk, __sk_common.skc_v6_rcv_saddr);
	bpf_get_current_comm(f.comm, sizeof(f.comm));
	*out = f;
	/* to wake the reader for each takes longer than the rest of all this */
	bpf_ringbuf_submit(out, bpf_ringbuf_query(&failures, BPF_RB_AVAIL_DATA) < wake_bytes ?
					BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Runs for every system call of the machine: what is not an error of the
 * network leaves at once. */
SEC("raw_tracepoint/sys_exit")
int sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 error = -ctx->args[1];

	if (error > LAST_ERRNO)
		return 0;
	if (!(error < 64 ? LOW_ERRNOS >> error & 1 : HIGH_ERRNOS >> (error - 64) & 1))
		return 0;
	return failed((struct pt_regs *)ctx->args[0], error);
}
