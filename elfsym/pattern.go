package elfsym

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// PatternKind says how a pattern selects functions.
type PatternKind uint8

const (
	// Exact patterns are names.
	Exact PatternKind = iota
	// Glob patterns have * for any text and ? for any one character. A
	// function whose name is the pattern's text wins over the glob.
	Glob
	// Regexp patterns match anywhere in a name (package regexp).
	Regexp
)

// Pattern is what a user wrote to select functions of an image.
type Pattern struct {
	// Lib is the library in LIB:NAME, "" if none is named. Find does not
	// look at it: the caller chooses the images by MatchLib.
	Lib string
	// Text is the name, the glob, or the expression without its slashes.
	Text string
	Kind PatternKind

	re *regexp.Regexp
}

// KernelPatternError says that a pattern selects system calls (sys:NAME), kernel
// functions (k:NAME) or tracepoints (t:GROUP:NAME), which no ELF file of a process
// holds.
type KernelPatternError struct{ Pattern string }

func (e *KernelPatternError) Error() string {
	what := "a kernel function"
	switch {
	case strings.HasPrefix(e.Pattern, "t:"):
		what = "a kernel tracepoint"
	case strings.HasPrefix(e.Pattern, "sys:"):
		what = "a system call"
	}
	return fmt.Sprintf("%s is %s, not a function of a process", e.Pattern, what)
}

// ParsePattern parses NAME, a glob, /regexp/, or LIB: followed by one of them.
// LIB is a library's name with or without its version, or a path.
func ParsePattern(s string) (Pattern, error) {
	if strings.HasPrefix(s, "k:") || strings.HasPrefix(s, "t:") || strings.HasPrefix(s, "sys:") {
		return Pattern{}, &KernelPatternError{s}
	}
	p := Pattern{Text: s}
	p.Lib, p.Text = cutLib(s)
	if len(s) > maxDemangle {
		return Pattern{}, fmt.Errorf("pattern of %d bytes", len(s))
	}
	if strings.ContainsRune(s, 0) {
		return Pattern{}, errors.New("pattern with a NUL byte")
	}
	if p.Text == "" {
		return Pattern{}, fmt.Errorf("pattern %q names no function", s)
	}
	switch {
	case isSlashed(p.Text):
		p.Kind, p.Text = Regexp, p.Text[1:len(p.Text)-1]
		if p.Text == "" {
			return Pattern{}, fmt.Errorf("pattern %q is an empty expression", s)
		}
		re, err := regexp.Compile(p.Text)
		if err != nil {
			return Pattern{}, fmt.Errorf("pattern %q: %w", s, err)
		}
		p.re = re
	case isGlob(p.Text):
		p.Kind = Glob
	}
	return p, nil
}

func isSlashed(s string) bool {
	return len(s) >= 2 && s[0] == '/' && s[len(s)-1] == '/'
}

// cutLib splits LIB:NAME. The colons of C++ and Rust come in pairs, and those
// of the Go linker's own symbols follow "go" and "type".
func cutLib(s string) (lib, name string) {
	i := strings.IndexByte(s, ':')
	if i <= 0 || strings.HasPrefix(s[i:], "::") {
		return "", s
	}
	lib, name = s[:i], s[i+1:]
	if lib == "go" || lib == "type" || !isLibName(lib) {
		return "", s
	}
	// /a:/ is an expression, /lib/libc.so:/a/ one in a library.
	if isSlashed(s) && !isSlashed(name) {
		return "", s
	}
	return lib, name
}

// isLibName reports whether s looks like a library or a path.
func isLibName(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return strings.ContainsRune("(){}[]<>*?&|\\^$ \t\"'", r)
	}) < 0
}

// isGlob reports whether s has a * or ? that is no part of a name: of a Go
// receiver (*T), or of C++ parameters f(char*).
func isGlob(s string) bool {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '?':
			return true
		case '*':
			switch {
			case depth == 0:
				return true
			case s[i-1] == '(' && i+1 < len(s) && s[i+1] != ')' && s[i+1] != '*' && s[i+1] != '.':
				// (*T)
			case s[i-1] != '(' && s[i-1] != '.' && closesType(s[i+1:]):
				// (char*), (char**, int), (T* const&)
			default:
				return true
			}
		}
	}
	return false
}

// closesType reports whether a C++ parameter may go on with s after a *.
func closesType(s string) bool {
	s = strings.TrimLeft(s, "*& ")
	return s != "" && (s[0] == ')' || s[0] == ',' || strings.HasPrefix(s, "const"))
}

// Plain reports whether p is a name, so that it must mean one function.
func (p Pattern) Plain() bool { return p.Kind == Exact }

// String returns p as a user writes it.
func (p Pattern) String() string {
	s := p.Text
	if p.Kind == Regexp {
		s = "/" + s + "/"
	}
	if p.Lib != "" {
		s = p.Lib + ":" + s
	}
	return s
}

// MatchLib reports whether the file at name is the library that p names; a
// pattern that names none matches every file. "libc" and "libc.so.6" match
// /usr/lib/libc.so.6; a Lib with a slash must be the path itself.
func (p Pattern) MatchLib(name string) bool {
	name = strings.TrimSuffix(name, " (deleted)")
	switch {
	case p.Lib == "":
		return true
	case strings.Contains(p.Lib, "/"):
		return path.Clean(p.Lib) == path.Clean(name)
	}
	base := path.Base(name)
	return p.Lib == base || p.Lib == libStem(base) || strings.HasPrefix(base, p.Lib+".")
}

// matchGlob reports whether all of s matches glob. It is linear but for one
// step back to the last *.
func matchGlob(glob, s string) bool {
	g, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, mark = g, i
			g++
		case g < len(glob) && (glob[g] == '?' || glob[g] == s[i]):
			g++
			i++
		case star >= 0:
			mark++
			g, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
