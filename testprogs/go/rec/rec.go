// rec: deep recursion that grows and moves fresh goroutines' stacks.
//
// Truth: 20 goroutines, one after the other, each call main.Deep with n from
// 200 down to 0, 201 calls, so 4020; each frame holds a 64-byte array that
// is passed on by value. All return.
// Args: goroutines (default 20).
// Prints:
//
//	sum 56000
//	calls main.Deep = 4020
package main

import (
	"fmt"
	"sync/atomic"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var entered int64

//go:noinline
func Deep(n int, a [8]int64) int64 {
	atomic.AddInt64(&entered, 1)
	if n == 0 {
		return a[0]
	}
	a[n%8] += int64(n)
	return Deep(n-1, a) + 1
}

func main() {
	protocol.Ready()
	var sum int64
	for i := protocol.Number(1, 20); i > 0; i-- {
		result := make(chan int64)
		go func() { result <- Deep(200, [8]int64{}) }()
		sum += <-result
	}
	fmt.Println("sum", sum)
	protocol.Calls("main.Deep", entered)
	protocol.Done()
}
