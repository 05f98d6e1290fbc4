#include "_cgo_export.h"

static long leaves, middles;

__attribute__((noinline)) long c_leaf(long n)
{
	leaves++;
	return n + 1;
}

__attribute__((noinline)) long c_middle(long n)
{
	middles++;
	return c_leaf(n) + goInner(n);
}

__attribute__((noinline)) void c_panic(long n)
{
	goBoom(n);
	middles = -1;
}

long c_leaf_calls(void)
{
	return leaves;
}

long c_middle_calls(void)
{
	return middles;
}
