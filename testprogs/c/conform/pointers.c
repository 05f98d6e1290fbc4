/*
 * pointers: strings, pointers to pointers, and raw memory.
 */
#include "conform.h"

struct header { unsigned magic; unsigned short version; signed char delta; unsigned long size; const char *name; float load; };
typedef struct node { int n; struct node *left, *right; } node_t;
typedef const node_t *const node_pointer;

PROBED long c_string(const char *text, size_t length)
{
	USE(text);
	USE(length);
	return 0;
}

PROBED long c_no_string(const char *missing, size_t length)
{
	USE(missing);
	USE(length);
	return 0;
}

PROBED long c_bytes(const unsigned char *octets, size_t count)
{
	USE(octets);
	USE(count);
	return 0;
}

PROBED long c_argv(int argc, char **argv)
{
	USE(argc);
	USE(argv);
	return argc;
}

PROBED long c_raw(void *raw, unsigned long offset)
{
	USE(raw);
	USE(offset);
	return 0;
}

PROBED long c_depths(int *p1, int **p2, int ***p3, void **vp)
{
	USE(p1);
	USE(p2);
	USE(p3);
	USE(vp);
	return 0;
}

PROBED long c_tree(node_pointer root)
{
	__asm__ volatile("" : : "r"(root));
	return root->n;
}

PROBED long c_callback(int (*callback)(const char *), void *user)
{
	USE(callback);
	USE(user);
	return 0;
}

PROBED long c_restrict(const short *restrict from, volatile short *restrict to)
{
	USE(from);
	*to = *from;
	return *to;
}

PROBED long c_row(int row[4], int (*rows)[3])
{
	USE(row);
	USE(rows);
	return 0;
}

static void strings(void)
{
	static const struct { const char *text; size_t length; } tries[] = {
		{ "terminated", 4 }, { "", 0 }, { "with \"quotes\" and a\ttab", 22 }, { "größe", 7 },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		const char *text = tries[i].text;
		size_t length = tries[i].length;
		char part[64] = "";

		c_string(text, length);
		memcpy(part, text, length);
		put_string("c_string", "text", text);
		put_string("c_string", "str(text)", text);
		put_text("c_string", "str(text, length)", part);
		put_int("c_string", "text[0]", text[0]);
		put_int("c_string", "*text", *text);
		put_uint("c_string", "length", length);
		put_bool("c_string", "hasPrefix(text, \"term\")", !strncmp(text, "term", 4));
		put_bool("c_string", "length > 4", length > 4);
	}
	c_no_string(NULL, 0);
	put_string("c_no_string", "missing", NULL);
	put_string("c_no_string", "str(missing)", NULL);
	put_bool("c_no_string", "missing == \"\"", false);
	put_bool("c_no_string", "hasPrefix(missing, \"\")", false);
	put_uint("c_no_string", "length", 0);
}

static void bytes(void)
{
	static const unsigned char octets[] = "\xff\x00unsigned";
	char part[16];

	c_bytes(octets, 10);
	put_uint("c_bytes", "octets[0]", octets[0]);
	put_uint("c_bytes", "octets[count-1]", octets[9]);
	put_uint("c_bytes", "*octets", *octets);
	memcpy(part, octets + 2, sizeof(part) - 8);
	part[8] = 0;
	put_text("c_bytes", "str(octets+2)", part);
	part[3] = 0;
	put_text("c_bytes", "str(octets+2, 3)", part);
	put_pointer("c_bytes", "octets", octets);
}

static void vectors(void)
{
	static char zero[] = "program", one[] = "-v", two[] = "file";
	char *argv[] = { zero, one, two, NULL };

	c_argv(3, argv);
	put_int("c_argv", "argc", 3);
	put_string("c_argv", "argv[1]", argv[1]);
	put_string("c_argv", "*argv", *argv);
	put_string("c_argv", "argv[argc-1]", argv[2]);
	put_string("c_argv", "argv[argc]", argv[3]);
	put_string("c_argv", "str(argv[1])", argv[1]);
	put_int("c_argv", "argv[2][1]", argv[2][1]);
	put_int("c_argv", "*argv[2]", *argv[2]);
	put_pointer("c_argv", "argv", argv);
	put_bool("c_argv", "argv[argc] == nil", argv[3] == NULL);
}

static void raw(void)
{
	static struct header h = { 0xfeedbeef, 0x8001, -5, 1UL << 63, "raw name", 2.5F };

	c_raw(&h, offsetof(struct header, size));
	put_uint("c_raw", "*(*uint32)(raw)", h.magic);
	put_int("c_raw", "*(*int32)(raw)", (int)h.magic);
	put_uint("c_raw", "*(*uint16)(raw+4)", h.version);
	put_int("c_raw", "*(*int16)(arg0+4)", (short)h.version);
	put_int("c_raw", "*(*int8)(raw+6)", h.delta);
	put_uint("c_raw", "*(*uint64)(raw+offset)", h.size);
	put_uint("c_raw", "*(*uint64)(arg0+arg1)", h.size);
	put_text("c_raw", "str(*(*uintptr)(raw+16))", h.name);
	put_float("c_raw", "*(*float32)(raw+24)", h.load);
	put_uint("c_raw", "*(*uint8)(raw) & 0x0f", h.magic & 15);
	put_uint("c_raw", "*(*uint8)(raw+1) >> 4", h.magic >> 12 & 15);
	put_pointer("c_raw", "raw", &h);
	put_uint("c_raw", "offset", offsetof(struct header, size));
	put_bool("c_raw", "*(*bool)(raw+31)", false);
}

static void depths(void)
{
	static int n = -123;
	static int *p1 = &n;
	static int **p2 = &p1;
	static void *vp = &n;
	static const char *const behind[] = { "*p1", "**p2", "***p3", "**p3", "*p3", "*vp", "*(*int32)(*vp)", "**p3 == p1" };

	c_depths(p1, p2, &p2, &vp);
	put_pointer("c_depths", "p1", p1);
	put_int("c_depths", "*p1", *p1);
	put_int("c_depths", "**p2", **p2);
	put_int("c_depths", "***p3", n);
	put_pointer("c_depths", "**p3", *p2);
	put_pointer("c_depths", "*p3", p2);
	put_pointer("c_depths", "*vp", vp);
	put_int("c_depths", "*(*int32)(*vp)", n);
	put_bool("c_depths", "**p3 == p1", true);
	c_depths(NULL, NULL, NULL, NULL);
	put_pointer("c_depths", "p1", NULL);
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		put_text("c_depths", behind[i], "(unreadable)");
}

static void trees(void)
{
	static node_t leaf = { -3, NULL, NULL }, branch = { -2, NULL, &leaf }, top = { -1, &branch, NULL };

	c_tree(&top);
	put_int("c_tree", "root.n", top.n);
	put_int("c_tree", "root.left.n", top.left->n);
	put_int("c_tree", "root.left.right.n", top.left->right->n);
	put_pointer("c_tree", "root.right", top.right);
	put_pointer("c_tree", "root.left", top.left);
	put_bool("c_tree", "root.right == nil", true);
	put_int("c_tree", "root.left.n + root.left.right.n", -5);
	put_text("c_tree", "root.right.n", "(unreadable)");
	put("c_tree", "*root", "{n:%d left:0x%lx right:0x0}", top.n, (unsigned long)top.left);
}

static void others(void)
{
	static short from = -55, to;
	static int row[4] = { 1, -2, 3, -4 }, rows[2][3] = { { 5, -6, 7 }, { -8, 9, -10 } };

	c_callback(puts, NULL);
	if (cell("c_callback", "callback"))
		printf("\"%p\"\n", (void *)(uintptr_t)puts);
	put_pointer("c_callback", "user", NULL);
	put_bool("c_callback", "callback != nil", true);
	put_int("c_restrict", "ret", c_restrict(&from, &to));
	put_int("c_restrict", "*from", from);
	put_int("c_restrict", "*to", 0);
	c_row(row, rows);
	put_int("c_row", "row[3]", row[3]);
	put_int("c_row", "*row", row[0]);
	put("c_row", "rows[1]", "[%d %d %d]", rows[1][0], rows[1][1], rows[1][2]);
	put_int("c_row", "rows[1][2]", rows[1][2]);
	put_int("c_row", "(*rows)[1]", rows[0][1]);
}

void pointers(void)
{
	strings();
	bytes();
	vectors();
	raw();
	depths();
	trees();
	others();
}
