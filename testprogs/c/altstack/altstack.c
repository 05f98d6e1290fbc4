/*
 * altstack: a signal handler on a stack of its own calls the function that it
 * interrupted.
 *
 * Truth: count is called 41 times from main with depth=0; each raises SIGUSR1,
 * whose handler calls it with depth=1 on the alternate stack, once above and
 * once below the thread's stack in turn. 82 calls, all return. 5 more, with
 * depth=2, leave the handler by siglongjmp (unwound) together with the
 * depth=3 call they interrupted, which is unwound as well.
 * Prints:
 *   calls count = 92
 *   calls count depth=0 = 41
 *   calls count depth=1 = 41
 *   calls count depth=2 = 5
 *   calls count depth=3 = 5
 *   returns count = 82
 *   unwound count = 10
 */
#include "../protocol.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define STACK (256 * 1024)

static volatile unsigned long by_depth[4], returned;
static sigjmp_buf back;

PROBED int count(int depth)
{
	by_depth[depth]++;
	if (depth == 0 || depth == 3)
		raise(depth == 0 ? SIGUSR1 : SIGUSR2);
	if (depth == 2)
		siglongjmp(back, 1);
	returned++;
	return depth;
}

static void again(int sig)
{
	(void)sig;
	count(1);
}

static void leave(int sig)
{
	(void)sig;
	count(2);
}

static int use_stack(void *base)
{
	stack_t ss;

	memset(&ss, 0, sizeof(ss));
	ss.ss_sp = base;
	ss.ss_size = STACK;
	return sigaltstack(&ss, NULL);
}

/* rounds runs on main's stack, with room in above for the other one. */
static PROBED int rounds(char *above)
{
	char *below = (char *)mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int i;

	if (below == MAP_FAILED)
		return 1;
	for (i = 0; i < 41; i++) {
		if (use_stack(i % 2 ? above : below))
			return 1;
		count(0);
	}
	for (i = 0; i < 5; i++)
		if (!sigsetjmp(back, 1))
			count(3);
	return 0;
}

int main(void)
{
	struct sigaction sa;
	char above[STACK];

	memset(&sa, 0, sizeof(sa));
	sa.sa_flags = SA_ONSTACK;
	sa.sa_handler = again;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = leave;
	sigaction(SIGUSR2, &sa, NULL);
	ready();
	if (rounds(above))
		return 1;
	calls("count", by_depth[0] + by_depth[1] + by_depth[2] + by_depth[3]);
	for (int d = 0; d < 4; d++)
		printf("calls count depth=%d = %lu\n", d, by_depth[d]);
	printf("returns count = %lu\n", returned);
	printf("unwound count = %lu\n", by_depth[2] + by_depth[3]);
	return done();
}
