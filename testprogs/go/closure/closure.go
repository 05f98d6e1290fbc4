// closure: functions without a name of their own.
//
// Truth: main.adder.func1(n), which captures base=100, is called 7 times.
// main.(*Counter).Add(n) is called 11 times through the method value
// main.(*Counter).Add-fm and 5 times directly: 16 calls. main.background(n)
// is called 3 times by a go statement (gowrap), main.later(n) 13 times by a
// defer statement.
// Prints:
//
//	calls main.adder.func1 = 7
//	calls main.(*Counter).Add = 16
//	calls main.background = 3
//	calls main.later = 13
//	sum 782
package main

import (
	"fmt"
	"sync"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var added, adds, backgrounds, laters int64

//go:noinline
func adder(base int) func(int) int {
	return func(n int) int {
		added++
		return base + n
	}
}

type Counter struct{ n int }

//go:noinline
func (c *Counter) Add(n int) {
	adds++
	c.n += n
}

//go:noinline
func methodValue(c *Counter) func(int) { return c.Add }

//go:noinline
func background(n int, sum *int, done *sync.WaitGroup) {
	backgrounds++
	*sum += n
	done.Done()
}

//go:noinline
func later(n int, sum *int) {
	laters++
	*sum += n
}

//go:noinline
func deferring(n int, sum *int) {
	defer later(n, sum)
	*sum++
}

func main() {
	protocol.Ready()
	sum := 0
	add := adder(100)
	for i := 0; i < 7; i++ {
		sum += add(i)
	}
	c := &Counter{}
	count := methodValue(c)
	for i := 0; i < 11; i++ {
		count(i)
	}
	for i := 0; i < 5; i++ {
		c.Add(-i)
	}
	for i := 0; i < 3; i++ {
		var done sync.WaitGroup
		done.Add(1)
		go background(i, &sum, &done)
		done.Wait()
	}
	for i := 0; i < 13; i++ {
		deferring(i-6, &sum)
	}
	sum += c.n
	protocol.Calls("main.adder.func1", added)
	protocol.Calls("main.(*Counter).Add", adds)
	protocol.Calls("main.background", backgrounds)
	protocol.Calls("main.later", laters)
	fmt.Println("sum", sum)
	protocol.Done()
}
