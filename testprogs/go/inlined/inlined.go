// inlined: functions that are not there, or hardly.
//
// Truth: main.folded(n) is inlined at all its 3 places and has no code of its
// own. main.partly(n) is inlined at 1 place, where it runs 7 times, and called
// 11 times through a pointer, which a probe sees. main.empty() has a body of
// one ret and is called 13 times, main.single(n) 17 times.
// Prints:
//
//	calls main.partly = 11
//	calls main.empty = 13
//	calls main.single = 17
//	sum 2853
package main

import (
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

func folded(n int) int { return n*3 + 1 }

func partly(n int) int { return n*5 + 2 }

//go:noinline
func empty() {}

//go:noinline
func single(n int) int { return n }

var pointer = partly

func main() {
	protocol.Ready()
	sum := 0
	for i := 0; i < 7; i++ {
		sum += folded(i) + partly(i)
		sum += folded(i + 1)
	}
	for i := 0; i < 11; i++ {
		sum += pointer(i)
	}
	for i := 0; i < 13; i++ {
		empty()
	}
	for i := 0; i < 17; i++ {
		sum += single(i)
	}
	sum += folded(sum)
	protocol.Calls("main.partly", 11)
	protocol.Calls("main.empty", 13)
	protocol.Calls("main.single", 17)
	fmt.Println("sum", sum)
	protocol.Done()
}
