// conform: values of C++'s own types in the places an argument or a result
// may have.
//
// Truth: started with the argument "values" it calls each of its functions
// with values that a wrong width, register or offset would betray, and prints
// for each expression that can be asked there
//   value FUNCTION: EXPRESSION = VALUE
// from its own variables; FUNCTION is without parameters, VALUE is JSON. A
// function that is called n times has n lines for an expression, in the order
// of the calls. Without the argument it does the same but for the lines.
// Flags: -std=c++17
// Prints:
//   calls cells = 371
#include "conform.h"

static bool quiet = true;
static unsigned long cells;

bool cell(const char *f, const char *e)
{
	cells++;
	if (!quiet)
		std::cout << "value " << f << ": " << e << " = ";
	return !quiet;
}

int main(int argc, char **argv)
{
	quiet = argc < 2 || strcmp(argv[1], "values");
	ready();
	conform::references();
	conform::strings();
	conform::enums();
	conform::templates();
	conform::classes();
	conform::bases();
	conform::virtuals();
	conform::passing();
	conform::containers();
	conform::lambdas();
	calls("cells", cells);
	return done();
}
