/*
 * dlopen: a library that is mapped only after the program is ready.
 *
 * Truth: libplugin.so, beside the program, is opened after "ready";
 * plugin_work is called 11 times, the library is closed and opened again, and
 * plugin_work is called 13 times more: 24 calls.
 * Prints:
 *   calls plugin_work = 24
 *   sum 133
 */
#include "../protocol.h"
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>

static void *open_plugin(long (**work)(long))
{
	char path[PATH_MAX], exe[PATH_MAX] = { 0 };
	void *lib;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return NULL;
	if (snprintf(path, sizeof(path), "%.4000s/libplugin.so", dirname(exe)) <= 0)
		return NULL;
	lib = dlopen(path, RTLD_NOW);
	if (!lib) {
		fprintf(stderr, "%s\n", dlerror());
		return NULL;
	}
	*work = (long (*)(long))dlsym(lib, "plugin_work");
	return *work ? lib : NULL;
}

int main(void)
{
	static const int times[] = { 11, 13 };
	unsigned long n = 0;
	long sum = 0;

	ready();
	for (int k = 0; k < 2; k++) {
		long (*work)(long);
		void *lib = open_plugin(&work);

		if (!lib)
			return 1;
		for (long i = 0; i < times[k]; i++, n++)
			sum += work(i);
		if (dlclose(lib))
			return 1;
	}
	calls("plugin_work", n);
	printf("sum %ld\n", sum);
	return done();
}
