// shop: an HTTP server of Go's standard library, which asks itself.
//
// Truth: main.serve(w, r) is called n times with each of the paths /cart,
// /items and /health, by three clients at once. Calls with the path that is
// named, if there is one, sleep for at least 30 ms; the others wait for nothing.
// Args: n (default 5), a path to make slow, the program's exit status (default
// 0). Or "loop": until stdin has a line.
// Prints:
//
//	calls main.serve = 15
//	calls main.serve "/cart" = 5
//	calls main.serve "/items" = 5
//	calls main.serve "/health" = 5
//
// Prints (3 /items):
//
//	calls main.serve = 9
//	calls main.serve "/cart" = 3
//	calls main.serve "/items" = 3
//	calls main.serve "/health" = 3
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var (
	paths  = []string{"/cart", "/items", "/health"}
	served [3]int64
	slow   string
)

//go:noinline
func serve(w http.ResponseWriter, r *http.Request) {
	for i, path := range paths {
		if path == r.URL.Path {
			atomic.AddInt64(&served[i], 1)
		}
	}
	if r.URL.Path == slow {
		time.Sleep(30 * time.Millisecond)
	}
	fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
}

// ask sends a request and checks the answer.
func ask(client *http.Client, url, path string) {
	resp, err := client.Get(url + path)
	if err != nil {
		fmt.Println("wrong:", err)
		return
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(text) != "GET "+path {
		fmt.Printf("wrong: %s answers %q, %v\n", path, text, err)
	}
}

func main() {
	if len(os.Args) > 2 {
		slow = os.Args[2]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("wrong:", err)
		return
	}
	go http.Serve(listener, http.HandlerFunc(serve))
	url := "http://" + listener.Addr().String()
	protocol.Ready()
	n, loop := protocol.Number(1, 5), protocol.Looping()
	var group sync.WaitGroup
	for _, path := range paths {
		group.Add(1)
		go func(path string) {
			defer group.Done()
			client := &http.Client{Transport: &http.Transport{}}
			for call := 0; call < n || loop && !protocol.Stopped(); call++ {
				ask(client, url, path)
			}
		}(path)
	}
	group.Wait()
	protocol.Calls("main.serve", served[0]+served[1]+served[2])
	for i, path := range paths {
		protocol.Calls(fmt.Sprintf("main.serve %q", path), served[i])
	}
	protocol.Done()
	os.Exit(protocol.Number(3, 0))
}
