/*
 * exception: calls left by an exception.
 *
 * Truth: 103 rounds; each calls outer, which calls middle, which calls inner.
 * inner throws when i % 3 == 0, 35 times: the exception passes through inner
 * and middle, both unwound, and is caught in outer, which returns. inner
 * and middle return 68 times each. rethrow is called 11 times around a
 * throwing inner, catches and throws on: rethrow and inner are unwound 11
 * times, and main catches.
 * Args: rounds (default 103). Or "loop": rounds until stdin has a line.
 * Prints:
 *   calls outer = 103
 *   returns outer = 103
 *   calls middle = 103
 *   returns middle = 68
 *   unwound middle = 35
 *   calls inner = 114
 *   returns inner = 68
 *   unwound inner = 46
 *   calls rethrow = 11
 *   unwound rethrow = 11
 *   caught 46
 */
#include "../../c/protocol.h"
#include <stdexcept>

namespace shop {
unsigned long outers, outers_back, middles, middles_back, inners, inners_back, rethrows, caught;

/* guard gives middle a landing pad of its own. */
struct guard {
	int *left;
	~guard() { --*left; }
};
int open_guards;

PROBED int inner(int i, bool fails)
{
	inners++;
	if (fails)
		throw std::runtime_error("inner");
	inners_back++;
	KEEP(i);
	return i;
}

PROBED int middle(int i, bool fails)
{
	middles++;
	open_guards++;
	guard g{ &open_guards };
	int r = inner(i, fails);
	KEEP(r);
	middles_back++;
	return r;
}

PROBED int outer(int i, bool fails)
{
	int r = -1;

	outers++;
	try {
		r = middle(i, fails);
	} catch (const std::runtime_error &e) { /* gcc: in outer's .cold part */
		caught += e.what()[0] == 'i';
	}
	outers_back++;
	return r;
}

PROBED int rethrow(int i)
{
	rethrows++;
	try {
		return inner(i, true);
	} catch (...) {
		throw;
	}
}
} // namespace shop

int main(int argc, char **argv)
{
	using namespace shop;
	bool loop = looping(argc, argv);
	long rounds = loop ? 1 : number(argc, argv, 1, 103);

	ready();
	for (int i = 0; loop ? i % 32 || !i || !stop_asked() : i < rounds; i++)
		outer(i, i % 3 == 0);
	for (int i = 0; i < 11; i++) {
		try {
			rethrow(i);
		} catch (const std::exception &) {
			caught++;
		}
	}
	if (open_guards)
		return 1;
	calls("outer", outers);
	printf("returns outer = %lu\n", outers_back);
	calls("middle", middles);
	printf("returns middle = %lu\n", middles_back);
	printf("unwound middle = %lu\n", middles - middles_back);
	calls("inner", inners);
	printf("returns inner = %lu\n", inners_back);
	printf("unwound inner = %lu\n", inners - inners_back);
	calls("rethrow", rethrows);
	printf("unwound rethrow = %lu\n", rethrows);
	printf("caught %lu\n", caught);
	return done();
}
