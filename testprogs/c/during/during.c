/*
 * during: system calls made within calls of known functions.
 *
 * Truth: getppid is called 11 times, in this order: within send_order("order-1");
 * within no call; within send_order("order-2") that hold_order("outer") calls;
 * within send_part(0) that send_part(1) to send_part(3) enclose; in hold_order("outer")
 * behind send_part's return; in another thread while hold_order("held") waits for it,
 * first within no call, then within send_order("other"), then within none;
 * behind a send_order("jumps") that longjmp left, which is within no call;
 * within that of hold_order("catches") where it called one; within send_order("late").
 * While the last one waits, another thread calls getpgid, and the main one
 * calls it again when it has returned.
 * With "drops", send_order is called 5 times: "a" and "d" call nothing; "b" calls
 * getppid and getsid, sleeps 20 ms, and calls getpriority; "c", which
 * hold_order("drops") calls, does the same without getpriority; "e" calls that alone.
 * With "many", 8 threads call send_number(n) 251 times each, which asks twice with
 * n as the argument of the system call, and leaves by longjmp in between where 16
 * divides n; each asks with 0 behind it.
 * Prints:
 *   calls send_order = 6
 *   calls send_part = 4
 *   calls hold_order = 3
 * Prints (drops):
 *   calls send_order = 5
 *   calls hold_order = 1
 * Prints (many):
 *   calls send_number = 2008
 */
#include "../protocol.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static unsigned long orders, parts, holds;
static jmp_buf out;

static void *other_thread(void *arg);
static void *asks_again(void *arg);

static void in_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL) || pthread_join(thread, NULL))
		abort();
}

static void nap(void)
{
	struct timespec left = { .tv_nsec = 20000000 };

	while (nanosleep(&left, &left))
		;
}

PROBED int send_order(const char *id)
{
	orders++;
	switch (id[0]) {
	case 'a': case 'd':
		break;
	case 'b': case 'c':
		getppid();
		getsid(0);
		nap();
		if (id[0] == 'c')
			break;
		/* fall through */
	case 'e':
		getpriority(PRIO_PROCESS, 0);
		break;
	case 'j':
		longjmp(out, 1);
	case 'l':
		getppid();
		in_thread(asks_again);
		break;
	default:
		getppid();
	}
	KEEP(id);
	return 0;
}

PROBED int send_part(int n)
{
	int rest = 0;

	parts++;
	if (n > 0)
		rest = send_part(n - 1);
	else
		getppid();
	KEEP(n);
	return n + rest;
}

PROBED int hold_order(const char *id)
{
	volatile int kept = 0; /* a frame that longjmp may come back to */

	holds++;
	switch (id[0]) {
	case 'h':
		in_thread(other_thread);
		break;
	case 'c':
		if (!setjmp(out))
			send_order("jumps");
		getppid();
		break;
	case 'd':
		send_order("c");
		break;
	default:
		send_order("order-2");
		send_part(3);
		getppid();
	}
	KEEP(id);
	return kept;
}

static void *other_thread(void *arg)
{
	getppid();
	send_order("other");
	getppid();
	return arg;
}

static void *asks_again(void *arg)
{
	getpgid(0);
	return arg;
}

static __thread jmp_buf next;

PROBED void send_number(long n)
{
	syscall(SYS_getppid, n);
	if (n % 16 == 0)
		longjmp(next, 1);
	syscall(SYS_getppid, n);
	KEEP(n);
}

static void *sender(void *arg)
{
	long first = (long)arg;

	for (volatile long i = 0; i < 251; i++) {
		if (!setjmp(next))
			send_number(first + 8 * i + i % 8);
		syscall(SYS_getppid, 0L);
	}
	return NULL;
}

static int many(void)
{
	pthread_t threads[8];

	for (long i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, sender, (void *)(i + 1)))
			return 1;
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	calls("send_number", 8 * 251);
	return done();
}

int main(int argc, char **argv)
{
	int drops = argc > 1 && !strcmp(argv[1], "drops");

	ready();
	if (argc > 1 && !strcmp(argv[1], "many"))
		return many();
	if (drops) {
		send_order("a");
		send_order("b");
		hold_order("drops");
		send_order("d");
		send_order("e");
	} else {
		send_order("order-1");
		getppid();
		hold_order("outer");
		hold_order("held");
		if (!setjmp(out))
			send_order("jumps");
		getppid();
		hold_order("catches");
		send_order("late");
		getpgid(0);
	}
	calls("send_order", orders);
	if (!drops)
		calls("send_part", parts);
	calls("hold_order", holds);
	return done();
}
