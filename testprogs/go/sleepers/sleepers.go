// sleepers: many goroutines asleep in one function on few threads.
//
// Truth: 40 goroutines call main.Nap once with their id, all at a time; no
// call is shorter than 100 ms. 3 rounds: 120 calls, 3 by id.
// Args: goroutines (default 40), rounds (default 3).
// Prints:
//
//	calls main.Nap = 120
//	shortest at least 100ms
package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

const nap = 100 * time.Millisecond

var calls, tooShort int64

//go:noinline
func Nap(id int) int {
	atomic.AddInt64(&calls, 1)
	began := time.Now()
	time.Sleep(nap)
	if time.Since(began) < nap {
		atomic.AddInt64(&tooShort, 1)
	}
	return id
}

func main() {
	protocol.Ready()
	goroutines := protocol.Number(1, 40)
	for round := protocol.Number(2, 3); round > 0; round-- {
		var all sync.WaitGroup
		for id := 0; id < goroutines; id++ {
			all.Add(1)
			go func(id int) {
				defer all.Done()
				Nap(id)
			}(id)
		}
		all.Wait()
	}
	protocol.Calls("main.Nap", calls)
	if tooShort == 0 {
		fmt.Println("shortest at least", nap)
	}
	protocol.Done()
}
