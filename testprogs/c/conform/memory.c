/*
 * memory: values of all types behind a pointer.
 */
#include "conform.h"
#include <limits.h>

enum color { RED, GREEN = 5, BLUE = -3 };

struct item { short no; char tag[4]; const char *word; };

/* Every member has a neighbour whose bits would show. */
struct everything {
	signed char sc;
	unsigned char uc;
	short s;
	unsigned short us;
	int i;
	unsigned u;
	long l;
	unsigned long ul;
	char c;
	_Bool yes, no;
	float f;
	double d;
	double nan, inf;
	long double ld;
	__int128 wide;
	enum color color, other;
	void *address;
	int (*call)(int);
	int *ip;
	int **ipp;
	struct everything *self;
};

struct texts {
	char name[16];
	char full[8];
	char empty[4];
	const char *word;
	char *null;
	const char *const *words;
	unsigned char bytes[4];
	signed char signs[3];
	char lines[2][4];
	char utf8[12];
};

struct arrays {
	int n;
	int list[4];
	short matrix[2][3];
	unsigned long longs[2];
	double reals[2];
	_Bool flags[3];
	enum color colors[3];
	struct item items[2];
	int *pointers[2];
	short open[];
};

struct bitfields {
	unsigned kind : 4;
	int delta : 6;
	unsigned char flag : 1;
	long wide : 40;
	unsigned long across : 33;
	int : 0;
	int last : 31;
	_Bool on : 1;
	enum color color : 8;
};

struct packed_bits {
	unsigned a : 12;
	unsigned b : 30;
	int c : 12;
	unsigned long long d : 58;
} __attribute__((packed));

union any {
	signed char sc;
	unsigned short us;
	int i;
	unsigned long ul;
	float f;
	double d;
	char text[8];
	struct { int low, high; } halves;
	enum color color;
};

struct tagged {
	int tag;
	union {
		long number;
		const char *text;
	};
	struct {
		short x;
		union { int y; float z; } in;
	};
};

static int twice(int v)
{
	return 2 * v;
}

PROBED long c_everything(const struct everything *e)
{
	USE(e);
	return e->i;
}

PROBED long c_reals(const struct everything *r)
{
	USE(r);
	return (long)r->d;
}

PROBED const struct texts *c_texts(const struct texts *t)
{
	USE(t);
	return t;
}

PROBED long c_arrays(struct arrays *a, int at)
{
	USE(a);
	USE(at);
	return a->list[at & 3];
}

PROBED long c_elements(struct arrays *el, unsigned char at)
{
	USE(el);
	USE(at);
	return el->items[at & 1].no;
}

PROBED long c_bitfields(struct bitfields *bf, struct packed_bits *pb)
{
	USE(bf);
	USE(pb);
	return bf->delta;
}

PROBED long c_union(union any *un, struct tagged *tg)
{
	USE(un);
	USE(tg);
	return un->i;
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

static void everything(void)
{
	static int number = -41;
	static int *pointer = &number;
	struct everything e = {
		.sc = -1, .uc = 254, .s = -2, .us = 65533, .i = -3, .u = 4294967292U, .l = LONG_MIN + 1, .ul = ULONG_MAX - 1,
		.c = 'c', .yes = true, .no = false, .f = 0.1F, .d = -0.1, .nan = NAN, .inf = INFINITY, .ld = 1.25L, .wide = -42,
		.color = BLUE, .other = (enum color)77, .address = &number, .call = twice, .ip = &number, .ipp = &pointer,
	};

	e.self = &e;
	c_everything(&e);
	c_reals(&e);
#define FIELD(put, field) put("c_everything", "e." #field, e.field)
	FIELD(put_int, sc);
	FIELD(put_uint, uc);
	FIELD(put_int, s);
	FIELD(put_uint, us);
	FIELD(put_int, i);
	FIELD(put_uint, u);
	FIELD(put_int, l);
	FIELD(put_uint, ul);
	FIELD(put_int, c);
	FIELD(put_bool, yes);
	FIELD(put_bool, no);
	FIELD(put_color, color);
	FIELD(put_color, other);
	FIELD(put_pointer, address);
#undef FIELD
#define FIELD(put, field) put("c_reals", "r." #field, e.field)
	FIELD(put_float, f);
	FIELD(put_double, d);
	FIELD(put_double, nan);
	FIELD(put_double, inf);
	FIELD(put_double, ld);
	FIELD(put_int, wide);
	FIELD(put_pointer, ip);
#undef FIELD
	if (cell("c_reals", "r.call"))
		printf("\"%p\"\n", (void *)(uintptr_t)e.call);
	put_int("c_reals", "*r.ip", *e.ip);
	put_int("c_reals", "**r.ipp", **e.ipp);
	put_pointer("c_reals", "*r.ipp", *e.ipp);
	put_int("c_reals", "r.ip[0]", e.ip[0]);
	put_pointer("c_reals", "r", &e);
	put_bool("c_reals", "r.self == r", true);
	put_bool("c_reals", "r.color == BLUE", e.color == BLUE);
	put_int("c_reals", "r.self.self.l - r.l", 0);
}

static void texts(void)
{
	static const char *const words[] = { "zero", "one", NULL };
	struct texts t = {
		.name = "terminated", .full = "12345678", .word = "behind a pointer", .words = words,
		.bytes = { 0, 127, 128, 255 }, .signs = { -1, 127, -128 }, .lines = { "abc", "wxyz" }, .utf8 = "größe ✓",
	};
	const struct texts *ret = c_texts(&t);

	put_text("c_texts", "t.name", t.name);
	put("c_texts", "t.full", "%.8s", t.full);
	put_text("c_texts", "t.empty", t.empty);
	put_string("c_texts", "t.word", t.word);
	put_string("c_texts", "t.null", t.null);
	put_string("c_texts", "t.words[1]", t.words[1]);
	put_string("c_texts", "t.words[2]", t.words[2]);
	put("c_texts", "t.bytes", "[%d %d %d %d]", t.bytes[0], t.bytes[1], t.bytes[2], t.bytes[3]);
	put("c_texts", "t.signs", "[%d %d %d]", t.signs[0], t.signs[1], t.signs[2]);
	put_text("c_texts", "t.lines[0]", t.lines[0]);
	put("c_texts", "t.lines[1]", "%.4s", t.lines[1]);
	put_text("c_texts", "t.utf8", t.utf8);
	put_int("c_texts", "t.name[2]", t.name[2]);
	put_bool("c_texts", "t.full == \"12345678\"", !strncmp(t.full, "12345678", 8));
	put_bool("c_texts", "t.word == \"behind\"", !strcmp(t.word, "behind"));
	put_text("c_texts", "ret.name", ret->name);
}

static void arrays(void)
{
	static int one = -1, two = -2;
	struct arrays *a = calloc(1, sizeof(*a) + 3 * sizeof(short));
	const struct arrays some = {
		.n = 4, .list = { -10, 11, -12, 13 }, .matrix = { { 1, -2, 3 }, { -4, 5, -6 } }, .longs = { ULONG_MAX, 1 },
		.reals = { 0.5, -1e300 }, .flags = { true, false, true }, .colors = { GREEN, BLUE, (enum color)6 },
		.items = { { -7, "abc", "first" }, { 8, "wxyz", "second" } }, .pointers = { &one, &two },
	};

	*a = some;
	for (int i = 0; i < 3; i++)
		a->open[i] = -100 - i;
	for (int at = 0; at < 4; at += 3) {
		c_arrays(a, at);
		put("c_arrays", "a.list", "[%d %d %d %d]", a->list[0], a->list[1], a->list[2], a->list[3]);
		put_int("c_arrays", "a.list[2]", a->list[2]);
		put_int("c_arrays", "a.list[at]", a->list[at]);
		put_int("c_arrays", "a.list[a.n-1]", a->list[a->n - 1]);
		put_int("c_arrays", "a.matrix[1][2]", a->matrix[1][2]);
		put("c_arrays", "a.matrix[1]", "[%d %d %d]", a->matrix[1][0], a->matrix[1][1], a->matrix[1][2]);
		put_uint("c_arrays", "a.longs[0]", a->longs[0]);
		put("c_arrays", "a.longs", "[%lu %lu]", a->longs[0], a->longs[1]);
		put_double("c_arrays", "a.reals[1]", a->reals[1]);
		put("c_arrays", "a.flags", "[%s %s %s]", "true", "false", "true");
		put_bool("c_arrays", "a.flags[1]", a->flags[1]);
		put("c_arrays", "a.colors", "[GREEN BLUE %d]", a->colors[2]);
		put_color("c_arrays", "a.colors[1]", a->colors[1]);
		put_int("c_arrays", "a.open[2]", a->open[2]);
		put_int("c_arrays", "*a.pointers[1]", *a->pointers[1]);
		put_int("c_arrays", "len(a.list)", sizeof(a->list) / sizeof(a->list[0]));
	}
	for (unsigned char at = 0; at < 2; at++) {
		((long (*)(struct arrays *, unsigned long))hidden((void *)c_elements))(a, DIRTY(at));
		put_int("c_elements", "el.items[1].no", a->items[1].no);
		put_int("c_elements", "el.items[at].no", a->items[at].no);
		put_string("c_elements", "el.items[at].word", a->items[at].word);
		put("c_elements", "el.items[1].tag", "%.4s", a->items[1].tag);
		put("c_elements", "el.items[0]", "{no:%d tag:\"%s\" word:\"%s\"}", a->items[0].no, a->items[0].tag, a->items[0].word);
		put_int("c_elements", "el.matrix[at][at+1]", a->matrix[at][at + 1]);
		put_uint("c_elements", "at", at);
	}
}

static void bitfields(void)
{
	struct bitfields bf = {
		.kind = 13, .delta = -31, .flag = 1, .wide = -(1L << 38) - 5, .across = 0x1deadbeefUL, .last = -1073741824, .on = true, .color = BLUE,
	};
	struct packed_bits pb = { 0xfed, 0x3abcdef1, -2047, 0x2aaaaaabbbbbcccULL };

	c_bitfields(&bf, &pb);
	put_uint("c_bitfields", "bf.kind", bf.kind);
	put_int("c_bitfields", "bf.delta", bf.delta);
	put_uint("c_bitfields", "bf.flag", bf.flag);
	put_int("c_bitfields", "bf.wide", bf.wide);
	put_uint("c_bitfields", "bf.across", bf.across);
	put_int("c_bitfields", "bf.last", bf.last);
	put_bool("c_bitfields", "bf.on", bf.on);
	put_color("c_bitfields", "bf.color", bf.color);
	put_int("c_bitfields", "bf.delta*2+int32(bf.kind)", bf.delta * 2 + (int)bf.kind);
	put_uint("c_bitfields", "pb.a", pb.a);
	put_uint("c_bitfields", "pb.b", pb.b);
	put_int("c_bitfields", "pb.c", pb.c);
	put_uint("c_bitfields", "pb.d", pb.d);
	put("c_bitfields", "*pb", "{a:%u b:%u c:%d d:%llu}", pb.a, pb.b, pb.c, (unsigned long long)pb.d);
}

static void unions(void)
{
	union any un = { .d = -1.5 };
	struct tagged tg = { 3, { .text = "tagged" }, { -4, { .z = 0.5F } } };

	memcpy(&un, "\xfe\xff\xff\xff\x01\x02\xf8\xbf", 8);
	c_union(&un, &tg);
	put_int("c_union", "un.sc", un.sc);
	put_uint("c_union", "un.us", un.us);
	put_int("c_union", "un.i", un.i);
	put_uint("c_union", "un.ul", un.ul);
	put_double("c_union", "un.d", un.d);
	put_int("c_union", "un.halves.high", un.halves.high);
	put_color("c_union", "un.color", un.color);
	put_int("c_union", "un.text[4]", un.text[4]);
	put_int("c_union", "tg.tag", tg.tag);
	put_string("c_union", "tg.text", tg.text);
	put_int("c_union", "tg.x", tg.x);
	put_float("c_union", "tg.in.z", tg.in.z);
	put_int("c_union", "tg.in.y", tg.in.y);
	put_bool("c_union", "tg.tag == 3 && tg.text == \"tagged\"", true);
}

void memory(void)
{
	everything();
	texts();
	arrays();
	bitfields();
	unions();
}
