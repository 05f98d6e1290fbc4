package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/report"
)

// diffOptions are the flags of diff.
type diffOptions struct {
	old, new    []string
	metrics     []string
	minChange   string
	confidence  string
	compare     budget.DiffOptions
	outputs     []string
	json        bool
	top         int
	failOnWorse bool
}

func newDiff(s streams) *cobra.Command {
	o := &diffOptions{}
	c := &cobra.Command{
		Use:   "diff OLD.json NEW.json",
		Short: "Compare saved recordings: what became slower, what faster",
		Long: `Compare recordings of latch record -o FILE.json or latch check --save, for each
function and key: better, worse, the same, or cannot tell. The unit is the run:
it takes at least four of them a side, and more the more is compared, to tell
anything. A file may hold several, and --old and --new add files to a side.`,
		Example: `  latch diff main.json branch.json
  latch diff --old m1.json --old m2.json --new b1.json --new b2.json
  latch diff main.json branch.json --metric p99.9 --min-change 10% --fail-on-worse`,
		RunE: func(c *cobra.Command, args []string) error { return diff(s, o, args) },
	}
	flags := c.Flags()
	flags.StringArrayVar(&o.old, "old", nil, "one more `FILE` of the old side (repeatable)")
	flags.StringArrayVar(&o.new, "new", nil, "one more `FILE` of the new side (repeatable)")
	flags.StringSliceVar(&o.metrics, "metric", []string{"p50", "p99"}, "what to compare: `METRIC` is p99.9, mean, max, calls, rate or over20ms (repeatable)")
	flags.StringVar(&o.minChange, "min-change", "5%", "the least relative change that counts")
	flags.DurationVar(&o.compare.MinEffect, "min-effect", 0, "the least change of a latency that counts")
	flags.StringVar(&o.confidence, "confidence", "95%", "how sure all rows together are")
	flags.BoolVar(&o.compare.AllowUnlike, "allow-unlike", false, "compare recordings of unlike machines all the same")
	flags.BoolVar(&o.failOnWorse, "fail-on-worse", false, "exit with 1 if anything became worse")
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, "write `FILE`: .json, .md, .csv or .txt (repeatable)")
	flags.BoolVar(&o.json, "json", false, "print the difference as JSON")
	flags.IntVar(&o.top, "top", 20, "rows printed that are neither better nor worse")
	return c
}

// check refuses what cannot work before anything is read.
func (o *diffOptions) check(args []string) error {
	switch {
	case len(args) == 2:
		o.old, o.new = append([]string{args[0]}, o.old...), append([]string{args[1]}, o.new...)
	case len(args) > 0:
		return fmt.Errorf("name two recordings, the old one and the new one; %d were given (--old and --new add more to a side)", len(args))
	case len(o.old) == 0 || len(o.new) == 0:
		return errors.New("name two recordings, the old one and the new one")
	}
	if o.top < 0 || o.compare.MinEffect < 0 {
		return errors.New("--top and --min-effect cannot be negative")
	}
	for _, text := range o.metrics {
		m, err := budget.ParseMetric(text)
		if err != nil {
			return fmt.Errorf("--metric: %w", err)
		}
		o.compare.Metrics = append(o.compare.Metrics, m)
	}
	var errs [2]error
	o.compare.MinChange, errs[0] = percent("--min-change", o.minChange, 0, math.Inf(1))
	o.compare.Confidence, errs[1] = percent("--confidence", o.confidence, 50, 100)
	return cmp.Or(errs[0], errs[1], writable(o.outputs, report.CanWriteDiff, slices.Concat(o.old, o.new)...))
}

// percent reads a percentage between two others, neither of them included, as a
// part of 1.
func percent(flag, text string, least, most float64) (float64, error) {
	digits, ok := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(digits, 64)
	switch {
	case !ok || err != nil || math.IsNaN(v):
		return 0, fmt.Errorf("%s %s: a percentage is wanted, such as 5%%", flag, text)
	case v <= least || v >= most:
		return 0, fmt.Errorf("%s %s: it has to be above %v%% and below %v%%", flag, text, least, most)
	}
	return v / 100, nil
}

func diff(s streams, o *diffOptions, args []string) error {
	if err := o.check(args); err != nil {
		return usage(err)
	}
	d := &report.Diff{}
	var err error
	if d.Old, err = loadSide(s, o.old); err != nil {
		return err
	}
	if d.New, err = loadSide(s, o.new); err != nil {
		return err
	}
	if d.Difference, err = budget.Diff(d.Old, d.New, &o.compare); err != nil {
		if errors.Is(err, budget.ErrUnlike) {
			return fmt.Errorf("%w (--allow-unlike compares them all the same)", err)
		}
		return err
	}
	defer keepOnPipe()()
	if o.json {
		err = report.DiffJSON(s.out, d)
	} else {
		err = report.DiffText(s.out, d, textOptions(s.out, o.top))
	}
	err, gone := unread(err)
	if err := errors.Join(err, s.writeAll(o.outputs, func(path string) error { return report.WriteDiff(path, d) })); err != nil {
		return err
	}
	if n := d.Count(budget.Worse); n > 0 && o.failOnWorse {
		return &exitError{exitBroken, fmt.Errorf("%d of %d became worse (--fail-on-worse)", n, len(d.Rows))}
	}
	return gone
}

// loadSide joins the files of one side.
func loadSide(s streams, paths []string) (*budget.Runs, error) {
	var sides []*budget.Runs
	for _, path := range paths {
		runs, err := loadRuns(path, s.in)
		if err != nil {
			return nil, err
		}
		sides = append(sides, runs)
	}
	runs, err := budget.Join(sides...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(paths, ", "), err)
	}
	return runs, nil
}
