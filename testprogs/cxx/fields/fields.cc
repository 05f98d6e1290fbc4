// fields: members of base classes, references, std::string, enums, arrays.
//
// Truth: look(const record &r, const std::string &tag, std::string_view view)
// is called 5 times with id=5 width=6 kind=-7 in three classes that derive
// from each other, name="a name too long to be kept in place", note="c",
// color=Green (7), on=true, load=2.5, code="12345678" without a NUL,
// tag="short" and view="view", and 2 times with id=-1, note null, color=Red.
// record::weigh(int by) is called 3 times on the first, by=2.
// Flags: -std=c++17
// Prints:
//   calls look = 7
//   calls weigh = 3
//   checksum 122
#include "../../c/protocol.h"
#include <string>
#include <string_view>

enum shade { Red, Green = 7 };

struct base {
	int id;
	long width;
};

struct middle : base {
	short kind;
};

struct record : middle {
	std::string name;
	const char *note;
	shade color;
	bool on;
	float load;
	char code[8];

	PROBED long weigh(int by);
};

PROBED long record::weigh(int by)
{
	KEEP(by);
	return width * by;
}

PROBED long look(const record &r, const std::string &tag, std::string_view view)
{
	const char *bytes = view.data();
	size_t n = view.size();

	KEEP(bytes);
	KEEP(n);
	return r.id + static_cast<long>(tag.size() + n);
}

int main()
{
	record first, second;
	long sum = 0;

	for (record *r : { &first, &second }) {
		r->id = 5;
		r->width = 6;
		r->kind = -7;
		r->name = "a name too long to be kept in place";
		r->note = "c";
		r->color = Green;
		r->on = true;
		r->load = 2.5;
		memcpy(r->code, "12345678", 8);
	}
	second.id = -1;
	second.note = nullptr;
	second.color = Red;
	ready();
	for (int i = 0; i < 5; i++)
		sum += look(first, "short", "view");
	for (int i = 0; i < 2; i++)
		sum += look(second, "short", "view");
	for (int i = 0; i < 3; i++)
		sum += first.weigh(2);
	printf("calls look = 7\ncalls weigh = 3\n");
	printf("checksum %ld\n", sum);
	return done();
}
