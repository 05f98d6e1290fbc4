package main

import (
	"fmt"
	"strings"
)

//go:noinline
func Eleven(a, b, c, d, e, f, g, h, i int, j int8, k string) (int, int, int, int, int, int, int, int, int, int8, string) {
	return -a, -b, -c, -d, -e, -f, -g, -h, -i, -j, k + k
}

//go:noinline
func Stacked(a [2]int8, n int) (x int8, list [3]int16, y int16, s string, err error) {
	return a[1], [3]int16{-1, int16(n), 3}, -4, "stacked", errPlain
}

//go:noinline
func Wide(n int) (wide ten, after int8) { return ten{J1: n, J6: -n, J8: "wide"}, -1 }

//go:noinline
func Unnamed(n int) (int8, string, []int, *int, bool, error) {
	return int8(n), "unnamed", []int{n, -n}, nil, n > 0, fmt.Errorf("%d: %w", n, errPlain)
}

//go:noinline
func Early(n int) (word string, err error) {
	if n < 0 {
		return "", errPlain
	}
	if n == 0 {
		word = "zero"
		return
	}
	return strings.Repeat("ab", n), nil
}

//go:noinline
func Replaced(n int) (ret int) {
	defer func() {
		if recover() != nil {
			ret = -1
		}
	}()
	if n > 1 {
		panic("large")
	}
	return n
}

//go:noinline
func Changed(n int, s string) (int, string) {
	n, s = n+1, s+"!"
	return n, s
}

//go:noinline
func Nothing(n int8) {}

//go:noinline
func Grow(n int) int {
	var room [2000]byte
	if n == 0 {
		return 0
	}
	room[n] = byte(n)
	return Grow(n-1) + int(room[n])
}

func results() {
	r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 := Eleven(1, -2, 3, -4, 5, -6, 7, -8, 9, -10, "k")
	for i, v := range []int{1, -2, 3, -4, 5, -6, 7, -8, 9} {
		put("Eleven", string(rune('a'+i)), v)
	}
	put("Eleven", "j", -10)
	put("Eleven", "k", "k")
	for i, v := range []int{r0, r1, r2, r3, r4, r5, r6, r7, r8} {
		put("Eleven", fmt.Sprintf("ret%d", i), v)
	}
	put("Eleven", "ret9", r9)
	put("Eleven", "ret10", r10)
	stacked()
	unnamed()
	for _, n := range []int{-1, 0, 40} {
		word, err := Early(n)
		put("Early", "n", n)
		put("Early", "word", word)
		put("Early", "err", err)
		put("Early", "len(word) / 2 == n", len(word)/2 == n)
	}
	for n := range 3 {
		put("Replaced", "n", n)
		if n > 1 {
			put("Replaced.func1", "ret", 0)
		} else {
			put("Replaced.func1", "ret", n)
		}
		put("Replaced", "ret", Replaced(n))
	}
	n, s := Changed(5, "arg")
	put("Changed", "n", 5)
	put("Changed", "s", "arg")
	put("Changed", "ret0", n)
	put("Changed", "ret1", s)
	put("Changed", "ret0 - n", n-5)
	Nothing(-6)
	put("Nothing", "n", -6)
	Grow(4)
	for i := range 5 { // They return in the opposite order.
		put("Grow", "n", i)
		put("Grow", "ret", i*(i+1)/2)
	}
}

func stacked() {
	a, n := [2]int8{-1, -2}, 300
	x, list, y, s, err := Stacked(a, n)
	put("Stacked", "a", a)
	put("Stacked", "n", n)
	put("Stacked", "x", x)
	put("Stacked", "list", list)
	put("Stacked", "list[1]", list[1])
	put("Stacked", "y", y)
	put("Stacked", "s", s)
	put("Stacked", "err", err)
	wide, after := Wide(n)
	put("Wide", "n", n)
	put("Wide", "wide", wide)
	put("Wide", "wide.J6", wide.J6)
	put("Wide", "ret0.J8", wide.J8)
	put("Wide", "after", after)
}

func unnamed() {
	for _, n := range []int{-3, 4} {
		r0, r1, r2, r3, r4, r5 := Unnamed(n)
		put("Unnamed", "n", n)
		put("Unnamed", "ret0", r0)
		put("Unnamed", "ret1", r1)
		put("Unnamed", "ret2", r2)
		put("Unnamed", "ret3", r3)
		put("Unnamed", "ret2[1]", r2[1])
		put("Unnamed", "ret4", r4)
		put("Unnamed", "ret5", r5)
		put("Unnamed", "ret0 == n", int(r0) == n)
	}
}
