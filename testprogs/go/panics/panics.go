// panics: every way out of a panic.
//
// Truth, 7 rounds of each: main.Recovers panics in main.Fails and recovers in
// its own frame, so it leaves by its second RET: 7 calls, 7 returns. main.Again
// recovers the panic of Fails, panics anew in its deferred function, and is
// unwound; main.Top recovers that. main.InDefer's deferred function main.Deferred
// panics during an ordinary return and its caller main.Catch recovers: InDefer
// is unwound. Fails is called 14 times and never returns. main.Nil
// dereferences nil; the fault becomes a panic that Recover3 recovers.
// Prints:
//
//	calls main.Recovers = 7
//	calls main.Fails = 14
//	unwound main.Fails = 14
//	calls main.Top = 7
//	calls main.Again = 7
//	unwound main.Again = 7
//	calls main.Catch = 7
//	calls main.InDefer = 7
//	unwound main.InDefer = 7
//	calls main.Deferred = 7
//	unwound main.Deferred = 7
//	calls main.Recover3 = 7
//	calls main.Nil = 7
//	unwound main.Nil = 7
//	recovered 28
package main

import (
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var recovered int

func catch() {
	if recover() != nil {
		recovered++
	}
}

//go:noinline
func Fails(i int) int {
	if i >= 0 {
		panic(i)
	}
	return i
}

//go:noinline
func Recovers(i int) (r int) {
	defer catch()
	return Fails(i)
}

//go:noinline
func Top(i int) (r int) {
	defer catch()
	return Again(i)
}

//go:noinline
func Again(i int) int {
	defer func() {
		panic(fmt.Sprint("again ", recover()))
	}()
	return Fails(i)
}

//go:noinline
func Catch(i int) (r int) {
	defer catch()
	return InDefer(i)
}

//go:noinline
func InDefer(i int) int {
	defer Deferred(i)
	return i + 1
}

//go:noinline
func Deferred(i int) {
	if i >= 0 {
		panic("deferred")
	}
}

//go:noinline
func Recover3(p *int) (r int) {
	defer catch()
	return Nil(p)
}

//go:noinline
func Nil(p *int) int { return *p + 1 }

func main() {
	protocol.Ready()
	for i := 0; i < 7; i++ {
		Recovers(i)
		Top(i)
		Catch(i)
		Recover3(nil)
	}
	for _, f := range []struct {
		name           string
		calls, unwound int64
	}{
		{"main.Recovers", 7, 0}, {"main.Fails", 14, 14}, {"main.Top", 7, 0}, {"main.Again", 7, 7},
		{"main.Catch", 7, 0}, {"main.InDefer", 7, 7}, {"main.Deferred", 7, 7},
		{"main.Recover3", 7, 0}, {"main.Nil", 7, 7},
	} {
		protocol.Calls(f.name, f.calls)
		if f.unwound > 0 {
			protocol.Count("unwound", f.name, f.unwound)
		}
	}
	fmt.Println("recovered", recovered)
	protocol.Done()
}
