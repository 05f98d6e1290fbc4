/*
 * endbr: functions that begin with endbr64 (-fcf-protection=full).
 *
 * Truth: framed (endbr64; push) is called 307 times, called through a pointer;
 * plain (endbr64, no push) 311 times; by kind = i % 3: framed 103, 102, 102.
 * Flags: -fcf-protection=full
 * Needs: amd64
 * Prints:
 *   calls framed = 307
 *   calls framed kind=0 = 103
 *   calls framed kind=1 = 102
 *   calls framed kind=2 = 102
 *   calls plain = 311
 *   checksum 48477
 */
#include "../protocol.h"

static unsigned long by_kind[3], n_plain;

PROBED long plain(long v)
{
	n_plain++;
	return v;
}

PROBED long framed(int kind, long v)
{
	long r;

	by_kind[kind]++;
	r = plain(v); /* kind lives on across the call: rbx is pushed */
	KEEP(r);
	return r + kind;
}

int main(void)
{
	long (*volatile call)(int, long) = framed;
	long sum = 0;

	ready();
	for (int i = 0; i < 307; i++)
		sum += call(i % 3, i);
	for (long i = 0; i < 4; i++)
		sum += plain(i * 200);
	calls("framed", by_kind[0] + by_kind[1] + by_kind[2]);
	for (int k = 0; k < 3; k++)
		printf("calls framed kind=%d = %lu\n", k, by_kind[k]);
	calls("plain", n_plain);
	printf("checksum %ld\n", sum);
	return done();
}
