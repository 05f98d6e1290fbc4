package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/report"
)

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
			for _, path := range o.outputs {
				if err := report.CheckOutput(path); err != nil {
					return usage(err)
				}
			}
			rec, err := loadRecording(args[0], s.in)
			if err != nil {
				return err
			}
			return o.finish(s, rec)
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, "write `FILE`: .json, .pb.gz (pprof) or .txt (repeatable)")
	flags.BoolVar(&o.json, "json", false, "print the recording as JSON")
	flags.IntVar(&o.top, "top", 20, "rows printed for each function")
	return c
}

// loadRecording reads a recording from a file, or from stdin for "-".
func loadRecording(path string, stdin io.Reader) (*latency.Recording, error) {
	if path == "-" {
		rec, err := latency.Load(stdin)
		if err != nil {
			return nil, fmt.Errorf("read recording from standard input: %w", err)
		}
		return rec, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	defer file.Close()
	rec, err := latency.Load(file)
	if err != nil {
		return nil, fmt.Errorf("read recording %s: %w", path, err)
	}
	return rec, nil
}
