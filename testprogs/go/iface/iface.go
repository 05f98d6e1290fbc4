// iface: methods called through wrappers that the compiler makes.
//
// Truth: main.Square.Area(scale) has a value receiver; it is called 7 times
// directly and 11 times through an interface that holds a *Square, where the
// wrapper main.(*Square).Area calls it: 18 calls. main.(*Base).Name(n) is
// promoted to Derived; it is called 13 times through an interface, where
// main.(*Derived).Name jumps to it, and 5 times directly: 18 calls.
// Prints:
//
//	calls main.Square.Area = 18
//	calls main.(*Base).Name = 18
//	sum 388
package main

import (
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

type Shape interface{ Area(scale int) int }

type Named interface{ Name(n int) int }

type Square struct{ side, pad int }

var areas, names int64

//go:noinline
func (s Square) Area(scale int) int {
	areas++
	return s.side * scale
}

type Base struct{ id int }

//go:noinline
func (b *Base) Name(n int) int {
	names++
	return b.id + n
}

type Derived struct {
	pad int
	*Base
}

//go:noinline
func asShape(s *Square) Shape { return s }

//go:noinline
func asNamed(d *Derived) Named { return d }

func main() {
	protocol.Ready()
	sum := 0
	sq := Square{3, 0}
	for i := 0; i < 7; i++ {
		sum += sq.Area(i)
	}
	for i := 0; i < 11; i++ {
		sum += asShape(&sq).Area(i)
	}
	d := &Derived{0, &Base{4}}
	for i := 0; i < 13; i++ {
		sum += asNamed(d).Name(i)
	}
	for i := 0; i < 5; i++ {
		sum += d.Base.Name(i)
	}
	protocol.Calls("main.Square.Area", areas)
	protocol.Calls("main.(*Base).Name", names)
	fmt.Println("sum", sum)
	protocol.Done()
}
