/*
 * overload: one name, several functions.
 *
 * Truth: ns::f(double, int) is called 7 times with id=42, ns::f(int) 11 times,
 * ns::f(char const*) 13 times with "alpha", other::f(int) 5 times, and
 * f(int) of no namespace 3 times.
 * Prints:
 *   calls ns::f(double, int) = 7
 *   calls ns::f(int) = 11
 *   calls ns::f(char const*) = 13
 *   calls other::f(int) = 5
 *   calls f(int) = 3
 */
#include "../../c/protocol.h"

static unsigned long n[5];

namespace ns {
PROBED long f(double x, int id)
{
	n[0]++;
	KEEP(id);
	return id + static_cast<long>(x);
}

PROBED long f(int v)
{
	n[1]++;
	KEEP(v);
	return v;
}

PROBED long f(const char *s)
{
	n[2]++;
	KEEP(s);
	return *s;
}
} // namespace ns

namespace other {
PROBED long f(int v)
{
	n[3]++;
	KEEP(v);
	return v + 1;
}
} // namespace other

PROBED long f(int v)
{
	n[4]++;
	KEEP(v);
	return v + 2;
}

int main()
{
	ready();
	for (int i = 0; i < 7; i++)
		ns::f(1.5, 42);
	for (int i = 0; i < 11; i++)
		ns::f(i);
	for (int i = 0; i < 13; i++)
		ns::f("alpha");
	for (int i = 0; i < 5; i++)
		other::f(i);
	for (int i = 0; i < 3; i++)
		f(i);
	calls("ns::f(double, int)", n[0]);
	calls("ns::f(int)", n[1]);
	calls("ns::f(char const*)", n[2]);
	calls("other::f(int)", n[3]);
	calls("f(int)", n[4]);
	return done();
}
