/*
 * alias: one function with three names.
 *
 * Truth: target, other_name and weak_name are one address, called 11 times as
 * target, 7 as other_name, 5 as weak_name: 23 calls.
 * Prints:
 *   calls target = 23
 */
#include "../protocol.h"

static unsigned long entered;

PROBED int target(int v)
{
	entered++;
	KEEP(v);
	return v;
}

int other_name(int v) __attribute__((alias("target")));
int weak_name(int v) __attribute__((weak, alias("target")));

int main(void)
{
	ready();
	for (int i = 0; i < 11; i++)
		target(i);
	for (int i = 0; i < 7; i++)
		other_name(i);
	for (int i = 0; i < 5; i++)
		weak_name(i);
	calls("target", entered);
	return done();
}
