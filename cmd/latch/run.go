package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel/probe"
	"github.com/latchprof/latch/uprobe"
)

// Exit codes.
const (
	exitOK         = 0
	exitBroken     = 1 // what was demanded does not hold
	exitUsage      = 2
	exitUnmeasured = 3
	exitUnsure     = 4 // nothing can be told, where that is demanded
)

// exitError is an error that knows the exit code it means; its err may be nil
// when everything has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks an error, if it is one, as the command line's.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(streams{stdin, stdout, stderr})
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code, said := exitCode(err)
	if !said {
		fmt.Fprintf(stderr, "latch: %s\n", escapeLines(err.Error()))
	}
	return code
}

// exitCode is what an error means for the exit status, and whether it has
// been reported already.
func exitCode(err error) (code int, said bool) {
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code, exit.err == nil
	}
	var syntax *fetch.SyntaxError
	var ambiguous *elfsym.AmbiguousError
	switch {
	case errors.As(err, &syntax) && !errors.Is(err, elfsym.ErrOptimizedOut) && !errors.Is(err, elfsym.ErrUnsupportedClass),
		errors.As(err, &ambiguous), errors.Is(err, uprobe.ErrTooMany), errors.Is(err, probe.ErrTooManyEvents), errors.Is(err, probe.ErrNoReturn), errors.Is(err, uprobe.ErrTooManyLimits):
		return exitUsage, false
	}
	return exitUnmeasured, false
}

func newRoot(io streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "latch",
		Short:         "Latency of the functions of running programs, by the values of their arguments",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       ledger.Version(),
		Args:          cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			const commands = "record, check, trace, list, drops, unlinks, report or diff (latch --help shows more)"
			if len(args) > 0 {
				return usage(fmt.Errorf("no command %q: %s", args[0], commands))
			}
			return usage(errors.New("name a command: " + commands))
		},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return usage(fmt.Errorf("%w (%s --help shows the flags)", err, c.CommandPath()))
	})
	root.AddCommand(newRecord(io), newTrace(io), newList(io), newDrops(io), newUnlinks(io), newCheck(io), newReport(io), newDiff(io))
	return root
}
