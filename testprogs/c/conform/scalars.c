/*
 * scalars: one value in one register, the rest of which is garbage.
 */
#include "conform.h"
#include <limits.h>
#include <uchar.h>
#include <wchar.h>

enum color { RED, GREEN = 5, BLUE = -3 };
enum big { SMALL = 1, HUGE_ONE = 1UL << 40 };
enum level { LOW, MIDDLE, HIGH } __attribute__((packed));
enum flags { READ = 1, WRITE = 2, EXECUTE = 0x80000000 };
typedef unsigned short port_t;
typedef port_t deep_port_t;
typedef enum color color_t;

#define SCALAR(name, type) \
	PROBED type name(type v) \
	{ \
		USE(v); \
		return v; \
	}

SCALAR(c_char, char)
SCALAR(c_signed_char, signed char)
SCALAR(c_unsigned_char, unsigned char)
SCALAR(c_short, short)
SCALAR(c_unsigned_short, unsigned short)
SCALAR(c_int, int)
SCALAR(c_unsigned, unsigned)
SCALAR(c_long, long)
SCALAR(c_unsigned_long, unsigned long)
SCALAR(c_long_long, long long)
SCALAR(c_unsigned_long_long, unsigned long long)
SCALAR(c_int8, int8_t)
SCALAR(c_uint8, uint8_t)
SCALAR(c_int16, int16_t)
SCALAR(c_uint16, uint16_t)
SCALAR(c_int32, int32_t)
SCALAR(c_uint32, uint32_t)
SCALAR(c_int64, int64_t)
SCALAR(c_uint64, uint64_t)
SCALAR(c_size, size_t)
SCALAR(c_ptrdiff, ptrdiff_t)
SCALAR(c_wchar, wchar_t)
SCALAR(c_char16, char16_t)
SCALAR(c_char32, char32_t)
SCALAR(c_bool, _Bool)
SCALAR(c_color, enum color)
SCALAR(c_color_typedef, color_t)
SCALAR(c_big, enum big)
SCALAR(c_level, enum level)
SCALAR(c_flags, enum flags)
SCALAR(c_typedef, deep_port_t)
SCALAR(c_float, float)
SCALAR(c_double, double)
SCALAR(c_int128, __int128)
SCALAR(c_pointer, void *)

PROBED long double c_long_double(long double v)
{
	__asm__ volatile("" : "+m"(v));
	return v;
}

PROBED int c_const(const int v)
{
	__asm__ volatile("" : : "r"(v));
	return v;
}

PROBED int c_volatile(volatile short v)
{
	return v;
}

PROBED int c_atomic(_Atomic int *v)
{
	return *v;
}

PROBED _Complex double c_complex(_Complex double v)
{
	__asm__ volatile("" : "+m"(v));
	return v;
}

static void put_color(const char *f, const char *e, enum color v)
{
	switch (v) {
	case RED: put_text(f, e, "RED"); break;
	case GREEN: put_text(f, e, "GREEN"); break;
	case BLUE: put_text(f, e, "BLUE"); break;
	default: put_int(f, e, v);
	}
}

static void put_big(const char *f, const char *e, enum big v)
{
	if (v == SMALL)
		put_text(f, e, "SMALL");
	else if (v == HUGE_ONE)
		put_text(f, e, "HUGE_ONE");
	else
		put_uint(f, e, v);
}

static void put_level(const char *f, const char *e, enum level v)
{
	static const char *const names[] = { "LOW", "MIDDLE", "HIGH" };

	put_text(f, e, names[v]);
}

static void put_flags(const char *f, const char *e, enum flags v)
{
	if (v == EXECUTE)
		put_text(f, e, "EXECUTE");
	else
		put_uint(f, e, v);
}

static void put_int128(const char *f, const char *e, __int128 v)
{
	const long half = 1000000000000000000;

	if (cell(f, e))
		printf("%ld%018ld\n", (long)(v / half), (long)(v % half));
}

#define TRY(name, put, type, value) \
	do { \
		type in_ = (value); \
		type out_ = ((type (*)(unsigned long))hidden((void *)name))(DIRTY(in_)); \
		put(#name, "v", in_); \
		put(#name, "ret", out_); \
	} while (0)

static void integers(void)
{
	TRY(c_char, put_int, char, CHAR_MIN);
	TRY(c_signed_char, put_int, signed char, -1);
	TRY(c_unsigned_char, put_uint, unsigned char, 255);
	TRY(c_short, put_int, short, SHRT_MIN);
	TRY(c_unsigned_short, put_uint, unsigned short, 65534);
	TRY(c_int, put_int, int, INT_MIN);
	TRY(c_int, put_int, int, -1);
	TRY(c_int, put_int, int, INT_MAX);
	TRY(c_unsigned, put_uint, unsigned, UINT_MAX);
	TRY(c_long, put_int, long, LONG_MIN);
	TRY(c_long, put_int, long, LONG_MAX);
	TRY(c_unsigned_long, put_uint, unsigned long, ULONG_MAX);
	TRY(c_long_long, put_int, long long, -9007199254740993LL);
	TRY(c_unsigned_long_long, put_uint, unsigned long long, 9007199254740993ULL);
	TRY(c_int8, put_int, int8_t, INT8_MIN);
	TRY(c_uint8, put_uint, uint8_t, 128);
	TRY(c_int16, put_int, int16_t, -2);
	TRY(c_uint16, put_uint, uint16_t, 32768);
	TRY(c_int32, put_int, int32_t, -2147483647);
	TRY(c_uint32, put_uint, uint32_t, 2147483648U);
	TRY(c_int64, put_int, int64_t, -4294967297L);
	TRY(c_uint64, put_uint, uint64_t, 1UL << 63);
	TRY(c_size, put_uint, size_t, SIZE_MAX - 1);
	TRY(c_ptrdiff, put_int, ptrdiff_t, -8);
	TRY(c_wchar, put_int, wchar_t, L'\u00f6');
	TRY(c_char16, put_uint, char16_t, u'\u20ac');
	TRY(c_char32, put_uint, char32_t, U'\U0001F600');
	TRY(c_bool, put_bool, _Bool, true);
	TRY(c_bool, put_bool, _Bool, false);
	TRY(c_typedef, put_uint, deep_port_t, 65535);
	TRY(c_pointer, put_pointer, void *, (void *)0xfedcba9876543210UL);
	TRY(c_pointer, put_pointer, void *, NULL);
}

static void enums(void)
{
	TRY(c_color, put_color, enum color, RED);
	TRY(c_color, put_color, enum color, GREEN);
	TRY(c_color, put_color, enum color, BLUE);
	TRY(c_color, put_color, enum color, (enum color)9);
	TRY(c_color, put_color, enum color, (enum color)-9);
	TRY(c_color_typedef, put_color, color_t, BLUE);
	TRY(c_big, put_big, enum big, HUGE_ONE);
	TRY(c_big, put_big, enum big, (enum big)(HUGE_ONE + 1));
	TRY(c_level, put_level, enum level, HIGH);
	TRY(c_flags, put_flags, enum flags, EXECUTE);
	TRY(c_flags, put_flags, enum flags, (enum flags)(EXECUTE | WRITE));
}

/* others have no bits above their own, or none that can be set. */
static void others(void)
{
	_Atomic int atomic = -77;
	float f = 1.5F;
	double d = -2.25;
	long double ld = 3.5L;
	__int128 wide = ((__int128)1 << 100) + 7;

	put_float("c_float", "v", f);
	put_float("c_float", "ret", c_float(f));
	put_double("c_double", "v", d);
	put_double("c_double", "ret", c_double(d));
	put_double("c_long_double", "v", (double)ld);
	put_double("c_long_double", "ret", (double)c_long_double(ld));
	put_int128("c_int128", "v", wide);
	put_int128("c_int128", "ret", c_int128(wide));
	put_int("c_const", "v", -5);
	put_int("c_const", "ret", ((int (*)(unsigned long))hidden((void *)c_const))(DIRTY(-5)));
	put_int("c_volatile", "v", -6);
	put_int("c_volatile", "ret", ((int (*)(unsigned long))hidden((void *)c_volatile))(DIRTY((short)-6)));
	put_int("c_atomic", "*v", atomic);
	put_pointer("c_atomic", "v", &atomic);
	put_int("c_atomic", "ret", c_atomic(&atomic));
	put("c_complex", "v", "(%g%+gi)", d, d);
	c_complex(d + d * (_Complex double)__extension__ 1.0i);
}

void scalars(void)
{
	integers();
	enums();
	others();
}
