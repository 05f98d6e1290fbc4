/*
 * conform.h: what the parts of conform share.
 */
#ifndef LATCH_CONFORM_H
#define LATCH_CONFORM_H

#include "../protocol.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The parts; each calls its functions and prints their cells. */
void scalars(void);
void arithmetic(void);
void structs(void);
void results(void);
void memory(void);
void stack(void);
void pointers(void);
void twins(void);

/* cell begins a line "value FUNCTION: EXPRESSION = ", or does nothing. */
int cell(const char *f, const char *e);

/* USE makes the compiler believe that v is read here, where it still is what it was at the entry. */
#define USE(v) __asm__ volatile("" : : "r"(v) : "memory")

/* hidden hides from the compiler which function it is. */
static UNUSED void *hidden(void *f)
{
	KEEP(f);
	return f;
}

/* GARBAGE fills what an argument register holds beside the argument. */
#define GARBAGE 0xa5c3e1f0d2b49687UL

#define DIRTY(v) \
	(sizeof(v) == 8 ? (unsigned long)(v) \
			: ((unsigned long)(v) & ((1UL << (8 * sizeof(v) % 64)) - 1)) | GARBAGE << (8 * sizeof(v) % 64))

static UNUSED void put_int(const char *f, const char *e, long long v)
{
	if (cell(f, e))
		printf("%lld\n", v);
}

static UNUSED void put_uint(const char *f, const char *e, unsigned long long v)
{
	if (cell(f, e))
		printf("%llu\n", v);
}

static UNUSED void put_bool(const char *f, const char *e, bool v)
{
	if (cell(f, e))
		printf("%s\n", v ? "true" : "false");
}

static UNUSED void put_pointer(const char *f, const char *e, const void *v)
{
	if (cell(f, e))
		printf("\"0x%lx\"\n", (unsigned long)v);
}

static UNUSED void put_text(const char *f, const char *e, const char *v)
{
	if (!cell(f, e))
		return;
	for (printf("\""); *v; v++)
		if (*v == '"' || *v == '\\' || (unsigned char)*v < ' ')
			printf("\\u%04x", *v);
		else
			putchar(*v);
	printf("\"\n");
}

/* put_string prints what a pointer to char points to. */
static UNUSED void put_string(const char *f, const char *e, const char *v)
{
	put_text(f, e, v ? v : "(none)");
}

/* put_double prints the fewest digits that give the number back. */
static UNUSED void put_double(const char *f, const char *e, double v)
{
	char text[32];

	if (!cell(f, e))
		return;
	if (isnan(v) || isinf(v)) {
		printf("\"%s\"\n", isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	printf("%s\n", text);
}

static UNUSED void put_float(const char *f, const char *e, float v)
{
	char text[32];

	if (!cell(f, e))
		return;
	for (int digits = 1; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtof(text, NULL) == v)
			break;
	}
	printf("%s\n", text);
}

/* put prints a text made by printf as one cell. */
#define put(f, e, ...) \
	do { \
		char text_[256]; \
		snprintf(text_, sizeof(text_), __VA_ARGS__); \
		put_text(f, e, text_); \
	} while (0)

#endif
