package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

// TextOptions say how Text lays out its tables. The zero value, and a nil
// pointer, mean the defaults.
type TextOptions struct {
	// Width is the number of columns; 0 means 100. Below 40 it counts as 40.
	Width int
	// Color asks for the terminal's bold, dim and red.
	Color bool
	// Top is how many series of a function are shown, those that took the
	// most time first; 0 means 20. The rest is summed up in one line.
	Top int
}

const (
	defaultWidth = 100
	minWidth     = 40
	defaultTop   = 20
	maxText      = 4096 // bytes shown of a warning, a path or a command
)

// Text writes rec for people: a table and the balance for each function, then
// the cost of measuring and the warnings. Quantiles are the middles of their
// buckets. Strings that come from the targets are escaped, and no line is
// wider than asked for.
func Text(w io.Writer, rec *latency.Recording, opts *TextOptions) error {
	p := newPrinter(w, opts)
	p.head(rec)
	p.functions(rec)
	p.foot(rec)
	return p.flush()
}

// A printer writes lines. Errors stay in out until it is flushed.
type printer struct {
	out *bufio.Writer
	TextOptions
}

func newPrinter(w io.Writer, opts *TextOptions) *printer {
	var o TextOptions
	if opts != nil {
		o = *opts
	}
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	if o.Top <= 0 {
		o.Top = defaultTop
	}
	return &printer{bufio.NewWriter(w), o}
}

func (p *printer) flush() error {
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// style is a graphic rendition of ECMA-48.
type style string

const (
	plain style = ""
	bold  style = "1"
	dim   style = "2"
	red   style = "31"
)

func (p *printer) paint(s style, text string) string {
	if !p.Color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (p *printer) line(s style, text string) {
	p.out.WriteString(p.paint(s, strings.TrimRight(text, " ")))
	p.out.WriteByte('\n')
}

// paragraph writes wrapped text; all of it is indented, the further lines more.
func (p *printer) paragraph(s style, indent int, text string) {
	for _, l := range wrap(text, p.Width-indent, 2) {
		p.line(s, blanks(indent)+l)
	}
}

func (p *printer) head(rec *latency.Recording) {
	text := "measured " + formatNS(float64(rec.DurationNS))
	if of := targets(rec.Targets); of != "" {
		text += " of " + of
	}
	p.paragraph(plain, 0, text)
	if rec.Command != nil {
		p.paragraph(plain, 0, commandLine(rec.Command))
	}
}

// commandLine says what was run, and how it ended.
func commandLine(c *latency.Command) string {
	words := make([]string, len(c.Argv))
	for i, arg := range c.Argv {
		words[i] = cutBytes(arg, maxText)
	}
	return fmt.Sprintf("command: %s (exit %d)", cutEscaped(strings.Join(words, " ")), c.Exit)
}

// cutEscaped bounds a text that is put together from escaped ones.
func cutEscaped(s string) string { return chop(s, maxText) }

// targets names the executables, each with its processes.
func targets(all []latency.Target) string {
	const most = 5
	var exes []string
	pids := make(map[string][]int)
	for _, t := range all {
		if pids[t.Exe] == nil {
			exes = append(exes, t.Exe)
		}
		pids[t.Exe] = append(pids[t.Exe], t.PID)
	}
	var parts []string
	for i, exe := range exes {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more programs", len(exes)-most))
			break
		}
		var list []string
		for _, pid := range pids[exe][:min(most, len(pids[exe]))] {
			list = append(list, fmt.Sprint(pid))
		}
		if n := len(pids[exe]) - most; n > 0 {
			list = append(list, fmt.Sprintf("%d more", n))
		}
		word := "pid"
		if len(list) > 1 {
			word = "pids"
		}
		parts = append(parts, fmt.Sprintf("%s (%s %s)", cutBytes(exe, maxText), word, strings.Join(list, ", ")))
	}
	return strings.Join(parts, ", ")
}

func (p *printer) foot(rec *latency.Recording) {
	p.line(plain, "")
	if timed(rec) {
		p.paragraph(dim, 0, "quantiles: the middle of a bucket, at most 2.2% from the true value; max and total are exact")
	}
	if slices.ContainsFunc(rec.Functions, func(f latency.Function) bool { return slices.Contains(f.By, latency.KeyDrops) }) {
		p.paragraph(dim, 0, "lost: the part of total that went to waits which dropped packets caused")
	}
	p.paragraph(plain, 0, cost(&rec.Overhead))
	p.warnings(rec.Warnings)
}

func (p *printer) warnings(all []string) {
	for _, w := range all {
		p.paragraph(red, 0, "warning: "+cutBytes(w, maxText))
	}
}

func timed(rec *latency.Recording) bool {
	return slices.ContainsFunc(rec.Functions, func(f latency.Function) bool {
		return slices.ContainsFunc(f.Series, func(s latency.Series) bool { return len(s.Buckets) > 0 })
	})
}

// cost says what the probes themselves took.
func cost(o *latency.Overhead) string {
	if o.EntryNS == 0 && o.ExitNS == 0 && o.CPUShare == 0 {
		return fmt.Sprintf("cost: not measured, %s hits", formatCount(o.Hits))
	}
	return fmt.Sprintf("cost: %s entry + %s exit per call, %s hits, %s of one CPU (measured)",
		scaleNS(o.EntryNS, 2), scaleNS(o.ExitNS, 2), formatCount(o.Hits), formatShare(o.CPUShare, 1))
}

// Balance writes a balance with every term, zero or not, and each loss by
// name.
func Balance(b *latency.Balance) string {
	text := fmt.Sprintf("balance: %s entries = %s returns + %s in flight + %s unwound + %s filtered + %s lost",
		formatCount(b.Entries), formatCount(b.Returns), formatCount(b.InFlight), formatCount(b.Unwound),
		formatCount(b.Filtered), formatCount(b.TotalLost()))
	if lost := lossText(b.Lost); lost != "" {
		text += " (" + lost + ")"
	}
	if b.Check() != nil {
		text += fmt.Sprintf(" — does not add up: %s are accounted for", formatCount(b.Accounted()))
	}
	return text
}
