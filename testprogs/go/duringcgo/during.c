#include <unistd.h>
#include "_cgo_export.h"

static long relays;

void c_ask(void)
{
	getppid();
}

void c_call_back(void)
{
	getppid();
	goAsk();
}

__attribute__((noinline)) long c_relay(long n)
{
	relays++;
	if (n)
		getppid();
	return goInner(n) + n;
}

long c_relays(void)
{
	return relays;
}
