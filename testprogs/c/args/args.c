/*
 * args: where integer arguments are when others stand between them.
 *
 * Truth:
 *   mixed(double a, int id, double b, long z): 7 calls, id=42 z=77
 *   placed(struct point p, int id): 11 calls, p={1000,2000} id=42
 *   narrow(signed char, unsigned char, short, unsigned short, bool): 3 calls
 *     with -1,255,-2,65534,true and 2 with 127,0,-32768,1,false; in all of them the
 *     upper halves of the registers are garbage
 *   wide(unsigned u, unsigned long ul, int i, long l): 5 calls,
 *     4294967295, 18446744073709551615, -1, -9223372036854775808
 *   paint(enum color): RED 2, GREEN 3, BLUE 5, and 1 with the value 9
 *   follow(struct item *): 4 calls with id 17, 3 with id -17, 2 with NULL
 *   scale(double): 5 calls; x is in a vector register
 * Prints:
 *   calls mixed id=42 z=77 = 7
 *   calls placed id=42 p.x=1000 p.y=2000 = 11
 *   calls narrow c=-1 uc=255 s=-2 us=65534 b=1 = 3
 *   calls narrow c=127 uc=0 s=-32768 us=1 b=0 = 2
 *   calls wide u=4294967295 ul=18446744073709551615 i=-1 l=-9223372036854775808 = 5
 *   calls paint c=RED = 2
 *   calls paint c=GREEN = 3
 *   calls paint c=BLUE = 5
 *   calls paint c=9 = 1
 *   calls follow id=17 = 4
 *   calls follow id=-17 = 3
 *   calls follow (none) = 2
 *   calls scale = 5
 *   checksum 134763
 */
#include "../protocol.h"
#include <limits.h>
#include <stdbool.h>

struct point { long x, y; };
struct item { char tag[12]; int id; };
enum color { RED, GREEN = 5, BLUE = -3 };

PROBED long mixed(double a, int id, double b, long z)
{
	KEEP(id);
	return id + z + (long)(a * b);
}

PROBED long placed(struct point p, int id)
{
	KEEP(id);
	return p.y - p.x - id * 20;
}

PROBED long narrow(signed char c, unsigned char uc, short s, unsigned short us, bool b)
{
	long r = c + uc + s + us + b;

	KEEP(r);
	return r;
}

PROBED long wide(unsigned u, unsigned long ul, int i, long l)
{
	KEEP(l);
	return (u == UINT_MAX) + (ul == ULONG_MAX) + (i == -1) + (l == LONG_MIN);
}

PROBED long paint(enum color c)
{
	KEEP(c);
	return (long)c;
}

PROBED long follow(const struct item *it)
{
	KEEP(it);
	return it ? it->id : 1;
}

PROBED double scale(double x)
{
	__asm__ volatile("" : : : "memory");
	return x * 2;
}

/* garbage fills the half of a register that the ABI leaves undefined. */
static long garbage(long v)
{
	return (long)((unsigned long)(v & 0xffffffffL) | 0xabcdef0100000000UL);
}

int main(void)
{
	static const enum color colors[] = { RED, GREEN, BLUE, (enum color)9 };
	static const int painted[] = { 2, 3, 5, 1 };
	struct item a = { "a", 17 }, b = { "b", -17 };
	struct point p = { 1000, 2000 };
	long (*raw)(long, long, long, long, long);
	long sum = 0;
	void *f = (void *)narrow;

	KEEP(f);
	raw = (long (*)(long, long, long, long, long))f;
	ready();
	for (int i = 0; i < 7; i++)
		sum += mixed(1.5, 42, 2, 77);
	for (int i = 0; i < 11; i++)
		sum += placed(p, 42);
	for (int i = 0; i < 3; i++)
		sum += raw(garbage(-1), garbage(255), garbage(-2), garbage(65534), garbage(1));
	for (int i = 0; i < 2; i++)
		sum += raw(garbage(127), garbage(0), garbage(-32768), garbage(1), garbage(0));
	for (int i = 0; i < 5; i++)
		sum += wide(UINT_MAX, ULONG_MAX, -1, LONG_MIN);
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < painted[k]; i++)
			sum += paint(colors[k]);
	for (int i = 0; i < 9; i++)
		sum += follow(i < 4 ? &a : i < 7 ? &b : NULL);
	for (int i = 0; i < 5; i++)
		sum += (long)scale(i);

	printf("calls mixed id=42 z=77 = 7\n"
	       "calls placed id=42 p.x=1000 p.y=2000 = 11\n"
	       "calls narrow c=-1 uc=255 s=-2 us=65534 b=1 = 3\n"
	       "calls narrow c=127 uc=0 s=-32768 us=1 b=0 = 2\n"
	       "calls wide u=4294967295 ul=18446744073709551615 i=-1 l=-9223372036854775808 = 5\n"
	       "calls paint c=RED = 2\n"
	       "calls paint c=GREEN = 3\n"
	       "calls paint c=BLUE = 5\n"
	       "calls paint c=9 = 1\n"
	       "calls follow id=17 = 4\n"
	       "calls follow id=-17 = 3\n"
	       "calls follow (none) = 2\n"
	       "calls scale = 5\n");
	printf("checksum %ld\n", sum);
	return done();
}
