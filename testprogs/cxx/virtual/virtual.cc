/*
 * virtual: virtual functions, and thunks in front of them.
 *
 * Truth: circle::area(int) is called 17 times: 7 through shape (its first
 * base, directly) and 10 through named (its second base, by a non-virtual
 * thunk that jumps to it). square::area(int) is called 5 times. A thunk is no
 * call of its own. `this` is argument 0.
 * Prints:
 *   calls circle::area = 17
 *   calls square::area = 5
 *   sum 253
 */
#include "../../c/protocol.h"

static unsigned long circles, squares;

struct shape {
	long kind = 1;
	virtual long area(int scale) = 0;
	virtual ~shape() = default;
};

struct named {
	long name = 2;
	virtual long area(int scale) = 0;
	virtual ~named() = default;
};

struct circle : shape, named {
	long radius = 3;
	PROBED long area(int scale) override;
};

struct square : shape {
	PROBED long area(int scale) override;
};

long circle::area(int scale)
{
	circles++;
	KEEP(scale);
	return radius * scale;
}

long square::area(int scale)
{
	squares++;
	KEEP(scale);
	return scale * scale;
}

int main()
{
	circle c;
	square s;
	shape *as_shape = &c, *as_square = &s;
	named *as_named = &c;
	long sum = 0;

	KEEP(as_shape);
	KEEP(as_square);
	KEEP(as_named);
	ready();
	for (int i = 0; i < 7; i++)
		sum += as_shape->area(i);
	for (int i = 0; i < 10; i++)
		sum += as_named->area(i);
	for (int i = 0; i < 5; i++)
		sum += as_square->area(i + 1);
	calls("circle::area", circles);
	calls("square::area", squares);
	printf("sum %ld\n", sum);
	return done();
}
