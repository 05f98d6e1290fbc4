// cgo: Go calls C, which calls Go back.
//
// Truth: main.GoOuter(n) is called 11 times; it calls the C function c_middle(n),
// which runs on the system stack and calls main.GoInner(n) back (through
// the export goInner), 11 calls each. The C leaf c_leaf(n) is called 13 times from
// Go and 11 times from c_middle: 24 calls. main.GoPanic is called 3 times: it
// calls c_panic, which calls main.GoBoom back; that panics through C, and
// GoPanic recovers: GoBoom and c_panic are unwound 3 times.
// Needs: cgo
// Prints:
//
//	calls main.GoOuter = 11
//	calls main.GoInner = 11
//	calls c_middle = 11
//	calls c_leaf = 24
//	calls main.GoPanic = 3
//	calls main.GoBoom = 3
//	unwound main.GoBoom = 3
//	sum 275
package main

/*
long c_leaf(long n);
long c_middle(long n);
void c_panic(long n);
long c_leaf_calls(void);
long c_middle_calls(void);
*/
import "C"

import (
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var outers, inners, panics, booms int64

//go:noinline
func GoOuter(n int) int {
	outers++
	return int(C.c_middle(C.long(n))) + 1
}

//go:noinline
func GoInner(n int) int {
	inners++
	return n * 2
}

//export goInner
func goInner(n C.long) C.long { return C.long(GoInner(int(n))) }

//go:noinline
func GoPanic(n int) (r int) {
	panics++
	defer func() {
		if recover() != nil {
			r = -n
		}
	}()
	C.c_panic(C.long(n))
	return n
}

//go:noinline
func GoBoom(n int) {
	booms++
	if n >= 0 {
		panic("boom")
	}
	booms = -1
}

//export goBoom
func goBoom(n C.long) { GoBoom(int(n)) }

func main() {
	protocol.Ready()
	sum := 0
	for i := 0; i < 11; i++ {
		sum += GoOuter(i)
	}
	for i := 0; i < 13; i++ {
		sum += int(C.c_leaf(C.long(i)))
	}
	for i := 0; i < 3; i++ {
		sum += GoPanic(i)
	}
	protocol.Calls("main.GoOuter", outers)
	protocol.Calls("main.GoInner", inners)
	protocol.Calls("c_middle", int64(C.c_middle_calls()))
	protocol.Calls("c_leaf", int64(C.c_leaf_calls()))
	protocol.Calls("main.GoPanic", panics)
	protocol.Calls("main.GoBoom", booms)
	protocol.Count("unwound", "main.GoBoom", booms)
	fmt.Println("sum", sum)
	protocol.Done()
}
