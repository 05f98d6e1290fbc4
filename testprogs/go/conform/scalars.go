package main

import (
	"math"
	"time"
	"unsafe"
)

type (
	color   uint8
	handler func(int) int
	signal  struct{}
)

//go:noinline
func Int8(v int8) int8 {
	touched++
	return v
}

// Alone is a single instruction in optimised code.
//
//go:noinline
func Alone(v int8) int8 { return v }

//go:noinline
func Int16(v int16) int16 {
	touched++
	return v
}

//go:noinline
func Int32(v int32) int32 {
	touched++
	return v
}

//go:noinline
func Int64(v int64) int64 {
	touched++
	return v
}

//go:noinline
func Int(v int) int {
	touched++
	return v
}

//go:noinline
func Uint8(v uint8) uint8 {
	touched++
	return v
}

//go:noinline
func Uint16(v uint16) uint16 {
	touched++
	return v
}

//go:noinline
func Uint32(v uint32) uint32 {
	touched++
	return v
}

//go:noinline
func Uint64(v uint64) uint64 {
	touched++
	return v
}

//go:noinline
func Uint(v uint) uint {
	touched++
	return v
}

//go:noinline
func Uintptr(v uintptr) uintptr {
	touched++
	return v
}

//go:noinline
func Bool(v bool) bool {
	touched++
	return v
}

//go:noinline
func Rune(v rune) rune {
	touched++
	return v
}

//go:noinline
func Color(v color) color {
	touched++
	return v
}

//go:noinline
func Duration(v time.Duration) time.Duration {
	touched++
	return v
}

//go:noinline
func Float32(v float32) float32 {
	touched++
	return v
}

//go:noinline
func Float64(v float64) float64 {
	touched++
	return v
}

//go:noinline
func Complex64(v complex64) complex64 {
	touched++
	return v
}

//go:noinline
func Complex128(v complex128) complex128 {
	touched++
	return v
}

//go:noinline
func Pointer(v *int) *int {
	touched++
	return v
}

//go:noinline
func Unsafe(v unsafe.Pointer) unsafe.Pointer {
	touched++
	return v
}

//go:noinline
func Chan(v chan string) chan string {
	touched++
	return v
}

//go:noinline
func Receive(v <-chan signal) <-chan signal {
	touched++
	return v
}

//go:noinline
func Func(v handler) handler {
	touched++
	return v
}

//go:noinline
func Map(v map[string]int) map[string]int {
	touched++
	return v
}

//go:noinline
func Structs(v map[color]*circle) map[color]*circle {
	touched++
	return v
}

// Narrow leaves the upper bits of its argument in the registers.
//
//go:noinline
func Narrow(v int64) (a int8, b uint8, c int16, d uint16, e int32, f uint32, g bool) {
	return int8(v), uint8(v), int16(v), uint16(v), int32(v), uint32(v), v != 0
}

// Mixed has floating point between what can be read.
//
//go:noinline
func Mixed(x float64, a int8, y float32, b uint16, z complex64, c bool) (float64, int8, string) {
	return x + float64(y), a, "mixed"
}

// Blank has parameters that nothing can name.
//
//go:noinline
func Blank(_ int, b int, _ string, d string) (_ int, s string) {
	touched++
	return b, d
}

func scalars() {
	both("Int8", Int8, math.MinInt8, -1, 0, math.MaxInt8)
	both("Alone", Alone, -1, 2)
	both("Int16", Int16, math.MinInt16, -1, math.MaxInt16)
	both("Int32", Int32, math.MinInt32, -1, math.MaxInt32)
	both("Int64", Int64, math.MinInt64, -1, math.MaxInt64)
	both("Int", Int, math.MinInt, -1, math.MaxInt)
	both("Uint8", Uint8, 0, 1, math.MaxUint8)
	both("Uint16", Uint16, 0, 1, math.MaxUint16)
	both("Uint32", Uint32, 0, 1, math.MaxUint32)
	both("Uint64", Uint64, 0, 1, math.MaxUint64)
	both("Uint", Uint, 0, 1, math.MaxUint)
	both("Uintptr", Uintptr, 0, math.MaxUint)
	both("Bool", Bool, true, false)
	both("Rune", Rune, 'é', -1)
	both("Color", Color, 2, 255)
	both("Duration", Duration, -time.Hour, 5*time.Millisecond)
	both("Float32", Float32, 1.5)
	both("Float64", Float64, -2.25)
	both("Complex64", Complex64, 1+2i)
	both("Complex128", Complex128, 3-4i)
	both("Pointer", Pointer, kept(-7), nil)
	both("Unsafe", Unsafe, unsafe.Pointer(kept(8)), nil)
	both("Map", Map, map[string]int{"a": 1, "b": 2}, map[string]int{}, nil)
	both("Structs", Structs, map[color]*circle{3: nil})
	both("Func", Func, func(n int) int { return n }, nil)
	channels()
	narrow()
}

func channels() {
	full, empty := make(chan string, 5), make(chan string)
	full <- "a"
	full <- "b"
	for _, v := range []chan string{full, empty} {
		ret := Chan(v)
		put("Chan", "v", v)
		put("Chan", "ret", ret)
		put("Chan", "len(v)", len(v))
		put("Chan", "cap(v)", cap(v))
		put("Chan", "cap(ret)", cap(ret))
	}
	both("Receive", Receive, make(chan signal, 1), nil)
	m := map[string]int{"one": 1, "two": 2, "three": 3}
	ret := Map(m)
	put("Map", "v", m)
	put("Map", "ret", ret)
	put("Pointer", "*v", *kept(-7))
	unreadable("Pointer", "*v")
	put("Pointer", "v == nil", false)
	put("Pointer", "v == nil", true)
}

func narrow() {
	for _, v := range []int64{-0x123456789, 0x7edcba98f0f1f2f3} {
		a, b, c, d, e, f, g := Narrow(v)
		put("Narrow", "v", v)
		put("Narrow", "a", a)
		put("Narrow", "b", b)
		put("Narrow", "c", c)
		put("Narrow", "d", d)
		put("Narrow", "e", e)
		put("Narrow", "f", f)
		put("Narrow", "g", g)
		put("Narrow", "int8(v)", int8(v))
		put("Narrow", "uint16(v)", uint16(v))
		put("Narrow", "e == v", int64(e) == v)
	}
	var x, y, a, b, z, c = 1.5, float32(2.5), int8(-8), uint16(65530), complex64(3i), true
	r0, r1, r2 := Mixed(x, a, y, b, z, c)
	put("Mixed", "x", x)
	put("Mixed", "a", a)
	put("Mixed", "y", y)
	put("Mixed", "b", b)
	put("Mixed", "z", z)
	put("Mixed", "c", c)
	put("Mixed", "ret0", r0)
	put("Mixed", "ret1", r1)
	put("Mixed", "ret2", r2)
	n, s := Blank(-1, -2, "third", "fourth")
	put("Blank", "-arg0", 1)
	put("Blank", "b", -2)
	put("Blank", "str(arg2)", "third")
	put("Blank", "d", "fourth")
	put("Blank", "ret0", n)
	put("Blank", "s", s)
}
