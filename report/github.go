package report

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/latchprof/latch/budget"
)

// maxAnnotations is how many errors, and how many warnings, GitHub shows of a
// step.
const maxAnnotations = 10

// GitHub writes c as annotations for GitHub Actions: errors for what fails the
// check, warnings for what only warns, no more of either than GitHub shows; the
// last of too many counts the rest. They point at the function's source if it
// lies in workspace (GITHUB_WORKSPACE), else at the budget file.
func GitHub(w io.Writer, c *Check, workspace string) error {
	var errs, warnings []string
	if c.Incomplete != "" {
		errs = append(errs, annotation("error", "", 0, "latch: the measurement is incomplete", cutBytes(c.Incomplete, maxText)))
	}
	for i := range c.Verdicts {
		v := &c.Verdicts[i]
		if v.Action == budget.ActPass {
			continue
		}
		file, line := c.place(v, workspace)
		a := func(kind string) string {
			return annotation(kind, file, line, "latch: "+cutBytes(v.Budget, maxLabel)+": "+v.State.String(), c.sentence(v))
		}
		if v.Action == budget.ActFail {
			errs = append(errs, a("error"))
		} else {
			warnings = append(warnings, a("warning"))
		}
	}
	out := strings.Join(append(bounded("error", errs), bounded("warning", warnings)...), "")
	if _, err := io.WriteString(w, out); err != nil {
		return fmt.Errorf("write annotations: %w", err)
	}
	return nil
}

// bounded cuts a list of annotations to what is shown.
func bounded(kind string, all []string) []string {
	if len(all) <= maxAnnotations {
		return all
	}
	keep := maxAnnotations - 1
	title := fmt.Sprintf("latch: %s more", formatCount(uint64(len(all)-keep)))
	return append(all[:keep:keep], annotation(kind, "", 0, title, "GitHub shows no more: the table and the other outputs have all of them"))
}

// annotation is a workflow command. Its texts are escaped for a terminal, its
// path is not.
func annotation(kind, file string, line int, title, message string) string {
	var properties []string
	if file != "" {
		properties = append(properties, "file="+gitHubProperty(Escape(file)))
		if line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", line))
		}
	}
	properties = append(properties, "title="+gitHubProperty(title))
	return "::" + kind + " " + strings.Join(properties, ",") + "::" + gitHubData(message) + "\n"
}

// gitHubData escapes as the runner undoes it (actions/toolkit, command.ts).
func gitHubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func gitHubProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// place is the function's source in the workspace, or else the budget file.
func (c *Check) place(v *budget.Verdict, workspace string) (file string, line int) {
	if f := c.function(v.Func); f != nil && workspace != "" && f.Line > 0 {
		if file, ok := inside(workspace, f.File); ok {
			return file, f.Line
		}
	}
	if file, ok := inside(workspace, c.Source); ok {
		return file, 0
	}
	return c.Source, 0
}

// inside returns path as it is below dir.
func inside(dir, path string) (string, bool) {
	if dir == "" || !filepath.IsAbs(path) {
		return "", false
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return rel, true
}

// WithoutCommands calls write with the workflow commands of GitHub Actions
// stopped: names from a target that look like commands stay text.
func WithoutCommands(w io.Writer, write func() error) error {
	token := "latch-" + rand.Text()
	if _, err := fmt.Fprintf(w, "::stop-commands::%s\n", token); err != nil {
		return fmt.Errorf("stop workflow commands: %w", err)
	}
	err := write()
	if _, resume := fmt.Fprintf(w, "::%s::\n", token); resume != nil {
		err = errors.Join(err, fmt.Errorf("resume workflow commands: %w", resume))
	}
	return err
}
