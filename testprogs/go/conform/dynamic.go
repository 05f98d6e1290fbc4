package main

import (
	"errors"
	"fmt"
)

type (
	shape  interface{ Area() int }
	square struct{ Side int8 }
	circle struct {
		Label string
		R     int
	}
	code     int
	codeFail struct{ Code int }
)

var (
	errPlain = errors.New("plain failure")
	errFew   = errors.Join(errPlain, errPlain)
)

//go:noinline
func (s square) Area() int {
	touched++
	return int(s.Side) * int(s.Side)
}

//go:noinline
func (c *circle) Area() int {
	touched++
	return 3 * c.R * c.R
}

//go:noinline
func (c code) Area() int {
	touched++
	return int(c)
}

func (e *codeFail) Error() string { return "failed" }

func (c code) Error() string { return "code" }

//go:noinline
func Any(v any) any {
	touched++
	return v
}

//go:noinline
func Shape(v shape) shape {
	if v != nil {
		v.Area()
	}
	return v
}

//go:noinline
func Fail(failure error) (n int, err error) {
	touched++
	return -1, failure
}

// holds prints what the assertion in expr gives for v.
func holds[T any](fn, expr string, v any) {
	if x, ok := v.(T); ok {
		put(fn, expr, x)
		return
	}
	none(fn, expr)
}

// field prints a part of what v holds.
func field[T, F any](fn, expr string, v any, part func(T) F) {
	if x, ok := v.(T); ok {
		put(fn, expr, part(x))
		return
	}
	none(fn, expr)
}

func dynamic() {
	for _, v := range []any{nil, 42, int8(-1), uint64(1<<64 - 1), true, "text", "", 1.5, 2 - 1i, []int{1, 2}, []string{"a"}, square{3},
		kept(circle{"round", -2}), pair{1, -2}, named{"in any", 5}, kept(6), map[string]int{"x": 1}, make(chan int), code(7), [2]int{1, 2}, errPlain} {
		ret := Any(v)
		put("Any", "v", v)
		put("Any", "ret", ret)
		put("Any", "v == nil", v == nil)
		holds[int]("Any", "v.(int)", v)
		holds[int8]("Any", "v.(int8)", v)
		holds[uint64]("Any", "v.(uint64)", v)
		holds[bool]("Any", "v.(bool)", v)
		holds[string]("Any", "v.(string)", v)
		holds[float64]("Any", "v.(float64)", v)
		holds[square]("Any", "v.(main.square)", v)
		holds[pair]("Any", "v.(main.pair)", v)
		holds[named]("Any", "v.(main.named)", v)
		holds[code]("Any", "v.(main.code)", v)
		holds[*circle]("Any", "v.(*main.circle)", v)
		holds[string]("Any", "ret.(string)", v)
		field("Any", "v.(main.pair).B", v, func(p pair) int { return p.B })
		field("Any", "v.(main.named).Name", v, func(n named) string { return n.Name })
		field("Any", "v.(*main.circle).Label", v, func(c *circle) string { return c.Label })
		field("Any", "v.(*main.circle).R", v, func(c *circle) int { return c.R })
		field("Any", "ret.(*main.circle).R + 1", v, func(c *circle) int { return c.R + 1 })
	}
	shapes()
	failures()
}

func shapes() {
	for _, v := range []shape{nil, square{-4}, kept(circle{"größe", 9}), code(300)} {
		ret := Shape(v)
		put("Shape", "v", v)
		put("Shape", "ret", ret)
		put("Shape", "v != nil", v != nil)
		holds[square]("Shape", "v.(main.square)", v)
		field("Shape", "v.(main.square).Side", v, func(s square) int8 { return s.Side })
		field("Shape", "v.(*main.circle).Label", v, func(c *circle) string { return c.Label })
		field("Shape", "ret.(*main.circle).R", v, func(c *circle) int { return c.R })
		holds[code]("Shape", "v.(main.code)", v)
		switch v := v.(type) {
		case square:
			put("square.Area", "s", v)
			put("square.Area", "s.Side", v.Side)
			put("square.Area", "ret", int(v.Side)*int(v.Side))
		case *circle:
			put("(*circle).Area", "c", v)
			put("(*circle).Area", "c.Label", v.Label)
			put("(*circle).Area", "ret", 3*v.R*v.R)
		case code:
			put("code.Area", "c", v)
			put("code.Area", "ret", int(v))
		}
	}
}

func failures() {
	for _, v := range []error{nil, errPlain, fmt.Errorf("call %d: %w", 2, errPlain), fmt.Errorf("%w and %w", errPlain, errPlain),
		fmt.Errorf("no cause"), &codeFail{5}, code(-6), errFew} {
		n, err := Fail(v)
		put("Fail", "failure", v)
		put("Fail", "n", n)
		put("Fail", "err", err)
		put("Fail", "ret1", err)
		put("Fail", "err != nil", err != nil)
		field("Fail", "failure.(*main.codeFail).Code", v, func(e *codeFail) int { return e.Code })
		field("Fail", "err.(*main.codeFail).Code", v, func(e *codeFail) int { return e.Code })
		holds[code]("Fail", "failure.(main.code)", v)
	}
}
