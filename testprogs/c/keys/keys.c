/*
 * keys: more distinct argument values than any map has room for.
 *
 * Truth: keyed is called once with each of 10,000 different values of v, from
 * -5000 to 4999, and once more with each of the 100 multiples of 100.
 * Args: distinct values (default 10000, an even number).
 * Prints:
 *   sum -10000
 *   calls keyed = 10100
 */
#include "../protocol.h"

static unsigned long entered;

PROBED long keyed(int v)
{
	entered++;
	KEEP(v);
	return v;
}

int main(int argc, char **argv)
{
	long n = number(argc, argv, 1, 10000), sum = 0;

	ready();
	for (long i = 0; i < n; i++)
		sum += keyed((int)((i * 7919) % n - n / 2)); /* 7919 is prime: a permutation */
	for (long v = -n / 2; v < n / 2; v += 100)
		sum += keyed((int)v);
	printf("sum %ld\n", sum);
	calls("keyed", entered);
	return done();
}
