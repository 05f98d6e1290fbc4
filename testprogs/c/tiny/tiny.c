/*
 * tiny: functions with no room between entry and exit.
 *
 * Truth: empty (a single ret) is called 101 times, same (mov; ret) 103 times,
 * hop (a single jmp to same's twin, hopped) 107 times.
 * Needs: amd64
 * Prints:
 *   calls empty = 101
 *   calls same = 103
 *   calls hop = 107
 *   checksum 10924
 */
#include "../protocol.h"

void empty(void);
long same(long v);
long hop(long v);

/* In assembly, as clang and gcc differ in what they leave in an empty function. */
__asm__(".text\n"
	".globl empty, same, hop, hopped\n"
	".type empty, @function\n"
	"empty:	ret\n"
	".size empty, .-empty\n"
	".type same, @function\n"
	"same:	mov %rdi, %rax\n"
	"	ret\n"
	".size same, .-same\n"
	".type hop, @function\n"
	"hop:	jmp .Lhopped\n"
	".size hop, .-hop\n"
	".type hopped, @function\n"
	"hopped:\n"
	".Lhopped:\n"
	"	mov %rdi, %rax\n"
	"	ret\n"
	".size hopped, .-hopped\n");

int main(void)
{
	long sum = 0;

	ready();
	for (int i = 0; i < 101; i++)
		empty();
	for (long i = 0; i < 103; i++)
		sum += same(i);
	for (long i = 0; i < 107; i++)
		sum += hop(i);
	calls("empty", 101);
	calls("same", 103);
	calls("hop", 107);
	printf("checksum %ld\n", sum);
	return done();
}
