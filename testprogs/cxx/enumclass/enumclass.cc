/*
 * enumclass: scoped enumerations, references and classes as arguments.
 *
 * Truth: paint(color) is called 2 times with color::red, 3 with color::green
 * (5), 5 with color::blue (-3). weigh(level), whose type is unsigned char,
 * 7 times with level::high (200). order::total(discount) const 11 times with
 * this->id=17 and discount=-1. lookup(std::string const&) 3 times with
 * "alpha" (inside the object) and 2 times with 40 'x' (on the heap).
 * Prints:
 *   calls paint red = 2
 *   calls paint green = 3
 *   calls paint blue = 5
 *   calls weigh high = 7
 *   calls order::total id=17 discount=-1 = 11
 *   calls lookup alpha = 3
 *   calls lookup xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx = 2
 *   checksum 1676
 */
#include "../../c/protocol.h"
#include <string>

namespace shop {
enum class color { red, green = 5, blue = -3 };
enum class level : unsigned char { low = 1, high = 200 };

class order {
public:
	explicit order(int n) : id(n) {}
	PROBED long total(int discount) const;

private:
	long pad = 7;
	int id;
};

PROBED long paint(color c)
{
	KEEP(c);
	return static_cast<long>(c);
}

PROBED long weigh(level l)
{
	long r = static_cast<long>(l);

	KEEP(r);
	return r;
}

long order::total(int discount) const
{
	KEEP(discount);
	return id + discount - pad + 7;
}

PROBED long lookup(const std::string &name)
{
	__asm__ volatile("" : : : "memory");
	return static_cast<long>(name.size());
}
} // namespace shop

int main()
{
	using namespace shop;
	static const color colors[] = { color::red, color::green, color::blue };
	static const int times[] = { 2, 3, 5 };
	order o(17);
	std::string brief = "alpha", big(40, 'x');
	long sum = 5;

	ready();
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < times[k]; i++)
			sum += paint(colors[k]);
	for (int i = 0; i < 7; i++)
		sum += weigh(level::high);
	for (int i = 0; i < 11; i++)
		sum += o.total(-1);
	for (int i = 0; i < 5; i++)
		sum += lookup(i < 3 ? brief : big);
	calls("paint red", 2);
	calls("paint green", 3);
	calls("paint blue", 5);
	calls("weigh high", 7);
	calls("order::total id=17 discount=-1", 11);
	calls("lookup alpha", 3);
	calls(("lookup " + big).c_str(), 2);
	printf("checksum %ld\n", sum);
	return done();
}
