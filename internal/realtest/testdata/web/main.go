// web: an HTTP server of the standard library.
//
// Truth: its handler counts the requests by method and path, and answers each
// with both and the length of the body. A request for /panic panics after it
// was counted, which net/http catches. One for /disk/N writes and reads a byte N
// times. It serves until its stdin ends, then
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
	"strconv"
	"strings"
	"sync"
)

// useDisk writes to and reads from a file as often as times says, which each time
// is one system call.
func useDisk(times string) {
	n, err := strconv.Atoi(times)
	if err != nil {
		panic(err)
	}
	file, err := os.CreateTemp("", "web")
	if err != nil {
		panic(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	b := []byte{'x'}
	for range n {
		if _, err := file.Write(b); err != nil {
			panic(err)
		}
	}
	for i := range n {
		if _, err := file.Seek(int64(i), io.SeekStart); err != nil {
			panic(err)
		}
		if _, err := file.Read(b); err != nil {
			panic(err)
		}
	}
}

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
		if n, ok := strings.CutPrefix(r.URL.Path, "/disk/"); ok {
			useDisk(n)
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
