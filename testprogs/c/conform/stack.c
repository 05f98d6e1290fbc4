/*
 * stack: the seventh and later arguments, structs between them, and what does
 * not fit the registers that are left.
 */
#include "conform.h"
#include <stdarg.h>

struct pair { long x, y; };
struct triple { int x; short y; long z; };
struct wide { char name[20]; int n; double d; };
struct aligned { long x, y; } __attribute__((aligned(16)));

PROBED long c_stack(long r1, long r2, long r3, long r4, long r5, long r6,
		    signed char s7, unsigned short s8, _Bool s9, int s10, unsigned s11, long s12, const char *s13)
{
	USE(r1);
	USE(r6);
	USE(s7);
	USE(s12);
	USE(s13);
	return r1 + r2 + r3 + r4 + r5 + r6 + s7 + s8 + s9 + s10 + s11 + s12;
}

PROBED long c_nine_doubles(double d1, int n1, double d2, double d3, double d4, double d5, double d6, double d7, double d8, double d9, long n2)
{
	USE(n1);
	USE(n2);
	return (long)(d1 + d2 + d3 + d4 + d5 + d6 + d7 + d8 + d9);
}

PROBED long c_between(int before, struct wide on, int behind)
{
	USE(before);
	USE(behind);
	return on.n;
}

/* c_one_left has one register left, so pair goes to the stack and behind not. */
PROBED long c_one_left(long q1, long q2, long q3, long q4, long q5, struct pair whole, long behind, long then)
{
	USE(q1);
	USE(behind);
	USE(then);
	return whole.x + q2 + q3 + q4 + q5;
}

PROBED long c_aligned(long o1, long o2, long o3, long o4, long o5, long o6, long o7, struct aligned al, int o8)
{
	USE(o7);
	USE(o8);
	return al.x + o1 + o2 + o3 + o4 + o5 + o6;
}

PROBED long c_long_doubles(long double x1, int w1, long double x2, int w2)
{
	USE(w1);
	USE(w2);
	return (long)(x1 + x2);
}

PROBED long c_int128s(long i1, __int128 big, long i2)
{
	USE(i1);
	USE(i2);
	return (long)big;
}

PROBED long c_variadic(int fixed, const char *format, ...)
{
	va_list args;
	long sum = 0;

	USE(fixed);
	va_start(args, format);
	for (int i = 0; i < fixed; i++)
		sum += va_arg(args, long);
	va_end(args);
	return sum;
}

/* c_hidden_first takes the address of its result before everything else. */
PROBED struct wide c_hidden_first(int h1, long h2, long h3, long h4, long h5, long h6, struct triple h7)
{
	struct wide w = { "made", h1, (double)h6 };

	USE(h1);
	USE(h6);
	w.n += (int)(h7.z + h2 + h3 + h4 + h5);
	return w;
}

/* c_sites is called from several places. */
PROBED long c_sites(int site)
{
	USE(site);
	return 10L * site;
}

static long inner(int site)
{
	return c_sites(site) + c_sites(site + 1);
}

static void registers(void)
{
	long ret = ((long (*)(long, long, long, long, long, long, long, long, long, long, long, long, const char *))hidden((void *)c_stack))(
		-1, 2, 3, 4, 5, -6, DIRTY((signed char)-7), DIRTY((unsigned short)65528), DIRTY((_Bool) true), DIRTY(-10), DIRTY(4294967285U),
		1L << 62, "the thirteenth");

	put_int("c_stack", "r1", -1);
	put_int("c_stack", "r6", -6);
	put_int("c_stack", "s7", -7);
	put_uint("c_stack", "s8", 65528);
	put_bool("c_stack", "s9", true);
	put_int("c_stack", "s10", -10);
	put_uint("c_stack", "s11", 4294967285U);
	put_int("c_stack", "s12", 1L << 62);
	put_string("c_stack", "s13", "the thirteenth");
	put_int("c_stack", "ret", ret);
	put_int("c_stack", "s7 + s10", -17);

	ret = c_nine_doubles(1.5, -11, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.25, -12);
	put_double("c_nine_doubles", "d1", 1.5);
	put_double("c_nine_doubles", "d8", 8.5);
	put_double("c_nine_doubles", "d9", 9.25);
	put_int("c_nine_doubles", "n1", -11);
	put_int("c_nine_doubles", "n2", -12);
	put_int("c_nine_doubles", "ret", ret);
}

static void values(void)
{
	struct wide on = { "name on the stack", -13, 0.75 };
	struct pair whole = { -14, 1L << 61 };
	struct aligned al = { -15, -16 };
	struct triple h7 = { -17, -18, -19 };
	struct wide made;

	put_int("c_between", "ret", c_between(-20, on, -21));
	put_int("c_between", "before", -20);
	put_int("c_between", "behind", -21);
	put_text("c_between", "on.name", on.name);
	put_int("c_between", "on.n", on.n);
	put_double("c_between", "on.d", on.d);
	put("c_between", "on", "{name:\"%s\" n:%d d:%g}", on.name, on.n, on.d);

	put_int("c_one_left", "ret", c_one_left(-22, 1, 2, 3, -23, whole, -24, -25));
	put_int("c_one_left", "q1", -22);
	put_int("c_one_left", "q5", -23);
	put_int("c_one_left", "whole.x", whole.x);
	put_int("c_one_left", "whole.y", whole.y);
	put_int("c_one_left", "behind", -24);
	put_int("c_one_left", "then", -25);

	put_int("c_aligned", "ret", c_aligned(1, 2, 3, 4, 5, 6, -26, al, -27));
	put_int("c_aligned", "o7", -26);
	put_int("c_aligned", "al.x", al.x);
	put_int("c_aligned", "al.y", al.y);
	put_int("c_aligned", "o8", -27);

	c_long_doubles(1.5L, -28, 2.5L, -29);
	put_int("c_long_doubles", "w1", -28);
	put_int("c_long_doubles", "w2", -29);
	put_double("c_long_doubles", "x2", 2.5);
	c_int128s(-30, 5, -31);
	put_int("c_int128s", "i1", -30);
	put_int("c_int128s", "i2", -31);
	put_int("c_int128s", "big", 5);

	put_int("c_variadic", "ret", c_variadic(2, "format", -32L, -33L));
	put_int("c_variadic", "fixed", 2);
	put_string("c_variadic", "format", "format");

	made = c_hidden_first(-34, 1, 2, 3, 4, -35, h7);
	put_int("c_hidden_first", "h1", -34);
	put_int("c_hidden_first", "h5", 4);
	put_int("c_hidden_first", "h6", -35);
	put_int("c_hidden_first", "h7.x", h7.x);
	put_int("c_hidden_first", "h7.y", h7.y);
	put_int("c_hidden_first", "h7.z", h7.z);
	put_text("c_hidden_first", "ret.name", made.name);
	put_int("c_hidden_first", "ret.n", made.n);
	put_double("c_hidden_first", "ret.d", made.d);
}

void stack(void)
{
	registers();
	values();
	inner(1);
	for (int i = 3; i < 5; i++)
		c_sites(i);
	for (int site = 1; site < 5; site++) {
		put_int("c_sites", "site", site);
		put_int("c_sites", "ret", 10L * site);
	}
}
