package main

type counter struct {
	N    int
	Step int8
}

//go:noinline
func (c *counter) Add(by int) int {
	c.N += by * int(c.Step)
	return c.N
}

//go:noinline
func (c counter) Peek(by int8) int { return c.N + int(by) }

//go:noinline
func adders(base int, word string, step int8) (byValue func(int) int, texts func(string) string, byRef func(int) int) {
	total := -100
	return func(n int) int { return base + n },
		func(s string) string { return word + s },
		func(n int) int {
			total += n * int(step)
			return total
		}
}

//go:noinline
func structured(p pair, list []int8, e error) func(int) (int, error) {
	return func(i int) (int, error) {
		if i < 0 {
			return p.A, e
		}
		return p.B + int(list[i]), nil
	}
}

//go:noinline
func upTo(n int) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for i := range n {
			if !yield(i, "word") {
				return
			}
		}
	}
}

//go:noinline
func walked(limit, stop int) (sum int) {
	for i, word := range upTo(limit) {
		const fn = "walked-range1"
		put(fn, "i", i)
		put(fn, "word", word)
		put(fn, "stop", stop)
		put(fn, "sum", sum)
		put(fn, "ret", i != stop)
		if i == stop {
			break
		}
		sum += i * 10
	}
	return sum
}

//go:noinline
func later(n int, word string) string { return word }

//go:noinline
func deferring(n int) {
	defer later(n, "deferred")
	done := make(chan bool)
	go func(m int8) {
		later(int(m), "on another")
		close(done)
	}(-3)
	<-done
}

//go:noinline
func apply(f func(int) int, n int) int { return f(n) }

func closures() {
	base, word, step := 1000, "größe ", int8(-3)
	byValue, text, byRef := adders(base, word, step)
	for _, n := range []int{-1, 7} {
		ret := byValue(n)
		put("adders.func1", "base", base)
		put("adders.func1", "n", n)
		put("adders.func1", "ret", ret)
		put("adders.func1", "base + n", base+n)
	}
	for _, s := range []string{"", "and more"} {
		ret := text(s)
		put("adders.func2", "word", word)
		put("adders.func2", "s", s)
		put("adders.func2", "ret", ret)
		put("adders.func2", "len(word)", len(word))
	}
	total := -100
	for _, n := range []int{5, -6} {
		ret := byRef(n)
		put("adders.func3", "total", total)
		put("adders.func3", "step", step)
		put("adders.func3", "n", n)
		put("adders.func3", "ret", ret)
		total = ret
	}
	put("adders", "base", base)
	put("adders", "word", word)
	put("adders", "step", step)
	put("adders", "byValue", byValue)
	put("adders", "ret1", text)
	put("adders", "byRef", byRef)
	captured()
	methods()
	put("walked", "limit", 5)
	put("walked", "stop", 2)
	sum := walked(5, 2)
	put("walked", "ret", sum)
	put("walked", "sum", sum)
	deferring(4)
	for _, c := range []struct {
		n    int
		word string
	}{{-3, "on another"}, {4, "deferred"}} {
		put("later", "n", c.n)
		put("later", "word", c.word)
		put("later", "ret", c.word)
		put("later", "goid > 0 && len(word) > 0", true)
	}
}

func captured() {
	p, list, e := pair{-1, 20}, []int8{-5, 6}, errPlain
	f := structured(p, list, e)
	for _, i := range []int{-1, 1} {
		n, err := f(i)
		const fn = "structured.func1"
		put(fn, "i", i)
		put(fn, "p", p)
		put(fn, "p.A", p.A)
		put(fn, "p.B", p.B)
		put(fn, "list", list)
		put(fn, "list[1]", list[1])
		put(fn, "e", e)
		put(fn, "ret0", n)
		put(fn, "ret1", err)
	}
}

func methods() {
	c := kept(counter{10, -2})
	add, peek := c.Add, counter.Peek
	for _, by := range []int{3, -4} {
		put("(*counter).Add", "c.N", c.N)
		put("(*counter).Add", "*c", *c)
		ret := apply(add, by)
		put("(*counter).Add", "c", c)
		put("(*counter).Add", "by", by)
		put("(*counter).Add", "ret", ret)
		put("apply", "f", add)
		put("apply", "n", by)
		put("apply", "ret", ret)
	}
	ret := peek(*c, -9)
	put("counter.Peek", "c", *c)
	put("counter.Peek", "c.Step", c.Step)
	put("counter.Peek", "by", -9)
	put("counter.Peek", "ret", ret)
}
