package fetch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

const unreadable = "(unreadable)"

type evaluation struct {
	expr string
	want any // what the same expression is in Go, or its text
}

// evaluations are expressions over memory.env with their values in Go.
func evaluations() []evaluation {
	var ( // the values newMemory gives them
		n          = testN
		m    uint8 = testM
		a8   int8  = -5
		u8   uint8 = 250
		i16        = int16(-300)
		u16        = uint16(65000)
		i32  int32 = -70000
		u32        = uint32(4e9)
		i64        = int64(-1 << 40)
		u64        = uint64(1<<64 - 2)
		s          = testS
		ret  int64 = testRet
		list       = []int32{10, -20, 30}
		arr        = [4]uint16{7, 8, 9, 65535}
	)
	return []evaluation{
		// Fields.
		{"o.A8", a8}, {"o.U8", u8}, {"o.base.I16", i16}, {"o.U16", u16}, {"o.I32", i32}, {"o.U32", u32}, {"o.I64", i64}, {"o.U64", u64},
		{"o.In.No", 11}, {"o.In.Name", "inside"}, {"o.Ptr.No", -12}, {"o.Ptr.Name", "/api/v1/orders"}, {"(*o.Ptr).Name", "/api/v1/orders"},
		{"o.Self.Self.Self.Ptr.No", -12}, {"(*(*o).Self).In.No", 11}, {"v.I32", i32}, {"v.In.Name", "inside"}, {"v.Self.I64", i64},
		{"o.Null.No", unreadable}, {"o.Null.Name", unreadable}, {"o.Yes", true}, {"o.F32", "1.5"}, {"o.F64", "-2.25"},
		{"o.Color", "Green"}, {"o.Color == Green", true}, {"Red != o.Color", true}, {"o.Color + 1", 3},
		{"o.b0", 5}, {"o.b1", -3}, {"o.b2", 99}, {"o.b3", 1<<30 - 1}, {"high.b", 0x12345678}, {"high.a", -123}, {"v.b1", -3}, {"o.b1 * o.b0", -15},
		{"o.In.Tag", "tag"}, {"o.In.Tag[1]", int('a')}, {"str(o.In.Tag, 2)", "ta"},
		{"pair.a", int8(-123)}, {"pair.b", 0x12345678}, {"pair.s", -9}, {"split.a", int8(-123)}, {"split.s", -9},
		// Elements.
		{"o.List[1]", list[1]}, {"o.List[n-1]", list[n-1]}, {"o.List[n]", unreadable}, {"o.List[n-4]", unreadable}, {"o.List[-ret]", list[1]}, {"o.List[ret]", unreadable},
		{"o.Items[0].Name", "one"}, {"o.Items[1].Name", ""}, {"o.Items[1].No", 2}, {"o.Items[o.Index].No", unreadable}, {"o.Arr[3]", arr[3]}, {"o.Arr[n]", arr[n]},
		{"o.Arr[n+1]", unreadable}, {"array[3]", arr[3]}, {"array[n]", arr[n]}, {"array[n+1]", unreadable}, {"len(array)", 4}, {"o.C[1]", int('e')}, {"o.C[n]", int('l')}, {"s[0]", s[0]}, {"s[n]", s[n]}, {"s[7]", unreadable}, {"o.List[o.Arr[0]-6]", list[1]},
		{"v.Arr[n]", arr[n]}, {"v.List[2]", list[2]},
		{"len(s)", len(s)}, {"len(o.List)", 3}, {"cap(o.List)", 3}, {"len(o.Arr)", 4}, {"len(o.Ptr.Name)", 14}, {"len(str(o.C, 4))", 4}, {"len(\"abc\")", 3},
		// Names that are keywords of Go.
		{"range", testM}, {"range + o.type.No", testM + 11}, {"len(o.type.Name) * range", 6 * testM}, {"(range)", testM}, {"o.type.Name == \"inside\" && range > 0", true},
		// Floating point.
		{"o.F32 == -2.25", false}, {"o.F32 != -2.25", true}, {"o.F32 < -2.25", false}, {"o.F32 <= -2.25", false}, {"o.F32 > -2.25", true}, {"o.F32 >= -2.25", true}, {"o.F32 == -2.26", false}, {"o.F32 != -2.26", true},
		{"o.F32 < -2.26", false}, {"o.F32 <= -2.26", false}, {"o.F32 > -2.26", true}, {"o.F32 >= -2.26", true}, {"o.F32 == -2", false}, {"o.F32 != -2", true}, {"o.F32 < -2", false}, {"o.F32 <= -2", false},
		{"o.F32 > -2", true}, {"o.F32 >= -2", true}, {"o.F32 == 0", false}, {"o.F32 != 0", true}, {"o.F32 < 0", false}, {"o.F32 <= 0", false}, {"o.F32 > 0", true}, {"o.F32 >= 0", true},
		{"o.F32 == 1.5", true}, {"o.F32 != 1.5", false}, {"o.F32 < 1.5", false}, {"o.F32 <= 1.5", true}, {"o.F32 > 1.5", false}, {"o.F32 >= 1.5", true}, {"o.F32 == 1.4", false}, {"o.F32 != 1.4", true},
		{"o.F32 < 1.4", false}, {"o.F32 <= 1.4", false}, {"o.F32 > 1.4", true}, {"o.F32 >= 1.4", true}, {"o.F32 == 1.6", false}, {"o.F32 != 1.6", true}, {"o.F32 < 1.6", true}, {"o.F32 <= 1.6", true},
		{"o.F32 > 1.6", false}, {"o.F32 >= 1.6", false}, {"o.F32 == -1e30", false}, {"o.F32 != -1e30", true}, {"o.F32 < -1e30", false}, {"o.F32 <= -1e30", false}, {"o.F32 > -1e30", true}, {"o.F32 >= -1e30", true},
		{"o.F32 == 7", false}, {"o.F32 != 7", true}, {"o.F32 < 7", true}, {"o.F32 <= 7", true}, {"o.F32 > 7", false}, {"o.F32 >= 7", false}, {"o.F64 == -2.25", true}, {"o.F64 != -2.25", false},
		{"o.F64 < -2.25", false}, {"o.F64 <= -2.25", true}, {"o.F64 > -2.25", false}, {"o.F64 >= -2.25", true}, {"o.F64 == -2.26", false}, {"o.F64 != -2.26", true}, {"o.F64 < -2.26", false}, {"o.F64 <= -2.26", false},
		{"o.F64 > -2.26", true}, {"o.F64 >= -2.26", true}, {"o.F64 == -2", false}, {"o.F64 != -2", true}, {"o.F64 < -2", true}, {"o.F64 <= -2", true}, {"o.F64 > -2", false}, {"o.F64 >= -2", false},
		{"o.F64 == 0", false}, {"o.F64 != 0", true}, {"o.F64 < 0", true}, {"o.F64 <= 0", true}, {"o.F64 > 0", false}, {"o.F64 >= 0", false}, {"o.F64 == 1.5", false}, {"o.F64 != 1.5", true},
		{"o.F64 < 1.5", true}, {"o.F64 <= 1.5", true}, {"o.F64 > 1.5", false}, {"o.F64 >= 1.5", false}, {"o.F64 == 1.4", false}, {"o.F64 != 1.4", true}, {"o.F64 < 1.4", true}, {"o.F64 <= 1.4", true},
		{"o.F64 > 1.4", false}, {"o.F64 >= 1.4", false}, {"o.F64 == 1.6", false}, {"o.F64 != 1.6", true}, {"o.F64 < 1.6", true}, {"o.F64 <= 1.6", true}, {"o.F64 > 1.6", false}, {"o.F64 >= 1.6", false},
		{"o.F64 == -1e300", false}, {"o.F64 != -1e300", true}, {"o.F64 < -1e300", false}, {"o.F64 <= -1e300", false}, {"o.F64 > -1e300", true}, {"o.F64 >= -1e300", true}, {"o.F64 == 7", false}, {"o.F64 != 7", true},
		{"o.F64 < 7", true}, {"o.F64 <= 7", true}, {"o.F64 > 7", false}, {"o.F64 >= 7", false}, {"0.5 < o.F32", true}, {"o.F64 < o.F64", false}, {"o.F64 == o.F64", true}, {"o.NaN == o.NaN", false},
		{"o.NaN != o.NaN", true}, {"o.NaN < 1", false}, {"o.NaN >= 1", false}, {"o.NaN <= 1", false}, {"!(o.NaN < 1)", true}, {"o.Zero == 0", true}, {"o.Zero < 0", false}, {"o.Zero >= 0", true},
		{"o.Inf > 1e308", true}, {"o.Inf == o.Inf", true}, {"o.Zero", "-0"}, {"o.NaN", "NaN"}, {"o.Inf", "+Inf"},
		// Composite values.
		{"o.In", `{No:11 Name:"inside" Tag:"tag"}`}, {"*o.Ptr", `{No:-12 Name:"/api/v1/orders" Tag:""}`}, {"o.Null", "0x0"}, {"*o.Null", unreadable}, {"pair", "{a:-123 b:305419896 s:-9}"},
		{"split", "{a:-123 b:(unreadable) s:-9}"}, {"o.List", "[10 -20 30]"}, {"o.Arr", "[7 8 9 65535]"}, {"v.Arr", "[7 8 9 65535]"}, {"o.Items", "[]inner(2)"}, {"o.base", "{A8:-5 U8:250 I16:-300 U16:65000}"},
		{"v.In", `{No:11 Name:"inside" Tag:"tag"}`}, {"o.Self.In.Tag", "tag"},
		// Text.
		{"s", s}, {"o.C", "hello"}, {"str(o.C)", "hello"}, {"str(o.C, 3)", "hel"}, {"str(o.C, n)", "hel"}, {"str(o.C, 0)", ""}, {"str(o.C, -1)", unreadable},
		{"str(0)", "(none)"}, {"str(nil)", "(none)"}, {"str(1)", unreadable}, {"str(1, 0)", ""}, {"o.Long", strings.Repeat("x", 64) + "…"},
		{"s == \"service\"", true}, {"s != \"service\"", false}, {"s == \"servicf\"", false}, {"s == \"servic\"", false}, {"\"services\" == s", false},
		{"hasPrefix(s, \"serv\")", true}, {"hasPrefix(s, \"\")", true}, {"hasPrefix(s, \"service2\")", false}, {"strings.HasPrefix(s, \"sex\")", false},
		{"o.C == \"hello\"", true}, {"o.C == \"hell\"", false}, {"o.C == \"hello!\"", false}, {"o.C == \"\"", false}, {"hasPrefix(o.C, \"he\")", true},
		{"hasPrefix(o.C, \"hello\")", true}, {"hasPrefix(o.C, \"help\")", false}, {"o.C == nil", false}, {"o.Null == nil", true}, {"NULL != o.Ptr", true},
		{"o.Ptr.Name == \"/api/v1/orders\"", true}, {"hasPrefix(o.Ptr.Name, \"/api/v2\")", false}, {"o.Null.Name == \"\"", unreadable},
		{"o.In.Tag == \"tag\"", true}, {"o.In.Tag == \"tagged\"", false}, {"hasPrefix(o.In.Tag, \"t\")", true}, {"str(o.C, 2) == \"he\"", true},
		{"o.Long == \"" + strings.Repeat("x", 256) + "\"", false}, {"hasPrefix(o.Long, \"" + strings.Repeat("x", 256) + "\")", true},
		{"hasPrefix(str(o.Long, 200), \"" + strings.Repeat("x", 200) + "\")", true}, {"hasPrefix(o.Long, \"" + strings.Repeat("x", 64) + "y\")", false},
		// Raw memory.
		{"*(*int32)(uintptr(o) + 8)", i32}, {"*(*uint8)(o)", uint8(251)}, {"*(*int64)(0)", unreadable}, {"*(*int64)(arg0+16)", i64},
		{"*fresh", 0}, {"fresh[100]", 0}, {"*(*string)(uintptr(o) + 40)", "inside"}, {"*(**int8)(uintptr(o) + 32) == nil", false}, {"**(**uint8)(uintptr(o) + 40)", int('i')},
		// Arithmetic.
		{"n + 1", n + 1}, {"n - 5", n - 5}, {"n * n", n * n}, {"100 / n", 100 / n}, {"100 % n", 100 % n}, {"-7 / n", -7 / n}, {"-7 % n", -7 % n}, {"o.I64 / 7", i64 / 7},
		{"o.I64 % 7", i64 % 7}, {"o.U64 / 3", u64 / 3}, {"o.U64 % 1000", u64 % 1000}, {"m + 100", m + 100}, {"m * m", m * m}, {"-m", -m}, {"^m", ^m}, {"^n", ^n},
		{"+n", n}, {"o.A8 * o.A8 * o.A8 * o.A8", a8 * a8 * a8 * a8}, {"o.U32 + o.U32", u32 + u32}, {"o.I32 * 70000", i32 * 70000}, {"n / (n - 3)", unreadable}, {"n % (n - 3)", unreadable},
		{"n & 2", n & 2}, {"n | 4", n | 4}, {"n ^ 1", n ^ 1}, {"n &^ 1", n &^ 1}, {"o.U64 &^ o.U64", 0}, {"n << 2", n << 2}, {"m << 1", m << 1}, {"o.A8 >> 1", a8 >> 1},
		{"o.I64 >> 70", i64 >> min(70, 63)}, {"o.U64 >> 70", 0}, {"n << 64", 0}, {"1 << n", 1 << n}, {"o.A8 << n", a8 << n}, {"o.U64 >> n", u64 >> n}, {"o.I64 >> m", -1}, {"n << ret", unreadable},
		{"m << m", 0}, {"(n + 1) * (n - 1)", (n + 1) * (n - 1)}, {"n/2*2", n / 2 * 2}, {"o.I16 + o.I16", i16 + i16}, {"o.U16 * o.U16", u16 * u16}, {"o.U8 + m", u8 + m},
		{"o.A8 + o.U8", 245}, {"o.I32 + n", int(i32) + n}, {"o.U32 * o.U64", uint64(u32) * u64},
		{"int8(n * 100)", int8(n*50 + n*50)}, {"uint8(o.I32)", uint8(0x90)}, {"int64(o.U64)", -2}, {"uint64(o.A8)", uint64(1<<64 - 5)}, {"uint16(m) + 100", uint16(m) + 100}, {"uintptr(1) + 1", 2},
		{"log2(n)", 2}, {"log2(1)", 1}, {"log2(0)", 0}, {"log2(o.I64)", 0}, {"log2(o.U64)", uint64(1 << 63)}, {"log2(m)", 128}, {"log2(100)", 64}, {"log2(n-3)", 0},
		// Constants.
		{"1<<62", int64(1 << 62)}, {"1<<63", uint64(1 << 63)}, {"10*time.Millisecond", 10_000_000}, {"1.5*time.Second", 1_500_000_000}, {"7/2", 3}, {"7.0/2*2", 7}, {"'a'", int('a')},
		{"1e3", 1000}, {"0x10", 16}, {"true && !false", true}, {"\"a\" + \"b\" == \"ab\"", true}, {"1 < 2", true}, {"^0", -1}, {"-(1<<63)", int64(-1 << 63)},
		// Comparisons and logic.
		{"n < 4", n < 4}, {"n <= 3", true}, {"n > 3", false}, {"n >= 3", true}, {"n == 3", true}, {"n != 3", false}, {"o.A8 < 0", true}, {"o.U64 > 5", true}, {"o.I64 < o.U64", true},
		{"o.U64 > o.I64", true}, {"o.U64 < o.A8", false}, {"o.I64 == o.U64", false}, {"int64(o.U64) == -2", true}, {"o.A8 <= o.U8", true}, {"o.U64 >= o.A8", true}, {"o.A8 != o.U64", true},
		{"n == 3 && m == 200", true}, {"n == 4 || m == 200", true}, {"!(n == 4 || m == 201)", true}, {"n == 4 && o.Null.No == 1", false}, {"n == 3 || o.Null.No == 1", true},
		{"n == 3 && o.Null.No == 1", unreadable}, {"o.Null != nil && o.Null.No == 1", false}, {"o.Yes", true}, {"!o.Yes", false}, {"o.Yes == true", true}, {"o.Yes != (n == 3)", false},
		{"(n == 3) == (m == 200)", true}, {"o == o.Self", true}, {"o.Ptr != o.Null", true}, {"o.List == nil", false},
		// Values of the exit, alone and with those of the entry.
		{"ret", ret}, {"ret + n", ret + int64(n)}, {"latency", testLatency}, {"latency / time.Millisecond", 5}, {"latency > 4*time.Millisecond && n == 3", true},
		{"latency > 6*time.Millisecond && n == 3", false}, {"o.List[ret+2]", list[1]}, {"ret < 0 && o.Null.No == 1", unreadable}, {"ret > 0 && o.Null.No == 1", false},
		{"str(o.C, ret + 4)", "hel"}, {"ret == -1 && s == \"service\"", true}, {"(n + m) * ret", -203}, {"ret * ret", 1}, {"o.Items[ret+1].Name", "one"}, {"goid", testGoid}, {"goid + ret", testGoid - 1},
		{"pid", os.Getpid()}, {"uid", os.Getuid()}, {"pid == uint32(" + fmt.Sprint(os.Getpid()) + ")", true}, {"cpu >= 0", true}, {"cgroup > 0", true}, {"tid > 0 && ret == -1", true},
		{"hasPrefix(comm, \"fetch\")", true}, {"comm == \"fetch\"", false}, {"hasPrefix(comm, \"fetch.testfetch.test\")", false},
	}
}

// evaluate compiles one expression and runs it, as a key.
func (m *memory) evaluate(t testing.TB, text string) (string, error) {
	e, err := Parse(text)
	if err != nil {
		return "", err
	}
	p, err := Compile([]*Expr{e}, nil, m.env())
	if err != nil {
		return "", err
	}
	got, _ := m.run(t, p)
	return got[0], nil
}

// TestEvaluate runs expressions in the kernel, over the test's own memory.
func TestEvaluate(t *testing.T) {
	needRoot(t)
	m := newMemory(t)
	for _, c := range evaluations() {
		got, err := m.evaluate(t, c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if want := fmt.Sprint(c.want); got != want {
			t.Errorf("%s = %s, want %s", c.expr, got, want)
		}
	}
}

// TestWhereVerdict runs filters: their truth and what could not be read.
func TestWhereVerdict(t *testing.T) {
	needRoot(t)
	m := newMemory(t)
	for _, c := range []struct {
		expr      string
		want      uint32
		entryOnly bool
	}{
		{"n == 3", Wanted, true}, {"n == 4", Rejected, true}, {"o.Null.No == 1", Undecided, true}, {"goid == 77", Wanted, true}, {"goid != 77", Rejected, true},
		{"true", Wanted, true}, {"false", Rejected, true}, {"n == 3 && o.Ptr.No < 0 && s == \"service\"", Wanted, true},
		{"latency > 1*time.Millisecond", Wanted, false}, {"latency > 1*time.Second", Rejected, false}, {"n == 4 && latency > 0", Rejected, false},
		{"n == 3 && latency > 0", Wanted, false}, {"latency > 0 && n == 4", Rejected, false}, {"latency < 0 && o.Null.No == 1", Rejected, false},
		{"latency > 0 && o.Null.No == 1", Undecided, false}, {"latency > 0 || o.Null.No == 1", Wanted, false}, {"ret == -1", Wanted, false}, {"ret + n == 2 && goid == 77", Wanted, false},
	} {
		e, err := Parse(c.expr)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(nil, e, m.env())
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if entryOnly := p.WhereExit == nil; entryOnly != c.entryOnly {
			t.Errorf("%s: decided at the entry: %v", c.expr, entryOnly)
		}
		if _, got := m.run(t, p); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.expr, got, c.want)
		}
		accepted(t, p)
	}
}

// TestCompositeKey reads parts of all kinds side by side, with hidden slots
// behind them.
func TestCompositeKey(t *testing.T) {
	needRoot(t)
	m := newMemory(t)
	var keys []*Expr
	for _, text := range []string{"n", "o.Ptr.Name", "x=ret*n", "o.Null.No", "str(o.C, ret+n)", "o.Color", "comm"} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e)
	}
	where, err := Parse("n == 3 && latency > 0 && o.Yes")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(keys, where, m.env())
	if err != nil {
		t.Fatal(err)
	}
	got, verdict := m.run(t, p)
	want := "3 /api/v1/orders -3 (unreadable) he Green fetch"
	if text := strings.Join(got, " "); verdict != Wanted || !strings.HasPrefix(text, want) {
		t.Errorf("verdict %d, %s, want %s", verdict, text, want)
	}
	accepted(t, p)
}

// generator makes random expressions with their values, by Go's own
// arithmetic.
type generator struct{ *rand.Rand }

type sample struct {
	text string
	v    uint64 // extended by the type
	bad  bool   // divides by zero
}

// leaves are the variables of each type.
var leaves = map[string][]sample{
	"int8": {{text: "o.A8", v: wrap("int8", 0xfb)}}, "uint8": {{text: "o.U8", v: 250}, {text: "m", v: testM}},
	"int16": {{text: "o.I16", v: wrap("int16", 65236)}}, "uint16": {{text: "o.U16", v: 65000}, {text: "o.Arr[n]", v: 65535}},
	"int32": {{text: "o.I32", v: wrap("int32", 1<<32-70000)}, {text: "o.List[n-2]", v: wrap("int32", 1<<32-20)}}, "uint32": {{text: "o.U32", v: 4e9}},
	"int64": {{text: "o.I64", v: 1<<64 - 1<<40}, {text: "n", v: testN}, {text: "ret", v: 1<<64 - 1}}, "uint64": {{text: "o.U64", v: 1<<64 - 2}, {text: "o.Index", v: 2}},
}

func wrap(typ string, v uint64) uint64 {
	switch typ {
	case "int8":
		return uint64(int8(v))
	case "uint8":
		return uint64(uint8(v))
	case "int16":
		return uint64(int16(v))
	case "uint16":
		return uint64(uint16(v))
	case "int32":
		return uint64(int32(v))
	case "uint32":
		return uint64(uint32(v))
	}
	return v
}

var typeNames = []string{"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"}

func (g generator) number(typ string, depth int) sample {
	signed := typ[0] == 'i'
	if depth == 0 || g.IntN(6) == 0 {
		if g.IntN(3) == 0 {
			v := uint64(g.IntN(100) + 1)
			return sample{text: fmt.Sprintf("%s(%d)", typ, v), v: v}
		}
		l := leaves[typ]
		return l[g.IntN(len(l))]
	}
	switch g.IntN(10) {
	case 0:
		from := typeNames[g.IntN(len(typeNames))]
		x := g.number(from, depth-1)
		return sample{fmt.Sprintf("%s(%s)", typ, x.text), wrap(typ, x.v), x.bad}
	case 1:
		x := g.number(typ, depth-1)
		return sample{"(-" + x.text + ")", wrap(typ, -x.v), x.bad}
	case 2:
		x := g.number(typ, depth-1)
		return sample{"(^" + x.text + ")", wrap(typ, ^x.v), x.bad}
	}
	x, y := g.number(typ, depth-1), g.number(typ, depth-1)
	op := []string{"+", "-", "*", "/", "%", "&", "|", "^", "&^", "<<", ">>"}[g.IntN(11)]
	if op == "<<" || op == ">>" {
		y = g.number("uint8", depth-1)
	}
	out := sample{text: fmt.Sprintf("(%s %s %s)", x.text, op, y.text), bad: x.bad || y.bad}
	if y.v == 0 && (op == "/" || op == "%") {
		out.bad = true
		return out
	}
	var v uint64
	switch op {
	case "+":
		v = x.v + y.v
	case "-":
		v = x.v - y.v
	case "*":
		v = x.v * y.v
	case "/":
		if v = x.v / y.v; signed {
			v = uint64(int64(x.v) / int64(y.v))
		}
	case "%":
		if v = x.v % y.v; signed {
			v = uint64(int64(x.v) % int64(y.v))
		}
	case "&":
		v = x.v & y.v
	case "|":
		v = x.v | y.v
	case "^":
		v = x.v ^ y.v
	case "&^":
		v = x.v &^ y.v
	case "<<":
		v = x.v << y.v
	case ">>":
		if v = x.v >> y.v; signed {
			v = uint64(int64(x.v) >> y.v)
		}
	}
	out.v = wrap(typ, v)
	return out
}

// TestRandomExpressions compares what the kernel computes with Go's own
// arithmetic on the same values.
func TestRandomExpressions(t *testing.T) {
	needRoot(t)
	const seed = 42
	g := generator{rand.New(rand.NewPCG(seed, seed))}
	m := newMemory(t)
	tried := 0
	for i := 0; i < 400; i++ {
		typ := typeNames[g.IntN(len(typeNames))]
		s := g.number(typ, 1+g.IntN(5))
		got, err := m.evaluate(t, s.text)
		if err != nil {
			// A constant part may overflow or divide by zero.
			if msg := err.Error(); !strings.Contains(msg, "does not fit") && !strings.Contains(msg, "division by zero") {
				t.Errorf("%s: %v", s.text, err)
			}
			continue
		}
		tried++
		want := fmt.Sprint(s.v)
		switch {
		case s.bad:
			want = unreadable
		case typ[0] == 'i':
			want = fmt.Sprint(int64(s.v))
		}
		if got != want {
			t.Errorf("%s = %s, want %s", s.text, got, want)
		}
	}
	if tried < 300 {
		t.Errorf("only %d of 400 expressions were tried", tried)
	}
}
