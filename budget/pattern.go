package budget

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/latchprof/latch/latency"
)

// A pattern selects functions of a recording by the names that the command
// line takes for those of a program.
type pattern struct {
	lib, name string
	re        *regexp.Regexp
	glob      bool
	sys       bool // it selects system calls, whose names are without the prefix
}

// sysPrefix is what the names of system calls have in front.
const sysPrefix = "sys:"

// checkFunc returns an error if text can select nothing.
func checkFunc(text string) error {
	_, err := parsePattern(text)
	return err
}

func parsePattern(text string) (pattern, error) {
	var p pattern
	if p.name, p.sys = strings.CutPrefix(text, sysPrefix); !p.sys {
		p.lib, p.name = cutLib(text)
	}
	if p.name == "" {
		return p, errors.New("no function is named")
	}
	if n := len(p.name); n > 1 && p.name[0] == '/' && p.name[n-1] == '/' {
		re, err := regexp.Compile(p.name[1 : n-1])
		if err != nil {
			return p, fmt.Errorf("function %s: %w", p.name, err)
		}
		p.re = re
		return p, nil
	}
	p.glob = isGlob(p.name)
	return p, nil
}

// cutLib splits LIB:NAME. Other colons of names come in pairs (C++, Rust), or
// after k (kernel functions), go and type (the Go linker's own).
func cutLib(text string) (lib, name string) {
	lib, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || lib == "" || strings.HasPrefix(name, ":") || lib == "k" || lib == "go" || lib == "type":
		return "", text
	case strings.ContainsAny(lib, "(){}[]<>*?&|\\^$ \t\"'") || text[0] == '/' && text[len(text)-1] == '/' && !strings.HasPrefix(name, "/"):
		return "", text
	}
	return lib, name
}

// isGlob reports whether name has a * or ? that is no part of a name: of a Go
// receiver (*T), or of C++ parameters f(char*, int).
func isGlob(name string) bool {
	depth := 0
	for i := range len(name) {
		switch name[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '?':
			return true
		case '*':
			rest := strings.TrimLeft(name[i+1:], "*& ")
			receiver := depth > 0 && name[i-1] == '(' && rest != "" && !strings.ContainsRune(").", rune(rest[0]))
			parameter := depth > 0 && name[i-1] != '(' && rest != "" && (strings.ContainsRune("),", rune(rest[0])) || strings.HasPrefix(rest, "const"))
			if !receiver && !parameter {
				return true
			}
		}
	}
	return false
}

// matches reports whether p selects f.
func (p *pattern) matches(f *latency.Function) bool {
	if p.lib != "" && !matchLib(p.lib, f.Binary) {
		return false
	}
	all := names(f)
	if name, ok := strings.CutPrefix(f.Name, sysPrefix); ok || p.sys {
		if ok != p.sys {
			return false
		}
		all = []string{name}
	}
	for _, name := range all {
		switch {
		case p.re != nil:
			if p.re.MatchString(name) {
				return true
			}
		case p.name == name, p.glob && matchGlob(p.name, name):
			return true
		}
	}
	return false
}

// names returns what people call f: C++ functions go with or without their
// parameters, kernel functions with or without k:, all shapes of a generic Go
// function without their type arguments.
func names(f *latency.Function) []string {
	all := []string{f.Name, f.Symbol}
	switch f.Lang {
	case "c++":
		all = append(all, cutParams(f.Name))
	case "kernel":
		all = append(all, "k:"+strings.TrimPrefix(f.Name, "k:"), strings.TrimPrefix(f.Name, "k:"))
	case "go":
		if open := strings.IndexByte(f.Name, '['); open > 0 {
			if end := strings.LastIndexByte(f.Name, ']'); end > open {
				all = append(all, f.Name[:open]+f.Name[end+1:])
			}
		}
	}
	return all
}

// cutParams cuts the last pair of brackets and what follows: of
// (anonymous namespace)::f(int) const it leaves (anonymous namespace)::f.
func cutParams(name string) string {
	depth := 0
	for i := strings.LastIndexByte(name, ')'); i > 0; i-- {
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

// matchLib reports whether the file at binary is lib: its path, its base name,
// or that up to .so or a dot.
func matchLib(lib, binary string) bool {
	binary = strings.TrimSuffix(binary, " (deleted)")
	if strings.Contains(lib, "/") {
		return path.Clean(lib) == path.Clean(binary)
	}
	base := path.Base(binary)
	stem, _, _ := strings.Cut(base, ".so")
	return lib == base || lib == stem || strings.HasPrefix(base, lib+".")
}

// matchGlob reports whether all of s matches glob. It goes back no further
// than to the last *.
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
