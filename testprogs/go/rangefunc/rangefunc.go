//go:build go1.23

// rangefunc: a loop body that is a function (Go 1.23 and later).
//
// Truth: main.Each is an iterator that is ranged over 7 times, 5 values each; the
// loop's body, main.visit-range1, is called 35 times unless it is inlined,
// and calls main.note(v) 35 times.
// Prints:
//
//	calls main.visit = 7
//	calls main.note = 35
//	sum 70
package main

import (
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var visits, notes, sum int64

//go:noinline
func Each(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

//go:noinline
func note(v int) {
	notes++
	sum += int64(v)
}

//go:noinline
func visit(n int) {
	visits++
	for v := range Each(n) {
		note(v)
	}
}

func main() {
	protocol.Ready()
	for i := 0; i < 7; i++ {
		visit(5)
	}
	protocol.Calls("main.visit", visits)
	protocol.Calls("main.note", notes)
	fmt.Println("sum", sum)
	protocol.Done()
}
