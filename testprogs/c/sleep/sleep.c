/*
 * sleep: calls of known length.
 *
 * Truth: nap is called 3 times with ms=50, 2 times with ms=200 and once with
 * ms=1200; no call is shorter than its ms, and on an idle machine none is 4 %
 * longer.
 * Args: rounds (default 1).
 * Prints:
 *   calls nap = 6
 *   calls nap ms=50 = 3
 *   calls nap ms=200 = 2
 *   calls nap ms=1200 = 1
 */
#include "../protocol.h"
#include <errno.h>

static unsigned long entered, by_length[3];

PROBED int nap(const char *what, int ms)
{
	struct timespec until;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &until);
	entered++;
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	/* By a deadline, as a probe's trap must not restart the interval. */
	do
		rc = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	while (rc == EINTR);
	KEEP(what);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct { const char *what; int ms, times; } plan[] = {
		{ "short", 50, 3 }, { "middle", 200, 2 }, { "long", 1200, 1 },
	};
	long rounds = number(argc, argv, 1, 1);

	ready();
	while (rounds-- > 0)
		for (int i = 0; i < 3; i++)
			for (int n = 0; n < plan[i].times; n++) {
				if (nap(plan[i].what, plan[i].ms))
					return 1;
				by_length[i]++;
			}
	calls("nap", entered);
	for (int i = 0; i < 3; i++)
		printf("calls nap ms=%d = %lu\n", plan[i].ms, by_length[i]);
	return done();
}
