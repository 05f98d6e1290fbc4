// goexit: calls that end with their goroutine.
//
// Truth: 43 goroutines call main.Outer, which calls main.Inner; Inner ends the
// goroutine by runtime.Goexit when i % 2 == 1, 21 times: both are unwound
// then, while a deferred function of Outer, main.Cleanup, runs in all 43. Both
// return 22 times.
// Prints:
//
//	calls main.Outer = 43
//	returns main.Outer = 22
//	unwound main.Outer = 21
//	calls main.Inner = 43
//	returns main.Inner = 22
//	unwound main.Inner = 21
//	calls main.Cleanup = 43
package main

import (
	"runtime"
	"sync"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var outers, outersBack, inners, innersBack, cleanups int64

//go:noinline
func Outer(i int) int {
	outers++
	defer Cleanup(i)
	r := Inner(i)
	outersBack++
	return r
}

//go:noinline
func Inner(i int) int {
	inners++
	if i%2 == 1 {
		runtime.Goexit()
	}
	innersBack++
	return i
}

//go:noinline
func Cleanup(i int) {
	cleanups++
}

func main() {
	protocol.Ready()
	for i := 0; i < 43; i++ {
		var one sync.WaitGroup
		one.Add(1)
		go func(i int) {
			defer one.Done()
			Outer(i)
		}(i)
		one.Wait()
	}
	protocol.Calls("main.Outer", outers)
	protocol.Count("returns", "main.Outer", outersBack)
	protocol.Count("unwound", "main.Outer", outers-outersBack)
	protocol.Calls("main.Inner", inners)
	protocol.Count("returns", "main.Inner", innersBack)
	protocol.Count("unwound", "main.Inner", inners-innersBack)
	protocol.Calls("main.Cleanup", cleanups)
	protocol.Done()
}
