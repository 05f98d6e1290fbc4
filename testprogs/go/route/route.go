// route: calls by a string argument, one inside the other.
//
// Truth: main.handle(route, id) is called 7 times with "/api", 5 with
// "/health", 3 with "" and 2 with "/größe". Each call sleeps at least 2 ms itself;
// for "/api" and "/größe" it then calls main.query(table, id), 9 times in
// all, 7 with "orders" and 2 with "größe", each at least 3 ms. So a call with "/api"
// takes at least 5 ms, of which at least 2 ms are its own.
// Args: rounds (default 1).
// Prints:
//
//	calls main.handle = 17
//	calls main.handle "/api" = 7
//	calls main.handle "/health" = 5
//	calls main.handle "" = 3
//	calls main.handle "/größe" = 2
//	calls main.query = 9
//	calls main.query "orders" = 7
//	calls main.query "größe" = 2
package main

import (
	"fmt"
	"time"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

var handled, queried = map[string]int64{}, map[string]int64{}

//go:noinline
func handle(route string, id int) int {
	handled[route]++
	time.Sleep(2 * time.Millisecond)
	switch route {
	case "/api":
		id += query("orders", id)
	case "/größe":
		id += query("größe", id)
	}
	return id
}

//go:noinline
func query(table string, id int) int {
	queried[table]++
	time.Sleep(3 * time.Millisecond)
	return id
}

func main() {
	protocol.Ready()
	plan := []struct {
		route string
		times int
	}{{"/api", 7}, {"/health", 5}, {"", 3}, {"/größe", 2}}
	for round := protocol.Number(1, 1); round > 0; round-- {
		for _, p := range plan {
			for id := 0; id < p.times; id++ {
				handle(p.route, id)
			}
		}
	}
	var all int64
	for _, n := range handled {
		all += n
	}
	protocol.Calls("main.handle", all)
	for _, p := range plan {
		protocol.Calls(fmt.Sprintf("main.handle %q", p.route), handled[p.route])
	}
	protocol.Calls("main.query", queried["orders"]+queried["größe"])
	protocol.Calls(`main.query "orders"`, queried["orders"])
	protocol.Calls(`main.query "größe"`, queried["größe"])
	protocol.Done()
}
