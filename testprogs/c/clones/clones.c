/*
 * clones: functions whose parameters the compiler moved or removed.
 *
 * Truth: scale(v, by) is called 29 times, always with by=3: gcc -O2 makes
 * scale.constprop.0, without by. sum(p) is called 31 times: gcc makes sum.isra.0,
 * which takes p's members. Neither symbol says where the parameters are.
 * Prints:
 *   calls scale by=3 = 29
 *   calls sum = 31
 *   checksum 2613
 */
#include "../protocol.h"

struct pair { long a, b, unused; };

static unsigned long n_scale, n_sum;

static __attribute__((noinline)) long scale(long v, long by)
{
	n_scale++;
	KEEP(v);
	return v * by;
}

static __attribute__((noinline)) long sum(const struct pair *p)
{
	long r = p->a + p->b;

	n_sum++;
	__asm__ volatile("" : "+r"(r));
	return r;
}

int main(void)
{
	struct pair p = { 0, 0, 0 };
	long all = 0;

	ready();
	for (long i = 0; i < 29; i++)
		all += scale(i, 3);
	for (long i = 0; i < 31; i++) {
		p.a = i;
		p.b = i * 2;
		all += sum(&p);
	}
	calls("scale by=3", n_scale);
	calls("sum", n_sum);
	printf("checksum %ld\n", all);
	return done();
}
