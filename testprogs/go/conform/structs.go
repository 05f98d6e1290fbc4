package main

import (
	"fmt"
	"reflect"
)

type (
	tiny  struct{ A int8 }
	pair  struct{ A, B int }
	small struct {
		A int8
		B uint8
		C int16
		D uint32
		E bool
		F int64
	}
	named struct {
		Name string
		N    int
	}
	inner  struct{ X, Y int16 }
	nested struct {
		At   inner
		Name string
		To   inner
	}
	holder struct {
		V   any
		Err error
		N   uint8
	}
	single struct {
		List [1]int
		Word [1]string
		Z    bool
	}
	listed struct {
		A    int8
		List [2]int
		B    string
	}
	nine struct{ I1, I2, I3, I4, I5, I6, I7, I8, I9 int }
	ten  struct {
		J1, J2, J3, J4, J5, J6 int
		J7, J8                 string
	}
	slice struct {
		S []int
		P *int
		M map[string]int
		F func()
	}
	floats struct {
		A int8
		F float64
		B int8
	}
	padded struct {
		A int8
		_ int16
		Z signal
		B int8
	}
	zeros struct {
		None [0]int
		N    int8
	}
	derived struct {
		inner
		*named
		Own int8
	}
)

//go:noinline
func Tiny(v tiny) tiny {
	touched++
	return v
}

//go:noinline
func Pair(v pair) pair {
	touched++
	return v
}

//go:noinline
func Small(v small) small {
	touched++
	return v
}

//go:noinline
func Named(v named) named {
	touched++
	return v
}

//go:noinline
func Nested(v nested) nested {
	touched++
	return v
}

//go:noinline
func Holder(v holder) holder {
	touched++
	return v
}

//go:noinline
func Single(v single) single {
	touched++
	return v
}

//go:noinline
func Listed(v listed) listed {
	touched++
	return v
}

//go:noinline
func Nine(v nine) nine {
	touched++
	return v
}

//go:noinline
func Ten(v ten) ten {
	touched++
	return v
}

//go:noinline
func Slice(v slice) slice {
	touched++
	return v
}

//go:noinline
func InMixed(v floats) floats {
	touched++
	return v
}

//go:noinline
func Padded(v padded) padded {
	touched++
	return v
}

//go:noinline
func Zero(v zeros) zeros {
	touched++
	return v
}

//go:noinline
func Derived(v derived) derived {
	touched++
	return v
}

//go:noinline
func Empty(v signal, n int) (signal, int) {
	touched++
	return v, n
}

// Behind a struct that does not fit the registers that are left, others do.
//
//go:noinline
func Crowded(a pair, b nine, c int8, sm small, e string) (int8, nine, string) {
	touched++
	return c, b, e
}

//go:noinline
func (p pair) Scaled(by int8) pair {
	touched++
	return pair{p.A * int(by), p.B * int(by)}
}

//go:noinline
func (n *named) Rename(name string) (old string) {
	old, n.Name = n.Name, name
	return old
}

func structs() {
	parts("Tiny", Tiny, tiny{-1}, tiny{127})
	parts("Pair", Pair, pair{-1, 1 << 62})
	parts("Small", Small, small{-1, 255, -32768, 1<<32 - 1, true, -1 << 63})
	parts("Named", Named, named{"größe \"quoted\"", -9}, named{})
	parts("Nested", Nested, nested{inner{-1, 2}, "between", inner{3, -4}})
	parts("Holder", Holder, holder{5, errPlain, 255}, holder{})
	parts("Single", Single, single{[1]int{-6}, [1]string{"word"}, true})
	parts("Listed", Listed, listed{-7, [2]int{8, -9}, "after"})
	parts("Nine", Nine, nine{1, -2, 3, -4, 5, -6, 7, -8, 9})
	parts("Ten", Ten, ten{1, -2, 3, -4, 5, -6, "seven", "größe"})
	parts("Slice", Slice, slice{[]int{1, 2}, kept(3), map[string]int{"a": 1}, nil}, slice{})
	parts("Padded", Padded, padded{A: -1, B: -2})
	parts("Zero", Zero, zeros{N: -3})
	inMixed()
	derive()
	crowd()
	p := pair{-2, 3}
	scaled := p.Scaled(-5)
	put("pair.Scaled", "p", p)
	put("pair.Scaled", "p.B", p.B)
	put("pair.Scaled", "by", -5)
	put("pair.Scaled", "ret", scaled)
	put("pair.Scaled", "ret.A", scaled.A)
	n := kept(named{"before", 1})
	for _, name := range []string{"next", "last"} {
		put("(*named).Rename", "n.Name", n.Name)
		put("(*named).Rename", "*n", *n)
		old := n.Rename(name)
		put("(*named).Rename", "n", n)
		put("(*named).Rename", "name", name)
		put("(*named).Rename", "old", old)
		put("(*named).Rename", "ret", old)
	}
}

// inMixed passes a struct with a field that no probe sees.
func inMixed() {
	v := floats{-1, 2.5, -3}
	ret := InMixed(v)
	seen := func(f floats) string { return fmt.Sprintf("{A:%d F:(unreadable) B:%d}", f.A, f.B) }
	put("InMixed", "v", seen(v))
	put("InMixed", "ret", seen(ret))
	fields("InMixed", "v", reflect.ValueOf(v))
	fields("InMixed", "ret", reflect.ValueOf(ret))
}

func derive() {
	v := derived{inner{-1, 2}, kept(named{"embedded", -3}), 4}
	ret := Derived(v)
	put("Derived", "v", v)
	put("Derived", "v.X", v.X)
	put("Derived", "v.Y", v.Y)
	put("Derived", "v.inner", v.inner)
	put("Derived", "v.Name", v.Name)
	put("Derived", "v.N", v.N)
	put("Derived", "v.named", v.named)
	put("Derived", "v.named.N", v.named.N)
	put("Derived", "v.Own", v.Own)
	put("Derived", "ret", ret)
	put("Derived", "ret.Y", ret.Y)
	put("Derived", "ret.Name", ret.Name)
	_, n := Empty(signal{}, -5)
	put("Empty", "v", signal{})
	put("Empty", "n", -5)
	put("Empty", "ret1", n)
}

func crowd() {
	a, b, c, d, e := pair{1, -2}, nine{I9: -9, I1: 8}, int8(-3), small{B: 250, F: -5}, "crowded"
	r0, r1, r2 := Crowded(a, b, c, d, e)
	put("Crowded", "a", a)
	put("Crowded", "a.B", a.B)
	put("Crowded", "b", b)
	put("Crowded", "b.I9", b.I9)
	put("Crowded", "c", c)
	put("Crowded", "sm.F", d.F)
	put("Crowded", "e", e)
	put("Crowded", "a.A + b.I1", a.A+b.I1)
	put("Crowded", "ret0", r0)
	put("Crowded", "ret1", r1)
	put("Crowded", "ret1.I9", r1.I9)
	put("Crowded", "ret2", r2)
}
