package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/report"
)

// terminal returns the number of columns of the terminal that w is and whether
// it may be coloured; 0 and false where w is none.
func terminal(w io.Writer) (columns int, color bool) {
	file, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(size.Col), os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// textOptions fit a text report to where it goes: 100 columns and no colour
// unless w is a terminal.
func textOptions(w io.Writer, top int) *report.TextOptions {
	columns, color := terminal(w)
	return &report.TextOptions{Top: top, Width: columns, Color: color}
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
