/*
 * arithmetic: what is computed from arguments and results. Numbers of one type
 * wrap around; between types it is done in 64 bits, signed if either is, and
 * comparisons go by value.
 */
#include "conform.h"
#include <limits.h>

PROBED int c_ints(int ia, int ib, unsigned ua, unsigned ub)
{
	USE(ia);
	USE(ib);
	USE(ua);
	USE(ub);
	return ia / 3;
}

PROBED long c_sizes(size_t za, size_t zb, long la, signed char ca)
{
	USE(za);
	USE(zb);
	USE(la);
	USE(ca);
	return la;
}

PROBED unsigned c_shifts(int sh, unsigned short us, signed char sc, unsigned long ul)
{
	USE(sh);
	USE(us);
	USE(sc);
	USE(ul);
	return us;
}

PROBED bool c_truths(bool ta, bool tb, const char *tc, int *td)
{
	USE(ta);
	USE(tb);
	USE(tc);
	USE(td);
	return ta;
}

/* at compares by value, whatever the signs. */
static bool below(long long a, unsigned long long b)
{
	return a < 0 || (unsigned long long)a < b;
}

static void ints(int ia, int ib, unsigned ua, unsigned ub)
{
	int ret = c_ints(ia, ib, ua, ub);

	put_int("c_ints", "ia + ib", (int)((unsigned)ia + (unsigned)ib));
	put_int("c_ints", "ia - ib", (int)((unsigned)ia - (unsigned)ib));
	put_int("c_ints", "ia * ib", (int)((unsigned)ia * (unsigned)ib));
	put_int("c_ints", "ia / ib", ia / ib);
	put_int("c_ints", "ia % ib", ia % ib);
	put_uint("c_ints", "ua + ub", ua + ub);
	put_uint("c_ints", "ua - ub", ua - ub);
	put_uint("c_ints", "ua / ub", ua / ub);
	put_uint("c_ints", "ua % ub", ua % ub);
	put_int("c_ints", "ia + ua", (long)ia + (long)ua);
	put_int("c_ints", "-ia", (int)-(unsigned)ia);
	put_int("c_ints", "ia & 0xff", ia & 0xff);
	put_uint("c_ints", "ua | ub ^ 5", (ua | ub) ^ 5);
	put_bool("c_ints", "ia < ua", below(ia, ua));
	put_bool("c_ints", "ia == ua", ia >= 0 && (unsigned)ia == ua);
	put_int("c_ints", "ret - ia", ret - ia);
}

static void sizes(size_t za, size_t zb, long la, signed char ca)
{
	long ret = c_sizes(za, zb, la, ca);

	put_uint("c_sizes", "za + zb", za + zb);
	put_uint("c_sizes", "za - zb", za - zb);
	put_uint("c_sizes", "za * zb", za * zb);
	put_uint("c_sizes", "za / zb", za / zb);
	put_uint("c_sizes", "za % zb", za % zb);
	put_uint("c_sizes", "za << 3", za << 3);
	put_uint("c_sizes", "za >> zb", zb < 64 ? za >> zb : 0);
	put_int("c_sizes", "la >> 2", la >> 2);
	put_int("c_sizes", "la / 10 * 10", la / 10 * 10);
	put_bool("c_sizes", "la < za", below(la, za));
	put_bool("c_sizes", "za > la", below(la, za));
	put_bool("c_sizes", "ca >= za", !below(ca, za));
	put_int("c_sizes", "la + ca", la + ca);
	put_uint("c_sizes", "uint32(za)", (unsigned)za);
	put_int("c_sizes", "int8(la)", (signed char)la);
	put_bool("c_sizes", "ret == la", ret == la);
}

static void shifts(int sh, unsigned short us, signed char sc, unsigned long ul)
{
	unsigned ret = c_shifts(sh, us, sc, ul);

	put_uint("c_shifts", "ul << sh", sh < 64 ? ul << sh : 0);
	put_uint("c_shifts", "ul >> sh", sh < 64 ? ul >> sh : 0);
	put_uint("c_shifts", "us << 4", (unsigned short)(us << 4));
	put_uint("c_shifts", "us >> 4", us >> 4);
	put_int("c_shifts", "sc >> 1", sc >> 1);
	put_int("c_shifts", "sc << 1", (signed char)(sc << 1));
	put_uint("c_shifts", "us + us", (unsigned short)(us + us));
	put_int("c_shifts", "sc * sc", (signed char)(sc * sc));
	put_int("c_shifts", "us * sc", (long)us * sc);
	put_uint("c_shifts", "^us", (unsigned short)~us);
	put_uint("c_shifts", "ul &^ 0xff", ul & ~0xffUL);
	put_uint("c_shifts", "log2(ul)", 1UL << (63 - __builtin_clzl(ul)));
	put_int("c_shifts", "int64(us) - 65536", (long)us - 65536);
	put_uint("c_shifts", "ret * 2", ret * 2);
}

static void truths(bool ta, bool tb, const char *tc, int *td)
{
	bool ret = c_truths(ta, tb, tc, td);

	put_bool("c_truths", "ta && tb", ta && tb);
	put_bool("c_truths", "ta || tb", ta || tb);
	put_bool("c_truths", "!ta", !ta);
	put_bool("c_truths", "ta == tb", ta == tb);
	put_bool("c_truths", "tc == \"yes\"", tc && !strcmp(tc, "yes"));
	put_bool("c_truths", "hasPrefix(tc, \"y\")", tc && tc[0] == 'y');
	put_bool("c_truths", "tc != \"no\"", !tc || strcmp(tc, "no"));
	put_bool("c_truths", "tc == nil", tc == NULL);
	put_bool("c_truths", "td != NULL", td != NULL);
	put_bool("c_truths", "td != nil && *td == -9", td && *td == -9);
	put_uint("c_truths", "td - td", 0);
	put_bool("c_truths", "ret != tb", ret != tb);
}

void arithmetic(void)
{
	int nine = -9;

	ints(7, -2, 7, UINT_MAX);
	ints(-7, 2, 5, 3);
	ints(INT_MAX, 3, UINT_MAX, 2);
	ints(INT_MIN, 10, 1U << 31, 10);
	sizes(SIZE_MAX, 2, -1, -1);
	sizes(100, 7, LONG_MAX, 127);
	sizes(1UL << 63, 63, LONG_MIN, -128);
	sizes(0, 64, -15, 0);
	shifts(4, 0xffff, -128, 0x8000000000000001UL);
	shifts(63, 0x8001, 127, 3);
	shifts(64, 1, -3, 1UL << 32);
	truths(true, false, "yes", &nine);
	truths(false, true, "no", NULL);
	truths(true, true, NULL, &nine);
}
