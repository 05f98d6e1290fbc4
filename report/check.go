package report

import (
	"io"
	"slices"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
)

// A Check is what came of comparing a measurement with budgets.
type Check struct {
	Verdicts []budget.Verdict
	// Runs are what was judged, Baseline what it was compared with; nil where
	// there is none.
	Runs, Baseline *budget.Runs
	// Warnings are about the check; those of the recordings are written too.
	Warnings []string
	// Source is the path of the budget file; "" if there is none.
	Source string
	// Strict makes the check inconclusive if any verdict is.
	Strict bool
	// Incomplete says why the measurement ended early; "" if it did not.
	Incomplete string
}

// An Outcome is what a check as a whole comes to.
type Outcome string

const (
	Passed Outcome = "pass"
	Broken Outcome = "fail"
	// Unsure is for strict checks with an inconclusive verdict.
	Unsure Outcome = "inconclusive"
	// Incomplete means that too little was measured to judge by.
	Incomplete Outcome = "incomplete"
)

// Outcome returns the first that holds: that the measurement is incomplete,
// that a budget is broken, that a strict check is inconclusive.
func (c *Check) Outcome() Outcome {
	switch {
	case c.Incomplete != "":
		return Incomplete
	case budget.Broken(c.Verdicts):
		return Broken
	case c.Strict && budget.Unsure(c.Verdicts):
		return Unsure
	}
	return Passed
}

// checkFormats are the ways to write a check.
var checkFormats = []format[*Check]{
	{".txt", func(w io.Writer, c *Check) error { return CheckText(w, c, nil) }},
	{".json", CheckJSON}, {".xml", JUnit}, {".md", CheckMarkdown}, {".bench", CheckBench},
	{".om", OpenMetrics}, {".prom", OpenMetrics}, {".openmetrics", OpenMetrics},
}

// WriteCheck writes c in the format that the end of the path names, as
// WriteFile does a recording.
func WriteCheck(path string, c *Check) error { return writeFile(checkFormats, path, c) }

// CanWriteCheck returns the error that WriteCheck would return for a path whose
// format is not known or which cannot be written. It leaves nothing behind.
func CanWriteCheck(path string) error { return checkOutput(checkFormats, path) }

// recordings are those that were judged.
func (c *Check) recordings() []*latency.Recording {
	if c.Runs == nil {
		return nil
	}
	return c.Runs.Recordings
}

// warnings are those of the check and of its recordings, each once.
func (c *Check) warnings() []string {
	all := slices.Clone(c.Warnings)
	seen := make(map[string]bool)
	for _, rec := range c.recordings() {
		all = append(all, rec.Warnings...)
	}
	return slices.DeleteFunc(all, func(w string) bool {
		again := seen[w]
		seen[w] = true
		return again
	})
}

// count returns how many verdicts are of each state.
func (c *Check) count() (n [budget.Missing + 1]int) {
	for i := range c.Verdicts {
		n[c.Verdicts[i].State]++
	}
	return n
}
