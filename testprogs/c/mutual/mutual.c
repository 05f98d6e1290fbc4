/*
 * mutual: two functions that call each other, 101 frames deep.
 *
 * Truth: 3 rounds; ping is called 153 times, pong 150; all return.
 * Prints:
 *   sum 300
 *   calls ping = 153
 *   calls pong = 150
 */
#include "../protocol.h"

static unsigned long pings, pongs;

PROBED long pong(int left);

PROBED long ping(int left)
{
	long r = 0;

	pings++;
	if (left > 0) {
		r = pong(left - 1) + 1;
		KEEP(r);
	}
	return r;
}

PROBED long pong(int left)
{
	long r;

	pongs++;
	r = ping(left - 1) + 1;
	KEEP(r);
	return r;
}

int main(void)
{
	long sum = 0;

	ready();
	for (int i = 0; i < 3; i++)
		sum += ping(100);
	printf("sum %ld\n", sum);
	calls("ping", pings);
	calls("pong", pongs);
	return done();
}
