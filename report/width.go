package report

import (
	"strings"
	"unicode"
)

// wide holds the characters that take two cells of a terminal: the ranges that
// Unicode's EastAsianWidth.txt calls wide or full-width, joined where only
// unassigned characters lie between.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x231a, 0x231b, 1}, {0x2329, 0x232a, 1}, {0x23e9, 0x23ec, 1},
		{0x23f0, 0x23f0, 1}, {0x23f3, 0x23f3, 1}, {0x25fd, 0x25fe, 1}, {0x2614, 0x2615, 1},
		{0x2648, 0x2653, 1}, {0x267f, 0x267f, 1}, {0x2693, 0x2693, 1}, {0x26a1, 0x26a1, 1},
		{0x26aa, 0x26ab, 1}, {0x26bd, 0x26be, 1}, {0x26c4, 0x26c5, 1}, {0x26ce, 0x26ce, 1},
		{0x26d4, 0x26d4, 1}, {0x26ea, 0x26ea, 1}, {0x26f2, 0x26f3, 1}, {0x26f5, 0x26f5, 1},
		{0x26fa, 0x26fa, 1}, {0x26fd, 0x26fd, 1}, {0x2705, 0x2705, 1}, {0x270a, 0x270b, 1},
		{0x2728, 0x2728, 1}, {0x274c, 0x274c, 1}, {0x274e, 0x274e, 1}, {0x2753, 0x2755, 1},
		{0x2757, 0x2757, 1}, {0x2795, 0x2797, 1}, {0x27b0, 0x27b0, 1}, {0x27bf, 0x27bf, 1},
		{0x2b1b, 0x2b1c, 1}, {0x2b50, 0x2b50, 1}, {0x2b55, 0x2b55, 1}, {0x2e80, 0x303e, 1},
		{0x3041, 0x4dbf, 1}, {0x4e00, 0xa4cf, 1}, {0xa960, 0xa97f, 1}, {0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1}, {0xfe10, 0xfe19, 1}, {0xfe30, 0xfe6f, 1}, {0xff01, 0xff60, 1},
		{0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{
		{0x16fe0, 0x18dff, 1}, {0x1aff0, 0x1b2ff, 1}, {0x1f004, 0x1f004, 1}, {0x1f0cf, 0x1f0cf, 1},
		{0x1f18e, 0x1f18e, 1}, {0x1f191, 0x1f19a, 1}, {0x1f200, 0x1f265, 1}, {0x1f300, 0x1f64f, 1},
		{0x1f680, 0x1f6ff, 1}, {0x1f7e0, 0x1f7f0, 1}, {0x1f90c, 0x1f9ff, 1}, {0x1fa70, 0x1faff, 1},
		{0x20000, 0x3fffd, 1},
	},
}

// width returns the number of terminal cells of an escaped string.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r < 0x300:
			n++
		case unicode.In(r, unicode.Mn, unicode.Me):
		case unicode.Is(wide, r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// left pads s on the right to the given width, right on the left.
func left(s string, cells int) string  { return s + blanks(cells-width(s)) }
func right(s string, cells int) string { return blanks(cells-width(s)) + s }

func blanks(n int) string { return strings.Repeat(" ", max(0, n)) }

// wrap breaks text at its spaces into lines of at most the given width, of
// which all but the first are indented. A longer word has its own line, cut.
func wrap(text string, cells, indent int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(text) {
		start := 0
		if len(lines) > 0 {
			start = indent
		}
		switch {
		case line == "":
			line = blanks(start) + chop(word, cells-start)
		case width(line)+1+width(word) <= cells:
			line += " " + word
		default:
			lines = append(lines, line)
			line = blanks(indent) + chop(word, cells-indent)
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// chop shortens a string that is escaped already to the given width.
func chop(s string, cells int) string {
	if width(s) <= cells {
		return s
	}
	n := 1 // the ellipsis
	for i, r := range s {
		if n += width(string(r)); n > cells {
			return s[:i] + "…"
		}
	}
	return s
}

// chopLeft does the same at the front, where a path is less telling.
func chopLeft(s string, cells int) string {
	if width(s) <= cells {
		return s
	}
	for i := range s {
		if 1+width(s[i:]) <= cells {
			return "…" + s[i:]
		}
	}
	return "…"
}
