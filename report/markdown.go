package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/latchprof/latch/latency"
)

// code writes a string from a target as a code span that may stand in a table:
// pipes are escaped, and the fence is longer than any row of backticks in it.
func code(s string) string { return codeSpan(cutBytes(s, maxText)) }

// codeSpan is code of what is escaped already.
func codeSpan(s string) string {
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.Trim(s, " ") != s {
		s = " " + s + " "
	}
	return fence + strings.ReplaceAll(s, "|", `\|`) + fence
}

// A markdown is a document of lines that stays within a number of bytes.
type markdown struct {
	out  strings.Builder
	left int // bytes for more; negative where nothing more fits
}

// add writes all the lines, or none if they do not fit.
func (m *markdown) add(lines ...string) bool {
	text := strings.Join(lines, "\n") + "\n"
	if len(text) > m.left {
		return false
	}
	m.left -= len(text)
	m.out.WriteString(text)
	return true
}

// table writes as many rows as fit and says how many do not. The columns with
// a trailing colon in their heading are to the right.
func (m *markdown) table(heading []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	rule := make([]string, len(heading))
	names := make([]string, len(heading))
	for i, name := range heading {
		names[i], rule[i] = strings.TrimSuffix(name, ":"), "---"
		if name != names[i] {
			rule[i] = "---:"
		}
	}
	row := func(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }
	const note = 64 // bytes for the note of what is left out
	m.left -= note
	written := 0
	if m.add("", row(names), row(rule)) {
		for written < len(rows) && m.add(row(rows[written])) {
			written++
		}
	}
	m.left += note
	if n := len(rows) - written; n > 0 {
		m.add("", fmt.Sprintf("%s more rows were left out.", formatCount(uint64(n))))
	}
}

// Markdown writes rec as Markdown: a table and the balance for each function,
// with the series that took the most time, as many as Text shows.
func Markdown(w io.Writer, rec *latency.Recording) error {
	m := markdown{left: 1 << 62}
	text := "measured " + formatNS(float64(rec.DurationNS))
	if of := targets(rec.Targets); of != "" {
		text += " of " + codeSpan(of)
	}
	m.add("### latch", "", text)
	if rec.Command != nil {
		m.add("", codeSpan(commandLine(rec.Command)))
	}
	var idle []string
	for i := range rec.Functions {
		if f := &rec.Functions[i]; f.Balance.Entries > 0 || len(f.Series) > 0 {
			m.function(f)
		} else {
			idle = append(idle, code(f.Name))
		}
	}
	if n := len(idle) - defaultTop; n > 0 {
		idle = append(idle[:defaultTop], formatCount(uint64(n))+" more")
	}
	if len(idle) > 0 {
		m.add("", "No calls of "+strings.Join(idle, ", "))
	}
	m.add("", cost(&rec.Overhead))
	m.warnings(rec.Warnings)
	return writeMarkdown(w, m.out.String())
}

func (m *markdown) function(f *latency.Function) {
	m.add("", "#### "+code(f.Name))
	sorted := byTime(f)
	total := latency.Total(sorted)
	cols := columns(f.By, &total)
	var heading []string
	for _, part := range f.By {
		heading = append(heading, code(part))
	}
	if len(f.By) == 0 {
		heading = append(heading, "key")
	}
	for _, c := range cols {
		heading = append(heading, c.name+":")
	}
	var rows [][]string
	for i := range sorted[:min(len(sorted), defaultTop)] {
		var row []string
		for _, part := range f.By {
			row = append(row, codeSpan(keyText(&sorted[i], part, maxText)))
		}
		if len(f.By) == 0 {
			row = append(row, "all calls")
		}
		for _, c := range cols {
			row = append(row, c.cell(&sorted[i]))
		}
		rows = append(rows, row)
	}
	m.table(heading, rows)
	if n := len(sorted) - len(rows); n > 0 {
		m.add("", fmt.Sprintf("%s more series", formatCount(uint64(n))))
	}
	m.add("", codeSpan(Balance(&f.Balance)))
}

func writeMarkdown(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

func (m *markdown) warnings(all []string) {
	for i, w := range all {
		if i == 0 {
			m.add("")
		}
		m.add("- warning: " + code(w))
	}
}
