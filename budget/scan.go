package budget

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner reads a budget from the left. It has no table of tokens: what may
// come next decides how far a bare word goes, since function names hold
// brackets, asterisks and comparisons of their own.
type scanner struct {
	source string
	at     int
}

func (s *scanner) errorAt(column int, format string, args ...any) error {
	return &SyntaxError{Source: s.source, Column: column, Msg: fmt.Sprintf(format, args...)}
}

func (s *scanner) space() {
	for s.at < len(s.source) && strings.IndexByte(" \t\r\n", s.source[s.at]) >= 0 {
		s.at++
	}
}

// next skips white space and reports whether text follows, which it takes.
func (s *scanner) next(text string) bool {
	s.space()
	if !strings.HasPrefix(s.source[s.at:], text) {
		return false
	}
	s.at += len(text)
	return true
}

// found describes what is at the current place.
func (s *scanner) found() string {
	if s.at == len(s.source) {
		return "the end"
	}
	r, size := utf8.DecodeRuneInString(s.source[s.at:])
	if r == utf8.RuneError && size == 1 {
		return fmt.Sprintf("byte %#02x", s.source[s.at])
	}
	return strconv.QuoteRune(r)
}

func (s *scanner) want(text, where string) error {
	if s.next(text) {
		return nil
	}
	return s.errorAt(s.at, "%s wants %q, not %s", where, text, s.found())
}

// while takes the bytes of a word.
func (s *scanner) while(in func(c byte) bool) string {
	s.space()
	from := s.at
	for s.at < len(s.source) && in(s.source[s.at]) {
		s.at++
	}
	return s.source[from:s.at]
}

// name takes a function, a key or a value: a quoted text, or a bare word that
// ends at white space, or outside of brackets of its own at a bracket, at a
// comma, or at one of the bytes of stop.
func (s *scanner) name(what, stop string) (string, error) {
	s.space()
	from := s.at
	if from < len(s.source) && (s.source[from] == '"' || s.source[from] == '\'') {
		return s.quoted()
	}
	depth := 0
	for ; s.at < len(s.source); s.at++ {
		c := s.source[s.at]
		if strings.IndexByte(" \t\r\n\"'", c) >= 0 || depth == 0 && (c == ',' || strings.IndexByte(stop, c) >= 0) {
			break
		}
		if strings.IndexByte("([{", c) >= 0 {
			depth++
		} else if strings.IndexByte(")]}", c) >= 0 {
			if depth--; depth < 0 {
				break
			}
		}
	}
	switch {
	case s.at == from:
		return "", s.errorAt(from, "%s is missing", what)
	case depth > 0 && s.at < len(s.source):
		return "", s.errorAt(s.at, "%s has a bracket that is not closed before %s; quote all of it if that is meant", what, s.found())
	case depth > 0:
		return "", s.errorAt(from, "%s has a bracket that is not closed; quote it if that is meant", what)
	}
	return s.source[from:s.at], nil
}

// quoted takes 'text', in which nothing is special, or "text", in which the
// escapes of Go are.
func (s *scanner) quoted() (string, error) {
	from, quote := s.at, s.source[s.at]
	for s.at++; s.at < len(s.source); s.at++ {
		switch c := s.source[s.at]; {
		case c == '\\' && quote == '"':
			s.at++
		case c == quote:
			s.at++
			text := s.source[from:s.at]
			if quote == '\'' {
				return text[1 : len(text)-1], nil
			}
			value, err := strconv.Unquote(text)
			if err != nil {
				return "", s.errorAt(from, "the quoted text has an escape that Go does not know, or a line break")
			}
			return value, nil
		}
	}
	s.at = len(s.source)
	return "", s.errorAt(from, "the quote is not closed")
}

// quote writes text so that name reads it back with the same stop; bare where
// that can be.
func quote(text, stop string) string {
	s := scanner{source: text}
	if got, err := s.name("", stop); err == nil && got == text && s.at == len(text) && text[0] != '"' && text[0] != '\'' && utf8.ValidString(text) {
		return text
	}
	return strconv.Quote(text)
}
