package main

import "math"

// everything has neighbours whose bits would show.
type everything struct {
	I8   int8
	U8   uint8
	I16  int16
	U16  uint16
	I32  int32
	U32  uint32
	I64  int64
	U64  uint64
	Yes  bool
	No   bool
	F32  float32
	F64  float64
	NaN  float64
	Inf  float64
	C64  complex64
	C128 complex128
	S    string
	B    []byte
	L    []string
	Arr  [3]int16
	Sub  inner
	Any  any
	Err  error
	Map  map[int]string
	Ch   chan int
	Fn   func()
	P    *int
	PP   **int
	Self *everything
}

type node struct {
	N           int
	Left, Right *node
}

//go:noinline
func Integers(en *everything) uint16 {
	touched++
	return en.U16
}

//go:noinline
func Reals(er *everything) bool {
	touched++
	return er.F64 < 0
}

//go:noinline
func Composites(ec *everything) string {
	touched++
	return ec.S
}

//go:noinline
func References(ep *everything) int {
	touched++
	return cap(ep.Ch)
}

//go:noinline
func Itself(es *everything) (itself *everything) {
	touched++
	return es.Self
}

//go:noinline
func Depths(p *int8, pp **int8, ppp ***int8) int8 {
	touched++
	return *p + **pp + ***ppp
}

//go:noinline
func Walk(at *node) *node {
	touched++
	return at.Right
}

//go:noinline
func Floating(f *float64, c *complex64, list []float32, i int) *float32 {
	touched++
	return &list[i]
}

// Fill writes through its argument.
//
//go:noinline
func Fill(to *pair, n int) *pair {
	to.A, to.B = n, -n
	return to
}

func memory() {
	e := kept(everything{I8: -8, U8: 200, I16: -1600, U16: 65000, I32: -1 << 31, U32: 1<<32 - 2, I64: -1 << 62, U64: 1<<64 - 3, Yes: true,
		F32: 0.1, F64: -1e-300, NaN: math.NaN(), Inf: math.Inf(-1), C64: 1.5 - 2i, C128: -0.25 + 1e20i, S: "text", B: []byte("byte"),
		L: []string{"l0", "l1"}, Arr: [3]int16{-1, 0, 1}, Sub: inner{-5, 6}, Any: uint16(7), Err: errPlain, Map: map[int]string{1: "a"},
		Ch: make(chan int, 3), P: kept(-10)})
	e.PP, e.Self = &e.P, e
	integers(e)
	reals(e)
	composites(e)
	references(e)
	pointers()
	nodes()
}

func integers(e *everything) {
	ret := Integers(e)
	put("Integers", "en.I8", e.I8)
	put("Integers", "en.U8", e.U8)
	put("Integers", "en.I16", e.I16)
	put("Integers", "en.U16", e.U16)
	put("Integers", "en.I32", e.I32)
	put("Integers", "en.U32", e.U32)
	put("Integers", "en.I64", e.I64)
	put("Integers", "en.U64", e.U64)
	put("Integers", "en.Yes", e.Yes)
	put("Integers", "en.No", e.No)
	put("Integers", "ret", ret)
}

func reals(e *everything) {
	ret := Reals(e)
	put("Reals", "er.F32", e.F32)
	put("Reals", "er.F64", e.F64)
	put("Reals", "er.F64 < 0", e.F64 < 0)
	put("Reals", "er.NaN", e.NaN)
	put("Reals", "er.NaN == er.NaN", false)
	put("Reals", "er.Inf", e.Inf)
	put("Reals", "er.C64", e.C64)
	put("Reals", "er.C128", e.C128)
	put("Reals", "ret", ret)
}

func composites(e *everything) {
	ret := Composites(e)
	put("Composites", "ec.S", e.S)
	put("Composites", "str(ec.B)", string(e.B))
	put("Composites", "ec.B", e.B)
	put("Composites", "ec.L", e.L)
	put("Composites", "ec.L[1]", e.L[1])
	put("Composites", "ec.Arr", e.Arr)
	put("Composites", "ec.Arr[2]", e.Arr[2])
	put("Composites", "ec.Sub", e.Sub)
	put("Composites", "ec.Sub.Y", e.Sub.Y)
	put("Composites", "ec.Any", e.Any)
	put("Composites", "ec.Any.(uint16)", e.Any.(uint16))
	put("Composites", "ec.Err", e.Err)
	put("Composites", "ret", ret)
}

func references(e *everything) {
	ret := References(e)
	put("References", "ep", e)
	put("References", "ep.Map", e.Map)
	put("References", "len(ep.Map)", len(e.Map))
	put("References", "ep.Ch", e.Ch)
	put("References", "cap(ep.Ch)", cap(e.Ch))
	put("References", "ep.Fn", e.Fn)
	put("References", "ep.Fn == nil", e.Fn == nil)
	put("References", "ep.P", e.P)
	put("References", "*ep.P", *e.P)
	put("References", "**ep.PP", **e.PP)
	put("References", "ep.Self.Self.I16", e.Self.Self.I16)
	put("References", "ep.Self == ep", e.Self == e)
	put("References", "ret", ret)
	itself := Itself(e)
	put("Itself", "itself == es", itself == e)
	put("Itself", "itself.U32", itself.U32)
	put("Itself", "itself.F32", itself.F32)
	put("Itself", "itself.Sub", itself.Sub)
	put("Itself", "itself.Err", itself.Err)
}

func pointers() {
	p := kept(int8(-11))
	pp := kept(p)
	ppp := kept(pp)
	ret := Depths(p, pp, ppp)
	put("Depths", "p", p)
	put("Depths", "pp", pp)
	put("Depths", "*pp", *pp)
	put("Depths", "*p", *p)
	put("Depths", "**pp", **pp)
	put("Depths", "***ppp", ***ppp)
	put("Depths", "*p + **pp", *p+**pp)
	put("Depths", "*(*uint8)(p)", uint8(*p))
	put("Depths", "ret", ret)
	f, c, list := kept(2.5), kept(complex64(-1i)), []float32{0.5, 0.1}
	for i := range list {
		r := Floating(f, c, list, i)
		put("Floating", "*f", *f)
		put("Floating", "*c", *c)
		put("Floating", "list", list)
		put("Floating", "list[i]", list[i])
		put("Floating", "list[0] == 0.5", list[0] == 0.5)
		put("Floating", "*f > 2.25", *f > 2.25)
		put("Floating", "*ret", *r)
	}
	to := kept(pair{1, 2})
	put("Fill", "*to", *to)
	put("Fill", "to.A", to.A)
	r := Fill(to, 30)
	put("Fill", "to", to)
	put("Fill", "n", 30)
	put("Fill", "*ret", *r)
	put("Fill", "ret.B", r.B)
}

func nodes() {
	tree := kept(node{-1, nil, &node{-2, &node{N: -3}, nil}})
	for at := tree; at != nil; {
		put("Walk", "at", at)
		put("Walk", "*at", *at)
		put("Walk", "at.N", at.N)
		if at.Right != nil {
			put("Walk", "at.Right.N", at.Right.N)
			put("Walk", "at.Right.Left.N", at.Right.Left.N)
		} else {
			unreadable("Walk", "at.Right.N")
			unreadable("Walk", "at.Right.Left.N")
		}
		put("Walk", "at.Right != nil && at.Right.N < 0", at.Right != nil && at.Right.N < 0)
		at = Walk(at)
		put("Walk", "ret", at)
		put("Walk", "ret == nil", at == nil)
	}
}
