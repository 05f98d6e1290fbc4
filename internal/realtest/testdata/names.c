/*
 * names: functions of libc by their first argument.
 *
 * Truth: getenv is called 101 times for LATCH_SET, 53 times for LATCH_UNSET
 * and 7 times for the empty name; getaddrinfo 13 times for 127.0.0.1 and 11
 * times for ::1, as numbers, so that nobody is asked.
 */
#include <netdb.h>

#include "protocol.h"

static const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };

static int ask_env(const char *name, int n, int set)
{
	int right = 0;

	for (int i = 0; i < n; i++)
		right += !getenv(name) == !set;
	return right;
}

static int ask_host(const char *name, int n)
{
	int right = 0;

	for (int i = 0; i < n; i++) {
		struct addrinfo *found = NULL;

		if (getaddrinfo(name, NULL, &numeric, &found))
			continue;
		right += found != NULL;
		freeaddrinfo(found);
	}
	return right;
}

int main(void)
{
	int env, hosts;

	setenv("LATCH_SET", "1", 1);
	ready();
	env = ask_env("LATCH_SET", 101, 1) + ask_env("LATCH_UNSET", 53, 0) + ask_env("", 7, 0);
	hosts = ask_host("127.0.0.1", 13) + ask_host("::1", 11);
	printf("found %d and %d\n", env, hosts);
	return done();
}
