/*
 * tail: calls that leave by a jump to another function (from -O1 on).
 *
 * Truth: 101 calls of first and 53 of second, which both jump to leaf (second
 * only for odd n, 26 times; else it returns itself); 31 direct calls of leaf;
 * so leaf is called 158 times. even and odd jump to each other: 7 times
 * even(10) makes 42 calls of even and 35 of odd, and one return for each of
 * the 7. indirect jumps through a pointer to leaf2 17 times; leaf2 is called
 * by nobody else.
 * Prints:
 *   calls first = 101
 *   calls second = 53
 *   calls leaf = 158
 *   calls even = 42
 *   calls odd = 35
 *   calls indirect = 17
 *   calls leaf2 = 17
 *   checksum 7078
 */
#include "../protocol.h"

static unsigned long n_first, n_second, n_leaf, n_even, n_odd, n_indirect, n_leaf2;
static long (*volatile hook)(long);

PROBED long leaf(long n)
{
	n_leaf++;
	KEEP(n);
	return n + 1;
}

PROBED long leaf2(long n)
{
	n_leaf2++;
	KEEP(n);
	return n + 2;
}

PROBED long first(long n)
{
	n_first++;
	return leaf(n * 2);
}

PROBED long second(long n)
{
	n_second++;
	if (n & 1)
		return leaf(n);
	return n;
}

PROBED long odd(long n);

PROBED long even(long n)
{
	n_even++;
	if (n == 0)
		return 1;
	return odd(n - 1);
}

PROBED long odd(long n)
{
	n_odd++;
	if (n == 0)
		return 0;
	return even(n - 1);
}

PROBED long indirect(long n)
{
	n_indirect++;
	return hook(n);
}

int main(void)
{
	long sum = 0;

	hook = leaf2;
	ready();
	for (long i = 0; i < 101; i++)
		sum += first(i % 50);
	for (long i = 0; i < 53; i++)
		sum += second(i);
	for (long i = 0; i < 31; i++)
		sum += leaf(i);
	for (long i = 0; i < 7; i++)
		sum += even(10);
	for (long i = 0; i < 17; i++)
		sum += indirect(i);
	calls("first", n_first);
	calls("second", n_second);
	calls("leaf", n_leaf);
	calls("even", n_even);
	calls("odd", n_odd);
	calls("indirect", n_indirect);
	calls("leaf2", n_leaf2);
	printf("checksum %ld\n", sum);
	return done();
}
