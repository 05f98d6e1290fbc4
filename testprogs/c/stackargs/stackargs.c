/*
 * stackargs: arguments behind the sixth, and variadic ones.
 *
 * Truth: many(a..i) is called 7 times with a=1 .. i=9 (g, h, i lie on the
 * stack, h as an int between two longs) and 4 times with i=-9; total(n, ...)
 * is called 5 times with n=3 and 2 times with n=0, its variadic arguments int.
 * Prints:
 *   calls many g=7 h=8 i=9 = 7
 *   calls many g=7 h=8 i=-9 = 4
 *   calls total n=3 = 5
 *   calls total n=0 = 2
 *   checksum 453
 */
#include "../protocol.h"
#include <stdarg.h>

PROBED long many(long a, int b, long c, int d, long e, int f, long g, int h, long i)
{
	long r = a + b + c + d + e + f + g + h + i;

	KEEP(r);
	return r;
}

PROBED long total(int n, ...)
{
	va_list ap;
	long r = 0;

	va_start(ap, n);
	for (int i = 0; i < n; i++)
		r += va_arg(ap, int);
	va_end(ap);
	return r;
}

int main(void)
{
	long sum = 0;

	ready();
	for (int i = 0; i < 7; i++)
		sum += many(1, 2, 3, 4, 5, 6, 7, 8, 9);
	for (int i = 0; i < 4; i++)
		sum += many(1, 2, 3, 4, 5, 6, 7, 8, -9);
	for (int i = 0; i < 5; i++)
		sum += total(3, 1, 2, 3);
	for (int i = 0; i < 2; i++)
		sum += total(0);
	calls("many g=7 h=8 i=9", 7);
	calls("many g=7 h=8 i=-9", 4);
	calls("total n=3", 5);
	calls("total n=0", 2);
	printf("checksum %ld\n", sum);
	return done();
}
