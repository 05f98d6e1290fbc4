// tight: a stack-checked function called in a tight loop while goroutines
// are preempted and the collector runs, both of which repeat the check.
//
// Truth: main.Small(n) is called 100000 times; all return.
// Args: calls (default 100000). Or "loop": until stdin has a line.
// Prints:
//
//	calls main.Small = 100000
package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

// Small has a frame, and so a stack check, by its call.
//
//go:noinline
func Small(n int) int {
	return leaf(n, n) + 1
}

//go:noinline
func leaf(a, b int) int { return a ^ b }

func main() {
	protocol.Ready()
	loop := protocol.Looping()
	times := 100000
	if !loop {
		times = protocol.Number(1, times)
	}
	var stop int32
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for atomic.LoadInt32(&stop) == 0 {
			runtime.GC()
		}
	}()
	began, calls, wrong := time.Now(), 0, 0
	for stop := false; !stop; {
		if Small(calls) != 1 {
			wrong++
		}
		calls++
		stop = loop && protocol.Stopped() || !loop && calls == times
	}
	fmt.Printf("# %.1f ns per call\n", float64(time.Since(began).Nanoseconds())/float64(calls))
	atomic.StoreInt32(&stop, 1)
	<-ended
	if wrong > 0 {
		fmt.Println("wrong results", wrong)
	}
	protocol.Calls("main.Small", int64(calls))
	protocol.Done()
}
