// during: system calls made within calls of known functions.
//
// Truth: Getppid is called 11 times, in this order: within sendOrder("order-1");
// within no call; within moveOrder("order-2"), whose goroutine has changed threads
// since it began; within sendPart(0) that sendPart(1) to sendPart(3) enclose; in
// another goroutine while holdOrder("held") waits for it, first within no call, then
// within sendOrder("other"), then within none; behind a boomOrder("booms") that
// panicked, two frames deep and then twenty, which is within no call; within
// catchOrder("catches"), which called one of those; within sendOrder("late"). While the
// last one waits, another goroutine calls Getpgid, and the main one calls it again
// when it has returned.
// Prints:
//
//	calls main.sendOrder = 3
//	calls main.moveOrder = 1
//	calls main.sendPart = 4
//	calls main.holdOrder = 1
//	calls main.boomOrder = 2
//	calls main.catchOrder = 1
package main

import (
	"runtime"
	"syscall"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var orders, moves, parts, holds, booms, catches int64

// elsewhere runs f in another goroutine and waits for it.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	<-done
}

//go:noinline
func sendOrder(id string) int {
	orders++
	n := syscall.Getppid()
	if id == "late" {
		elsewhere(func() { _, _ = syscall.Getpgid(0) })
	}
	return n + len(id)
}

// moveOrder lets goroutines take its thread for their own until it runs on
// another one.
//
//go:noinline
func moveOrder(id string) int {
	moves++
	first := syscall.Gettid()
	for syscall.Gettid() == first {
		taken := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(taken)
			select {}
		}()
		<-taken
	}
	return syscall.Getppid() + len(id)
}

//go:noinline
func sendPart(n int) int {
	parts++
	if n > 0 {
		return sendPart(n-1) + n
	}
	return syscall.Getppid()
}

//go:noinline
func holdOrder(id string) int {
	holds++
	elsewhere(func() {
		syscall.Getppid()
		sendOrder("other")
		syscall.Getppid()
	})
	return len(id)
}

//go:noinline
func boomOrder(id string) int {
	booms++
	if id != "" {
		panic(id)
	}
	return len(id)
}

//go:noinline
func caught() (n int) {
	defer func() {
		if recover() != nil {
			n = 1
		}
	}()
	return boomOrder("booms")
}

//go:noinline
func catchOrder(id string) int {
	catches++
	n := caught()
	return n + deep(2) + len(id)
}

//go:noinline
func deep(n int) int {
	if n > 0 {
		return deep(n-1) + n
	}
	return syscall.Getppid()
}

func main() {
	protocol.Ready()
	sendOrder("order-1")
	syscall.Getppid()
	moveOrder("order-2")
	sendPart(3)
	holdOrder("held")
	caught()
	deep(2)
	deep(20)
	catchOrder("catches")
	sendOrder("late")
	_, _ = syscall.Getpgid(0)
	protocol.Calls("main.sendOrder", orders)
	protocol.Calls("main.moveOrder", moves)
	protocol.Calls("main.sendPart", parts)
	protocol.Calls("main.holdOrder", holds)
	protocol.Calls("main.boomOrder", booms)
	protocol.Calls("main.catchOrder", catches)
	protocol.Done()
}
