// load: everything at once that makes frames hard to pair.
//
// Truth: 8 workers start 61 fresh goroutines each, one after the other; each
// goroutine calls main.Handle once with kind = (worker + i) % 5.
// Handle calls main.Grow (recursion 31 deep, 32 calls, on a fresh stack that must
// grow) and yields; then, by i % 7: 0 main.Safe, which recovers the panic of
// main.Boom two frames up, through main.Mid; 1 main.Quit, which ends the
// goroutine by runtime.Goexit, so that Handle is unwound too. Calls: Handle 488,
// Grow 15616, Safe 72 (9 a worker), Mid and Boom 72 each, all unwound, Quit
// 72, all unwound, and so Handle is unwound 72 times and returns 416 times.
// Args: goroutines a worker (default 61). Or "loop": until stdin has a line.
// Prints:
//
//	calls main.Handle = 488
//	calls main.Handle kind=0 = 98
//	calls main.Handle kind=1 = 98
//	calls main.Handle kind=2 = 98
//	calls main.Handle kind=3 = 97
//	calls main.Handle kind=4 = 97
//	returns main.Handle = 416
//	unwound main.Handle = 72
//	calls main.Grow = 15616
//	returns main.Grow = 15616
//	unwound main.Grow = 0
//	calls main.Safe = 72
//	returns main.Safe = 72
//	unwound main.Safe = 0
//	calls main.Mid = 72
//	returns main.Mid = 0
//	unwound main.Mid = 72
//	calls main.Boom = 72
//	returns main.Boom = 0
//	unwound main.Boom = 72
//	calls main.Quit = 72
//	returns main.Quit = 0
//	unwound main.Quit = 72
package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

const (
	workers = 8
	kinds   = 5
)

type count struct{ calls, returns int64 }

func (c *count) enter() { atomic.AddInt64(&c.calls, 1) }
func (c *count) leave() { atomic.AddInt64(&c.returns, 1) }

var (
	handle, grow, safe, mid, boom, quit count
	byKind                              [kinds]int64
)

//go:noinline
func Handle(kind, i int) int {
	handle.enter()
	atomic.AddInt64(&byKind[kind], 1)
	r := Grow(31, [8]int{kind})
	runtime.Gosched()
	switch i % 7 {
	case 0:
		r += Safe(i)
	case 1:
		r += Quit(i)
	}
	handle.leave()
	return r
}

//go:noinline
func Grow(n int, a [8]int) int {
	grow.enter()
	r := a[0]
	if n > 0 {
		var room [32]int
		room[n%32] = n
		if n == 16 {
			runtime.Gosched()
		}
		r += Grow(n-1, a) + room[(n+1)%32]
	}
	grow.leave()
	return r
}

//go:noinline
func Safe(i int) (r int) {
	safe.enter()
	defer func() {
		if recover() != nil {
			r = -1
			safe.leave()
		}
	}()
	return Mid(i) + 1
}

//go:noinline
func Mid(i int) int {
	mid.enter()
	r := Boom(i) + 1
	mid.leave()
	return r
}

//go:noinline
func Boom(i int) int {
	boom.enter()
	if i >= 0 {
		panic("boom")
	}
	boom.leave()
	return i
}

//go:noinline
func Quit(i int) int {
	quit.enter()
	if i >= 0 {
		runtime.Goexit()
	}
	quit.leave()
	return i
}

func main() {
	protocol.Ready()
	loop := protocol.Looping()
	each := 61
	if !loop {
		each = protocol.Number(1, each)
	}
	var all sync.WaitGroup
	for w := 0; w < workers; w++ {
		all.Add(1)
		go func(w int) {
			defer all.Done()
			for i, stop := 0, false; !stop; i++ {
				stop = loop && protocol.Stopped() || !loop && i+1 == each
				var one sync.WaitGroup
				one.Add(1)
				go func() {
					defer one.Done()
					Handle((w+i)%kinds, i)
				}()
				one.Wait()
			}
		}(w)
	}
	all.Wait()
	for _, f := range []struct {
		name string
		*count
	}{{"main.Handle", &handle}, {"main.Grow", &grow}, {"main.Safe", &safe},
		{"main.Mid", &mid}, {"main.Boom", &boom}, {"main.Quit", &quit}} {
		protocol.Calls(f.name, f.calls)
		if f.count == &handle {
			for k, n := range byKind {
				protocol.Calls(fmt.Sprintf("main.Handle kind=%d", k), n)
			}
		}
		protocol.Count("returns", f.name, f.returns)
		protocol.Count("unwound", f.name, f.calls-f.returns)
	}
	protocol.Done()
}
