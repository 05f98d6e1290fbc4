// classes: members through this, base classes, virtual functions.
#include "conform.h"

namespace conform {

struct inner { short depth; struct { long far; } last; };

class counter {
	long hits;
	bool open;
	int list[4] = { 11, -12, 13, -14 };
	inner in = { -5, { -6 } };
	unsigned bits : 5;
	int more : 9;
	static long shared;

public:
	counter(long start, bool is_open) : hits(start), open(is_open), bits(21), more(-200) { }
	PROBED long add(int by);
	PROBED bool is_open() const;
	PROBED static int limit(int most);
	PROBED counter &operator+=(short by);
	PROBED long operator()(int x, int y) const;
	PROBED explicit operator long() const;
	PROBED counter *self() { return this; }
	PROBED void reset(const counter &from);
	PROBED ~counter();
	friend void classes();
};

long counter::shared = 5;

long counter::add(int by)
{
	USE(by);
	hits += by;
	return hits;
}

bool counter::is_open() const
{
	USE(this);
	return open;
}

int counter::limit(int most)
{
	USE(most);
	return most + int(shared);
}

counter &counter::operator+=(short by)
{
	USE(int(by));
	hits += by;
	return *this;
}

long counter::operator()(int x, int y) const
{
	USE(x);
	USE(y);
	return x * y;
}

counter::operator long() const
{
	USE(this);
	return hits;
}

void counter::reset(const counter &from)
{
	USE(&from);
	hits = from.hits;
}

counter::~counter()
{
	USE(this);
}

struct sized {
	int size;
	PROBED explicit sized(int made_of);
};

sized::sized(int made_of) : size(made_of)
{
	USE(made_of);
}

namespace {
PROBED int unnamed_space(int hidden_one)
{
	USE(hidden_one);
	return hidden_one;
}
}

namespace deep::er {
PROBED long nested_space(short in_it)
{
	USE(int(in_it));
	return in_it;
}
}

inline namespace v2 {
PROBED long inline_space(short in_v2)
{
	USE(int(in_v2));
	return in_v2;
}
}

void classes()
{
	{
		counter c(-100, true), other(-300, false);

		put("conform::counter::add", "this.hits", c.hits);
		put("conform::counter::add", "ret", c.add(-7));
		put("conform::counter::add", "by", -7);
		put("conform::counter::add", "this.list[1]", c.list[1]);
		put("conform::counter::add", "this.list", shown("[", c.list[0], " ", c.list[1], " ", c.list[2], " ", c.list[3], "]"));
		put("conform::counter::add", "this.in.depth", c.in.depth);
		put("conform::counter::add", "this.in.last.far", c.in.last.far);
		put("conform::counter::add", "this.bits", unsigned(c.bits));
		put("conform::counter::add", "this.more", int(c.more));
		put("conform::counter::add", "this.open", c.open);
		put("conform::counter::add", "this", &c);
		put("conform::counter::is_open", "ret", c.is_open());
		put("conform::counter::is_open", "this.open", c.open);
		put("conform::counter::is_open", "arg0", &c);
		put("conform::counter::limit", "ret", counter::limit(-8));
		put("conform::counter::limit", "most", -8);
		put("conform::counter::operator+=", "this.hits", c.hits);
		c += -9;
		put("conform::counter::operator+=", "by", -9);
		put("conform::counter::operator+=", "ret.hits", c.hits);
		put("conform::counter::operator()", "ret", c(-3, 4));
		put("conform::counter::operator()", "x", -3);
		put("conform::counter::operator()", "y", 4);
		put("conform::counter::operator long", "ret", static_cast<long>(c));
		put("conform::counter::self", "ret", c.self());
		put("conform::counter::self", "ret.in.depth", c.in.depth);
		put("conform::counter::reset", "this.hits", c.hits);
		put("conform::counter::reset", "from.hits", other.hits);
		c.reset(other);
		put("conform::counter::~counter", "this.open", other.open); // in reverse
		put("conform::counter::~counter", "this.open", c.open);
	}
	{
		sized s(-33);

		put("conform::sized::sized", "made_of", s.size);
	}
	put("conform::(anonymous namespace)::unnamed_space", "ret", unnamed_space(-40));
	put("conform::(anonymous namespace)::unnamed_space", "hidden_one", -40);
	put("conform::deep::er::nested_space", "ret", deep::er::nested_space(-41));
	put("conform::deep::er::nested_space", "in_it", -41);
	put("conform::v2::inline_space", "ret", inline_space(-42));
	put("conform::v2::inline_space", "in_v2", -42);
}

struct first { int a = -1; short same = -2; };
struct second { long b = -3; const char *word = "second base"; };
struct middle : first { int c = -4; };
struct derived : middle, second { short d = -5; long same = -6; };
struct another : second { derived held; };

PROBED long all_bases(derived *p, derived &r)
{
	USE(p);
	USE(&r);
	return p->a;
}

PROBED long as_base(second *q)
{
	USE(q);
	return q->b;
}

PROBED long holding(const another &o)
{
	USE(&o);
	return o.held.d;
}

void bases()
{
	static derived x;
	static another y;

	x.d = -55;
	all_bases(&x, x);
	put("conform::all_bases", "p.a", x.a);
	put("conform::all_bases", "p.b", x.b);
	put("conform::all_bases", "p.c", x.c);
	put("conform::all_bases", "p.d", x.d);
	put("conform::all_bases", "p.same", x.same);
	put("conform::all_bases", "p.word", x.word);
	put("conform::all_bases", "r.a", x.a);
	put("conform::all_bases", "r.word", x.word);
	put("conform::all_bases", "r.c + r.d", x.c + x.d);
	put("conform::as_base", "ret", as_base(&x));
	put("conform::as_base", "q", static_cast<second *>(&x));
	put("conform::as_base", "q.word", x.word);
	holding(y);
	put("conform::holding", "o.b", y.b);
	put("conform::holding", "o.held.b", y.held.b);
	put("conform::holding", "o.held.a", y.held.a);
	put("conform::holding", "o.held.word", y.held.word);
}

struct shape {
	long kind = -1;
	virtual long area(int scale) const = 0;
	virtual ~shape() = default;
};

struct named {
	int name = -2;
	virtual long label(short which) const = 0;
	virtual ~named() = default;
};

struct circle : shape, named {
	long radius = -3;
	PROBED long area(int scale) const override;
	PROBED long label(short which) const override;
};

struct ring : circle {
	short hole = -4;
	PROBED long area(int scale) const override;
};

struct common { long id = -7; };
struct left : virtual common { int l = -8; };
struct right : virtual common { int r = -9; };
struct diamond : left, right {
	short d = -10;
	PROBED long facets(int n) const;
};

long circle::area(int scale) const
{
	USE(scale);
	return radius * scale;
}

long circle::label(short which) const
{
	USE(this);
	USE(int(which));
	return which;
}

long ring::area(int scale) const
{
	USE(scale);
	return radius * scale - hole;
}

long diamond::facets(int n) const
{
	USE(this);
	USE(n);
	return n;
}

void virtuals()
{
	circle c; // not static: clang describes a class where its constructor is
	ring r;
	diamond d;
	shape *shapes[] = { &c, &r };
	named *names[] = { &c, &r };

	USE(&d);
	KEEP(shapes[0]);
	KEEP(names[0]);
	r.radius = -33;
	r.name = -22;
	put("conform::circle::area", "ret", shapes[0]->area(-11));
	put("conform::circle::area", "this.radius", c.radius);
	put("conform::circle::area", "this.kind", c.kind);
	put("conform::circle::area", "this.name", c.name);
	put("conform::circle::area", "scale", -11);
	put("conform::ring::area", "ret", shapes[1]->area(-12));
	put("conform::ring::area", "this.radius", r.radius);
	put("conform::ring::area", "this.hole", r.hole);
	put("conform::ring::area", "this.name", r.name);
	put("conform::ring::area", "scale", -12);
	for (named *n : names) {
		put("conform::circle::label", "ret", n->label(-13));
		put("conform::circle::label", "which", -13);
		put("conform::circle::label", "this.name", n->name);
		put("conform::circle::label", "this.radius", n == &c ? c.radius : r.radius);
		put("conform::circle::label", "this", n == &c ? &c : static_cast<circle *>(&r));
	}
	put("conform::diamond::facets", "ret", d.facets(-14));
	put("conform::diamond::facets", "n", -14);
	put("conform::diamond::facets", "this.l", d.l);
	put("conform::diamond::facets", "this.r", d.r);
	put("conform::diamond::facets", "this.d", d.d);
	put("conform::diamond::facets", "this.id", d.id);
}

}
