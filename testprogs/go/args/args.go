// args: where Go puts arguments and results.
//
// Truth, each function's arguments the same in all its calls:
//
//	main.Eleven(a..k int) 7 calls, a=1 .. k=11; j and k lie on the stack
//	main.Pair(p [2]int, id int) 11 calls, p on the stack, id=42
//	main.One(p [1]int, id int) 5 calls, p={9} in a register, id=43
//	main.Wide(w wide, id int) 3 calls, w 48 bytes in six registers, w.C=3 id=44
//	main.Mixed(x float64, id int, y float32, z int64) 13 calls, id=42 z=77
//	main.Complex(c complex128, id int) 17 calls, id=45
//	main.Blank(_ int, id int) 19 calls, id=46 in the second register
//	main.Named(id int) (n int, err error) 23 calls, id=47, n=94, err nil; and 2
//	  calls with id=-1, err not nil
//	main.Small(a int8, b uint8, c int16, d uint32, e bool) 29 calls, -1 255 -2 4294967295 true
//	main.Follow(o *order) 31 calls, o.Line.SKU="alpha" o.Qty=-3, and 2 calls with nil
//	main.Bytes(b []byte, m map[string]int, e error) 37 calls, len(b)=3
//	main.Paint(c color) Red (0) 2, Green (1) 3
//
// Prints:
//
//	calls main.Eleven = 7
//	calls main.Pair id=42 = 11
//	calls main.One id=43 = 5
//	calls main.Wide id=44 = 3
//	calls main.Mixed id=42 z=77 = 13
//	calls main.Complex id=45 = 17
//	calls main.Blank id=46 = 19
//	calls main.Named id=47 = 23
//	calls main.Named id=-1 = 2
//	calls main.Small = 29
//	calls main.Follow = 33
//	calls main.Bytes = 37
//	calls main.Paint = 5
//	checksum 15302
package main

import (
	"errors"
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

type wide struct{ A, B, C, D, E, F int }

type line struct {
	No  int
	SKU string
}

type order struct {
	ID   int64
	Line *line
	Qty  int32
}

type color uint8

const (
	red color = iota
	green
)

var errNegative = errors.New("negative")

//go:noinline
func Eleven(a, b, c, d, e, f, g, h, i, j, k int) int {
	return a + b + c + d + e + f + g + h + i + j + k
}

//go:noinline
func Pair(p [2]int, id int) int { return p[id%2] + id }

//go:noinline
func One(p [1]int, id int) int { return p[0] + id }

//go:noinline
func Wide(w wide, id int) int { return w.A + w.C + w.F + id }

//go:noinline
func Mixed(x float64, id int, y float32, z int64) int { return int(x*float64(y)) + id + int(z) }

//go:noinline
func Complex(c complex128, id int) int { return int(real(c)) + id }

//go:noinline
func Blank(_ int, id int) int { return id * 2 }

//go:noinline
func Named(id int) (n int, err error) {
	if id < 0 {
		return 0, errNegative
	}
	n = id * 2
	return n, nil
}

//go:noinline
func Small(a int8, b uint8, c int16, d uint32, e bool) int {
	r := int(a) + int(b) + int(c)
	if e && d == 1<<32-1 {
		r++
	}
	return r
}

//go:noinline
func Follow(o *order) int {
	if o == nil {
		return 1
	}
	return len(o.Line.SKU) + int(o.Qty)
}

//go:noinline
func Bytes(b []byte, m map[string]int, e error) int {
	if e != nil {
		return -1
	}
	return len(b) + m["x"]
}

//go:noinline
func Paint(c color) int { return int(c) }

func main() {
	protocol.Ready()
	sum := 0
	repeat := func(what string, times int, f func() int) {
		for i := 0; i < times; i++ {
			sum += f()
		}
		protocol.Calls(what, int64(times))
	}
	o := &order{ID: 1, Line: &line{No: 1, SKU: "alpha"}, Qty: -3}
	m := map[string]int{"x": 2}
	repeat("main.Eleven", 7, func() int { return Eleven(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) })
	repeat("main.Pair id=42", 11, func() int { return Pair([2]int{5, 6}, 42) })
	repeat("main.One id=43", 5, func() int { return One([1]int{9}, 43) })
	repeat("main.Wide id=44", 3, func() int { return Wide(wide{1, 2, 3, 4, 5, 6}, 44) })
	repeat("main.Mixed id=42 z=77", 13, func() int { return Mixed(1.5, 42, 2, 77) })
	repeat("main.Complex id=45", 17, func() int { return Complex(3+4i, 45) })
	repeat("main.Blank id=46", 19, func() int { return Blank(1, 46) })
	repeat("main.Named id=47", 23, func() int { n, _ := Named(47); return n })
	repeat("main.Named id=-1", 2, func() int { n, _ := Named(-1); return n })
	repeat("main.Small", 29, func() int { return Small(-1, 255, -2, 1<<32-1, true) })
	follows := 0
	repeat("main.Follow", 33, func() int {
		if follows++; follows > 31 {
			return Follow(nil)
		}
		return Follow(o)
	})
	repeat("main.Bytes", 37, func() int { return Bytes([]byte("abc"), m, nil) })
	paints := 0
	repeat("main.Paint", 5, func() int {
		if paints++; paints > 2 {
			return Paint(green)
		}
		return Paint(red)
	})
	fmt.Println("checksum", sum)
	protocol.Done()
}
