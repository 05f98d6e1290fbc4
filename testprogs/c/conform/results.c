/*
 * results: what a function gives back where that is not what it was given.
 */
#include "conform.h"

struct found { int code; char why[8]; };
struct list { int n; struct list *next; };

/* c_narrowed leaves the upper bits of its argument in the register. */
PROBED unsigned char c_narrowed(unsigned long from)
{
	USE(from);
	return (unsigned char)from;
}

PROBED signed char c_signed_narrowed(unsigned long from)
{
	USE(from);
	return (signed char)from;
}

PROBED short c_short_narrowed(unsigned long from)
{
	USE(from);
	return (short)from;
}

PROBED unsigned c_word_narrowed(unsigned long from)
{
	USE(from);
	return (unsigned)from;
}

PROBED const char *c_message(int code)
{
	USE(code);
	return code == 0 ? NULL : code < 0 ? "error: \"quoted\"\n" : "größe";
}

PROBED int *c_slot(int *base, int index)
{
	USE(index);
	return base + index;
}

PROBED struct list *c_next(struct list *at)
{
	USE(at);
	return at->next;
}

PROBED struct found c_find(int code)
{
	struct found f = { code, "because" };

	USE(code);
	return f;
}

PROBED void c_nothing_back(int only)
{
	USE(only);
}

/* c_early returns from several places. */
PROBED int c_early(int from)
{
	USE(from);
	if (from == 1)
		return -10;
	if (from == 2) {
		puts("# two");
		return -20;
	}
	return from + 1;
}

/* c_fill writes through a pointer that the caller gave. */
PROBED int c_fill(char *buffer, int room)
{
	return snprintf(buffer, room, "filled by %d", room);
}

void results(void)
{
	static int slots[4] = { -1, -2, -3, -4 };
	struct list last = { -2, NULL }, first = { -1, &last };
	struct list *at = &first;
	struct found f;
	unsigned long from = GARBAGE;
	char buffer[32] = "";
	int filled;

	put_uint("c_narrowed", "ret", c_narrowed(from));
	put_uint("c_narrowed", "from", from);
	put_int("c_signed_narrowed", "ret", c_signed_narrowed(from));
	put_int("c_short_narrowed", "ret", c_short_narrowed(from));
	put_uint("c_word_narrowed", "ret", c_word_narrowed(from));
	for (int code = -1; code < 2; code++) {
		const char *m = c_message(code);

		put_string("c_message", "ret", m);
		put_bool("c_message", "ret == nil", m == NULL);
		put_int("c_message", "code", code);
	}
	for (int index = 0; index < 4; index++) {
		put_int("c_slot", "*ret", *c_slot(slots, index));
		put_int("c_slot", "index", index);
		put_int("c_slot", "base[index]", slots[index]);
	}
	while (at) {
		put_int("c_next", "at.n", at->n);
		at = c_next(at);
		put_pointer("c_next", "ret", at);
	}
	f = c_find(-30);
	put_int("c_find", "ret.code", f.code);
	put_text("c_find", "ret.why", f.why);
	c_nothing_back(-31);
	put_int("c_nothing_back", "only", -31);
	for (int i = 1; i < 4; i++)
		put_int("c_early", "ret", c_early(i));
	filled = c_fill(buffer, sizeof(buffer));
	put_int("c_fill", "ret", filled);
	put("c_fill", "str(buffer, ret)", "%.*s", filled, buffer);
	put_text("c_fill", "buffer", "");
	put_int("c_fill", "room", sizeof(buffer));
}
