// Package protocol is what every Go test program says and waits for;
// testprogs/c/protocol.h explains it. It keeps to what Go 1.18 knows, as the
// programs are also built by old toolchains.
package protocol

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

var (
	stdin   = bufio.NewReader(os.Stdin)
	stopped int32
)

// Ready prints "ready PID" and waits for a line.
func Ready() {
	fmt.Printf("ready %d\n", os.Getpid())
	readLine()
}

// Done prints "done" and waits for a line or the end of stdin.
func Done() {
	fmt.Println("done")
	readLine()
}

func readLine() { _, _ = stdin.ReadString('\n') }

// Looping says whether the program was told to work until Stopped. It also
// starts to watch stdin then, so it is called after Ready, once.
func Looping() bool {
	if len(os.Args) < 2 || os.Args[1] != "loop" {
		return false
	}
	go func() {
		readLine()
		atomic.StoreInt32(&stopped, 1)
	}()
	return true
}

// Stopped says whether stdin had a line since Looping.
func Stopped() bool { return atomic.LoadInt32(&stopped) == 1 }

// Number returns the i-th argument, or missing where there is none.
func Number(i, missing int) int {
	if len(os.Args) <= i {
		return missing
	}
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		return missing
	}
	return n
}

// Calls prints a count of calls.
func Calls(what string, n int64) { Count("calls", what, n) }

// Count prints a count of calls, returns or unwound calls.
func Count(verb, what string, n int64) { fmt.Printf("%s %s = %d\n", verb, what, n) }
