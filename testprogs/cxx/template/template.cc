/*
 * template: one source, several instances.
 *
 * Truth: biggest<int> is called 11 times, biggest<long> 7 times,
 * biggest<double> 5 times; box<int>::put 13 times, box<char const*>::put 3 times.
 * Prints:
 *   calls biggest<int> = 11
 *   calls biggest<long> = 7
 *   calls biggest<double> = 5
 *   calls box<int>::put = 13
 *   calls box<char const*>::put = 3
 */
#include "../../c/protocol.h"

namespace {
template <typename T> unsigned long counted;
}

template <typename T> PROBED T biggest(T a, T b)
{
	counted<T>++;
	__asm__ volatile("" : : : "memory");
	return a > b ? a : b;
}

template <typename T> struct box {
	T held;
	unsigned long puts;
	PROBED void put(T v, int slot);
};

template <typename T> void box<T>::put(T v, int slot)
{
	puts++;
	KEEP(slot);
	held = v;
}

template int biggest<int>(int, int);
template long biggest<long>(long, long);
template double biggest<double>(double, double);
template struct box<int>;
template struct box<const char *>;

int main()
{
	box<int> numbers{};
	box<const char *> names{};

	ready();
	for (int i = 0; i < 11; i++)
		biggest<int>(i, 5);
	for (long i = 0; i < 7; i++)
		biggest<long>(i, 5);
	for (int i = 0; i < 5; i++)
		biggest<double>(i, 2.5);
	for (int i = 0; i < 13; i++)
		numbers.put(i, i % 3);
	for (int i = 0; i < 3; i++)
		names.put("name", i);
	calls("biggest<int>", counted<int>);
	calls("biggest<long>", counted<long>);
	calls("biggest<double>", counted<double>);
	calls("box<int>::put", numbers.puts);
	calls("box<char const*>::put", names.puts);
	return done();
}
