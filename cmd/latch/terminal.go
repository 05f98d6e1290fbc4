package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/report"
)

// textOptions fit a text report to where it goes: 100 columns and no colour
// unless w is a terminal.
func textOptions(w io.Writer, top int) *report.TextOptions {
	opts := &report.TextOptions{Top: top}
	file, ok := w.(*os.File)
	if !ok {
		return opts
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return opts
	}
	opts.Width = int(size.Col)
	opts.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return opts
}

// escapeLines escapes a message that may have several lines of latch's own and
// names from a target in each.
func escapeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = report.Escape(lines[i])
	}
	return strings.Join(lines, "\n")
}
