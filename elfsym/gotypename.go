package elfsym

import (
	"net/url"
	"strings"
)

// goPredeclared are the names that Go's compiler writes differently from
// the source.
var goPredeclared = map[string]string{
	"byte": "uint8", "rune": "int32", "any": "interface {}", "interface{}": "interface {}", "struct{}": "struct {}",
}

// goTypeSpelling returns a type's name as the compiler writes it: without the
// predeclared aliases, and interface {} with a space.
func goTypeSpelling(name string) string {
	var out strings.Builder
	for rest := strings.TrimSpace(name); rest != ""; {
		word := goWord(rest)
		if word == "" {
			word = rest[:1]
		} else if strings.HasPrefix(rest[len(word):], "{}") {
			word += "{}"
		}
		rest = rest[len(word):]
		if as, ok := goPredeclared[word]; ok {
			out.WriteString(as)
		} else {
			out.WriteString(word)
		}
	}
	return out.String()
}

// goWord returns the longest identifier, qualified by an import path or not,
// that s begins with.
func goWord(s string) string {
	if strings.HasPrefix(s, ".") {
		return "" // of a variadic parameter
	}
	i := strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || strings.ContainsRune("*[](){},;<>=\"`", c) })
	if i < 0 {
		return s
	}
	return s[:i]
}

// shortTypeName returns name with only the last elements of import paths, as
// %T prints it unless a package is called otherwise.
func shortTypeName(name string) string {
	if !strings.Contains(name, "/") {
		return name
	}
	var out strings.Builder
	for rest := name; rest != ""; {
		word := goWord(rest)
		if word == "" {
			out.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		rest = rest[len(word):]
		out.WriteString(word[strings.LastIndexByte(word, '/')+1:])
	}
	return out.String()
}

// unescapedTypeName undoes the escapes in import paths: the linker's names
// have %2e for a dot in the last element (cmd/internal/objabi.PathToPrefix).
func unescapedTypeName(name string) string {
	if !strings.Contains(name, "%") {
		return name
	}
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}
