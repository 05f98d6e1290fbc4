package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns s in a form that is safe in a terminal, a label or a page:
// what is printable stays, and control characters, escape sequences, marks
// that reverse the direction of text, other invisible characters, and bytes
// that are not UTF-8 become Go's backslash escapes. A backslash is doubled, so
// that different strings stay different.
func Escape(s string) string {
	return cut(s, len(s)*maxEscape, func(token string) int { return len(token) })
}

// maxEscape is the most bytes that one byte of input becomes, as in \x1b.
const maxEscape = 4

// cut escapes s and shortens it, if need be, to the given limit of what
// measure measures. What is cut off is replaced by an ellipsis. No escape
// sequence is cut apart, and no more of s is read than fits.
func cut(s string, limit int, measure func(token string) int) string {
	const ellipsis = "…"
	var out strings.Builder
	used, keep := 0, 0 // keep is how much of out leaves room for the ellipsis
	room := limit - measure(ellipsis)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		token := s[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			token = fmt.Sprintf(`\x%02x`, s[0])
		case r == '\\':
			token = `\\`
		case r == '\n':
			token = `\n`
		case r == '\t':
			token = `\t`
		case r == '\r':
			token = `\r`
		case unicode.IsPrint(r):
		case r < 0x80:
			token = fmt.Sprintf(`\x%02x`, r)
		case r <= 0xffff:
			token = fmt.Sprintf(`\u%04x`, r)
		default:
			token = fmt.Sprintf(`\U%08x`, r)
		}
		used += measure(token)
		if used > limit {
			if room < 0 {
				return ""
			}
			return out.String()[:keep] + ellipsis
		}
		out.WriteString(token)
		if used <= room {
			keep = out.Len()
		}
		s = s[size:]
	}
	return out.String()
}

// cutBytes escapes s and shortens it to a number of bytes.
func cutBytes(s string, limit int) string {
	return cut(s, limit, func(token string) int { return len(token) })
}

// cutWidth escapes s and shortens it to a number of terminal cells.
func cutWidth(s string, limit int) string {
	return cut(s, limit, width)
}
