/*
 * twins_other: the other function called c_twin.
 */
#include "conform.h"

void call_other_twin(void);

static PROBED long c_twin(long second, const char *words)
{
	USE(second);
	USE(words);
	return second * 2;
}

void call_other_twin(void)
{
	put_int("c_twin", "second", 1L << 40);
	put_string("c_twin", "words", "the other");
	put_int("c_twin", "ret", c_twin(1L << 40, "the other"));
}
