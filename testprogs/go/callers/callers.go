// callers: a known chain of calls, one link of it inlined.
//
// Truth: main.leaf(n) is called 5 times by main.middle, in whose code the
// inlined function main.helper stands that makes the call; main.middle is called
// by main.outer, and that by main.main.
//
// Prints:
//
//	calls main.leaf = 5
//	sum 30
package main

import (
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var entered int64

//go:noinline
func leaf(n int) int {
	entered++
	return n + 1
}

func helper(n int) int { return leaf(n) * 2 }

//go:noinline
func middle(n int) int {
	r := helper(n)
	return r
}

//go:noinline
func outer(n int) int { return middle(n) }

func main() {
	protocol.Ready()
	sum := 0
	for i := 0; i < 5; i++ {
		sum += outer(i)
	}
	protocol.Calls("main.leaf", entered)
	fmt.Println("sum", sum)
	protocol.Done()
}
