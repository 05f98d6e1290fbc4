// Price is a small function with a frame, and so with a stack check, called in
// a loop. It speaks the protocol of testprogs.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"time"
)

//go:noinline
func Price(kind int) int { return leaf(kind) + 1 }

//go:noinline
func leaf(kind int) int { return kind * 2 }

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	stdin := bufio.NewReader(os.Stdin)
	fmt.Printf("ready %d\n", os.Getpid())
	_, _ = stdin.ReadString('\n')
	wrong, began := 0, time.Now()
	for i := range n {
		if Price(i&3) != 2*(i&3)+1 {
			wrong++
		}
	}
	fmt.Printf("# %.2f ns per call\n", float64(time.Since(began).Nanoseconds())/float64(n))
	if wrong > 0 {
		fmt.Println("wrong results:", wrong)
	}
	fmt.Println("done")
	_, _ = stdin.ReadString('\n')
}
