// never: functions that have no way back.
//
// Truth: main.Spin(n) is called by 3 goroutines and loops for ever, so 3 calls
// are in flight at the end. main.Forever(n) waits for ever in 5 goroutines.
// main.Exit(code) is called once, when stdin has its last line or has ended,
// and ends the program by os.Exit.
// Prints:
//
//	calls main.Spin = 3
//	calls main.Forever = 5
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var spinning, waiting, turns int64

//go:noinline
func Spin(n int) {
	atomic.AddInt64(&spinning, 1)
	for {
		atomic.AddInt64(&turns, int64(n))
		runtime.Gosched()
	}
}

//go:noinline
func Forever(n int) {
	atomic.AddInt64(&waiting, int64(n))
	select {}
}

//go:noinline
func Exit(code int) {
	if code >= 0 {
		os.Exit(code)
	}
	fmt.Println("not reached")
}

func main() {
	protocol.Ready()
	for i := 0; i < 3; i++ {
		go Spin(i + 1)
	}
	for i := 0; i < 5; i++ {
		go Forever(1)
	}
	for atomic.LoadInt64(&spinning) < 3 || atomic.LoadInt64(&waiting) < 5 {
		runtime.Gosched()
	}
	protocol.Calls("main.Spin", atomic.LoadInt64(&spinning))
	protocol.Calls("main.Forever", atomic.LoadInt64(&waiting))
	protocol.Done()
	Exit(0)
}
