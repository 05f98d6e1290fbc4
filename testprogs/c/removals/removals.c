/*
 * removals: takes files away in the way that is asked for.
 *
 * Truth: cleanup_job(JOB) is called once, and does to the paths what is named by the
 * first argument: unlink A, unlink32 A (by the calls of 32 bits), unlinkat DIR NAME, rename A B, exchange A B, truncate A,
 * ftruncate A (which opens it), otrunc A, grow A (ftruncate to 1 MiB), create A,
 * uring A, uringat DIR NAME, uringrename A B, held A (unlinks what it has open, and
 * closes it), many DIR N (makes N files in DIR, says so, waits for
 * a line, and unlinks them by their paths).
 * JOB is "nightly-purge". What fails is printed with its error. Without arguments it
 * only calls cleanup_job.
 * Prints:
 *   calls cleanup_job = 1
 */
#include "../protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int args;
static char **arg;

/* uring has the kernel do one thing, and returns its result. */
static int uring(struct io_uring_sqe want)
{
	struct io_uring_params p = { 0 };
	int fd = syscall(SYS_io_uring_setup, 1, &p), i, res;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqe;

	if (fd < 0)
		return -errno;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		abort();
	sqes[0] = want;
	i = *(unsigned *)(sq + p.sq_off.tail) & *(unsigned *)(sq + p.sq_off.ring_mask);
	((unsigned *)(sq + p.sq_off.array))[i] = 0;
	__atomic_add_fetch((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		abort();
	cqe = (void *)(cq + p.cq_off.cqes);
	res = cqe->res;
	close(fd);
	return res;
}

static int uring_unlink(int dir, const char *name)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT, .fd = dir,
					    .addr = (unsigned long)name });
}

/* unlink32 unlinks as a program of 32 bits does. */
static int unlink32(const char *name)
{
#if defined(__x86_64__)
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int res = 10; /* unlink */

	if (low == MAP_FAILED)
		abort();
	strncpy(low, name, 4095);
	__asm__ volatile("int $0x80" : "+a"(res) : "b"(low) : "memory", "r8", "r9", "r10", "r11");
	return res;
#else
	return unlink(name) ? -errno : 0;
#endif
}

static int open_dir(const char *name)
{
	int fd = open(name, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

static int many(const char *dir, int n)
{
	char path[4096];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/unrelated-%d", dir, i);
		if (mknod(path, S_IFREG | 0600, 0))
			return -errno;
	}
	printf("made %d\n", n);
	fflush(stdout);
	read_line();
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/unrelated-%d", dir, i);
		if (unlink(path))
			return -errno;
	}
	return 0;
}

static int remove_it(void)
{
	const char *how = args > 1 ? arg[1] : "", *a = args > 2 ? arg[2] : "", *b = args > 3 ? arg[3] : "";
	int fd, res;

#define IS(name) !strcmp(how, name)
	if (IS("unlink"))
		return unlink(a) ? -errno : 0;
	if (IS("unlink32"))
		return unlink32(a);
	if (IS("unlinkat"))
		return unlinkat(open_dir(a), b, 0) ? -errno : 0;
	if (IS("rename"))
		return rename(a, b) ? -errno : 0;
	if (IS("exchange"))
		return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */) ? -errno : 0;
	if (IS("truncate"))
		return truncate(a, 0) ? -errno : 0;
	if (IS("uring"))
		return uring_unlink(AT_FDCWD, a);
	if (IS("uringat"))
		return uring_unlink(open_dir(a), b);
	if (IS("uringrename"))
		return uring((struct io_uring_sqe){ .opcode = IORING_OP_RENAMEAT, .fd = AT_FDCWD,
						    .addr = (unsigned long)a, .len = AT_FDCWD,
						    .off = (unsigned long)b });
	if (IS("many"))
		return many(a, atoi(b));
	if (!*how)
		return 0;
	fd = open(a, IS("otrunc") ? O_WRONLY | O_TRUNC : IS("create") ? O_WRONLY | O_CREAT | O_TRUNC : O_RDWR, 0600);
	if (fd < 0)
		return -errno;
	res = IS("ftruncate") ? ftruncate(fd, 0) : IS("grow") ? ftruncate(fd, 1 << 20) : IS("held") ? unlink(a) : 0;
	res = res ? -errno : 0;
	close(fd);
	return res;
}

PROBED int cleanup_job(const char *job)
{
	int res = remove_it();

	KEEP(job);
	if (res < 0)
		printf("# %s\n", strerrorname_np(-res));
	return res;
}

int main(int argc, char **argv)
{
	args = argc;
	arg = argv;
	ready();
	cleanup_job("nightly-purge");
	printf("calls cleanup_job = 1\n");
	return done();
}
