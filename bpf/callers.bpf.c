//go:build ignore
/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * For tests alone: asks which call is in flight at each getppid of a process,
 * and at each getpgid asks again for the caller of its last getppid. getsid is a
 * dropped packet of that caller, and getpriority the end of the wait for it.
 */
#include "during.bpf.h"

char __license[] SEC("license") = "Dual BSD/GPL";

#define KEY_SEEN 80

/* What was in flight. */
struct sighting {
	struct caller who;
	__u32 tid;
	__u32 found;
	__u32 func;
	__u32 arg;		/* the system call's first */
	__u64 status;
	__u8 data[KEY_SEEN];
};

const volatile __u32 observed_tgid;
const volatile __u32 nr_getppid, nr_getpgid, nr_getsid, nr_getpriority;
const struct sighting *sighting_type __attribute__((unused));

/* as struct sighting */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} sightings SEC(".maps");

/* the caller of the last getppid */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct caller);
} last_callers SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define REGS_ARG(regs) ((regs).di)
#else
#define REGS_ARG(regs) ((regs).regs[0])
#endif

static __always_inline void tell(struct bpf_raw_tracepoint_args *ctx,
				 const struct caller *who, const struct call *call)
{
	struct pt_regs regs = {};
	struct sighting *seen = bpf_ringbuf_reserve(&sightings, sizeof(*seen), 0);

	if (!seen)
		return;
	__builtin_memset(seen, 0, sizeof(*seen));
	seen->who = *who;
	seen->tid = (__u32)bpf_get_current_pid_tgid();
	bpf_probe_read_kernel(&regs, sizeof(regs), (void *)ctx->args[0]);
	seen->arg = REGS_ARG(regs);
	if (call) {
		seen->found = 1;
		seen->func = call->key.func;
		seen->status = call->key.status;
		bpf_probe_read_kernel(seen->data, sizeof(seen->data), &call->key.data);
	}
	bpf_ringbuf_submit(seen, 0);
}

SEC("raw_tracepoint/sys_enter")
int enter_syscall(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 nr = ctx->args[1], zero = 0;
	struct caller who, *last;
	struct call *call;

	if (bpf_get_current_pid_tgid() >> 32 != observed_tgid)
		return 0;
	if (nr == nr_getppid) {
		call = current_call(&who);
		bpf_map_update_elem(&last_callers, &zero, &who, BPF_ANY);
		tell(ctx, &who, call);
		return 0;
	}
	last = bpf_map_lookup_elem(&last_callers, &zero);
	if (!last || (nr != nr_getpgid && nr != nr_getsid && nr != nr_getpriority))
		return 0;
	call = call_of(last);
	if (nr == nr_getpgid)
		tell(ctx, last, call);
	else if (call && nr == nr_getsid)
		call_dropped(call, bpf_ktime_get_ns());
	else if (call)
		call_resumed(call, bpf_ktime_get_ns());
	return 0;
}
