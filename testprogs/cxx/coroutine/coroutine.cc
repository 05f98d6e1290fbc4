/*
 * coroutine: each resume is a call of its own (C++20).
 *
 * Truth: numbers(limit) is called 7 times with limit=5. Its body is another
 * function, gcc's numbers(Frame*) [clone .actor]: it is resumed 6 times (five
 * values and the end) and entered once more by a jump from [clone .destroy], so
 * 7 times for each call, 49 in all. step, an ordinary function that the body
 * calls, has 35 calls.
 * Flags: -std=c++20
 * Needs: gcc (clang 14 refuses libstdc++'s <coroutine>)
 * Prints:
 *   calls numbers = 7
 *   calls step = 35
 *   resumes 42
 *   sum 70
 */
#include "../../c/protocol.h"
#include <coroutine>

static unsigned long started, steps, resumes;

PROBED long step(long v)
{
	steps++;
	KEEP(v);
	return v;
}

struct generator {
	struct promise_type {
		long value = 0;
		generator get_return_object()
		{
			return { std::coroutine_handle<promise_type>::from_promise(*this) };
		}
		std::suspend_always initial_suspend() { return {}; }
		std::suspend_always final_suspend() noexcept { return {}; }
		std::suspend_always yield_value(long v)
		{
			value = v;
			return {};
		}
		void return_void() {}
		void unhandled_exception() { abort(); }
	};
	std::coroutine_handle<promise_type> h;
};

__attribute__((noinline)) generator numbers(long limit)
{
	for (long i = 0; i < limit; i++)
		co_yield step(i);
}

int main()
{
	long sum = 0;

	ready();
	for (int i = 0; i < 7; i++) {
		generator g = numbers(5);

		started++;
		for (;;) {
			g.h.resume();
			resumes++;
			if (g.h.done())
				break;
			sum += g.h.promise().value;
		}
		g.h.destroy();
	}
	calls("numbers", started);
	calls("step", steps);
	printf("resumes %lu\n", resumes);
	printf("sum %ld\n", sum);
	return done();
}
