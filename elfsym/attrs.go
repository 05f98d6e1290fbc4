package elfsym

import (
	"debug/elf"
	"strings"
)

// symbolLang tells the language by the mangling: Rust's v0 (_R) and legacy
// schemes (an Itanium name that ends in a hash), C++'s Itanium ABI.
func symbolLang(sym string) Lang {
	switch {
	case strings.HasPrefix(sym, "_R") && len(sym) > 3 && isRustV0(sym):
		return LangRust
	case strings.HasPrefix(sym, "_ZN") && rustHash(sym) > 0:
		return LangRust
	case strings.HasPrefix(sym, "_Z"):
		return LangCXX
	}
	return LangC
}

// isRustV0 reports whether sym continues as a v0 name does: a path, which
// starts with one of these tags (Rust RFC 2603).
func isRustV0(sym string) bool {
	return strings.IndexByte("CMXYNIB", sym[2]) >= 0 && strings.IndexFunc(sym, func(r rune) bool {
		return !(r == '_' || r == '.' || r == '$' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
}

// rustHash returns where the hash of a legacy Rust name starts
// ("17h0123456789abcdefE"), or 0.
func rustHash(sym string) int {
	s := stripSuffix(sym)
	const n = len("17h0123456789abcdefE")
	if len(s) <= n || s[len(s)-1] != 'E' || s[len(s)-n:len(s)-n+3] != "17h" {
		return 0
	}
	for _, c := range []byte(s[len(s)-n+3 : len(s)-1]) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return 0
		}
	}
	return len(s) - n
}

// stripSuffix takes off what compilers add behind a mangled name, from the
// first dot on; legacy Rust names have dots of their own, in pairs.
func stripSuffix(sym string) string {
	for i := 1; i < len(sym); i++ {
		if sym[i] != '.' {
			continue
		}
		if i+1 < len(sym) && sym[i+1] == '.' {
			i++
			continue
		}
		return sym[:i]
	}
	return sym
}

// nativeAttr reads attributes off a C, C++ or Rust name.
func nativeAttr(sym string) Attr {
	var a Attr
	for _, mark := range []string{".constprop.", ".isra.", ".part.", ".lto_priv."} {
		if strings.Contains(sym, mark) {
			a |= Clone
		}
	}
	// Itanium C++ ABI 5.1.4.3: non-virtual, virtual and covariant thunks.
	for _, thunk := range []string{"_ZTh", "_ZTv", "_ZTc"} {
		if strings.HasPrefix(sym, thunk) {
			a |= Wrapper
		}
	}
	return a
}

// goNeverReturns are functions of package runtime that leave by switching
// stacks, not by a RET of their own.
var goNeverReturns = runtimeNames(`mcall gogo schedule execute goexit goexit0 goexit1 gdestroy Goexit newstack
	morestack morestack_noctxt morestackc park_m mstart mstart0 mstart1 gosched_m goschedImpl goschedguarded_m
	gopreempt_m goyield_m preemptPark exitsyscall0 rt0_go main recovery coroexit gcBgMarkWorker sysmon bgsweep
	bgscavenge forcegchelper fatalpanic throw fatal fatalthrow gopanic panicwrap abort exit sigreturn exitThread
	badmcall badmcall2 badmorestackg0 badmorestackgsignal`)

func runtimeNames(names string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(names) {
		set["runtime."+name] = true
	}
	return set
}

// goAttr returns the attributes of a Go function. fn is its entry in the
// function table, nil if it has none.
func goAttr(a Attr, f *Func, fn *goFunc, t *pclntab) Attr {
	if base, ok := strings.CutSuffix(f.Symbol, ".abi0"); ok {
		a |= ABI0
		if goNeverReturns[base] {
			a |= NeverReturns
		}
	}
	if goNeverReturns[f.Symbol] {
		a |= NeverReturns
	}
	if fn == nil || t == nil {
		return a
	}
	if t.isWrapper(fn) {
		a |= Wrapper
	}
	// A name without .abi0 does not prove ABIInternal: the suffix is only
	// written where both exist (cmd/link, mangleABIName).
	if fn.flg&funcFlagAsm != 0 {
		a |= ABI0
	}
	return a
}

// guessLang counts the symbols of each language. What the image links or
// says of its compiler decides where few symbols are left.
func (b *Binary) guessLang() Lang {
	if b.looksGo() {
		return LangGo
	}
	count := map[Lang]int{}
	if t, err := b.table(); err == nil {
		for _, f := range t.funcs {
			count[f.Lang]++
		}
	}
	compiler := b.comment()
	switch rust, cxx, c := count[LangRust], count[LangCXX], count[LangC]; {
	case rust > 0 && rust >= cxx, cxx == 0 && strings.Contains(compiler, "rustc"):
		return LangRust
	case cxx > 0 && (2*cxx >= c || b.linksCXX()), c == 0 && b.linksCXX():
		return LangCXX
	}
	return LangC
}

// comment returns .comment, in which compilers leave their names.
func (b *Binary) comment() string {
	s := b.elf.Section(".comment")
	if s == nil || s.Type != elf.SHT_PROGBITS {
		return ""
	}
	data, err := b.image().data(s, maxNotes)
	if err != nil {
		return ""
	}
	return string(data)
}

func (b *Binary) linksCXX() bool {
	needed, _, err := b.dynamicNames()
	if err != nil {
		return false
	}
	for _, lib := range needed {
		if s := libStem(lib); s == "libstdc++" || s == "libc++" {
			return true
		}
	}
	return false
}
