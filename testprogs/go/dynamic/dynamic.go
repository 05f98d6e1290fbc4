// dynamic: what interfaces and closures hold.
//
// Truth: main.Area(s) takes a Square{3} 7 times, a *Circle{5, "round"} 5 times and
// nil 2 times. main.Print(v any) takes 42 11 times, "text" 3 times and a
// Square{3} 2 times. main.Fail(n) returns nil for n=0, 2 times, errNegative
// for n=1, 3 times, that error wrapped for n=2, 5 times, and a *codeError{7}
// for n=3, 7 times. main.counter.func1(n), a closure, captures step=10 and total,
// which it adds to, and is called 5 times with n=1.
//
// Prints:
//
//	calls main.Area = 14
//	calls main.Print = 16
//	calls main.Fail = 17
//	calls main.counter.func1 = 5
//	sum 1098
package main

import (
	"errors"
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

type shape interface{ area() int }

type Square struct{ Side int }

func (s Square) area() int { return s.Side * s.Side }

type Circle struct {
	Radius int
	Label  string
}

func (c *Circle) area() int { return 3 * c.Radius * c.Radius }

type codeError struct{ Code int }

func (e *codeError) Error() string { return fmt.Sprintf("code %d", e.Code) }

var errNegative = errors.New("negative")

var areas, prints, fails, counts int64

//go:noinline
func Area(s shape) int {
	areas++
	if s == nil {
		return 0
	}
	return s.area()
}

//go:noinline
func Print(v any) int {
	prints++
	switch v := v.(type) {
	case int:
		return v
	case string:
		return len(v)
	}
	return 1
}

//go:noinline
func Fail(n int) error {
	fails++
	switch n {
	case 1:
		return errNegative
	case 2:
		return fmt.Errorf("call %d: %w", n, errNegative)
	case 3:
		return &codeError{7}
	}
	return nil
}

//go:noinline
func counter(step int) func(int) int {
	total := 0
	return func(n int) int {
		counts++
		total += n * step
		return total
	}
}

func main() {
	protocol.Ready()
	sum := 0
	repeat := func(times int, f func() int) {
		for i := 0; i < times; i++ {
			sum += f()
		}
	}
	circle := &Circle{5, "round"}
	repeat(7, func() int { return Area(Square{3}) })
	repeat(5, func() int { return Area(circle) })
	repeat(2, func() int { return Area(nil) })
	repeat(11, func() int { return Print(42) })
	repeat(3, func() int { return Print("text") })
	repeat(2, func() int { return Print(Square{3}) })
	for n, times := range []int{2, 3, 5, 7} {
		repeat(times, func() int {
			if Fail(n) != nil {
				return n
			}
			return 0
		})
	}
	add := counter(10)
	for i := 0; i < 5; i++ {
		sum += add(1)
	}
	protocol.Calls("main.Area", areas)
	protocol.Calls("main.Print", prints)
	protocol.Calls("main.Fail", fails)
	protocol.Calls("main.counter.func1", counts)
	fmt.Println("sum", sum)
	protocol.Done()
}
