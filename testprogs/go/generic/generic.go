// generic: one function, several shapes, with a hidden dictionary argument.
//
// Truth: main.F(x, n) is called 11 times with T=int (n=42), 7 with T=string
// (n=43), 5 with T=*point (n=44), 3 with T=*other (n=44, the same shape), 2
// with T=point (n=45). main.(*Stack).Push(x) is called 13 times with T=int
// and 17 times with T=string.
// Prints:
//
//	calls main.F[go.shape.int] n=42 = 11
//	calls main.F[go.shape.string] n=43 = 7
//	calls main.F[go.shape.*uint8] n=44 = 8
//	calls main.F[go.shape.struct] n=45 = 2
//	calls main.(*Stack[go.shape.int]).Push = 13
//	calls main.(*Stack[go.shape.string]).Push = 17
//	sum 1449
package main

import (
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

type point struct{ x, y int }

type other struct{ z float64 }

var seen = map[int]int64{}

// F asks for x's type, so that it needs the dictionary.
//
//go:noinline
func F[T any](x T, n int) int {
	seen[n]++
	if _, ok := any(x).(fmt.Stringer); ok {
		return -n
	}
	return n
}

type Stack[T any] struct{ items []T }

//go:noinline
func (s *Stack[T]) Push(x T) int {
	s.items = append(s.items, x)
	return len(s.items)
}

func main() {
	protocol.Ready()
	sum := 0
	for i := 0; i < 11; i++ {
		sum += F(i, 42)
	}
	for i := 0; i < 7; i++ {
		sum += F("x", 43)
	}
	for i := 0; i < 5; i++ {
		sum += F(&point{i, i}, 44)
	}
	for i := 0; i < 3; i++ {
		sum += F(&other{1}, 44)
	}
	for i := 0; i < 2; i++ {
		sum += F(point{i, i}, 45)
	}
	var ints Stack[int]
	var strs Stack[string]
	for i := 0; i < 13; i++ {
		sum += ints.Push(i)
	}
	for i := 0; i < 17; i++ {
		sum += strs.Push("y")
	}
	protocol.Calls("main.F[go.shape.int] n=42", seen[42])
	protocol.Calls("main.F[go.shape.string] n=43", seen[43])
	protocol.Calls("main.F[go.shape.*uint8] n=44", seen[44])
	protocol.Calls("main.F[go.shape.struct] n=45", seen[45])
	protocol.Calls("main.(*Stack[go.shape.int]).Push", int64(len(ints.items)))
	protocol.Calls("main.(*Stack[go.shape.string]).Push", int64(len(strs.items)))
	fmt.Println("sum", sum)
	protocol.Done()
}
