package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/latchprof/latch/budget"
)

// maxSummary is the most bytes of a step's summary that GitHub keeps.
const maxSummary = 1 << 20

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

// CheckMarkdown writes c as Markdown, as GitHub and GitLab read it: a table
// with a row for each verdict, those first that do not pass.
func CheckMarkdown(w io.Writer, c *Check) error { return writeMarkdown(w, c.markdown(1<<62)) }

func writeMarkdown(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

func (c *Check) markdown(limit int) string {
	m := markdown{left: limit}
	m.add("### latch check: "+string(c.Outcome()), "", c.summary()+".")
	if c.Incomplete != "" {
		m.add("", "**Incomplete:** "+code(c.Incomplete))
	}
	verdicts := slices.Clone(c.Verdicts)
	slices.SortStableFunc(verdicts, func(a, b budget.Verdict) int { return int(a.Action) - int(b.Action) })
	var rows [][]string
	for i := range verdicts {
		v := &verdicts[i]
		unit := v.Expect.Metric.Unit()
		state := v.State.String()
		if v.Action == budget.ActFail {
			state = "**" + state + "**"
		}
		var why []string
		for _, n := range notes(v) {
			why = append(why, codeSpan(n))
		}
		rows = append(rows, []string{
			state, code(v.Budget), code(v.Func), code(keyOf(v)), v.Expect.Metric.String(), formatValue(v.Estimate, unit),
			formatInterval(v.Lo, v.Hi, unit), formatCount(v.Calls), v.Expect.Cmp.String() + " " + v.Expect.Limit.String(),
			strings.Join(why, "<br>"),
		})
	}
	m.table([]string{"verdict", "budget", "function", "key", "metric", "estimate:", "interval:", "calls:", "limit:", "why"}, rows)
	m.warnings(c.warnings())
	return m.out.String()
}

func (m *markdown) warnings(all []string) {
	for i, w := range all {
		if i == 0 {
			m.add("")
		}
		m.add("- warning: " + code(w))
	}
}

// AppendSummary appends c as Markdown to the file that GitHub shows as the
// step's summary (GITHUB_STEP_SUMMARY). What is beyond the size that GitHub
// keeps is left out, with a note.
func AppendSummary(path string, c *Check) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("write step summary: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("write step summary: %w", err)
	}
	return writeMarkdown(file, c.markdown(int(max(0, maxSummary-info.Size()))))
}
