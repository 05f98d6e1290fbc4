// during: system calls made within calls of known functions.
//
// Truth: Getppid is called 12 times, in this order: within sendOrder("order-1");
// within no call; within moveOrder("order-2"), whose goroutine has changed threads
// since it began; within sendPart(0) that sendPart(1) to sendPart(3) enclose; in
// another goroutine while holdOrder("held") waits for it, first within no call, then
// within sendOrder("other"), then within none; behind a boomOrder("booms") that
// panicked, two frames deep and then twenty, which is within no call; within
// catchOrder("catches"), which called one of those; within sendOrder("late"). While the
// last one waits, another goroutine calls Getpgid, and the main one calls it again
// when it has returned. Then growOrder("grows") asks a thousand frames deep.
// With "many", 16 goroutines call sendNumber(n) 251 times each, which asks twice with
// n as the argument of the system call, and panics in between where 16 divides n;
// each asks with 0 behind it.
// Prints:
//
//	calls main.sendOrder = 3
//	calls main.moveOrder = 1
//	calls main.sendPart = 4
//	calls main.holdOrder = 1
//	calls main.boomOrder = 2
//	calls main.catchOrder = 1
//	calls main.growOrder = 1
//
// Prints (many):
//
//	calls main.sendNumber = 4016
package main

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var orders, moves, parts, holds, booms, catches, grows, numbers int64

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

//go:noinline
func growOrder(id string) int {
	grows++
	return deep(1000) + len(id)
}

func ask(n int) {
	if n%2 == 0 {
		_, _, _ = syscall.RawSyscall(syscall.SYS_GETPPID, uintptr(n), 0, 0)
	} else {
		_, _, _ = syscall.Syscall(syscall.SYS_GETPPID, uintptr(n), 0, 0)
	}
}

//go:noinline
func sendNumber(n int) {
	atomic.AddInt64(&numbers, 1)
	ask(n)
	runtime.Gosched()
	if n%16 == 0 {
		panic(n)
	}
	ask(n)
}

func many() {
	var all sync.WaitGroup
	for first := 1; first <= 16; first++ {
		first := first
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < 251; i++ {
				func() {
					defer func() { _ = recover() }()
					sendNumber(first + 16*i + i%16)
				}()
				ask(0)
			}
		}()
	}
	all.Wait()
	protocol.Calls("main.sendNumber", numbers)
	protocol.Done()
}

func main() {
	protocol.Ready()
	if len(os.Args) > 1 {
		many()
		return
	}
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
	growOrder("grows")
	protocol.Calls("main.sendOrder", orders)
	protocol.Calls("main.moveOrder", moves)
	protocol.Calls("main.sendPart", parts)
	protocol.Calls("main.holdOrder", holds)
	protocol.Calls("main.boomOrder", booms)
	protocol.Calls("main.catchOrder", catches)
	protocol.Calls("main.growOrder", grows)
	protocol.Done()
}
