// web: an HTTP server of the standard library.
//
// Truth: its handler counts the requests by method and path, and answers each
// with both and the length of the body. A request for /panic panics after it
// was counted, which net/http catches. It serves until its stdin ends, then
// prints the counts, sorted.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
)

func main() {
	log.SetOutput(io.Discard) // of net/http, about the panics
	var mu sync.Mutex
	served := make(map[string]int)
	handle := func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			panic(err)
		}
		what := r.Method + " " + r.URL.Path
		mu.Lock()
		served[what]++
		mu.Unlock()
		if r.URL.Path == "/panic" {
			panic(what)
		}
		fmt.Fprintf(w, "%s %d", what, n)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready", os.Getpid())
	fmt.Println(listener.Addr())
	go http.Serve(listener, http.HandlerFunc(handle))
	in := bufio.NewReader(os.Stdin)
	in.ReadString('\n')

	mu.Lock()
	defer mu.Unlock()
	var lines []string
	for what, n := range served {
		lines = append(lines, fmt.Sprintf("%s = %d", what, n))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
	fmt.Println("done")
	in.ReadString('\n')
}
