/*
 * fib: recursion, two calls deep in every call.
 *
 * Truth: fib(10) enters fib 177 times, at most 10 deep; all return. By n:
 * 10 1, 9 1, 8 2, 7 3, 6 5, 5 8, 4 13, 3 21, 2 34, 1 55, 0 34.
 * Args: n (default 10). Or "loop": fib(10) until stdin has a line; then
 * 177 calls for each round.
 * Prints:
 *   fib(10) = 55
 *   calls fib = 177
 *   calls fib n=0 = 34
 *   calls fib n=1 = 55
 *   calls fib n=2 = 34
 *   calls fib n=3 = 21
 *   calls fib n=4 = 13
 *   calls fib n=5 = 8
 *   calls fib n=6 = 5
 *   calls fib n=7 = 3
 *   calls fib n=8 = 2
 *   calls fib n=9 = 1
 *   calls fib n=10 = 1
 */
#include "../protocol.h"

static unsigned long by_n[64];

PROBED long fib(int n)
{
	long a, b;

	by_n[n]++;
	if (n < 2)
		return n;
	a = fib(n - 1);
	b = fib(n - 2);
	KEEP(b); /* or the second call would become a loop */
	return a + b;
}

int main(int argc, char **argv)
{
	int loop = looping(argc, argv);
	int n = loop ? 10 : (int)number(argc, argv, 1, 10);
	unsigned long all = 0;
	long r;

	ready();
	do
		r = fib(n);
	while (loop && !stop_asked());

	printf("fib(%d) = %ld\n", n, r);
	for (int i = 0; i <= n; i++)
		all += by_n[i];
	calls("fib", all);
	for (int i = 0; i <= n; i++)
		printf("calls fib n=%d = %lu\n", i, by_n[i]);
	return done();
}
