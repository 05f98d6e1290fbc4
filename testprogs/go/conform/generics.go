package main

import "fmt"

type (
	stack[T any] struct {
		Items []T
		N     int8
	}
	entry[K comparable, V any] struct {
		Key   K
		Value V
	}
)

// Kept asks for the type of what it is given, so that it needs a dictionary.
//
//go:noinline
func Kept[T any](v T, n int8) (T, int8) {
	if _, ok := any(v).(fmt.Stringer); ok {
		return v, -n
	}
	return v, n
}

//go:noinline
func (s *stack[T]) Push(v T, n int8) int {
	s.Items = append(s.Items, v)
	s.N += n
	sink = s
	return len(s.Items)
}

//go:noinline
func (s stack[T]) Last(n int8) (last T, ok bool) {
	if len(s.Items) == 0 {
		return last, false
	}
	sink = s
	return s.Items[len(s.Items)-1], n > 0
}

//go:noinline
func Entry[K comparable, V any](e entry[K, V], k K, v V) entry[K, V] {
	if e.Key == k {
		e.Value = v
	}
	sink = e
	return e
}

//go:noinline
func Total[T ~int | ~int8](list ...T) (n T) {
	for _, x := range list {
		n += x
	}
	return n
}

func generics() {
	retained("go.shape.int", -1, 2)
	retained("go.shape.int8", int8(-128))
	retained("go.shape.uint8", color(200))
	retained("go.shape.string", "größe", "")
	retained("go.shape.float64", 1.5)
	retained("go.shape.[]int", []int{1, -2})
	retained("go.shape.struct { X int16; Y int16 }", inner{-1, 2}, inner(point{3, -4}))
	retained("go.shape.interface {}", any(5), any("a"))
	maps()
	n := kept(-5)
	v, m := Kept(n, -6)
	put("Kept[go.shape.*uint8]", "n", -6)
	put("Kept[go.shape.*uint8]", "v == nil", v == nil)
	put("Kept[go.shape.*uint8]", "ret1", m)
	ints, words := &stack[int]{}, &stack[string]{}
	push("go.shape.int", ints, 7, -8)
	push("go.shape.string", words, "first", "größe")
	entries()
	choose()
	list := []int8{100, 27, 1}
	put("Total[go.shape.int8]", "list", list)
	put("Total[go.shape.int8]", "n", Total(list...))
	put("Total[go.shape.int8]", "len(list)", len(list))
}

func retained[T any](shape string, values ...T) {
	fn := "Kept[" + shape + "]"
	for i, v := range values {
		n := int8(-50 - i)
		ret, m := Kept(v, n)
		put(fn, "v", v)
		put(fn, "n", n)
		put(fn, "ret0", ret)
		put(fn, "ret1", m)
	}
}

// maps are named by their shape: the map's own type is one of those that have it.
func maps() {
	const fn = "Kept[go.shape.map[string]int]"
	v := map[string]int{"a": 1, "b": 2}
	ret, _ := Kept(v, -7)
	put(fn, "v", fmt.Sprintf("go.shape.map[string]int(%d)", len(v)))
	put(fn, "len(v)", len(v))
	put(fn, "ret0", fmt.Sprintf("go.shape.map[string]int(%d)", len(ret)))
}

func push[T any](shape string, s *stack[T], values ...T) {
	fn := "(*stack[" + shape + "]).Push"
	for i, v := range values {
		n := int8(-i - 1)
		put(fn, "s.N", s.N)
		put(fn, "len(s.Items)", len(s.Items))
		ret := s.Push(v, n)
		put(fn, "s", s)
		put(fn, "v", v)
		put(fn, "n", n)
		put(fn, "ret", ret)
	}
	fn = "stack[" + shape + "].Last"
	for _, n := range []int8{-1, 1} {
		last, ok := s.Last(n)
		if shape == "go.shape.string" { // the elements of which are not shown
			put(fn, "s", fmt.Sprintf("{Items:[]%s(%d) N:%d}", shape, len(s.Items), s.N))
		} else {
			put(fn, "s", *s)
		}
		put(fn, "s.N", s.N)
		put(fn, "s.Items[1]", s.Items[1])
		put(fn, "n", n)
		put(fn, "last", last)
		put(fn, "ok", ok)
	}
}

func entries() {
	e := entry[string, int8]{"key", -1}
	ret := Entry(e, "key", -2)
	const fn = "Entry[go.shape.string,go.shape.int8]"
	put(fn, "e", e)
	put(fn, "e.Key", e.Key)
	put(fn, "e.Value", e.Value)
	put(fn, "k", "key")
	put(fn, "v", -2)
	put(fn, "ret", ret)
	put(fn, "ret.Value", ret.Value)
}

//go:noinline
func chooser[T any](a, b T) func(bool) T {
	return func(first bool) T {
		if touched++; first {
			return a
		}
		return b
	}
}

func choose() {
	a, b := "the first", "the second"
	f := chooser(a, b)
	for _, first := range []bool{true, false} {
		const fn = "chooser[go.shape.string].func1"
		ret := f(first)
		put(fn, "first", first)
		put(fn, "a", a)
		put(fn, "b", b)
		put(fn, "ret", ret)
	}
}
