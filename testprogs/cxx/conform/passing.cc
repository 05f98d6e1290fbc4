// passing: classes by value, containers, closures.
#include "conform.h"
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace conform {

// tracked runs code when it is copied, so it is passed by the address of a
// copy; handy does not; movable has only a destructor.
struct tracked {
	int n;
	const char *word;
	tracked(int i, const char *w) : n(i), word(w) { }
	tracked(const tracked &o) : n(o.n - 1), word(o.word) { }
};

struct handy {
	int n;
	short m;
	PROBED handy plus(handy other) const;
};

struct movable {
	long n;
	explicit movable(long i) : n(i) { }
	movable(movable &&o) : n(o.n) { o.n = 0; }
	~movable() { n = 0; }
};

struct holder { tracked inside; char pad; };
struct polymorphic { virtual ~polymorphic() = default; int p = -1; };
struct defaulted { int n; defaulted() = default; defaulted(const defaulted &) = default; explicit defaulted(int i) : n(i) { } };
struct large { long a[3]; int n; };
struct empty { };

PROBED int take_tracked(tracked t, int behind) { USE(&t); USE(behind); return t.n; }
PROBED int take_handy(handy t, int behind) { USE(t.n); USE(behind); return t.n + t.m; }
PROBED long take_movable(movable t, int behind) { USE(&t); USE(behind); return t.n; }
PROBED int take_holder(holder t, int behind) { USE(&t); USE(behind); return t.inside.n; }
PROBED int take_polymorphic(polymorphic t, int behind) { USE(&t); USE(behind); return t.p; }
PROBED int take_defaulted(defaulted t, int behind) { USE(t.n); USE(behind); return t.n; }
PROBED int take_large(int before, large t, int behind) { USE(before); USE(behind); return t.n; }
PROBED int take_empty(empty t, int behind) { USE(behind); (void)t; return behind; }
PROBED tracked make_tracked(int from, const char *word) { USE(from); return tracked(from, word); }
PROBED handy make_handy(int from) { USE(from); return handy{ from, short(from - 1) }; }
PROBED large make_large(int from) { USE(from); return large{ { 1, -2, 3 }, from }; }

handy handy::plus(handy other) const
{
	USE(other.n);
	return handy{ n + other.n, short(m - other.m) };
}

void passing()
{
	{
		tracked t(-10, "tracked");

		put("conform::take_tracked", "ret", take_tracked(t, -1));
		put("conform::take_tracked", "t.n", t.n - 1);
		put("conform::take_tracked", "t.word", t.word);
		put("conform::take_tracked", "behind", -1);
	}
	{
		handy t = { -20, -21 }, other = { -22, -23 }, sum;

		put("conform::take_handy", "ret", take_handy(t, -2));
		put("conform::take_handy", "t.n", t.n);
		put("conform::take_handy", "t.m", t.m);
		put("conform::take_handy", "t", shown("{n:", t.n, " m:", t.m, "}"));
		put("conform::take_handy", "behind", -2);
		sum = t.plus(other);
		put("conform::handy::plus", "this.n", t.n);
		put("conform::handy::plus", "other.n", other.n);
		put("conform::handy::plus", "other.m", other.m);
		put("conform::handy::plus", "ret.n", sum.n);
		put("conform::handy::plus", "ret.m", sum.m);
	}
	put("conform::take_movable", "ret", take_movable(movable(-30), -3));
	put("conform::take_movable", "t.n", -30);
	put("conform::take_movable", "behind", -3);
	{
		holder t = { tracked(-40, "held"), 'p' };

		put("conform::take_holder", "ret", take_holder(t, -4));
		put("conform::take_holder", "t.inside.n", t.inside.n - 1);
		put("conform::take_holder", "t.inside.word", t.inside.word);
		put("conform::take_holder", "behind", -4);
	}
	put("conform::take_polymorphic", "ret", take_polymorphic(polymorphic(), -5));
	put("conform::take_polymorphic", "t.p", -1);
	put("conform::take_polymorphic", "behind", -5);
	put("conform::take_defaulted", "ret", take_defaulted(defaulted(-60), -6));
	put("conform::take_defaulted", "t.n", -60);
	put("conform::take_defaulted", "behind", -6);
	{
		large t = { { -70, 71, -72 }, -73 };

		put("conform::take_large", "ret", take_large(-7, t, -8));
		put("conform::take_large", "before", -7);
		put("conform::take_large", "t.a[2]", t.a[2]);
		put("conform::take_large", "t.n", t.n);
		put("conform::take_large", "t.a", shown("[", t.a[0], " ", t.a[1], " ", t.a[2], "]"));
		put("conform::take_large", "behind", -8);
	}
	put("conform::take_empty", "ret", take_empty(empty(), -9));
	put("conform::take_empty", "behind", -9);
	{
		tracked t = make_tracked(-80, "made");

		put("conform::make_tracked", "ret.n", t.n);
		put("conform::make_tracked", "ret.word", t.word);
		put("conform::make_tracked", "from", -80);
		put("conform::make_tracked", "word", t.word);
	}
	put("conform::make_handy", "ret.m", make_handy(-90).m);
	put("conform::make_handy", "ret.n", -90);
	put("conform::make_handy", "from", -90);
	put("conform::make_large", "ret.a[1]", make_large(-91).a[1]);
	put("conform::make_large", "ret.n", -91);
	put("conform::make_large", "from", -91);
}

using numbers = std::vector<int>;
using table = std::map<int, long>;

PROBED long in_vector(const numbers &v, std::size_t at) { USE(&v); USE(at); return v[at]; }
PROBED long in_map(const table &m) { USE(&m); return long(m.size()); }
PROBED long in_unique(const std::unique_ptr<handy> &u) { USE(&u); return u->n; }
PROBED long in_shared(const std::shared_ptr<handy> &s) { USE(&s); return s->n; }
PROBED long in_optional(const std::optional<long> &o) { USE(&o); return o.value_or(0); }
PROBED long in_pair(const std::pair<short, std::string> &p) { USE(&p); return p.first; }
PROBED long in_array(const std::array<short, 4> &a, int at) { USE(&a); USE(at); return a[at]; }
PROBED long pair_value(std::pair<int, int> p, int behind) { USE(p.first); USE(behind); return p.second - p.first; }
PROBED long list_value(std::initializer_list<int> l) { USE(l.begin()); USE(l.size()); return *l.begin(); }

void containers()
{
	numbers v = { -1, 2, -3 };
	table m = { { 1, 2 }, { 3, 4 } };
	auto u = std::make_unique<handy>(handy{ -5, -6 });
	auto s = std::make_shared<handy>(handy{ -7, -8 });
	std::pair<short, std::string> p = { -9, "second of a pair" };
	std::array<short, 4> a = { 1, -2, 3, -4 };
	std::pair<int, int> two = { -10, -11 };

	put("conform::in_vector", "ret", in_vector(v, 2));
	put("conform::in_vector", "v._M_impl._M_start[0]", v[0]);
	put("conform::in_vector", "v._M_impl._M_start[at]", v[2]);
	put("conform::in_vector", "(v._M_impl._M_finish - v._M_impl._M_start) / 4", v.size());
	put("conform::in_map", "ret", in_map(m));
	put("conform::in_map", "m._M_t._M_impl._M_node_count", m.size());
	put("conform::in_unique", "ret", in_unique(u));
	put("conform::in_unique", "u._M_t._M_t._M_head_impl", u.get());
	put("conform::in_unique", "u._M_t._M_t._M_head_impl.m", u->m);
	put("conform::in_shared", "ret", in_shared(s));
	put("conform::in_shared", "s._M_ptr.m", s->m);
	put("conform::in_shared", "s._M_refcount._M_pi._M_use_count", int(s.use_count()));
	put("conform::in_optional", "ret", in_optional(-12L));
	put("conform::in_optional", "o._M_payload._M_engaged", true);
	put("conform::in_optional", "o._M_payload._M_payload._M_value", -12L);
	in_pair(p);
	put("conform::in_pair", "p.first", p.first);
	put("conform::in_pair", "p.second", p.second);
	for (int at = 0; at < 4; at++) {
		put("conform::in_array", "ret", in_array(a, at));
		put("conform::in_array", "a._M_elems[at]", a[at]);
		put("conform::in_array", "a._M_elems", shown("[", a[0], " ", a[1], " ", a[2], " ", a[3], "]"));
	}
	put("conform::pair_value", "ret", pair_value(two, -13));
	put("conform::pair_value", "p.first", two.first);
	put("conform::pair_value", "p.second", two.second);
	put("conform::pair_value", "behind", -13);
	put("conform::list_value", "ret", list_value({ -14, -15 }));
	put("conform::list_value", "l._M_len", 2);
	put("conform::list_value", "l._M_array[1]", -15);
}

// A closure's type and members have names of the compiler's.
#ifdef __clang__
#define COPIED "this.copied"
#define REFERRED "this.referred"
#ifdef __OPTIMIZE__
#define CLOSURE "conform::lambdas()::$_0"
#define PLAIN "conform::lambdas()::$_1"
#else
#define CLOSURE "conform::lambdas()::$_1"
#define PLAIN "conform::lambdas()::$_0"
#endif
#else
#define COPIED "__closure.__copied"
#define REFERRED "__closure.__referred"
#define CLOSURE "conform::lambdas()::{lambda(int)#1}"
#define PLAIN "conform::lambdas()::{lambda(short)#2}"
#endif

template <typename F> PROBED long through(F &&f, int given)
{
	USE(&f);
	return f(given);
}

void lambdas()
{
	long copied = -1;
	int referred = -2;
	auto closure = [copied, &referred](int inside) KEPT {
		USE(inside);
		return copied + referred + inside;
	};
	long (*plain)(short) = [](short alone) KEPT {
		USE(int(alone));
		return long(alone);
	};
	KEEP(plain);
	put("conform::through<" CLOSURE "&>", "ret", through(closure, -3));
	put("conform::through<" CLOSURE "&>", "given", -3);
	put(CLOSURE "::operator()", "ret", copied + referred - 3);
	put(CLOSURE "::operator()", "inside", -3);
	put(CLOSURE "::operator()", COPIED, copied);
	put(CLOSURE "::operator()", REFERRED, referred);
	put(PLAIN "::operator()", "alone", plain(-4));
	put(PLAIN "::operator()", "ret", -4L);
}

}
