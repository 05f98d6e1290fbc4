/*
 * execself: exec in the middle of a call; the process id stays.
 *
 * Truth: stage is called 3 times with n=1; in the third the program executes
 * itself, so 2 return and one never does; the new image then calls it 5 times
 * with n=2. 8 calls, 7 returns.
 * Prints:
 *   calls stage n=1 = 3
 *   calls stage n=2 = 5
 *   returns stage = 7
 */
#include "../protocol.h"

static unsigned long entered;

PROBED int stage(int n, int leave)
{
	static char self[] = "/proc/self/exe", name[] = "execself", second[] = "second";
	char *args[] = { name, second, NULL };

	entered++;
	if (leave)
		execv(self, args);
	KEEP(n);
	return n;
}

int main(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "second")) {
		ready();
		for (int i = 0; i < 3; i++)
			stage(1, i == 2);
		return 1;
	}
	for (int i = 0; i < 5; i++)
		stage(2, 0);
	calls("stage n=1", 3);
	calls("stage n=2", entered);
	printf("returns stage = %lu\n", 2 + entered);
	return done();
}
