package elfsym

import (
	"debug/dwarf"
	"errors"
	"testing"
)

var emptyEntry = &dwarf.Entry{}

func first[T any](v T, _ error) T { return v }

func TestEvalExpr(t *testing.T) {
	for _, test := range []struct {
		name   string
		expr   []byte
		frame  []byte
		static bool
		size   int64
		want   string
	}{
		{"register", []byte{0x55}, nil, true, 4, "rdi:4"},
		{"pieces", []byte{0x55, 0x93, 8, 0x54, 0x93, 4}, nil, false, 12, "rdi:8+rsi:4"},
		{"half in a vector register", []byte{0x55, 0x93, 8, 0x61, 0x93, 8}, nil, false, 16, "rdi:8+?:8"},
		{"vector register", []byte{0x61}, nil, true, 8, "!class"},
		{"regx", []byte{0x90, 0x08}, nil, true, 8, "r8:8"},
		{"memory through a register", []byte{0x75, 16}, nil, false, 24, "[rdi+16]:24"},
		{"incoming stack argument", []byte{0x91, 0}, []byte{0x9c}, true, 8, "[rsp+8]:8"},
		{"incoming argument above rbp", []byte{0x91, 16}, []byte{0x56}, true, 8, "[rsp+8]:8"},
		{"slot below the CFA", []byte{0x91, 0x68}, []byte{0x9c}, true, 8, "!out"},
		{"slot below rbp", []byte{0x91, 0x6c}, []byte{0x56}, true, 8, "!out"},
		{"slot above a later rsp", []byte{0x91, 16}, []byte{0x57}, true, 8, "!out"},
		{"slot by its address", []byte{0x91, 0x58, 0x06}, []byte{0x9c}, true, 8, "!out"},
		{"entry value", []byte{0xa3, 1, 0x54, 0x9f}, nil, false, 8, "rsi:8"},
		{"old entry value", []byte{0xf3, 1, 0x54, 0x9f}, nil, false, 4, "rsi:4"},
		{"literal", []byte{0x33, 0x9f}, nil, true, 4, "=3:4"},
		{"negative constant", []byte{0x09, 0xff, 0x9f}, nil, true, 8, "=18446744073709551615:8"},
		{"implicit value", []byte{0x9e, 2, 1, 2}, nil, true, 2, "=513:2"},
		{"masked register", []byte{0x75, 0, 0x08, 0xff, 0x1a, 0x9f}, nil, false, 4, "rdi:1+=0:3"},
		{"arithmetic", []byte{0x75, 1, 0x9f}, nil, false, 4, "!out"},
		{"global", append([]byte{0x03}, make([]byte, 8)...), nil, true, 4, "!out"},
		{"nothing", nil, nil, true, 4, "!out"},
		{"gap", []byte{0x93, 4, 0x54, 0x93, 4}, nil, false, 8, "?:4+rsi:4"},
		{"missing end", []byte{0x54, 0x93, 4}, nil, false, 8, "rsi:4+?:4"},
	} {
		var p Param
		pieces, err := evalExpr(test.expr, &exprContext{arch: AMD64, frame: test.frame, static: test.static})
		if err == nil {
			p.Loc, err = placePieces(pieces, test.size, AMD64)
		}
		if p.Err = err; showPlace(p, AMD64) != test.want {
			t.Errorf("%s: got %s, want %s", test.name, showPlace(p, AMD64), test.want)
		}
	}
	for _, bad := range [][]byte{{0x91}, {0x93}, {0x1a}, {0x9e, 9, 1}, {0x91, 0}, {0x03, 1}} {
		if _, err := evalExpr(bad, &exprContext{arch: AMD64}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%x: error is %v, want %v", bad, err, ErrMalformed)
		}
	}
}

func TestABIArg(t *testing.T) {
	for _, test := range []struct {
		arch Arch
		lang Lang
		n    int
		want string
	}{
		{AMD64, LangC, 0, "rdi:8"}, {AMD64, LangCXX, 3, "rcx:8"}, {AMD64, LangRust, 5, "r9:8"},
		{AMD64, LangC, 6, "[rsp+8]:8"}, {AMD64, LangC, 8, "[rsp+24]:8"},
		{AMD64, LangGo, 0, "rax:8"}, {AMD64, LangGo, 3, "rdi:8"}, {AMD64, LangGo, 8, "r11:8"}, {AMD64, LangGo, 9, "!class"},
		{ARM64, LangC, 7, "x7:8"}, {ARM64, LangC, 8, "[sp+0]:8"}, {ARM64, LangGo, 15, "x15:8"}, {ARM64, LangGo, 16, "!class"},
	} {
		p, err := ABIArg(test.arch, test.lang, test.n)
		if p.Err = err; showPlace(p, test.arch) != test.want || err == nil && (p.Index != test.n || p.Type.Size != 8) {
			t.Errorf("%v argument %d: %s, want %s", test.lang, test.n, showPlace(p, test.arch), test.want)
		}
	}
	for _, test := range []struct {
		arch Arch
		lang Lang
		n    int
		want string
	}{
		{AMD64, LangC, 0, "rax:8"}, {AMD64, LangGo, 0, "rax:8"}, {AMD64, LangGo, 2, "rcx:8"}, {ARM64, LangRust, 0, "x0:8"},
	} {
		p, err := ABIRet(test.arch, test.lang, test.n)
		if p.Err = err; showPlace(p, test.arch) != test.want || !p.Result {
			t.Errorf("%v result %d: %s, want %s", test.lang, test.n, showPlace(p, test.arch), test.want)
		}
	}
	for _, n := range []int{-1, 1, 1 << 30} {
		if p, err := ABIRet(AMD64, LangC, n); err == nil {
			t.Errorf("C result %d is %+v", n, p)
		}
	}
	if p, err := ABIArg(AMD64, LangC, -1); err == nil {
		t.Errorf("argument -1 is %+v", p)
	}
	if p, err := ABI0Arg(2); err != nil || showPlace(p, AMD64) != "[rsp+24]:8" {
		t.Errorf("ABI0 argument 2 is %s, %v", showPlace(p, AMD64), err)
	}
}
