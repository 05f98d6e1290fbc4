// conform: values of every type of Go in every place an argument or a result
// may have.
//
// Truth: started with the argument "values" it calls each of its functions with
// values that a wrong width, sign, register or offset would betray, and prints
// for each expression that can be asked there
//
//	value FUNCTION: EXPRESSION = VALUE
//
// from its own variables; VALUE is JSON. A function that is called n times has
// n lines for an expression, in the order of the calls. Without the argument it
// does the same but for the lines.
// Prints:
//
//	calls cells = 1741
//	touched 183
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var (
	quiet = len(os.Args) < 2 || os.Args[1] != "values"
	cells int64
	// touched is written where a function would be a single instruction, the
	// results of which are not read.
	touched int
	// sink keeps what it holds on the heap, where addresses last.
	sink any
)

// put prints what an expression in a function of this package is. T is the
// type that the expression has in the source, an interface too.
func put[T any](fn, expr string, v T) { putJSON(fn, expr, jsonOf(&v)) }

// none is for an assertion to a type that the interface does not hold.
func none(fn, expr string) { putJSON(fn, expr, "(none)") }

// unreadable is for what is not there.
func unreadable(fn, expr string) { putJSON(fn, expr, "(unreadable)") }

func putJSON(fn, expr string, v any) {
	cells++
	if quiet {
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	fmt.Printf("value main.%s: %s = %s\n", fn, expr, text)
}

// kept moves v to the heap.
func kept[T any](v T) *T {
	p := &v
	sink = p
	return p
}

func main() {
	protocol.Ready()
	scalars()
	texts()
	sequences()
	structs()
	memory()
	dynamic()
	generics()
	closures()
	results()
	arithmetic()
	protocol.Calls("cells", cells)
	fmt.Println("touched", touched)
	runtime.KeepAlive(sink)
	protocol.Done()
}
