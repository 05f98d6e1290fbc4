/*
 * cold: functions split in two, and one that never returns.
 *
 * Truth: checked is called 101 times; 11 of them (v % 10 == 0) go through its
 * unlikely half, which gcc -O2 places in checked.cold and which jumps back;
 * all return. risky is called 53 times; 6 of them (v % 10 == 9, up to 49: 5,
 * and v = 52) reach fail, which never returns (it leaves by longjmp), so
 * risky returns 47 times and fail, called 6 times, never.
 * Prints:
 *   calls checked = 101
 *   calls risky = 53
 *   returns risky = 47
 *   calls fail = 6
 *   unlikely 11
 *   checksum 5177
 */
#include "../protocol.h"
#include <setjmp.h>

static jmp_buf back;
static volatile unsigned long n_checked, n_risky, n_returned, n_fail, unlikely;

PROBED __attribute__((cold)) void report(long v)
{
	unlikely++;
	KEEP(v);
}

PROBED __attribute__((noreturn)) void fail(int code)
{
	n_fail++;
	longjmp(back, code);
}

PROBED long checked(long v)
{
	n_checked++;
	if (__builtin_expect(v % 10 == 0, 0)) {
		report(v);
		v--;
	}
	KEEP(v);
	return v;
}

PROBED long risky(long v)
{
	n_risky++;
	if (__builtin_expect(v % 10 == 9 || v == 52, 0))
		fail((int)v);
	n_returned++;
	KEEP(v);
	return v;
}

int main(void)
{
	volatile long i, sum = 0;

	ready();
	for (i = 0; i < 101; i++)
		sum += checked(i);
	for (i = 0; i < 53; i++)
		if (!setjmp(back))
			sum += risky(i) % 7;
	calls("checked", n_checked);
	calls("risky", n_risky);
	printf("returns risky = %lu\n", n_returned);
	calls("fail", n_fail);
	printf("unlikely %lu\n", unlikely);
	printf("checksum %ld\n", sum);
	return done();
}
