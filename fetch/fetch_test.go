package fetch

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/latchprof/latch/elfsym"
)

func word8(name string) *elfsym.Type { return &elfsym.Type{Kind: elfsym.KindUint, Name: name, Size: 8} }

// params is a function with one parameter of each kind that can be a key.
func params() []elfsym.Param {
	reg := func(r elfsym.Reg, size int64) elfsym.Piece {
		return elfsym.Piece{Kind: elfsym.InReg, Reg: r, Size: size}
	}
	mem := func(off, size int64) elfsym.Piece {
		return elfsym.Piece{Kind: elfsym.InMem, Reg: 7, Off: off, Size: size}
	}
	loc := func(p ...elfsym.Piece) elfsym.Loc { return elfsym.Loc{Pieces: p} }
	str := &elfsym.Type{Kind: elfsym.KindString, Name: "string", Size: 16}
	return []elfsym.Param{
		{Name: "i8", Index: 0, Type: &elfsym.Type{Kind: elfsym.KindInt, Name: "int8", Size: 1}, Loc: loc(reg(5, 1))},
		{Name: "u32", Index: 1, Type: &elfsym.Type{Kind: elfsym.KindUint, Name: "uint32", Size: 4}, Loc: loc(mem(8, 4))},
		{Name: "s", Index: 2, Type: str, Loc: loc(reg(0, 8), reg(3, 8))},
		{Name: "t", Index: 3, Type: str, Loc: loc(mem(16, 16))},
		{Name: "p", Index: 4, Type: &elfsym.Type{Kind: elfsym.KindPointer, Name: "char *", Size: 8}, Loc: loc(reg(4, 8))},
		{Name: "c", Index: 5, Type: word8("int"), Loc: loc(elfsym.Piece{Kind: elfsym.Const, Value: 7, Size: 8})},
		{Name: "gone", Index: 6, Type: word8("int"), Err: elfsym.ErrOptimizedOut},
		{Name: "f", Index: 7, Type: &elfsym.Type{Kind: elfsym.KindFloat, Name: "double", Size: 8}, Err: elfsym.ErrUnsupportedClass},
		{Name: "half", Index: 8, Type: str, Loc: loc(reg(0, 8), elfsym.Piece{Size: 8})},
		{Name: "st", Index: 9, Type: &elfsym.Type{Kind: elfsym.KindStruct, Name: "point", Size: 16}, Loc: loc(reg(0, 8), reg(3, 8))},
		{Name: "", Result: true, Type: word8("int"), Loc: loc(reg(0, 8))},
	}
}

// accepted lets the kernel's verifier read the fetch functions. Their call
// argument is a map value, as in the real programs.
func accepted(t *testing.T, p *Program) {
	t.Helper()
	needRoot(t)
	m := callMap(t, p)
	for _, body := range []asm.Instructions{p.Entry, p.Exit, p.Where, p.WhereExit} {
		if body != nil {
			loaded(t, &ebpf.ProgramSpec{Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceUprobeMulti}, m, body).Close()
			// Without sleep, as where probes are perf events.
			loaded(t, &ebpf.ProgramSpec{Type: ebpf.Kprobe}, m, WithoutSleep(body)).Close()
		}
	}
}

func TestVerifierAccepts(t *testing.T) {
	for _, text := range []string{
		"i8", "u32", "s", "t", "c", "half", "str(p)", "str(p, 5)", "str(p, i8)", "str(p, u32)", "arg0", "arg3", "ret", "str(ret)", "str(ret, 3)", "p", "str(p, ret)", "comm",
	} {
		t.Run(text, func(t *testing.T) {
			e, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 8, 64, 1000} {
				p, err := Compile([]*Expr{e, e, e}, nil, &Env{Arch: elfsym.AMD64, Params: params(), StrLen: n})
				if err != nil {
					t.Fatal(err)
				}
				accepted(t, p)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"gone", "gone cannot be read: optimised out\n    gone\n    ^"},
		{"f", "f cannot be read: in a register that a probe cannot read\n    f\n    ^"},
		{"nope", "no parameter \"nope\": there are i8, u32, s, t, p, c, gone, f, half, st, ret\n    nope\n    ^"},
		{"arg77", "no arg77: there are i8, u32, s, t, p, c, gone, f, half, st, ret\n    arg77\n    ^"},
		{"st", "point has no fields that are known\n    st\n    ^"},
		{"k=str(i8)", "str needs a pointer: int8 has 1 bytes\n    k=str(i8)\n          ^"},
		{"str()", "str takes a pointer and perhaps a length, not 0 arguments\n    str()\n    ^"},
		{"i8 +", "expected operand, found 'EOF'"},
		{"", "empty expression: name a parameter, argN, str(argN) or ret"},
		{"a=", "expected"},
	} {
		e, err := Parse(c.text)
		if err == nil {
			_, err = Compile([]*Expr{e}, nil, &Env{Arch: elfsym.AMD64, Params: params()})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestAlias(t *testing.T) {
	for _, c := range []struct{ source, alias, text string }{
		{"route=req", "route", "req"},
		{"req", "req", "req"},
		{" q = str(p) ", "q", "str(p)"},
		{"a == b", "a == b", "a == b"},
		{"str(arg0)", "str(arg0)", "str(arg0)"},
	} {
		e, err := Parse(c.source)
		if err != nil {
			t.Fatal(err)
		}
		if e.Alias != c.alias || e.Text != c.text {
			t.Errorf("Parse(%q) = %q, %q", c.source, e.Alias, e.Text)
		}
	}
}

func TestDecode(t *testing.T) {
	text := func(s string, size int) []byte {
		b := make([]byte, size)
		binary.NativeEndian.PutUint32(b, uint32(len(s)))
		copy(b[textHeader:], s)
		return b
	}
	number := func(v int64) []byte { return binary.NativeEndian.AppendUint64(nil, uint64(v)) }
	kind := func(k elfsym.Kind) form { return wordForm{0, &elfsym.Type{Kind: k}} }
	enum := wordForm{0, &elfsym.Type{Kind: elfsym.KindEnum, Size: 4, Enum: []elfsym.Enumerator{{Name: "Red", Value: 1}}}}
	list := listForm{0, basicTypes["int16"]}
	letter := &elfsym.Type{Kind: elfsym.KindUint, Name: "char", Size: 4}
	letters := listForm{0, letter}
	tuples := listForm{0, elfsym.StructOf("(char, i16)", 8,
		elfsym.Field{Name: "__0", Type: letter}, elfsym.Field{Name: "__1", Type: basicTypes["int16"], Offset: 4})}
	for _, c := range []struct {
		form   form
		status Status
		data   []byte
		want   Value
	}{
		{kind(elfsym.KindInt), OK, number(-3), Value{"-3", ValueNumber}},
		{kind(elfsym.KindUint), OK, number(-1), Value{"18446744073709551615", ValueNumber}},
		{kind(elfsym.KindBool), OK, number(1), Value{"true", ValueBool}},
		{kind(elfsym.KindPointer), OK, number(255), Value{"0xff", ValueOther}},
		{enum, OK, number(1), Value{"Red", ValueOther}},
		{enum, OK, number(2), Value{"2", ValueNumber}},
		{enum, Unreadable, number(0), valueUnreadable},
		{enum, None, number(0), valueNone},
		{textForm{0}, None, text("", 16), valueNone},
		{textForm{0}, OK, text("", 16), Value{"", ValueText}},
		{textForm{0}, OK, text("héllo", 16), Value{"héllo", ValueText}},
		{textForm{0}, Truncated, text("héllo"[:2], 16), Value{"h…", ValueText}},
		{textForm{0}, OK, text("a\xffb", 16), Value{`a\xffb`, ValueText}},
		{textForm{0}, OK, []byte{255, 255, 255, 255, 'x'}, Value{"x", ValueText}},
		{list, OK, text("\x01\x00\xff\xff", 16), Value{"[1 -1]", ValueOther}},
		{letters, OK, text("a\x00\x00\x00\xe9\x00\x00\x00", 16), Value{`["a" "é"]`, ValueOther}},
		{tuples, OK, text("a\x00\x00\x00\xff\xff\x00\x00b\x00\x00\x00\x02\x00\x00\x00", 24), Value{`[("a" -1) ("b" 2)]`, ValueOther}},
		{list, Truncated, text("\x01\x00", 16), Value{"[1 …]", ValueOther}},
		{groupForm{open: "{", close: "}", names: []string{"a", "b"}, kids: []form{textForm{0}, fixedForm{valueUnreadable}}}, OK, text("x\"", 16), Value{`{a:"x\"" b:(unreadable)}`, ValueOther}},
		{groupForm{open: "{", close: "}", names: []string{"a"}, kids: []form{textForm{0}}}, Unreadable, text("", 16), valueUnreadable},
	} {
		p := Program{Parts: []Part{{form: c.form}}, cells: []cell{{size: len(c.data)}}, Size: len(c.data)}
		if got := p.Decode(uint64(c.status), c.data); got[0] != c.want {
			t.Errorf("%#v %v of % x: %+v, want %+v", c.form, c.status, c.data, got[0], c.want)
		}
	}
}

// FuzzCompile holds that any text gives a program the verifier accepts, or an
// error.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"i8", "str(p, u32)", "str(s)", "x=ret", "str(0)", "str(12, 5)", "((c))", "arg1", "1<<3", "10*time.Second", "comm == \"x\"",
	} {
		f.Add(s)
	}
	for _, c := range evaluations() {
		f.Add(c.expr)
	}
	for _, c := range refusals() {
		f.Add(c.expr)
	}
	mem := newMemory(f)
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			return
		}
		env := mem.env()
		for _, where := range []*Expr{nil, e} {
			keys := []*Expr{e}
			if where != nil {
				keys = nil
			}
			p, err := Compile(keys, where, env)
			if err != nil {
				continue
			}
			accepted(t, p)
			p.Decode(^uint64(0), make([]byte, p.Size))
		}
	})
}
