/*
 * structs: structs and unions passed and returned by value, in all the classes
 * of the System V ABI. The number behind a struct is in the next register.
 */
#include "conform.h"

struct one { signed char a; };
struct three { signed char a; unsigned char b; signed char c; };
struct eight { int a; int b; };
struct twelve { int a; unsigned b; short c; };
struct sixteen { long a; unsigned long b; };
struct mixed { short a; signed char b; int c; long d; };
struct float_int { float f; int a; };
struct long_double_ { long a; double f; };
struct double_long { double f; long a; };
struct double_double { double f, g; };
struct floats_long { float f, g; long a; };
struct large { long a, b, c; };
struct larger { double f; int a; char name[12]; short b; long c; };
struct named { char name[8]; int a; };
struct full { char name[16]; };
struct ints { int list[3]; };
struct nested { struct eight in; struct { short x, y; } at; };
struct anonymous { short x; union { int u; float f; }; struct { short y; signed char z; }; };
struct packed { char a; int b; short c; } __attribute__((packed));
struct bits { unsigned a : 3; int b : 5; unsigned c : 12; int d : 20; unsigned long e : 40; };
struct pointing { const char *s; int *p; };
struct nothing { };
union either { int i; float f; unsigned char c[4]; };
union classes { double f; long a; };
struct array_of { struct eight list[2]; };

#define BY_VALUE(name, type) \
	PROBED type name(type v, long z) \
	{ \
		USE(z); \
		__asm__ volatile("" : "+m"(v)); \
		return v; \
	}

BY_VALUE(c_one, struct one)
BY_VALUE(c_three, struct three)
BY_VALUE(c_eight, struct eight)
BY_VALUE(c_twelve, struct twelve)
BY_VALUE(c_sixteen, struct sixteen)
BY_VALUE(c_mixed, struct mixed)
BY_VALUE(c_float_int, struct float_int)
BY_VALUE(c_long_double_, struct long_double_)
BY_VALUE(c_double_long, struct double_long)
BY_VALUE(c_double_double, struct double_double)
BY_VALUE(c_floats_long, struct floats_long)
BY_VALUE(c_large, struct large)
BY_VALUE(c_larger, struct larger)
BY_VALUE(c_named, struct named)
BY_VALUE(c_full, struct full)
BY_VALUE(c_list, struct ints)
BY_VALUE(c_nested, struct nested)
BY_VALUE(c_anonymous, struct anonymous)
BY_VALUE(c_packed, struct packed)
BY_VALUE(c_bits, struct bits)
BY_VALUE(c_pointing, struct pointing)
BY_VALUE(c_either, union either)
BY_VALUE(c_classes, union classes)
BY_VALUE(c_array_of, struct array_of)

PROBED long c_nothing(struct nothing v, int after, long z)
{
	USE(after);
	USE(z);
	(void)v;
	return z;
}

/* BOTH prints a part of the argument and of the result. */
#define BOTH(f, put, part) \
	do { \
		put(f, "v." #part, v.part); \
		put(f, "ret." #part, r.part); \
	} while (0)

/* WHOLE prints argument and result as one text. */
#define WHOLE(f, format, ...) \
	do { \
		put(f, "v", format, __VA_ARGS__); \
		put(f, "ret", format, __VA_ARGS__); \
		put_int(f, "z", z); \
	} while (0)

static void small(long z)
{
	{
		struct one v = { -1 }, r = c_one(v, z);
		BOTH("c_one", put_int, a);
		WHOLE("c_one", "{a:%d}", v.a);
	}
	{
		struct three v = { -1, 255, -128 }, r = c_three(v, z);
		BOTH("c_three", put_int, a);
		BOTH("c_three", put_uint, b);
		BOTH("c_three", put_int, c);
		WHOLE("c_three", "{a:%d b:%d c:%d}", v.a, v.b, v.c);
	}
	{
		struct eight v = { -1, 2147483647 }, r = c_eight(v, z);
		BOTH("c_eight", put_int, a);
		BOTH("c_eight", put_int, b);
		WHOLE("c_eight", "{a:%d b:%d}", v.a, v.b);
	}
	{
		struct twelve v = { -2, 4294967295U, -3 }, r = c_twelve(v, z);
		BOTH("c_twelve", put_int, a);
		BOTH("c_twelve", put_uint, b);
		BOTH("c_twelve", put_int, c);
		WHOLE("c_twelve", "{a:%d b:%u c:%d}", v.a, v.b, v.c);
	}
	{
		struct sixteen v = { -4, 1UL << 63 }, r = c_sixteen(v, z);
		BOTH("c_sixteen", put_int, a);
		BOTH("c_sixteen", put_uint, b);
		WHOLE("c_sixteen", "{a:%ld b:%lu}", v.a, v.b);
	}
	{
		struct mixed v = { -32768, -5, -6, -7 }, r = c_mixed(v, z);
		BOTH("c_mixed", put_int, a);
		BOTH("c_mixed", put_int, b);
		BOTH("c_mixed", put_int, c);
		BOTH("c_mixed", put_int, d);
		WHOLE("c_mixed", "{a:%d b:%d c:%d d:%ld}", v.a, v.b, v.c, v.d);
	}
}

/* floating has structs with parts in vector registers. */
static void floating(long z)
{
	{
		struct float_int v = { -1.5F, -8 }, r = c_float_int(v, z);
		BOTH("c_float_int", put_float, f);
		BOTH("c_float_int", put_int, a);
		WHOLE("c_float_int", "{f:%g a:%d}", v.f, v.a);
	}
	{
		struct long_double_ v = { -9, 2.5 }, r = c_long_double_(v, z);
		BOTH("c_long_double_", put_int, a);
		BOTH("c_long_double_", put_double, f);
		put_int("c_long_double_", "z", z);
	}
	{
		struct double_long v = { 2.5, -9 }, r = c_double_long(v, z);
		BOTH("c_double_long", put_double, f);
		BOTH("c_double_long", put_int, a);
		put_int("c_double_long", "z", z);
	}
	{
		struct double_double v = { 2.5, -3.5 }, r = c_double_double(v, z);
		BOTH("c_double_double", put_double, f);
		BOTH("c_double_double", put_double, g);
		put_int("c_double_double", "z", z);
	}
	{
		struct floats_long v = { 2.5, -3.5, -10 }, r = c_floats_long(v, z);
		BOTH("c_floats_long", put_float, g);
		BOTH("c_floats_long", put_int, a);
		put_int("c_floats_long", "z", z);
	}
	{
		union either v = { .f = 1.5F }, r = c_either(v, z);
		BOTH("c_either", put_int, i);
		BOTH("c_either", put_float, f);
		BOTH("c_either", put_uint, c[3]);
		put_int("c_either", "z", z);
	}
	{
		union classes v = { .f = -0.5 }, r = c_classes(v, z);
		BOTH("c_classes", put_double, f);
		BOTH("c_classes", put_int, a);
		put_int("c_classes", "z", z);
	}
}

/* big has structs that are passed in memory. */
static void big(long z)
{
	{
		struct large v = { -1, 1L << 62, -3 }, r = c_large(v, z);
		BOTH("c_large", put_int, a);
		BOTH("c_large", put_int, b);
		BOTH("c_large", put_int, c);
		WHOLE("c_large", "{a:%ld b:%ld c:%ld}", v.a, v.b, v.c);
	}
	{
		struct larger v = { 0.1, -11, "twelve bytes", -12, -13 }, r = c_larger(v, z);
		BOTH("c_larger", put_double, f);
		BOTH("c_larger", put_int, a);
		BOTH("c_larger", put_int, b);
		BOTH("c_larger", put_int, c);
		put("c_larger", "v.name", "%.12s", v.name);
		put("c_larger", "ret.name", "%.12s", r.name);
		put_int("c_larger", "v.name[11]", v.name[11]);
		WHOLE("c_larger", "{f:%g a:%d name:\"%.12s\" b:%d c:%ld}", v.f, v.a, v.name, v.b, v.c);
	}
	{
		struct packed v = { 'p', -14, -15 }, r = c_packed(v, z);
		BOTH("c_packed", put_int, a);
		BOTH("c_packed", put_int, b);
		BOTH("c_packed", put_int, c);
		put_int("c_packed", "z", z);
	}
}

/* shaped has structs with parts of their own in registers. */
static void shaped(long z)
{
	static int pointed = -99;

	{
		struct named v = { "ab", -16 }, r = c_named(v, z);
		BOTH("c_named", put_text, name);
		BOTH("c_named", put_int, name[1]);
		BOTH("c_named", put_int, a);
		put_int("c_named", "z", z);
	}
	{
		struct full v = { "sixteen bytes ok" }, r = c_full(v, z);
		put("c_full", "v.name", "%.16s", v.name);
		put("c_full", "ret.name", "%.16s", r.name);
		put_int("c_full", "v.name[15]", v.name[15]);
		put_int("c_full", "z", z);
	}
	{
		struct ints v = { { -1, 2, -3 } }, r = c_list(v, z);
		BOTH("c_list", put_int, list[0]);
		BOTH("c_list", put_int, list[1]);
		BOTH("c_list", put_int, list[2]);
		put("c_list", "v.list", "[%d %d %d]", v.list[0], v.list[1], v.list[2]);
		put_int("c_list", "z", z);
	}
	{
		struct nested v = { { -17, 18 }, { -19, 20 } }, r = c_nested(v, z);
		BOTH("c_nested", put_int, in.a);
		BOTH("c_nested", put_int, in.b);
		BOTH("c_nested", put_int, at.x);
		BOTH("c_nested", put_int, at.y);
		put("c_nested", "v.in", "{a:%d b:%d}", v.in.a, v.in.b);
		WHOLE("c_nested", "{in:{a:%d b:%d} at:{x:%d y:%d}}", v.in.a, v.in.b, v.at.x, v.at.y);
	}
	{
		struct anonymous v = { .x = -21, .u = -22, .y = -23, .z = -24 }, r = c_anonymous(v, z);
		BOTH("c_anonymous", put_int, x);
		BOTH("c_anonymous", put_int, u);
		BOTH("c_anonymous", put_int, y);
		BOTH("c_anonymous", put_int, z);
	}
	{
		struct bits v = { 5, -16, 0xabc, -300000, 0x9876543210 }, r = c_bits(v, z);
		BOTH("c_bits", put_uint, a);
		BOTH("c_bits", put_int, b);
		BOTH("c_bits", put_uint, c);
		BOTH("c_bits", put_int, d);
		BOTH("c_bits", put_uint, e);
		WHOLE("c_bits", "{a:%u b:%d c:%u d:%d e:%lu}", v.a, v.b, v.c, v.d, (unsigned long)v.e);
	}
	{
		struct pointing v = { "pointed", &pointed }, r = c_pointing(v, z);
		BOTH("c_pointing", put_string, s);
		put_int("c_pointing", "*v.p", *v.p);
		put_int("c_pointing", "*ret.p", *r.p);
		BOTH("c_pointing", put_pointer, p);
		put_int("c_pointing", "z", z);
	}
	{
		struct array_of v = { { { -25, 26 }, { 27, -28 } } }, r = c_array_of(v, z);
		BOTH("c_array_of", put_int, list[0].b);
		BOTH("c_array_of", put_int, list[1].a);
		BOTH("c_array_of", put_int, list[1].b);
		put_int("c_array_of", "z", z);
	}
	{
		static struct nothing v;
		c_nothing(v, -29, z);
		put_int("c_nothing", "after", -29);
		put_int("c_nothing", "z", z);
	}
}

void structs(void)
{
	small(-101);
	floating(-102);
	big(-103);
	shaped(-104);
}
