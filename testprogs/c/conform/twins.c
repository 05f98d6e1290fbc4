/*
 * twins: static functions of one name in two files, called in turn.
 */
#include "conform.h"

void call_other_twin(void);

static PROBED int c_twin(short first)
{
	USE(first);
	return first;
}

void twins(void)
{
	for (int i = 0; i < 2; i++) {
		put_int("c_twin", "first", -5 - i);
		put_int("c_twin", "ret", c_twin((short)(-5 - i)));
		call_other_twin();
	}
}
