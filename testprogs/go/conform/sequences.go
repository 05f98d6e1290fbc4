package main

type point struct{ X, Y int16 }

//go:noinline
func Ints(v []int) []int {
	touched++
	return v
}

//go:noinline
func Int8s(v []int8) []int8 {
	touched++
	return v
}

//go:noinline
func Bools(v []bool) []bool {
	touched++
	return v
}

//go:noinline
func Floats(v []float64) []float64 {
	touched++
	return v
}

//go:noinline
func Points(v []point) []point {
	touched++
	return v
}

//go:noinline
func Paddeds(v []padded) []padded {
	touched++
	return v
}

//go:noinline
func Zeros(v []zeros) []zeros {
	touched++
	return v
}

//go:noinline
func Strings(v []string) []string {
	touched++
	return v
}

//go:noinline
func Matrix(v [][]int) [][]int {
	touched++
	return v
}

//go:noinline
func Anys(v []any) []any {
	touched++
	return v
}

//go:noinline
func Complexes(v []complex128) []complex128 {
	touched++
	return v
}

//go:noinline
func Pointers(v []*int) []*int {
	touched++
	return v
}

//go:noinline
func Array0(v [0]int) [0]int {
	touched++
	return v
}

//go:noinline
func Array1(v [1]int32) [1]int32 {
	touched++
	return v
}

//go:noinline
func Text1(v [1]string) [1]string {
	touched++
	return v
}

//go:noinline
func Array3(v [3]int16) [3]int16 {
	touched++
	return v
}

//go:noinline
func Texts2(v [2]string) [2]string {
	touched++
	return v
}

//go:noinline
func Grid(v [2][2]uint8) [2][2]uint8 {
	touched++
	return v
}

// Around has arrays on the stack between values in registers.
//
//go:noinline
func Around(a int, v [2]int, i int, w [1]string, x [3]bool, s string) ([2]int, int, [3]bool) {
	return v, v[i], x
}

//go:noinline
func Index(v []int, p []point, a *[4]uint16, i uint8) int {
	touched++
	return v[i]
}

//go:noinline
func Sum(base int8, numbers ...int) (n int) {
	for _, x := range numbers {
		n += x
	}
	return n + int(base)
}

//go:noinline
func Print(format string, args ...any) (n int, err error) {
	touched++
	return len(args), nil
}

func sequences() {
	both("Ints", Ints, []int{1, -2, 3}, []int{}, nil, make([]int, 8), make([]int, 9))
	both("Int8s", Int8s, []int8{-128, 127})
	both("Bools", Bools, []bool{true, false, true})
	both("Floats", Floats, []float64{1.5, -0.25, 1e100})
	both("Points", Points, []point{{1, -2}, {-3, 4}})
	both("Paddeds", Paddeds, []padded{{A: -1, B: 2}, {A: 3, B: -4}})
	both("Zeros", Zeros, []zeros{{N: -5}})
	both("Strings", Strings, []string{"a", "b", "c"}, nil)
	both("Matrix", Matrix, [][]int{{1}, {2}})
	both("Anys", Anys, []any{1, "a", nil})
	both("Complexes", Complexes, []complex128{1i})
	both("Pointers", Pointers, []*int{kept(1), nil})
	both("Array0", Array0, [0]int{})
	both("Array1", Array1, [1]int32{-5})
	both("Text1", Text1, [1]string{"one"})
	both("Array3", Array3, [3]int16{-1, 2, -3})
	both("Texts2", Texts2, [2]string{"a", "b"})
	both("Grid", Grid, [2][2]uint8{{1, 2}, {254, 255}})
	put("Text1", "v[0]", "one")
	put("Texts2", "v[1]", "b")
	put("Grid", "v[1][0]", 254)
	around()
	index()
	variadic()
}

func around() {
	a, v, w, x, s := -1, [2]int{20, -30}, [1]string{"w"}, [3]bool{true, false, true}, "behind"
	for i := range v {
		r0, r1, r2 := Around(a, v, i, w, x, s)
		put("Around", "a", a)
		put("Around", "v", v)
		put("Around", "v[0]", v[0])
		put("Around", "v[i]", v[i])
		put("Around", "i", i)
		put("Around", "w", w)
		put("Around", "w[0]", w[0])
		put("Around", "x", x)
		put("Around", "x[2]", x[2])
		put("Around", "s", s)
		put("Around", "len(v)", len(v))
		put("Around", "ret0", r0)
		put("Around", "ret0[i]", r0[i])
		put("Around", "ret1", r1)
		put("Around", "ret2", r2)
	}
}

func index() {
	v, p, a := []int{-10, 20, -30}, []point{{1, 2}, {-3, -4}, {5, 6}}, kept([4]uint16{7, 8, 65535, 9})
	for i := range uint8(3) {
		ret := Index(v, p, a, i)
		put("Index", "v[i]", v[i])
		put("Index", "v[i-0] * 2", v[i]*2)
		put("Index", "p", p)
		put("Index", "p[i]", p[i])
		put("Index", "p[i].Y", p[i].Y)
		put("Index", "p[2].X", p[2].X)
		put("Index", "*a", *a)
		put("Index", "(*a)[i]", a[i])
		put("Index", "len(v) + cap(p)", len(v)+cap(p))
		put("Index", "ret", ret)
		unreadable("Index", "v[i+3]")
		unreadable("Index", "p[100].X")
	}
}

func variadic() {
	for _, numbers := range [][]int{nil, {5}, {1, 2, -4}} {
		n := Sum(-3, numbers...)
		put("Sum", "base", -3)
		put("Sum", "numbers", numbers)
		put("Sum", "len(numbers)", len(numbers))
		put("Sum", "n", n)
		put("Sum", "ret", n)
	}
	args := []any{1, "two"}
	n, err := Print("%d %s", args...)
	put("Print", "format", "%d %s")
	put("Print", "args", args)
	put("Print", "len(args)", len(args))
	put("Print", "args[0]", args[0])
	put("Print", "args[1]", args[1])
	put("Print", "args[0].(int)", args[0].(int))
	put("Print", "args[1].(string)", args[1].(string))
	none("Print", "args[1].(int)")
	put("Print", "n", n)
	put("Print", "err", err)
}
