package fetch

import (
	"errors"
	"strings"
	"testing"
)

// refusals are expressions over memory.env that are refused, with a part of
// the message.
func refusals() []evaluation {
	deep := "n"
	for range 20 {
		deep = "(o.I64 + " + deep + ")"
	}
	return []evaluation{
		{"o.Nope", "outer has no field \"Nope\": there are base, I32, U32"},
		{"o.In.nope", "inner has no field \"nope\": there are No, Name, Tag\n    o.In.nope\n         ^"},
		{"o.type.nope", "inner has no field \"nope\": there are No, Name, Tag\n    o.type.nope\n           ^"}, {"n + type", "no parameter \"type\""}, {"range type", "found 'range'"},
		{"latency > 5ms", "write 5*time.Millisecond for 5ms\n    latency > 5ms\n              ^"}, {"n == 'POST'", "text stands in double quotes"}, {"M[\"k\"]", "only the length can be read: len(M)"},
		{"n.x", "n is int, which has no fields"}, {"*n", "n is not a pointer, but int"}, {"n[0]", "which has no elements"},
		{"nil", "nil is the same for all calls"},
		{"o.Color == Blue", "color has no value \"Blue\": there are Red, Green\n    o.Color == Blue\n               ^"}, {"Blue == n", "no parameter \"Blue\""},
		{"300 + m", "300 does not fit uint8"}, {"m == 256", "256 does not fit uint8"}, {"1<<64", "does not fit uint64"}, {"1 << 600", "not a shift count"},
		{"int8(128)", "128 does not fit int8"}, {"1/0", "division by zero"}, {"n / 0", "division by zero"}, {"n % (1-1)", "division by zero"}, {"1.5 + n", "1.5 is not a whole number"},
		{"n && true", "n is neither true nor false: compare it with something"}, {"!n", "n is neither true nor false"}, {"o.F64 + 1", "floating point: it can be shown and compared"}, {"o.F64 > n", "n is int, which cannot be compared with float64"}, {"o.F64 == o.F32", "cannot be compared"},
		{"float64(n)", "cannot calculate with floating point"}, {"string(n)", "str(p) and str(p, n) read text"}, {"s == o.C", "with a constant only"}, {"s < \"b\"", "< cannot be applied to text"},
		{"n == \"x\"", "n is int, not text"}, {"hasPrefix(s, o.C)", "the prefix must be a constant"}, {"hasPrefix(s)", "takes a text and a constant"}, {"len(n)", "n is int, which has no len"},
		{"cap(s)", "which has no cap"}, {"len(str(o.C))", "no length that is known before"}, {"len(o.C)", "which has no len"}, {"o.Arr[4]", "o.Arr has 4 elements"}, {"o.List[-1]", "cannot be negative"},
		{"n == nil", "n is int, which cannot be nil"}, {"o.Ptr < nil", "cannot be applied to nil"}, {"true < false", "cannot be applied"}, {"-true", "cannot be applied"}, {"\"a\" - \"b\"", "cannot be applied"},
		{"f(n)", "no such function: there are str, len, cap"}, {"o.(T)", "o is *outer, not an interface"}, {"s[1:2]", "x[i:j]"}, {"func() {}", "not something latch can read"}, {"&n", "& cannot be used here"},
		{"*(*outer)(arg0)", "only Go's basic types"}, {"time.Year", "no time.Year: there are Nanosecond"}, {"str(1, 2, 3)", "str takes"}, {"str(m)", "str needs a pointer"}, {"int32()", "takes 1 argument, not 0"},
		{"p->x", "write p.x for p->x"}, {"split.b", "optimised out"}, {"pair[0]", "no elements"}, {"1i", "not a number"}, {deep, "nested too deep"}, {strings.Repeat("(", 150) + "n" + strings.Repeat(")", 150), "nested too deep"},
		{"o.C == \"" + strings.Repeat("x", 300) + "\"", "at most 256"}, {"ret.x", "which has no fields"}, {"n + true", "true is not a number"}, {"n + \"a\"", "is text, not a number"}, {"n + s", "is not an integer"}, {"3 && true", "cannot be combined"},
	}
}

// TestRefused holds that what cannot be read is refused with its reason.
func TestRefused(t *testing.T) {
	m := newMemory(t)
	for _, c := range refusals() {
		e, err := Parse(c.expr)
		if err == nil {
			_, err = Compile([]*Expr{e}, nil, m.env())
		}
		if err == nil || !strings.Contains(err.Error(), c.want.(string)) {
			t.Errorf("%s: %v, want %q", c.expr, err, c.want)
		}
		var syntax *SyntaxError
		if err != nil && !errors.As(err, &syntax) {
			t.Errorf("%s: %v is no SyntaxError", c.expr, err)
		}
	}
}
