package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/report"
)

// Sides are what was measured: the runs to judge, and those of the baseline's
// command if there was one.
type sides struct {
	now, before *budget.Runs
	unmatched   map[string]error
	incomplete  string
	warnings    []string
	status      int // of the first command that failed
}

// measureAll makes all runs, those of the two commands in turns, so that what
// changes with time troubles both alike.
func (c *checker) measureAll(ctx context.Context, command, other []string) (*sides, error) {
	all := &sides{now: &budget.Runs{}, unmatched: make(map[string]error)}
	if len(other) > 0 {
		all.before = &budget.Runs{}
	}
	for i := range c.o.runs {
		turns := []bool{false}
		switch {
		case len(other) > 0 && i%2 == 0:
			turns = []bool{true, false}
		case len(other) > 0:
			turns = []bool{false, true}
		}
		for _, baseline := range turns {
			if c.o.runs > 1 {
				fmt.Fprintf(c.s.err, "latch: run %d of %d%s\n", i+1, c.o.runs, map[bool]string{true: ", baseline"}[baseline])
			}
			argv := command
			if baseline {
				argv = other
			}
			if err := c.measureOne(ctx, all, argv, baseline); err != nil {
				return nil, err
			}
			if all.incomplete == "" && i < c.o.runs-1 {
				switch {
				case ctx.Err() != nil:
					all.incomplete = "interrupted"
				case all.status != 0:
					all.incomplete = "the command failed"
				}
			}
			if all.incomplete != "" {
				if c.o.runs > 1 {
					all.incomplete = fmt.Sprintf("run %d of %d: %s", i+1, c.o.runs, all.incomplete)
				}
				return all, nil
			}
		}
	}
	return all, nil
}

// measureOne adds one run to its side.
func (c *checker) measureOne(ctx context.Context, all *sides, command []string, baseline bool) error {
	var cut *slicer
	if c.o.runs == 1 {
		cut = newSlicer(c.slices, c.o.duration)
	}
	t, err := c.trial(ctx, command, cut)
	if err != nil {
		return err
	}
	side := all.now
	if baseline {
		side = all.before
		if t.status != 0 && t.incomplete == "" {
			t.incomplete = fmt.Sprintf("the baseline's command %s exited with %d", command[0], t.status)
		}
	} else {
		maps.Copy(all.unmatched, t.unmatched)
		if all.status == 0 {
			all.status = t.status
		}
	}
	if cut != nil {
		cutRun := budget.Cut(t.states...)
		side.Slices, side.Recordings = true, cutRun.Recordings
	} else {
		side.Recordings = append(side.Recordings, t.states...)
	}
	all.warnings = append(all.warnings, t.warnings...)
	all.incomplete = t.incomplete
	return nil
}

// save writes the baseline, unless it would be a bad one.
func (c *checker) save(all *sides) error {
	switch {
	case c.o.save == "":
		return nil
	case all.incomplete != "" || all.status != 0:
		return errors.New("no baseline was saved: the measurement is not complete, or the command failed")
	}
	if err := writeBaseline(c.o.save, all.now); err != nil {
		return err
	}
	fmt.Fprintf(c.s.err, "latch: wrote %s\n", report.Escape(c.o.save))
	return nil
}
