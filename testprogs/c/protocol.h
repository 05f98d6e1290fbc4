/*
 * protocol.h: what every test program in C and C++ says and waits for.
 *
 * main calls ready(), does its work, prints its results, and returns done().
 * ready() prints "ready PID" and waits for a line; done() prints "done" and
 * waits for a line or the end of stdin, so that a tester can attach before
 * the work and look at the living process behind it. Results are lines
 * "calls FUNCTION [KEY] = N" (also returns, unwound) and free text; lines that
 * begin with "# " are measurements and differ from run to run.
 */
#ifndef LATCH_PROTOCOL_H
#define LATCH_PROTOCOL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A PROBED function keeps its own frame, its arguments and its name. */
#if defined(__clang__)
#define PROBED __attribute__((noinline, used))
#else
#define PROBED __attribute__((noipa, used))
#endif

/* KEEP makes the compiler believe that x and memory are read and changed here. */
#define KEEP(x) __asm__ volatile("" : "+r"(x) : : "memory")

#define UNUSED __attribute__((unused))

/* read_line skips one line of stdin; it returns 0 at the end of stdin. */
static UNUSED int read_line(void)
{
	char c;

	while (read(0, &c, 1) == 1)
		if (c == '\n')
			return 1;
	return 0;
}

static UNUSED void ready(void)
{
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	read_line();
}

static UNUSED int done(void)
{
	printf("done\n");
	fflush(stdout);
	read_line();
	return 0;
}

/* stop_asked says, without waiting, whether stdin has a line or has ended. */
static UNUSED int stop_asked(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN, .revents = 0 };

	if (poll(&p, 1, 0) <= 0)
		return 0;
	read_line();
	return 1;
}

/* looping says whether the program was told to work until stop_asked(). */
static UNUSED int looping(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "loop");
}

/* number is the i-th argument, or a default. */
static UNUSED long number(int argc, char **argv, int i, long missing)
{
	return argc > i ? atol(argv[i]) : missing;
}

static UNUSED long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static UNUSED void calls(const char *what, unsigned long n)
{
	printf("calls %s = %lu\n", what, n);
}

#endif
