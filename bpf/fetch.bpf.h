/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The places of the fetch programs. Go compiles them from the expressions and
 * replaces these bodies before loading.
 */
#ifndef LATCH_FETCH_BPF_H
#define LATCH_FETCH_BPF_H

/* They write the parts of call->key, and behind them what the exit needs of
 * the entry. */
static __noinline int fetch_entry(struct pt_regs *ctx, struct call *call)
{
	int ret = 0;

	asm volatile("" : "+r"(ret) : "r"(ctx), "r"(call));
	return ret;
}

static __noinline __attribute__((unused)) int fetch_exit(struct pt_regs *ctx, struct call *call, __u64 ns)
{
	int ret = 0;

	asm volatile("" : "+r"(ret) : "r"(ctx), "r"(call), "r"(ns));
	return ret;
}

/* Whether a call is wanted, before anything is kept of it, and at its end. */
static __noinline int fetch_where(struct pt_regs *ctx, __u64 goid)
{
	int ret = VERDICT_WANTED;

	asm volatile("" : "+r"(ret) : "r"(ctx), "r"(goid));
	return ret;
}

static __noinline __attribute__((unused)) int fetch_where_exit(struct pt_regs *ctx, struct call *call, __u64 ns)
{
	int ret = VERDICT_WANTED;

	asm volatile("" : "+r"(ret) : "r"(ctx), "r"(call), "r"(ns));
	return ret;
}

#endif
