/*
 * conform: values of every type of C in every place an argument or a result
 * may have.
 *
 * Truth: started with the argument "values" it calls each of its functions c_*
 * with values that a wrong width, sign, register or offset would betray, and
 * prints for each expression that can be asked there
 *   value FUNCTION: EXPRESSION = VALUE
 * from its own variables; VALUE is JSON. A function that is called n times has
 * n lines for an expression, in the order of the calls. Without the argument
 * it does the same but for the lines.
 * Flags: -Wno-psabi
 * Prints:
 *   calls cells = 830
 */
#include "conform.h"

static bool quiet = true;
static unsigned long cells;

int cell(const char *f, const char *e)
{
	cells++;
	if (!quiet)
		printf("value %s: %s = ", f, e);
	return !quiet;
}

int main(int argc, char **argv)
{
	quiet = argc < 2 || strcmp(argv[1], "values");
	ready();
	scalars();
	arithmetic();
	structs();
	results();
	memory();
	pointers();
	stack();
	twins();
	calls("cells", cells);
	return done();
}
