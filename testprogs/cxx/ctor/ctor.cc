/*
 * ctor: constructors and destructors, which have two symbols each.
 *
 * Truth: item::item(int) runs 23 times: 13 for complete objects (C1) and 10
 * as the base of special (C2); gcc and clang give both symbols one address.
 * item::~item runs 23 times as well. special has a virtual base, tagged, so
 * special's own C1 and C2 differ: C1 runs 10 times, C2 never.
 * Prints:
 *   calls item::item = 23
 *   calls item::~item = 23
 *   calls tagged::tagged = 10
 *   calls special::special = 10
 */
#include "../../c/protocol.h"

static unsigned long made, unmade, tags, specials;

struct item {
	int id;
	PROBED explicit item(int n);
	PROBED ~item();
};

item::item(int n) : id(n)
{
	made++;
	KEEP(n);
}

item::~item()
{
	unmade++;
	KEEP(id);
}

struct tagged {
	int tag;
	PROBED explicit tagged(int t);
};

tagged::tagged(int t) : tag(t)
{
	tags++;
	KEEP(t);
}

struct special : item, virtual tagged {
	PROBED explicit special(int n);
};

special::special(int n) : tagged(n + 1), item(n)
{
	specials++;
	KEEP(n);
}

int main()
{
	ready();
	for (int i = 0; i < 13; i++)
		item one(i);
	for (int i = 0; i < 10; i++)
		special one(i);
	calls("item::item", made);
	calls("item::~item", unmade);
	calls("tagged::tagged", tags);
	calls("special::special", specials);
	return done();
}
