/*
 * deep: recursion deeper than the 64 return probes the kernel keeps per thread.
 *
 * Truth: descend is called 5 times 100 deep, 500 calls; all return.
 * Args: depth (default 100), rounds (default 5).
 * Prints:
 *   sum 25250
 *   calls descend = 500
 */
#include "../protocol.h"

static unsigned long entered;

PROBED long descend(int left)
{
	long below = 0;

	entered++;
	if (left > 1) {
		below = descend(left - 1);
		KEEP(below);
	}
	return below + left;
}

int main(int argc, char **argv)
{
	long depth = number(argc, argv, 1, 100), rounds = number(argc, argv, 2, 5);
	long sum = 0;

	ready();
	for (long i = 0; i < rounds; i++)
		sum += descend((int)depth);
	printf("sum %ld\n", sum);
	calls("descend", entered);
	return done();
}
