// Getppid makes system calls that do next to nothing. It speaks the protocol of
// testprogs.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	in := bufio.NewScanner(os.Stdin)
	fmt.Printf("ready %d\n", os.Getpid())
	for in.Scan() {
		began := time.Now()
		for range n {
			unix.Getppid()
		}
		fmt.Printf("# %.2f ns per call\ndone\n", float64(time.Since(began).Nanoseconds())/float64(n))
	}
}
