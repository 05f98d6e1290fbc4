package elfsym

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Find returns the functions that p selects, sorted by address.
//
// A name is a linker name without version, an alias, or a demangled name with
// or without parameters, template arguments, Rust's generics and hash, or the
// shape of a Go generic. If it means several functions that are not copies of
// one generic, the error is an [*AmbiguousError]. If there is none, the error
// wraps [ErrNotFound]. Functions made by the compiler are found by name only
// where nothing else has it, and never by a glob or an expression.
func (b *Binary) Find(p Pattern) ([]*Func, error) {
	t, err := b.table()
	if err != nil {
		return nil, err
	}
	if p.Kind != Regexp {
		q := newQuery(p.Text)
		found := b.findName(t, q)
		if len(found) > 0 {
			if p.Kind == Exact {
				err = ambiguous(p.Text, found)
			}
			return funcsOf(found), err
		}
	}
	if p.Kind == Exact {
		return nil, b.notFound(t, p.Text)
	}
	all, err := b.named()
	if err != nil {
		return nil, err
	}
	var found []*Func
	for _, f := range all {
		if selectable(f) && anyName(f, p.match) {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: nothing matches %s: %w", b.Name(), p, ErrNotFound)
	}
	return found, nil
}

func (p Pattern) match(name string) bool {
	if p.Kind == Regexp {
		return p.re != nil && p.re.MatchString(name)
	}
	return matchGlob(p.Text, name)
}

// selectable reports whether a glob may select f: not what the compiler made,
// nor the resolver of an indirect function, which is not the function.
func selectable(f *Func) bool {
	if f.Attr&(Wrapper|IFunc) != 0 {
		return false
	}
	if f.Lang != LangGo {
		return true
	}
	// Dots were used before Go 1.20, when import paths such as go.uber.org had
	// to be told from the compiler's own names.
	for _, own := range []string{"go:", "type:", "type..", "go.buildid", "go.func.", "go.itab.", "go.link.", "go.map.", "go.string."} {
		if strings.HasPrefix(f.Symbol, own) {
			return false
		}
	}
	return true
}

// anyName calls match for the names of f until it returns true.
func anyName(f *Func, match func(string) bool) bool {
	if match(f.Symbol) || f.Name != f.Symbol && match(f.Name) {
		return true
	}
	if f.Lang == LangCXX {
		if n := cutParams(f.Name); n != f.Name && match(n) {
			return true
		}
	}
	return slices.ContainsFunc(f.Aliases, match)
}

// cutParams takes parameters and what follows them off a C++ name.
func cutParams(name string) string {
	if i := strings.Index(name, " [clone "); i > 0 {
		name = name[:i]
	}
	end := strings.LastIndexByte(name, ')')
	depth := 0
	for i := end; i > 0; i-- {
		switch name[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return name[:i]
			}
		}
	}
	return name
}

// query is a name prepared for comparing.
type query struct {
	text    string
	squeeze string // as squeezed
	goBase  string // without type arguments
	segment string // last identifier as mangled names hold it, "" if there is none
}

func newQuery(text string) *query {
	q := &query{text: text, squeeze: squeezed(text), goBase: goBase(text)}
	if id := lastIdent(text); id != "" && !strings.Contains(text, "operator") && !strings.Contains(text, "{") {
		q.segment = strconv.Itoa(len(id)) + id
	}
	return q
}

// found is a function that has the name asked for, and the key that it shares
// with the other copies of one source function.
type found struct {
	f *Func
	matched
}

// matched tells apart what one short name means. Copies of one source
// function have the same key; those with the same instance but another full
// name are overloads.
type matched struct{ key, instance, full string }

// The ways in which a function has a name; the first that finds any wins.
const (
	bySymbol = iota // the linker's name
	byName          // the whole name as people write it
	byForm          // a shorter one
	byNothing
)

// findName returns the functions with the name q. Only those whose mangled
// name can hold the last identifier are demangled, unless that finds none.
func (b *Binary) findName(t *funcTable, q *query) []found {
	const affordable = 200_000 // demangled in a second
	for _, try := range []struct{ wrappers, all bool }{{false, false}, {false, true}, {true, false}} {
		if try.all && len(t.funcs) > affordable {
			continue
		}
		var best [byNothing][]found
		for _, f := range t.funcs {
			if f.Has(Wrapper) != try.wrappers {
				continue
			}
			if how, m := hasName(f, q, try.all); how < byNothing {
				best[how] = append(best[how], found{f, m})
			}
		}
		for _, fs := range best {
			if len(fs) > 0 {
				b.name(funcsOf(fs))
				return withoutDeleting(fs)
			}
		}
	}
	return nil
}

// hasName says how f has the name q.
func hasName(f *Func, q *query, all bool) (how int, m matched) {
	how = byNothing
	for i := -1; i < len(f.Aliases) && how > bySymbol; i++ {
		sym := f.Symbol
		if i >= 0 {
			sym = f.Aliases[i]
		}
		h, n := symbolHasName(sym, f.Lang, q, all)
		if h < how {
			how, m = h, n
		}
	}
	return how, m
}

func symbolHasName(sym string, lang Lang, q *query, all bool) (how int, m matched) {
	if sym == q.text {
		return bySymbol, matched{}
	}
	switch symLang := symbolLang(sym); {
	case lang == LangGo:
		return goName(sym, q)
	case symLang == LangC:
		if base := cutClone(sym); len(base) != len(sym) && base == q.text {
			return bySymbol, matched{}
		}
		if len(sym) > len(q.text) && stripVersion(sym) == q.text {
			return byForm, matched{}
		}
	case all || q.segment != "" && strings.Contains(sym, q.segment):
		return mangledName(sym, symLang, q)
	}
	return byNothing, matched{}
}

func mangledName(sym string, lang Lang, q *query) (how int, m matched) {
	full, _, _ := strings.Cut(demangled(stripVersion(sym)), " [clone ")
	if squeezed(full) == q.squeeze {
		return byName, matched{key: full}
	}
	names, generic := forms(stripVersion(sym))
	for _, n := range names {
		if squeezed(n) != q.squeeze {
			continue
		}
		switch {
		case !generic:
			return byForm, matched{key: full}
		case lang == LangCXX:
			return byForm, matched{n, names[0], full}
		}
		return byForm, matched{key: n}
	}
	return byNothing, matched{}
}

// goName compares a Go symbol: an ABI0 twin has the name of the function, and
// a generic's shapes are all it. The linker escapes dots in the last element
// of a package path (cmd/internal/objabi, PathToPrefix).
func goName(sym string, q *query) (how int, m matched) {
	base := strings.TrimSuffix(sym, ".abi0")
	if strings.Contains(base, "%") {
		base = unescapeGo(base)
	}
	if base == q.text {
		return byForm, matched{}
	}
	if strings.IndexByte(base, '[') < 0 {
		return byNothing, matched{}
	}
	bare := goBase(base)
	if bare == q.text || strings.Contains(q.text, "[...]") && bare == q.goBase ||
		strings.Contains(q.text, "[") && withoutShape(base) == q.text {
		return byForm, matched{key: bare}
	}
	return byNothing, matched{}
}

func unescapeGo(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// goBase takes the type arguments off a Go name.
func goBase(s string) string {
	if strings.IndexByte(s, '[') < 0 {
		return s
	}
	out, depth := make([]byte, 0, len(s)), 0
	for i := range len(s) {
		switch {
		case s[i] == '[':
			depth++
		case s[i] == ']' && depth > 0:
			depth--
		case depth == 0:
			out = append(out, s[i])
		}
	}
	return string(out)
}

// withoutShape turns F[go.shape.int] into F[int].
func withoutShape(s string) string {
	s = strings.ReplaceAll(s, "go.shape.", "")
	return strings.ReplaceAll(s, "_0]", "]") // Go 1.18
}

// cutClone takes off the suffixes of copies that stand for the whole
// function. A .part is only the rest of one, and .lto_priv and .llvm tell
// apart functions of one name.
func cutClone(sym string) string {
	for {
		i := strings.LastIndexByte(sym, '.')
		if i <= 0 || strings.Trim(sym[i+1:], "0123456789") != "" {
			return sym
		}
		base, ok := strings.CutSuffix(sym[:i], ".constprop")
		if !ok {
			base, ok = strings.CutSuffix(sym[:i], ".isra")
		}
		if !ok {
			return sym
		}
		sym = base
	}
}

// lastIdent returns the last identifier of a C++ or Rust name without its
// parameters and template arguments.
func lastIdent(s string) string {
	if i := strings.IndexByte(s, '('); i > 0 {
		s = s[:i]
	}
	s = cutTemplate(s)
	s = strings.TrimSuffix(s, "::")
	ident := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	i := len(s)
	for i > 0 && ident(s[i-1]) {
		i--
	}
	return s[i:]
}

// squeezed writes a C++ or Rust name in one way of several: without spaces
// but between words, const behind the type, std::string by its short name.
func squeezed(s string) string {
	word := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
	}
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] == ' ' && (len(out) == 0 || i+1 == len(s) || !word(s[i+1]) ||
			!word(out[len(out)-1]) && out[len(out)-1] != '>') {
			continue
		}
		out = append(out, s[i])
	}
	t := strings.ReplaceAll(string(out), "[abi:cxx11]", "")
	t = strings.ReplaceAll(t, "std::__cxx11::basic_string<char,std::char_traits<char>,std::allocator<char>>", "std::string")
	t = strings.ReplaceAll(t, "std::__cxx11::", "std::")
	return constBehind(t)
}

// constBehind turns (const T&) into (T const&).
func constBehind(s string) string {
	for at := 0; ; {
		i := strings.Index(s[at:], "const ")
		if i < 0 {
			return s
		}
		i += at
		at = i + len("const ")
		if i == 0 || strings.IndexByte("(,<", s[i-1]) < 0 {
			continue
		}
		end, depth := at, 0
		for ; end < len(s); end++ {
			c := s[end]
			if depth == 0 && strings.IndexByte("*&,)>", c) >= 0 {
				break
			}
			switch c {
			case '<', '(':
				depth++
			case '>', ')':
				depth--
			}
		}
		s = s[:i] + s[at:end] + " const" + s[end:]
		at = i
	}
}
