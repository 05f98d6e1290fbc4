/*
 * strings: char pointers, good and bad.
 *
 * Truth: text(const char *s, int kind) never reads *s itself. It is called
 *   kind 0: 3 times with "alpha", 2 with "beta", 1 with ""
 *   kind 1: 2 times with NULL
 *   kind 2: 2 times with a pointer to an unmapped page
 *   kind 3: 1 time with 5000 'x'
 *   kind 4: 3 times with "edge", whose NUL is the last byte before an unmapped page
 *   kind 5: 1 time with 4 bytes "cut!" up to an unmapped page, without a NUL
 *   kind 6: 1 time with "cold", in a mapped file's page not yet faulted in
 *   kind 7: 2 times with "split-over-pages", lying over two mapped pages
 *   kind 8: 1 time with invalid UTF-8 and an escape sequence, \xff\x1b[31m
 * Prints:
 *   calls text kind=0 = 6
 *   calls text kind=1 = 2
 *   calls text kind=2 = 2
 *   calls text kind=3 = 1
 *   calls text kind=4 = 3
 *   calls text kind=5 = 1
 *   calls text kind=6 = 1
 *   calls text kind=7 = 2
 *   calls text kind=8 = 1
 *   cold page reads cold
 */
#include "../protocol.h"
#include <sys/mman.h>

static unsigned long by_kind[9];

PROBED int text(const char *s, int kind)
{
	by_kind[kind]++;
	KEEP(s);
	return s != NULL;
}

/* cold_page maps a file whose page this process has never touched. */
static const char *cold_page(long page)
{
	int fd = memfd_create("cold", 0);

	if (fd < 0 || ftruncate(fd, page) || pwrite(fd, "cold", 5, 0) != 5)
		return NULL;
	return (const char *)mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE, fd, 0);
}

int main(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *area = (char *)mmap(NULL, (size_t)page * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end, *split, *big = (char *)malloc(5001);
	const char *cold = cold_page(page);

	if (area == MAP_FAILED || !cold || cold == MAP_FAILED || !big)
		return 1;
	end = area + 3 * page; /* the last page goes away */
	if (munmap(end, (size_t)page))
		return 1;
	memset(big, 'x', 5000);
	big[5000] = 0;
	split = area + page - 8;
	strcpy(split, "split-over-pages");
	ready();
	for (int i = 0; i < 3; i++)
		text("alpha", 0);
	for (int i = 0; i < 2; i++)
		text("beta", 0);
	text("", 0);
	for (int i = 0; i < 2; i++)
		text(NULL, 1);
	for (int i = 0; i < 2; i++)
		text(end, 2);
	text(big, 3);
	memcpy(end - 5, "edge", 5);
	for (int i = 0; i < 3; i++)
		text(end - 5, 4);
	memcpy(end - 4, "cut!", 4);
	text(end - 4, 5);
	text(cold, 6);
	for (int i = 0; i < 2; i++)
		text(split, 7);
	text("\xff\x1b[31m", 8);

	for (int k = 0; k < 9; k++)
		printf("calls text kind=%d = %lu\n", k, by_kind[k]);
	printf("cold page reads %s\n", cold);
	return done();
}
