/*
 * syscalls: system calls that succeed, fail, never return, and are made in calls.
 *
 * Truth: getppid is called 31 times by main and 60 times by handle, which is
 * called 10 times each with kind 0, 1 and 2 and makes kind + 1 of them. openat
 * opens /dev/null 7 times; 11 times it is given a name that does not exist, in a
 * page that is not in memory. pipe2 makes a pipe, of which 13 reads take one byte
 * each. 17 calls have a number that no system call has. 3 threads end by the system call exit, and 1 waits in futex until the
 * process ends.
 * Told to exec, the first thread stays in pause while another one executes the
 * program anew, which ends the first, whose pause returns unseen: getppid is called 5 times before and 3 times
 * after, and execve is called twice, once for what does not exist.
 * Told to loop, 3 threads call getppid and fail to open a file until the program is
 * told to stop, while threads begin and end.
 * Prints:
 *   calls getppid = 91
 *   calls openat = 18
 *   calls read = 13
 *   calls exit = 3
 *   calls unnamed = 17
 *   calls handle = 30
 * Prints (exec):
 *   calls getppid = 8
 *   calls execve = 2
 *   calls pause = 1
 */
#include "../protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define MISSING "/nonexistent/latch"

static char **args;

PROBED long handle(long kind)
{
	for (long i = 0; i <= kind; i++)
		syscall(SYS_getppid);
	return kind;
}

static void *leave(void *arg)
{
	syscall(SYS_exit, 0);
	return arg;
}

/* arm64 has no pause of its own. */
static long pause_here(void)
{
#ifdef SYS_pause
	return syscall(SYS_pause);
#else
	return syscall(SYS_ppoll, 0, 0, 0, 0, 0);
#endif
}

/* The lock belongs to main: the kernel sets a bit of it when somebody waits. */
static volatile unsigned int lock;

static void *stay(void *arg)
{
	syscall(SYS_futex, &lock, FUTEX_LOCK_PI, 0, NULL);
	return arg;
}

/* cold_name is a page with the name in it; every call puts it out of
 * memory. */
static const char *cold_name(void)
{
	static char *page;

	if (!page) {
		int fd = (int)syscall(SYS_memfd_create, "name", 0);

		if (fd < 0 || write(fd, MISSING, sizeof(MISSING)) != sizeof(MISSING) ||
		    ftruncate(fd, 4096))
			exit(1);
		page = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		close(fd);
		if (page == MAP_FAILED)
			exit(1);
	}
	if (madvise(page, 4096, MADV_DONTNEED))
		exit(1);
	return page;
}

static volatile int stop;

static void *busy(void *arg)
{
	while (!stop) {
		syscall(SYS_getppid);
		syscall(SYS_openat, AT_FDCWD, MISSING, O_RDONLY, 0);
	}
	return arg;
}

static int loop(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, busy, NULL))
			return 1;
	while (!stop_asked())
		if (pthread_create(&threads[3], NULL, leave, NULL) || pthread_join(threads[3], NULL))
			return 1;
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return done();
}

static void *execute(void *arg)
{
	char *again[] = { args[0], "exec", "after", NULL };

	for (int i = 0; i < 5; i++)
		syscall(SYS_getppid);
	syscall(SYS_execve, MISSING, again, NULL);
	syscall(SYS_execve, "/proc/self/exe", again, NULL);
	return arg;
}

static int after(void)
{
	for (int i = 0; i < 3; i++)
		syscall(SYS_getppid);
	calls("getppid", 8);
	calls("execve", 2);
	calls("pause", 1);
	return done();
}

int main(int argc, char **argv)
{
	pthread_t threads[4];
	int ends[2];
	char byte = 'x';

	args = argv;
	if (argc > 2)
		return after();
	ready();
	if (looping(argc, argv))
		return loop();
	if (argc > 1) {
		if (pthread_create(&threads[0], NULL, execute, NULL))
			return 1;
		pause_here();
		return 1;
	}
	for (int i = 0; i < 31; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < 30; i++)
		handle(i % 3);
	for (int i = 0; i < 7; i++)
		close((int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0));
	for (int i = 0; i < 11; i++)
		if (syscall(SYS_openat, AT_FDCWD, cold_name(), O_RDONLY, 0) >= 0 || errno != ENOENT)
			return 1;
	if (syscall(SYS_pipe2, ends, 0))
		return 1;
	for (int i = 0; i < 13; i++)
		if (syscall(SYS_write, ends[1], &byte, 1) != 1 || syscall(SYS_read, ends[0], &byte, 1) != 1)
			return 1;
	for (int i = 0; i < 17; i++)
		if (syscall(i % 2 ? 900 : 90000) >= 0 || errno != ENOSYS)
			return 1;
	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, leave, NULL) || pthread_join(threads[i], NULL))
			return 1;
	lock = getpid();
	if (pthread_create(&threads[3], NULL, stay, NULL))
		return 1;
	while (!(lock & FUTEX_WAITERS))
		sched_yield();
	calls("getppid", 91);
	calls("openat", 18);
	calls("read", 13);
	calls("exit", 3);
	calls("unnamed", 17);
	calls("handle", 30);
	return done();
}
