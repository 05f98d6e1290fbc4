/*
 * forkchild: fork without exec, in the middle of a call.
 *
 * Truth: the parent calls work 11 times. In the 6th call it forks; the child
 * returns from that call too, calls work 7 times more, and exits. The parent's
 * process has 11 calls and 11 returns, the child's 7 calls and 8 returns.
 * Prints:
 *   calls work parent = 11
 *   calls work child = 7
 *   returns work parent = 11
 *   returns work child = 8
 */
#include "../protocol.h"
#include <sys/wait.h>

static unsigned long entered, returned;
static pid_t child = -1;

PROBED int work(int i, int do_fork)
{
	entered++;
	if (do_fork) {
		child = fork();
		if (child == 0)
			entered = returned = 0;
	}
	returned++;
	return i;
}

int main(void)
{
	unsigned long of_child[2];
	int ends[2], status;

	if (pipe(ends))
		return 1;
	ready();
	for (int i = 0; i < 11; i++) {
		work(i, i == 5);
		if (child == 0)
			break;
	}
	if (child == 0) {
		for (int i = 0; i < 7; i++)
			work(100 + i, 0);
		of_child[0] = entered;
		of_child[1] = returned;
		_exit(write(ends[1], of_child, sizeof(of_child)) != sizeof(of_child));
	}
	if (child < 0 || read(ends[0], of_child, sizeof(of_child)) != sizeof(of_child))
		return 1;
	if (waitpid(child, &status, 0) != child || status)
		return 1;
	calls("work parent", entered);
	calls("work child", of_child[0]);
	printf("returns work parent = %lu\n", returned);
	printf("returns work child = %lu\n", of_child[1]);
	return done();
}
