/*
 * busy: what a probe costs, by a function's first instructions.
 *
 * Truth: each of endbr_first (endbr64; push), push_first, mov_first and
 * nop5_first is called n times (default 100003), with kind = i & 3; all return.
 * The nanoseconds per call are printed as measurements.
 * Args: n, and the one function to call. Or "loop": push_first until
 * stdin has a line, its calls counted.
 * Needs: amd64
 * Prints:
 *   calls endbr_first = 100003
 *   calls push_first = 100003
 *   calls mov_first = 100003
 *   calls nop5_first = 100003
 * Prints (503 mov_first):
 *   calls mov_first = 503
 */
#include "../protocol.h"

long endbr_first(long kind);
long push_first(long kind);
long mov_first(long kind);
long nop5_first(long kind);

#define FUNCTION(name, body)                                                                                            \
	__asm__(".text\n.globl " name "\n.type " name ", @function\n.p2align 4\n" name ":\n\t.cfi_startproc\n" body      \
		"\t.cfi_endproc\n.size " name ", .-" name "\n")
#define FRAME                                                                                                           \
	"\tpush %rbp\n\t.cfi_def_cfa_offset 16\n\t.cfi_offset %rbp, -16\n\tmov %rsp, %rbp\n\tlea 1(%rdi), %rax\n"        \
	"\tpop %rbp\n\t.cfi_def_cfa_offset 8\n\tret\n"

FUNCTION("endbr_first", "\tendbr64\n" FRAME);
FUNCTION("push_first", FRAME);
FUNCTION("mov_first", "\tmov %rdi, %rax\n\tadd $1, %rax\n\tret\n");
FUNCTION("nop5_first", "\t.byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n" FRAME);

int main(int argc, char **argv)
{
	static const struct { const char *name; long (*f)(long); } all[] = {
		{ "endbr_first", endbr_first }, { "push_first", push_first },
		{ "mov_first", mov_first }, { "nop5_first", nop5_first },
	};
	int loop = looping(argc, argv);
	long n = number(argc, argv, 1, 100003);

	ready();
	if (loop) {
		for (n = 0; n & 255 || !n || !stop_asked(); n++)
			push_first(n & 3);
		calls("push_first", (unsigned long)n);
		return done();
	}
	for (int k = 0; k < 4; k++) {
		long began = now_ns(), wrong = 0;

		if (argc > 2 && strcmp(argv[2], all[k].name))
			continue;
		for (long i = 0; i < n; i++)
			wrong += all[k].f(i & 3) != (i & 3) + 1;
		printf("# %s %.2f ns per call\n", all[k].name, (double)(now_ns() - began) / (double)n);
		if (wrong)
			printf("wrong results of %s: %ld\n", all[k].name, wrong);
		calls(all[k].name, (unsigned long)n);
	}
	return done();
}
