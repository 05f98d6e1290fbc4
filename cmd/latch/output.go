package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/latchprof/latch/report"
)

// writable returns the usage error of the first path that cannot be written, or
// that names a file twice: another one of them, or one of those that the command
// line names besides, to be read or written.
func writable(paths []string, can func(path string) error, besides ...string) error {
	named := make(map[string]bool)
	for _, path := range besides {
		named[absolute(path)] = path != ""
	}
	for _, path := range paths {
		if err := can(path); err != nil {
			return usage(err)
		}
		if named[absolute(path)] {
			return usage(fmt.Errorf("write %s: the command line names this file twice", path))
		}
		named[absolute(path)] = true
	}
	return nil
}

// absolute is the path from the root, where the working directory is known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// unread parts an error of printing: where who read the output has gone, nothing
// is wrong, and files are written as ever, but the exit status says so.
func unread(err error) (wrong, gone error) {
	if errors.Is(err, syscall.EPIPE) {
		return nil, &exitError{code: exitPipe}
	}
	return err, nil
}

// writeAll writes files, and says so of each.
func (s streams) writeAll(paths []string, write func(path string) error) error {
	var errs error
	for _, path := range paths {
		if err := write(path); err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		fmt.Fprintf(s.err, "latch: wrote %s\n", report.Escape(path))
	}
	return errs
}
