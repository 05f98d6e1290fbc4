/*
 * structs: structs by value, the hidden result pointer, bit-fields.
 *
 * Truth (System V classes in brackets):
 *   small(struct { int a, b, c; } s, int id): 5 calls, s={1,2,3} id=31 [2 registers]
 *   pair(struct { long x, y; } s, int id): 7 calls, s={4,5} id=37 [2 registers]
 *   large(struct { long v[5]; } s, int id): 3 calls, v[0]=6 id=41 [memory; id in rdi]
 *   blend(struct { int i; double d; } s, int id): 11 calls, i=7 id=43 [rdi, xmm0]
 *   make(int a, int b): 13 calls, a=8 b=9 [result pointer in rdi, a in rsi]
 *   packed(struct bits *b): 3 calls; kind=5 flag=1 delta=-3
 * Prints:
 *   calls small id=31 = 5
 *   calls pair id=37 = 7
 *   calls large id=41 = 3
 *   calls blend id=43 = 11
 *   calls make a=8 b=9 = 13
 *   calls packed kind=5 flag=1 delta=-3 = 3
 *   checksum 1453
 */
#include "../protocol.h"

struct s12 { int a, b, c; };
struct s16 { long x, y; };
struct s40 { long v[5]; };
struct sid { int i; double d; };
struct bits {
	unsigned kind : 4;
	unsigned flag : 1;
	signed delta : 6;
	unsigned long rest : 40;
};

PROBED long small(struct s12 s, int id)
{
	KEEP(id);
	return s.a + s.b + s.c + id;
}

PROBED long pair(struct s16 s, int id)
{
	KEEP(id);
	return s.x + s.y + id;
}

PROBED long large(struct s40 s, int id)
{
	KEEP(id);
	return s.v[0] + s.v[4] + id;
}

PROBED long blend(struct sid s, int id)
{
	KEEP(id);
	return s.i + (long)s.d + id;
}

PROBED struct s40 make(int a, int b)
{
	struct s40 r = { { a, b, a + b, a - b, 0 } };

	KEEP(a);
	return r;
}

PROBED long packed(const struct bits *b)
{
	KEEP(b);
	return (long)b->kind + b->flag + b->delta;
}

int main(void)
{
	struct s12 s12 = { 1, 2, 3 };
	struct s16 s16 = { 4, 5 };
	struct s40 s40 = { { 6, 0, 0, 0, 1 } };
	struct sid sid = { 7, 2.5 };
	struct bits bits = { 5, 1, -3, 99 };
	long sum = 0;

	ready();
	for (int i = 0; i < 5; i++)
		sum += small(s12, 31);
	for (int i = 0; i < 7; i++)
		sum += pair(s16, 37);
	for (int i = 0; i < 3; i++)
		sum += large(s40, 41);
	for (int i = 0; i < 11; i++)
		sum += blend(sid, 43);
	for (int i = 0; i < 13; i++)
		sum += make(8, 9).v[2];
	for (int i = 0; i < 3; i++)
		sum += packed(&bits);
	calls("small id=31", 5);
	calls("pair id=37", 7);
	calls("large id=41", 3);
	calls("blend id=43", 11);
	calls("make a=8 b=9", 13);
	calls("packed kind=5 flag=1 delta=-3", 3);
	printf("checksum %ld\n", sum);
	return done();
}
