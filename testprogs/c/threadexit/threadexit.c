/*
 * threadexit: threads that end inside the function.
 *
 * Truth: leave is called by 20 threads, each of which ends by pthread_exit two
 * frames below start, in leave; 3 further calls return. pthread_exit unwinds
 * by force (libgcc's _Unwind_ForcedUnwind), which a return probe would break.
 * Prints:
 *   calls leave = 23
 *   returns leave = 3
 *   unwound leave = 20
 */
#include "../protocol.h"
#include <pthread.h>

#define THREADS 20

static unsigned long entered, returned;

PROBED long leave(long id, int stay)
{
	__atomic_add_fetch(&entered, 1, __ATOMIC_RELAXED);
	if (!stay)
		pthread_exit((void *)id);
	__atomic_add_fetch(&returned, 1, __ATOMIC_RELAXED);
	return id;
}

static void *start(void *arg)
{
	long r = leave((long)arg, 0);

	KEEP(r);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	ready();
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, start, (void *)i))
			return 1;
	for (long i = 0; i < THREADS; i++) {
		void *id;

		if (pthread_join(threads[i], &id) || (long)id != i)
			return 1;
	}
	for (long i = 0; i < 3; i++)
		leave(100 + i, 1);
	calls("leave", entered);
	printf("returns leave = %lu\n", returned);
	printf("unwound leave = %lu\n", entered - returned);
	return done();
}
