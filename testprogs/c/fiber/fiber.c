/*
 * fiber: calls that live on stacks of their own and end on another thread.
 *
 * Truth: 31 rounds. In each, two fibers (ids 1 and 2) call hold, which gives
 * the thread back in its middle; a second thread then resumes both, the first
 * one first, so that hold returns there. hold is called 62 times, 31 by id, and
 * all return; by thread alone they would be paired in the wrong order.
 * Prints:
 *   calls hold = 62
 *   calls hold id=1 = 31
 *   calls hold id=2 = 31
 *   returns hold = 62
 *   moved 62
 */
#include "../protocol.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define STACK (64 * 1024)

struct fiber {
	ucontext_t self, *resumer;
	long began_on, ended_on;
	char *stack;
};

static struct fiber fibers[3];
static unsigned long entered[3], returned, moved;

/* A system call, as the compiler may keep a TLS address across the switch. */
static PROBED long thread(void)
{
	return syscall(SYS_gettid);
}

PROBED long hold(int id)
{
	struct fiber *f = &fibers[id];

	entered[id]++;
	f->began_on = thread();
	swapcontext(&f->self, f->resumer);
	f->ended_on = thread();
	returned++;
	return id;
}

static void body(int id)
{
	long r = hold(id);

	KEEP(r);
	moved += fibers[id].began_on != fibers[id].ended_on;
	/* Not uc_link, which would return to where the fiber was first started. */
	setcontext(fibers[id].resumer);
}

static void resume(struct fiber *f)
{
	ucontext_t here;

	f->resumer = &here;
	swapcontext(&here, &f->self);
}

static void *finish(void *arg)
{
	(void)arg;
	resume(&fibers[1]);
	resume(&fibers[2]);
	return NULL;
}

int main(void)
{
	for (int id = 1; id <= 2; id++)
		if (!(fibers[id].stack = (char *)malloc(STACK)))
			return 1;
	ready();
	for (int round = 0; round < 31; round++) {
		pthread_t other;

		for (int id = 1; id <= 2; id++) {
			struct fiber *f = &fibers[id];

			getcontext(&f->self);
			f->self.uc_stack.ss_sp = f->stack;
			f->self.uc_stack.ss_size = STACK;
			makecontext(&f->self, (void (*)(void))body, 1, id);
			resume(f);
		}
		if (pthread_create(&other, NULL, finish, NULL) || pthread_join(other, NULL))
			return 1;
	}
	calls("hold", entered[1] + entered[2]);
	for (int id = 1; id <= 2; id++)
		printf("calls hold id=%d = %lu\n", id, entered[id]);
	printf("returns hold = %lu\n", returned);
	printf("moved %lu\n", moved);
	return done();
}
