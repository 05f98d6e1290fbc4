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

// CheckMarkdown writes c as Markdown, as GitHub and GitLab read it: a table
// with a row for each verdict, those first that do not pass.
func CheckMarkdown(w io.Writer, c *Check) error { return writeMarkdown(w, c.markdown(1<<62)) }

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
