/*
 * samename: two static functions of one name, in samename.c and other.c.
 *
 * Truth: step of this file is called 5 times, step of other.c 7 times.
 * Prints:
 *   calls step samename.c = 5
 *   calls step other.c = 7
 */
#include "../protocol.h"

extern unsigned long other_steps;
void other(int times);

static unsigned long steps;

static PROBED int step(int v)
{
	steps++;
	KEEP(v);
	return v;
}

int main(void)
{
	ready();
	for (int i = 0; i < 5; i++)
		step(i);
	other(7);
	calls("step samename.c", steps);
	calls("step other.c", other_steps);
	return done();
}
