/*
 * nop5: 5-byte nops, as a first instruction and where a probe must not sit.
 *
 * Truth: nop_first begins with a 5-byte nop and is called 211 times.
 * patchable has the compiler's five bytes of nops in front (gcc writes five
 * single ones, clang one), 223 times. red_zone is a leaf that keeps values
 * below rsp around a 5-byte nop in its middle, 2003 times, and checks its own
 * result: a probe on that nop makes Linux 6.18 push over the values.
 * usdt_like holds the nop behind a push, 227 times.
 * Needs: amd64
 * Prints:
 *   calls nop_first = 211
 *   calls patchable = 223
 *   calls red_zone = 2003
 *   calls usdt_like = 227
 *   wrong results 0
 *   checksum 2052349
 */
#include "../protocol.h"

#define NOP5 ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00"

long nop_first(long v);
long red_zone(long v);
long usdt_like(long v);

__asm__(".text\n"
	".globl nop_first, red_zone, usdt_like\n"
	".type nop_first, @function\n"
	"nop_first:\n"
	"	.cfi_startproc\n"
	"	" NOP5 "\n"
	"	lea 1(%rdi), %rax\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size nop_first, .-nop_first\n"
	".type red_zone, @function\n"
	"red_zone:\n"
	"	.cfi_startproc\n"
	"	mov %rdi, -8(%rsp)\n"
	"	mov %rdi, -16(%rsp)\n"
	"	mov %rdi, -24(%rsp)\n"
	"	" NOP5 "\n"
	"	mov -8(%rsp), %rax\n"
	"	add -16(%rsp), %rax\n"
	"	sub -24(%rsp), %rax\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size red_zone, .-red_zone\n"
	".type usdt_like, @function\n"
	"usdt_like:\n"
	"	.cfi_startproc\n"
	"	push %rbp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	" NOP5 "\n"
	"	lea 2(%rdi), %rax\n"
	"	pop %rbp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size usdt_like, .-usdt_like\n");

static unsigned long n_patchable;

__attribute__((patchable_function_entry(5))) PROBED long patchable(long v)
{
	n_patchable++;
	KEEP(v);
	return v;
}

int main(void)
{
	long sum = 0, wrong = 0;

	ready();
	for (long i = 0; i < 211; i++)
		sum += nop_first(i);
	for (long i = 0; i < 223; i++)
		sum += patchable(i);
	for (long i = 0; i < 2003; i++) {
		long r = red_zone(i);

		wrong += r != i;
		sum += r;
	}
	for (long i = 0; i < 227; i++)
		sum += usdt_like(i) % 3;
	calls("nop_first", 211);
	calls("patchable", n_patchable);
	calls("red_zone", 2003);
	calls("usdt_like", 227);
	printf("wrong results %ld\n", wrong);
	printf("checksum %ld\n", sum);
	return done();
}
