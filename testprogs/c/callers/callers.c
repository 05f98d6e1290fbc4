/*
 * callers: a known chain of calls, one link of it inlined.
 *
 * Truth: leaf(n) is called 5 times by middle, in whose code the function
 * helper stands that makes the call; middle is called by outer, and outer by
 * main. Line numbers of the calls are printed: "line CALLER = N".
 * Flags: -fno-omit-frame-pointer -fno-optimize-sibling-calls
 * Prints:
 *   line helper = 27
 *   line middle = 35
 *   line outer = 42
 *   calls leaf = 5
 */
#include "../protocol.h"

static unsigned long entered;

PROBED int leaf(int n)
{
	entered++;
	KEEP(n);
	return n + 1;
}

static inline __attribute__((always_inline)) int helper(int n)
{
	int r = leaf(n);

	KEEP(r);
	return r;
}

PROBED int middle(int n)
{
	int r = helper(n);

	return r * 2;
}

PROBED int outer(int n)
{
	int r = middle(n);

	KEEP(r);
	return r;
}

int main(void)
{
	int sum = 0;

	ready();
	for (int i = 0; i < 5; i++)
		sum += outer(i);
	printf("line helper = 27\nline middle = 35\nline outer = 42\n");
	calls("leaf", entered);
	return done() + (sum == 0);
}
