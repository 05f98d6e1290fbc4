package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
)

// outputUsage says what -o takes where recordings are written.
const outputUsage = "write `FILE`: .json, .html (a page), .pb.gz (pprof), .folded (flame graphs), .csv, .md, .bench (benchstat) or .txt (repeatable)"

func newReport(s streams) *cobra.Command {
	o := &recordOptions{}
	c := &cobra.Command{
		Use:   "report FILE.json",
		Short: "Print or convert a saved recording",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("name one recording, a .json file of latch record; %d were given", len(args)))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := writable(o.outputs, report.CheckOutput, args[0]); err != nil {
				return err
			}
			rec, err := loadRecording(args[0], s.in)
			if err != nil {
				return err
			}
			return o.finish(s, rec)
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, outputUsage)
	flags.BoolVar(&o.json, "json", false, "print the recording as JSON")
	flags.IntVar(&o.top, "top", 20, "rows printed for each function")
	return c
}

// loadRecording reads a recording from a file, or from stdin for "-". The slices
// of one run are put together.
func loadRecording(path string, stdin io.Reader) (*latency.Recording, error) {
	return load(path, stdin, loadWhole)
}

// loadRuns reads one recording or several.
func loadRuns(path string, stdin io.Reader) (*budget.Runs, error) {
	return load(path, stdin, budget.LoadRuns)
}

func load[T any](path string, stdin io.Reader, read func(io.Reader) (T, error)) (none T, err error) {
	if path == "-" {
		v, err := read(stdin)
		if err != nil {
			return none, fmt.Errorf("read recording from standard input: %w", err)
		}
		return v, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("read recording: %w", err)
	}
	defer file.Close()
	v, err := read(file)
	if err != nil {
		return none, fmt.Errorf("read recording %s: %w", path, err)
	}
	return v, nil
}

func loadWhole(r io.Reader) (*latency.Recording, error) {
	runs, err := budget.LoadRuns(r)
	switch {
	case err != nil:
		return nil, err
	case runs.Slices:
		return latency.Concat(runs.Recordings...)
	case len(runs.Recordings) > 1:
		return nil, fmt.Errorf("%d runs are in it, and this command takes one (latch diff compares runs)", len(runs.Recordings))
	}
	return runs.Recordings[0], nil
}
