#include "../protocol.h"

unsigned long other_steps;
void other(int times);

static PROBED long step(long v, int way)
{
	other_steps++;
	KEEP(v);
	return v + way;
}

void other(int times)
{
	for (int i = 0; i < times; i++)
		step(i, 1);
}
