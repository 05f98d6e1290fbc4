package elfsym

import (
	"strings"

	"github.com/ianlancetaylor/demangle"
)

// name fills the names of fs that have none yet. A function that was handed
// out has one, so no reader ever races with this.
func (b *Binary) name(fs []*Func) {
	b.naming.Lock()
	defer b.naming.Unlock()
	for _, f := range fs {
		if f.Name == "" {
			f.Name = demangled(f.Symbol)
		}
	}
}

// demangled returns sym as people write it: a C++ function with parameters
// but without its result, a Rust one without its hash. What cannot be
// demangled stays as it is.
func demangled(sym string) string {
	lang := symbolLang(sym)
	if lang != LangC {
		sym = stripVersion(sym)
	}
	switch lang {
	case LangCXX:
		base, suffix := splitClone(sym)
		name := demangleCXX(base)
		if suffix != "" && name != base {
			name += " [clone " + suffix + "]"
		} else if suffix != "" {
			name = sym
		}
		return name
	case LangRust:
		return demangleAs(stripSuffix(sym))
	}
	return sym
}

// splitClone splits off ".isra.0" and its like.
func splitClone(sym string) (base, suffix string) {
	base = stripSuffix(sym)
	return base, sym[len(base):]
}

// demangleAs demangles a name. Deep names make the demangler slow, and some
// that are made to break it make it panic.
func demangleAs(sym string, options ...demangle.Option) (name string) {
	if len(sym) > maxDemangle {
		return sym
	}
	defer func() {
		if recover() != nil {
			name = sym
		}
	}()
	return demangle.Filter(sym, append(options, demangle.MaxLength(16))...)
}

func demangleCXX(sym string) (name string) {
	if len(sym) > maxDemangle {
		return sym
	}
	defer func() {
		if recover() != nil {
			name = sym
		}
	}()
	ast, err := demangle.ToAST(sym, demangle.NoRust)
	if err != nil {
		return sym
	}
	if t, ok := ast.(*demangle.Typed); ok {
		if f, ok := t.Type.(*demangle.FunctionType); ok {
			ast = &demangle.Typed{Name: t.Name, Type: &demangle.FunctionType{Args: f.Args, ForLocalName: f.ForLocalName}}
		}
	}
	return demangle.ASTToString(ast, demangle.MaxLength(16))
}

// forms returns the shorter names by which people call the function named
// sym: a C++ function without parameters, and also without template
// arguments; a Rust function without generic arguments, and a method without
// its trait. generic says that the last are those of a template or generic.
func forms(sym string) (names []string, generic bool) {
	base := stripSuffix(sym)
	switch symbolLang(sym) {
	case LangCXX:
		plain := demangleAs(base, demangle.NoParams, demangle.NoRust)
		bare := demangleAs(base, demangle.NoParams, demangle.NoTemplateParams, demangle.NoRust)
		names = append(names, plain)
		if own := cutTemplate(plain); own != plain {
			names, generic = append(names, own), true
		}
		if bare != plain {
			names, generic = append(names, bare), true
		}
	case LangRust:
		full := demangleAs(base)
		bare := withoutTurbofish(full)
		names, generic = append(names, full), true
		if bare != full {
			names = append(names, bare)
		}
		for _, n := range names {
			if m := withoutTrait(n); m != n {
				names = append(names, m)
			}
		}
	}
	return names, generic
}

// cutTemplate takes the last template arguments off a name without
// parameters.
func cutTemplate(name string) string {
	if !strings.HasSuffix(name, ">") || strings.HasSuffix(name, "->") || strings.HasSuffix(name, "operator>") ||
		strings.HasSuffix(name, "operator>>") || strings.HasSuffix(name, "<=>") {
		return name
	}
	depth := 0
	for i := len(name) - 1; i > 0; i-- {
		switch name[i] {
		case '>':
			if name[i-1] != '-' {
				depth++
			}
		case '<':
			if depth--; depth == 0 {
				return strings.TrimRight(name[:i], " ")
			}
		}
	}
	return name
}

// withoutTurbofish turns gen::<u32> into gen.
func withoutTurbofish(name string) string {
	var out []byte
	depth := 0
	for i := range len(name) {
		arrow := name[i] == '>' && i > 0 && name[i-1] == '-'
		switch {
		case depth > 0 && name[i] == '<':
			depth++
		case depth > 0 && name[i] == '>' && !arrow:
			depth--
		case depth > 0:
		case name[i] == '<' && i > 1 && name[i-2:i] == "::":
			out, depth = out[:len(out)-2], 1
		default:
			out = append(out, name[i])
		}
	}
	return string(out)
}

// withoutTrait turns <T as Trait>::m into T::m.
func withoutTrait(name string) string {
	if !strings.HasPrefix(name, "<") {
		return name
	}
	depth := 0
	for i := range len(name) {
		switch name[i] {
		case '<':
			depth++
		case '>':
			if i > 0 && name[i-1] == '-' {
				continue
			}
			if depth--; depth == 0 {
				inner, rest := name[1:i], name[i+1:]
				if k := topLevelAs(inner); k > 0 {
					inner = inner[:k]
				}
				return inner + rest
			}
		}
	}
	return name
}

// topLevelAs returns where " as " stands outside of brackets, or -1.
func topLevelAs(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '<', '(', '[':
			depth++
		case '>', ')', ']':
			depth--
		case ' ':
			if depth == 0 && strings.HasPrefix(s[i:], " as ") {
				return i
			}
		}
	}
	return -1
}
