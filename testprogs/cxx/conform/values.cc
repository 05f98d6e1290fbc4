// values: references, strings, enumerations and templates.
#include "conform.h"
#include <climits>
#include <cstddef>

namespace conform {

struct point { int x; short y; };
struct holder { int &number; const point &at; const std::string &name; int *const *deep; };

enum class mode { off, slow = 3, fast = -4 };
enum class level : unsigned char { low = 1, high = 255 };
enum class wide : long { least = LONG_MIN, most = LONG_MAX };
enum plain { none, some = 7 };
struct scope { enum inner : short { in = -1, out = 9 }; static PROBED inner pick(inner scoped); };

PROBED int reference(int &v) { USE(&v); return v; }
PROBED const int &const_reference(const int &v) { USE(&v); return v; }
PROBED long rvalue(long &&v) { USE(&v); return v; }
PROBED short *pointer_reference(short *&v) { USE(&v); return v; }
PROBED bool bool_reference(const bool &v) { USE(&v); return v; }
PROBED double &double_reference(double &v) { USE(&v); return v; }
PROBED point &point_reference(point &v) { USE(&v); return v; }
PROBED int array_reference(int (&v)[3]) { USE(&v); return v[0]; }
PROBED long members(const holder &h) { USE(&h); return h.number; }
PROBED int null_pointer(std::nullptr_t v, int behind) { USE(v); USE(behind); return behind; }
PROBED wchar_t wide_char(wchar_t v, char16_t u, char32_t w) { USE(v); USE(u); USE(w); return v; }
PROBED std::byte octet(std::byte v) { USE(int(v)); return v; }
PROBED int member_pointer(int point::*v, int behind) { USE(behind); (void)v; return behind; }

void references()
{
	static int number = -1;
	static short target = -2, *to = &target;
	static double real = -0.125;
	static point at = { -3, -4 };
	static int list[3] = { -5, 6, -7 }, *deep = &number;
	static std::string name = "referred to";
	bool yes = true;

	put("conform::reference", "v", number);
	put("conform::reference", "ret", reference(number));
	put("conform::const_reference", "v", number);
	put("conform::const_reference", "ret", const_reference(number));
	put("conform::rvalue", "v", LONG_MIN);
	put("conform::rvalue", "ret", rvalue(LONG_MIN));
	put("conform::pointer_reference", "v", to);
	put("conform::pointer_reference", "*v", *to);
	put("conform::pointer_reference", "ret", pointer_reference(to));
	put("conform::bool_reference", "v", yes);
	put("conform::bool_reference", "ret", bool_reference(yes));
	put("conform::double_reference", "v", real);
	put("conform::double_reference", "ret", double_reference(real));
	put("conform::point_reference", "v.x", at.x);
	put("conform::point_reference", "v.y", at.y);
	put("conform::point_reference", "v", shown("{x:", at.x, " y:", at.y, "}"));
	put("conform::point_reference", "ret.y", point_reference(at).y);
	array_reference(list);
	put("conform::array_reference", "v[2]", list[2]);
	put("conform::array_reference", "v", shown("[", list[0], " ", list[1], " ", list[2], "]"));
	{
		const holder h = { number, at, name, &deep };

		members(h);
		put("conform::members", "h.number", h.number);
		put("conform::members", "h.at.y", h.at.y);
		put("conform::members", "h.name", h.name);
		put("conform::members", "**h.deep", **h.deep);
	}
	put("conform::null_pointer", "ret", as<int(unsigned long, unsigned long)>(null_pointer)(0, dirty(-8)));
	put("conform::null_pointer", "behind", -8);
	put("conform::null_pointer", "v", nullptr);
	put("conform::wide_char", "ret", as<wchar_t(unsigned long, unsigned long, unsigned long)>(wide_char)(dirty(L'\u20ac'), dirty(u'\u00df'), dirty(U'\U0001F600')));
	put("conform::wide_char", "v", int(L'\u20ac'));
	put("conform::wide_char", "u", unsigned(u'\u00df'));
	put("conform::wide_char", "w", unsigned(U'\U0001F600'));
	put("conform::octet", "ret", int(as<std::byte(unsigned long)>(octet)(dirty(std::byte{ 0xfe }))));
	put("conform::octet", "v", 0xfe);
	put("conform::member_pointer", "ret", member_pointer(&point::x, -9));
	put("conform::member_pointer", "behind", -9);
}

PROBED const std::string &string_reference(const std::string &s, int behind) { USE(&s); USE(behind); return s; }
PROBED std::string string_value(std::string s, int behind) { USE(&s); USE(behind); return s + "!"; }
PROBED std::string *string_pointer(std::string *s) { USE(s); return s; }
PROBED std::string_view string_view(std::string_view s, int behind) { USE(s.data()); USE(s.size()); USE(behind); return s.substr(1); }
PROBED const char *c_string(const char *s, std::size_t n) { USE(s); USE(n); return s + n; }

void strings()
{
	std::string texts[] = { "", "short", "fifteen bytes..", "sixteen bytes...", "longer than what is kept in place", "with \"quotes\"", "größe" };

	for (std::string &s : texts) {
		put("conform::string_reference", "ret", string_reference(s, -1));
		put("conform::string_reference", "s", s);
		put("conform::string_reference", "len(s)", s.size());
		put("conform::string_reference", "s == \"short\"", s == "short");
		put("conform::string_reference", "hasPrefix(s, \"sixteen\")", s.rfind("sixteen", 0) == 0);
		put("conform::string_reference", "behind", -1);
		put("conform::string_value", "ret", string_value(s, -2));
		put("conform::string_value", "s", s);
		put("conform::string_value", "behind", -2);
		put("conform::string_pointer", "*s", *string_pointer(&s));
		put("conform::string_pointer", "*ret", s);
		put("conform::string_pointer", "s", &s);
		if (s.empty())
			continue;
		put("conform::string_view", "ret", string_view(std::string_view(s).substr(0, 4), -3));
		put("conform::string_view", "s", s.substr(0, 4));
		put("conform::string_view", "len(s)", std::size_t(4));
		put("conform::string_view", "behind", -3);
		put("conform::c_string", "ret", c_string(s.c_str(), 1));
		put("conform::c_string", "s", s.c_str());
		put("conform::c_string", "str(s, n)", s.substr(0, 1));
	}
}

PROBED mode pick_mode(mode v) { USE(int(v)); return v; }
PROBED level pick_level(level v) { USE(int(v)); return v; }
PROBED wide pick_wide(wide v) { USE(long(v)); return v; }
PROBED plain pick_plain(plain v) { USE(int(v)); return v; }
scope::inner scope::pick(inner scoped) { USE(int(scoped)); return scoped; }

template <typename E> static E call_dirty(E (*f)(E), E v) { return as<E(unsigned long)>(f)(dirty(v)); }

void enums()
{
	static const struct { mode v; const char *name; } modes[] = { { mode::off, "off" }, { mode::slow, "slow" }, { mode::fast, "fast" } };

	for (const auto &m : modes) {
		put("conform::pick_mode", "v", m.name);
		put("conform::pick_mode", "ret", call_dirty(pick_mode, m.v) == m.v ? m.name : "changed");
		put("conform::pick_mode", "v == slow", m.v == mode::slow);
	}
	put("conform::pick_mode", "v", 17);
	put("conform::pick_mode", "ret", int(call_dirty(pick_mode, mode(17))));
	put("conform::pick_mode", "v == slow", false);
	put("conform::pick_level", "v", "high");
	put("conform::pick_level", "ret", call_dirty(pick_level, level::high) == level::high ? "high" : "changed");
	put("conform::pick_level", "v", 254);
	put("conform::pick_level", "ret", int(call_dirty(pick_level, level(254))));
	put("conform::pick_wide", "v", "least");
	put("conform::pick_wide", "ret", pick_wide(wide::least) == wide::least ? "least" : "changed");
	put("conform::pick_wide", "v", "most");
	put("conform::pick_wide", "ret", pick_wide(wide::most) == wide::most ? "most" : "changed");
	put("conform::pick_plain", "v", "some");
	put("conform::pick_plain", "ret", call_dirty(pick_plain, some) == some ? "some" : "changed");
	put("conform::scope::pick", "scoped", "in");
	put("conform::scope::pick", "ret", call_dirty(scope::pick, scope::in) == scope::in ? "in" : "changed");
}

template <typename T> PROBED T doubled(T v)
{
	USE(v);
	return v + v;
}

template <typename T, int N> struct box {
	T held[N];
	char tag;
	PROBED T get(int at) const
	{
		USE(at);
		return held[at];
	}
	template <typename U> KEPT long both(U other, T mine)
	{
		USE(other);
		USE(mine);
		return long(other) + mine;
	}
};

void templates()
{
	box<int, 3> b = { { -1, 2, -3 }, 'b' };
	box<unsigned char, 2> u = { { 255, 254 }, 'u' };

	put("conform::doubled<int>", "v", INT_MIN / 2);
	put("conform::doubled<int>", "ret", doubled(INT_MIN / 2));
	put("conform::doubled<long>", "v", LONG_MAX / 2);
	put("conform::doubled<long>", "ret", doubled(LONG_MAX / 2));
	put("conform::doubled<signed char>", "v", -128);
	put("conform::doubled<signed char>", "ret", as<signed char(unsigned long)>(doubled<signed char>)(dirty<signed char>(-128)));
	put("conform::doubled<unsigned short>", "v", 65535);
	put("conform::doubled<unsigned short>", "ret", as<unsigned short(unsigned long)>(doubled<unsigned short>)(dirty<unsigned short>(65535)));
	put("conform::box<int, 3>::get", "ret", b.get(2));
	put("conform::box<int, 3>::get", "at", 2);
	put("conform::box<int, 3>::get", "this.held[at]", b.held[2]);
	put("conform::box<int, 3>::get", "this.held", shown("[", b.held[0], " ", b.held[1], " ", b.held[2], "]"));
	put("conform::box<int, 3>::get", "this.tag", b.tag);
	put("conform::box<unsigned char, 2>::get", "ret", u.get(1));
	put("conform::box<unsigned char, 2>::get", "this.held[0]", u.held[0]);
	put("conform::box<unsigned char, 2>::get", "this.tag", u.tag);
	put("conform::box<int, 3>::both<short>", "ret", b.both<short>(-30000, -5));
	put("conform::box<int, 3>::both<short>", "other", -30000);
	put("conform::box<int, 3>::both<short>", "mine", -5);
	put("conform::box<int, 3>::both<short>", "this.held[0]", b.held[0]);
}

}
