// Request is a function that takes an HTTP request of the standard library,
// called in a loop. It speaks the protocol of testprogs.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

//go:noinline
func Serve(w http.ResponseWriter, req *http.Request) int { return length(req.Method) + 1 }

//go:noinline
func length(s string) int { return len(s) }

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	var reqs []*http.Request
	for _, path := range []string{"/api/v1/orders", "/health", "/api/v1/orders/1234/lines", "/"} {
		req, err := http.NewRequest("GET", "http://localhost"+path, nil)
		if err != nil {
			panic(err)
		}
		reqs = append(reqs, req)
	}
	stdin := bufio.NewReader(os.Stdin)
	fmt.Printf("ready %d\n", os.Getpid())
	_, _ = stdin.ReadString('\n')
	wrong, began := 0, time.Now()
	for i := range n {
		if Serve(nil, reqs[i&3]) != 4 {
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
