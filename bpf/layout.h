/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the eBPF programs and the Go side both see. bpf2go makes the Go types
 * from these structs and enums; nothing here is copied by hand.
 */
#ifndef LATCH_LAYOUT_H
#define LATCH_LAYOUT_H

/* Histogram slots; latency.NumSlots says what each one holds. */
#define NUM_SLOTS 578
/* Room behind the last bound for the search, filled with the largest value. */
#define NUM_BOUNDS 640

/* How many limits a function's calls can be counted above; a power of two. */
#define NUM_LIMITS 16

/* The largest key: what the fetch programs may write, in bytes. */
#define KEY_DATA_MAX 4096

/* The return addresses that are kept of a traced call's stack. */
#define MAX_FRAMES 64
/* Stands beside their number where there are, or may be, more. */
#define FRAMES_CUT (1ULL << 32)

/* Return probes nest at most this deep, MAX_URETPROBE_DEPTH in uprobes.c. */
#define MAX_RETURN_DEPTH 64

enum func_flags {
	FUNC_GO = 1 << 0,	/* calls are told apart by goroutine and depth */
	FUNC_ABI0 = 1 << 1,	/* Go assembly: g is found through the thread pointer */
	FUNC_KEYED = 1 << 2,	/* has --by expressions */
	FUNC_RETURN_PROBE = 1 << 3, /* left through a return probe, not a RET site */
	FUNC_TAIL_CALLS = 1 << 4, /* a probed callee may share its stack position */
	FUNC_COUNT_ONLY = 1 << 5, /* has no exits */
	FUNC_WHERE = 1 << 6,	/* has a --where that is decided at the entry */
	FUNC_WHERE_EXIT = 1 << 7, /* has one that is decided at the exit */
	FUNC_RETURN_ADDR = 1 << 8, /* return addresses are kept in Go as elsewhere */
	FUNC_READ_AGAIN = 1 << 9, /* what its arguments point to is there at the exit too */
};

/* What becomes of a call that has ended. */
enum call_mode {
	MODE_RECORD,	/* it is counted in a histogram */
	MODE_LIMITS,	/* and those above limits are counted */
	MODE_SPLIT,	/* by whether packets were dropped, too */
	MODE_TRACE,	/* it is handed to the reader */
	MODE_WATCH,	/* nothing: who looks up open calls saw it */
};

enum loss {
	LOSS_OPEN_CALLS_FULL,	/* no room in open_calls */
	LOSS_NO_GOROUTINE,	/* g is not where the ABI puts it */
	LOSS_RETURN_DEPTH,	/* the kernel drops return probes nested this deep */
	LOSS_TAIL_RECURSION,	/* replaced on its stack by a tail call to itself */
	LOSS_SERIES,		/* a series could not be found again */
	LOSS_WHERE_UNREADABLE,	/* --where read what was not there */
	LOSS_EVENTS,		/* no room for the call's line in the ring buffer */
	NUM_LOSSES,
};

/* What --where says of a call. */
enum verdict {
	VERDICT_REJECTED,
	VERDICT_WANTED,
	VERDICT_UNDECIDED,	/* something could not be read */
};

/* How reading a key's cell went: two bits each in call_key.status. */
enum key_status {
	KEY_OK,
	KEY_UNREADABLE,
	KEY_TRUNCATED,
	KEY_NONE,		/* a null pointer where a string was asked for, another type */
};

/* A probed function's settings. */
struct func {
	__u32 flags;		/* enum func_flags */
	__s32 goid_offset;	/* of goid in runtime.g; negative if unknown */
	__s64 g_offset;		/* of g from the thread pointer, for FUNC_ABI0 */
};

/* A function's counters: they make up latency.Balance. */
struct counters {
	__u64 entries;
	__u64 returns;
	__u64 unwound;		/* left without a return: exceptions, longjmp, thread exit */
	__u64 filtered;
	__u64 cut;		/* open when their process ended */
	__u64 strays;		/* returns of calls entered before measuring; not in the balance */
	__u64 merged;		/* returns merged into (other) */
	__u64 lost[NUM_LOSSES];
};

/* Where a call is on its stack: names one open call. */
struct call_id {
	__u64 stack;		/* Go: address of g; others: 0 */
	__u64 depth;		/* Go: stack.hi - SP; others: -SP. Deeper is larger. */
	__u32 tgid;
	__u32 func;
};

/* The innermost open call of a goroutine, or of a thread for others. */
struct stack_id {
	__u64 stack;		/* Go: address of g; others: thread id */
	__u32 tgid;
	__u32 go;		/* 1 for a goroutine, so that the two never meet */
};

/* Whose calls are looked up: that of a stack, which may get a new goroutine. */
struct caller {
	struct stack_id stack;
	__u64 goid;		/* 0 for a thread */
};

/* Where a system call leads: which function it is, and whose programs serve it. */
struct route {
	__u32 func;		/* from 1; 0 for a call that is not measured */
	__u32 group;
};

/* The user call that a system call was made in, as a part of its key. */
struct made_in {
	__u64 func;		/* from 1; 0 for none */
	__u64 status;		/* of its own key, whose data follows */
};

/* Where a process keeps what leads to the goroutine that runs. */
struct go_layout {
	__s64 g_offset;		/* of g from the thread pointer */
	__s32 goid_offset;	/* of goid in runtime.g; negative if unknown */
	__s32 curg_offset;	/* of curg in runtime.m; 0 if unknown */
	__s64 bp_offset;	/* of sched.bp in runtime.g; 0 if unknown */
};

/* A series' key, or what is shown of a traced call: one function and the
 * values of its expressions. */
struct call_key {
	__u32 func;
	__u32 dropped;		/* 1 for calls with a drop, where series are split by that */
	__u64 status;		/* enum key_status, two bits a cell */
	__u8 data[KEY_DATA_MAX]; /* cut to what is needed when loaded */
};

/* An open call. */
struct call {
	__u64 entry_ns;
	__u64 children_ns;	/* spent in probed calls made by this one */
	__u64 goid;		/* g structs are reused: goid tells whose call it is */
	__u64 return_addr;	/* 0 in Go where nobody asks for it */
	__u64 signal_stack;	/* lowest address of the sigaltstack it runs on, or 0 */
	struct call_id parent;	/* enclosing open call; depth 0 if none */
	__u32 tid;
	__u16 return_depth;	/* return probes open on this thread, this one included */
	__u16 orphan;		/* its caller left through this call's RET, before it */
	__u64 drop_ns;		/* when the wait that a drop caused began; 0 if it waits for none */
	__u64 lost_ns;		/* spent in such waits that are over */
	__u64 drops;		/* packets dropped */
	struct call_key key;	/* last: its data is cut to size */
};

/* What a thread has in the kernel, or had: laid out as struct call as far as the
 * fetch programs go. */
struct system_call {
	__u64 entry_ns;		/* 0 if it has ended */
	__u64 outer_ns;		/* when the user call that made it began; 0 for none */
	__u64 goid;		/* whose call that is */
	struct stack_id stack;	/* and on which stack */
	__u64 undecided;	/* --where is to be asked again at the exit */
	__u64 unused[6];
	struct call_key key;
};

/* A traced call that has ended. Behind the key, whose data is cut to size, come
 * the return addresses of its callers where stacks are wanted. */
struct event {
	__u64 entry_ns;		/* CLOCK_MONOTONIC */
	__u64 latency_ns;	/* 0 for a call that is only counted */
	__u64 goid;
	__u32 tgid;
	__u32 tid;
	char comm[16];
	__u64 frames;		/* how many return addresses there are */
	struct call_key key;
};

/* A tracepoint that was passed: laid out as struct call as far as the fetch programs
 * go. Behind the key, whose data is cut to size, come the kernel's and the process's
 * stacks where they are wanted. */
struct passing {
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u64 unused;
	__u64 zero;		/* where a call has its goroutine */
	__u32 tgid;
	__u32 tid;
	char comm[16];
	__u32 kernel_frames;
	__u32 user_frames;
	__u64 unused_too[5];
	struct call_key key;
};

/* A series' numbers. */
struct hist {
	__u64 sum_ns;
	__u64 self_ns;
	__u64 lost_ns;		/* waits that drops caused */
	__u64 inverse_min_ns;	/* ~min, so that zero means nothing yet */
	__u64 max_ns;
	__u64 slots[NUM_SLOTS];
	__u64 over[NUM_LIMITS];	/* calls by the highest limit that they are above */
};

#endif
