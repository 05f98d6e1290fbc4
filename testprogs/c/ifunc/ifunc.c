/*
 * ifunc: a symbol whose value is a resolver (STT_GNU_IFUNC).
 *
 * Truth: pick is called 37 times; the resolver, which the loader runs once
 * before main, chooses pick_fast, so that gets the 37 calls and pick_slow none.
 * Prints:
 *   calls pick_fast = 37
 *   calls pick_slow = 0
 */
#include "../protocol.h"

static unsigned long fast, slow;

PROBED long pick_fast(long v)
{
	fast++;
	KEEP(v);
	return v;
}

PROBED long pick_slow(long v)
{
	slow++;
	KEEP(v);
	return v;
}

typedef long pick_fn(long);

/* It runs before relocation is over: no calls into libc. */
static UNUSED pick_fn *resolve_pick(void)
{
	return pick_fast;
}

long pick(long v) __attribute__((ifunc("resolve_pick")));

int main(void)
{
	ready();
	for (long i = 0; i < 37; i++)
		pick(i);
	calls("pick_fast", fast);
	calls("pick_slow", slow);
	return done();
}
