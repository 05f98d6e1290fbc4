package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/report"
)

// conclude judges what was measured, reports it, and says by its error what
// the exit status is.
func (c *checker) conclude(all *sides, before *budget.Runs) error {
	before, warnings, unlike := c.comparable(all, before)
	result := &report.Check{
		Verdicts: budget.Judge(all.now, c.budgets, before), Runs: all.now, Baseline: before,
		Warnings: warnings, Source: c.o.file, Strict: c.o.strict, Incomplete: all.incomplete,
	}
	for i := range result.Verdicts {
		v := &result.Verdicts[i]
		if why := all.unmatched[v.Func]; why != nil && v.State == budget.Missing {
			v.Reasons = []string{why.Error()}
		}
	}
	defer keepOnPipe()()
	printed, gone := unread(c.print(result))
	wrong := errors.Join(printed, c.write(result), c.save(all))
	if wrong != nil {
		fmt.Fprintf(c.s.err, "latch: %s\n", escapeLines(wrong.Error()))
	}
	switch lost := c.lost(all.now); {
	case all.incomplete != "":
		return fmt.Errorf("the measurement is incomplete: %s", all.incomplete)
	case budget.Broken(result.Verdicts):
		return &exitError{code: exitBroken}
	case wrong != nil:
		return &exitError{code: exitUnmeasured}
	case unlike != nil:
		return unlike
	case lost != nil:
		return lost
	case c.o.strict && budget.Unsure(result.Verdicts):
		return &exitError{code: exitUnsure}
	case all.status != 0:
		return &exitError{code: all.status} // which was said
	}
	return gone
}

// comparable returns the baseline, or nil and why it cannot be compared with,
// and what to say of the check as a whole.
func (c *checker) comparable(all *sides, before *budget.Runs) (*budget.Runs, []string, error) {
	warnings := slices.Clone(all.warnings)
	if before == nil || !slices.ContainsFunc(c.budgets, func(b budget.Budget) bool { return b.Comparative() }) {
		return before, warnings, nil
	}
	more, err := budget.Unlike(before, all.now)
	warnings = append(warnings, more...)
	if err == nil {
		return before, warnings, nil
	}
	warnings = append(warnings, "the baseline was not measured alike: "+err.Error())
	if c.o.allowUnlike {
		return before, warnings, nil
	}
	return nil, warnings, fmt.Errorf("compare with the baseline: %w (--allow-unlike compares all the same)", err)
}

// lost is the error for calls that were lost where --strict wants none.
func (c *checker) lost(runs *budget.Runs) error {
	for _, rec := range runs.Recordings {
		if err := noneLost(rec); c.o.strict && err != nil {
			return err
		}
	}
	return nil
}

// onGitHub says that this is a step of a workflow there.
func onGitHub() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// print prints the check. On GitHub it annotates the run as well.
func (c *checker) print(result *report.Check) error {
	print := func() error { return report.CheckText(c.s.out, result, textOptions(c.s.out, 0)) }
	if c.o.json {
		print = func() error { return report.CheckJSON(c.s.out, result) }
	}
	switch {
	case onGitHub() && c.o.json:
		return errors.Join(print(), report.GitHub(c.s.err, result, os.Getenv("GITHUB_WORKSPACE")))
	case onGitHub():
		return errors.Join(report.WithoutCommands(c.s.out, print), report.GitHub(c.s.out, result, os.Getenv("GITHUB_WORKSPACE")))
	}
	return print()
}

// write writes the files, and on GitHub the summary of the step.
func (c *checker) write(result *report.Check) error {
	var errs error
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); onGitHub() && path != "" {
		errs = report.AppendSummary(path, result)
	}
	return errors.Join(errs, c.s.writeAll(c.o.outputs, func(path string) error { return report.WriteCheck(path, result) }))
}
