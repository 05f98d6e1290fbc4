/*
 * longjmp: calls that never reach a RET.
 *
 * Truth: attempt is called 50 times and leaves by longjmp 50 times. With
 * "mixed": 53 times, of which 18 (i % 3 == 0) return. With "nested": 47 times
 * outer calls middle calls attempt, and the jump leaves all three at once,
 * except that each tenth (5 of them) returns through all three.
 * Args: "all" (default), "mixed", "nested".
 * Prints:
 *   jumps 50
 *   calls attempt = 50
 *   returns attempt = 0
 *   unwound attempt = 50
 * Prints (mixed):
 *   jumps 35
 *   calls attempt = 53
 *   returns attempt = 18
 *   unwound attempt = 35
 * Prints (nested):
 *   jumps 42
 *   calls attempt = 47
 *   returns attempt = 5
 *   unwound attempt = 42
 *   calls middle = 47
 *   calls outer = 47
 */
#include "../protocol.h"
#include <setjmp.h>

static jmp_buf back;
static volatile unsigned long attempts, returned, middles, outers, jumps;

PROBED int attempt(int i, int leave)
{
	attempts++;
	if (leave)
		longjmp(back, i + 1);
	returned++;
	return i;
}

PROBED int middle(int i, int leave)
{
	int r;

	middles++;
	r = attempt(i, leave);
	KEEP(r);
	return r;
}

PROBED int outer(int i, int leave)
{
	int r;

	outers++;
	r = middle(i, leave);
	KEEP(r);
	return r;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "all";
	int mixed = !strcmp(mode, "mixed"), nested = !strcmp(mode, "nested");
	volatile int i;

	ready();
	for (i = 0; i < (mixed ? 53 : nested ? 47 : 50); i++) {
		if (setjmp(back)) {
			jumps++;
			continue;
		}
		if (nested)
			outer(i, i % 10 != 0);
		else
			attempt(i, !mixed || i % 3 != 0);
	}
	printf("jumps %lu\n", jumps);
	calls("attempt", attempts);
	printf("returns attempt = %lu\n", returned);
	printf("unwound attempt = %lu\n", attempts - returned);
	if (nested) {
		calls("middle", middles);
		calls("outer", outers);
	}
	return done();
}
