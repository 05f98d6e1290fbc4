/*
 * threads: one function called by many threads at a time.
 *
 * Truth: 8 threads call handle 1009 times each, 8072 calls; kind is i % 5,
 * so kinds 0 to 3 get 202 calls a thread and kind 4 gets 201. All return.
 * Args: calls a thread (default 1009). Or "loop": until stdin has a line.
 * Prints:
 *   calls handle = 8072
 *   calls handle kind=0 = 1616
 *   calls handle kind=1 = 1616
 *   calls handle kind=2 = 1616
 *   calls handle kind=3 = 1616
 *   calls handle kind=4 = 1608
 */
#include "../protocol.h"
#include <pthread.h>

#define THREADS 8
#define KINDS 5

static unsigned long by_kind[THREADS][KINDS];
static long each;
static int stop;

PROBED long handle(int thread, int kind)
{
	by_kind[thread][kind]++;
	KEEP(kind);
	return kind;
}

static void *work(void *arg)
{
	int thread = (int)(long)arg;

	for (long i = 0;;) {
		handle(thread, (int)(i++ % KINDS));
		if (each ? i == each : __atomic_load_n(&stop, __ATOMIC_RELAXED))
			return NULL;
	}
}

int main(int argc, char **argv)
{
	int loop = looping(argc, argv);
	unsigned long all = 0, kinds[KINDS] = { 0 };
	pthread_t threads[THREADS];

	each = loop ? 0 : number(argc, argv, 1, 1009);
	ready();
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			return 1;
	if (loop)
		read_line();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++) {
		if (pthread_join(threads[i], NULL))
			return 1;
		for (int k = 0; k < KINDS; k++) {
			kinds[k] += by_kind[i][k];
			all += by_kind[i][k];
		}
	}
	calls("handle", all);
	for (int k = 0; k < KINDS; k++)
		printf("calls handle kind=%d = %lu\n", k, kinds[k]);
	return done();
}
