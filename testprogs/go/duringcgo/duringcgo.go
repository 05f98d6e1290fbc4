// duringcgo: system calls made by C within calls of known Go functions.
//
// Truth: getppid is called 8 times, in this order: by Go within SendOrder("order-1");
// by C, on the system stack, within SendOrder("order-1"); by C within no call; by C
// within CallBack("order-2"), then by Go that this C calls back; by C within c_relay(7)
// that Relay("order-3") calls; by Go within Inner("order-3") that c_relay calls back;
// by Go behind a Relay that panicked in there, which is within no call.
// Needs: cgo
// Prints:
//
//	calls main.SendOrder = 1
//	calls main.CallBack = 1
//	calls main.Relay = 2
//	calls main.Inner = 2
//	calls c_relay = 2
package main

/*
void c_ask(void);
void c_call_back(void);
long c_relay(long n);
long c_relays(void);
*/
import "C"

import (
	"syscall"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var orders, backs, relays, inners int64

//go:noinline
func SendOrder(id string) int {
	orders++
	n := syscall.Getppid()
	C.c_ask()
	return n + len(id)
}

//go:noinline
func CallBack(id string) int {
	backs++
	C.c_call_back()
	return len(id)
}

//go:noinline
func Relay(id string, n int) (sum int) {
	relays++
	defer func() {
		if recover() != nil {
			sum = -1
		}
	}()
	return int(C.c_relay(C.long(n))) + len(id)
}

//go:noinline
func Inner(id string) int {
	inners++
	if id == "panics" {
		panic(id)
	}
	return syscall.Getppid()
}

//export goAsk
func goAsk() { syscall.Getppid() }

//export goInner
func goInner(n C.long) C.long {
	if n == 0 {
		return C.long(Inner("panics"))
	}
	return C.long(Inner("order-3"))
}

func main() {
	protocol.Ready()
	SendOrder("order-1")
	C.c_ask()
	CallBack("order-2")
	Relay("order-3", 7)
	Relay("order-4", 0)
	syscall.Getppid()
	protocol.Calls("main.SendOrder", orders)
	protocol.Calls("main.CallBack", backs)
	protocol.Calls("main.Relay", relays)
	protocol.Calls("main.Inner", inners)
	protocol.Calls("c_relay", int64(C.c_relays()))
	protocol.Done()
}
