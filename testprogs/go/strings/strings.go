// strings: string keys that are out to harm whoever prints them.
//
// Truth: main.Look(key, n) is called 7 times with "plain", 2 times with "", 3
// times with an escape sequence that clears the screen, 5 times with a NUL in the
// middle, 11 times with invalid UTF-8, 13 times with a newline and a quote, 17
// times with right-to-left override, 19 times with 10000 'x', 1 time with
// 10000 'x' and a 'y' behind them.
// Prints:
//
//	calls main.Look "plain" = 7
//	calls main.Look "" = 2
//	calls main.Look "\x1b[2J\x1b]0;title\a" = 3
//	calls main.Look "a\x00b" = 5
//	calls main.Look "\xff\xfe\xc3(" = 11
//	calls main.Look "line\n\"quoted\"" = 13
//	calls main.Look "\u202egnirts" = 17
//	calls main.Look 10000 bytes = 19
//	calls main.Look 10001 bytes = 1
//	sum 200934
package main

import (
	"fmt"
	"strings"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

//go:noinline
func Look(key string, n int) int { return len(key) + n }

func main() {
	long := strings.Repeat("x", 10000)
	plan := []struct {
		key   string
		times int
	}{
		{"plain", 7}, {"", 2}, {"\x1b[2J\x1b]0;title\a", 3}, {"a\x00b", 5}, {"\xff\xfe\xc3(", 11},
		{"line\n\"quoted\"", 13}, {"\u202egnirts", 17}, {long, 19}, {long + "y", 1},
	}
	protocol.Ready()
	sum := 0
	for _, p := range plan {
		for i := 0; i < p.times; i++ {
			sum += Look(p.key, i)
		}
		name := fmt.Sprintf("%q", p.key)
		if len(p.key) > 100 {
			name = fmt.Sprintf("%d bytes", len(p.key))
		}
		protocol.Calls("main.Look "+name, int64(p.times))
	}
	fmt.Println("sum", sum)
	protocol.Done()
}
