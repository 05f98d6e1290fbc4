package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// DropOptions say how a DropWriter lays out its lines. The zero value, and a
// nil pointer, mean the defaults.
type DropOptions struct {
	// Width is the number of columns that lines are cut or wrapped to; 0 means
	// that they are not. Below 40 it counts as 40. Commands are never cut.
	Width int
	// Color asks for the terminal's bold, dim and red.
	Color bool
	// JSON asks for JSON Lines; Width, Color and Verbose mean nothing then.
	JSON bool
	// Verbose asks for all that is known of each drop, on several lines.
	Verbose bool
}

// A DropWriter writes drops as they come.
type DropWriter struct {
	DropOptions
	w io.Writer
}

// NewDropWriter returns a writer of drops to w, which it does not close.
func NewDropWriter(w io.Writer, opts *DropOptions) *DropWriter {
	d := &DropWriter{w: w}
	if opts != nil {
		d.DropOptions = *opts
	}
	if d.Width > 0 {
		d.Width = max(d.Width, minWidth)
	}
	return d
}

// Write writes one drop. Strings that come from the target are escaped.
func (w *DropWriter) Write(d *Drop) error {
	var out bytes.Buffer
	var err error
	switch {
	case w.JSON:
		err = encodeDrop(&out, d)
	case w.Verbose:
		w.expanded(&out, d)
	default:
		w.oneLine(&out, d)
	}
	return w.put("drop", &out, err)
}

// put writes what was made of something, unless that was an error.
func (w *DropWriter) put(what string, out *bytes.Buffer, err error) error {
	if err == nil {
		_, err = w.w.Write(out.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	return nil
}

// A span is text of one style.
type span struct {
	style style
	text  string
}

// line writes spans as one line, cut to the width.
func (w *DropWriter) line(out *bytes.Buffer, spans ...span) {
	p := printer{TextOptions: TextOptions{Color: w.Color}}
	room := w.Width
	for i, s := range spans {
		text := s.text
		if i == len(spans)-1 {
			text = strings.TrimRight(text, " ")
		}
		if w.Width > 0 && width(text) > room {
			out.WriteString(p.paint(s.style, chop(text, room)))
			break
		}
		out.WriteString(p.paint(s.style, text))
		room -= width(text)
	}
	out.WriteByte('\n')
}

// wrapped writes spans as one line, or as several of which all but the first
// are indented. A span is broken only if it is too long for a line by itself.
func (w *DropWriter) wrapped(out *bytes.Buffer, indent int, spans ...span) {
	var row []span
	room := w.Width
	for _, s := range spans {
		if w.Width == 0 || width(s.text) <= room {
			row = append(row, s)
			room -= width(s.text)
			continue
		}
		for _, text := range wrap(s.text, w.Width-indent, 0) {
			if w.Width-room > indent {
				w.line(out, row...)
				row = []span{{plain, blanks(indent)}}
			}
			row = append(row, span{s.style, text})
			room = w.Width - indent - width(text)
		}
	}
	w.line(out, row...)
}

// flowCells is how wide flows are shown at least, if the line has room, so
// that causes stand below each other.
const flowCells = 44

// flowIndent is where a line goes on that is too long for a terminal, below the
// flow.
const flowIndent = 14

// oneLine writes a line, or two where the terminal is narrow: the rule and the
// owner are not to be cut.
func (w *DropWriter) oneLine(out *bytes.Buffer, d *Drop) {
	flow := d.flow()
	if w.Width == 0 || w.Width >= 2*flowCells {
		flow = left(flow, flowCells)
	}
	spans := []span{{plain, d.Time.Format("15:04:05.000") + "  "}, {bold, flow}, {red, "  " + d.because()}}
	if d.Count > 1 {
		spans = append(spans, span{bold, "  ×" + formatCount(d.Count)})
	}
	if d.PID != 0 {
		spans = append(spans, span{plain, fmt.Sprintf("  %s[%d]", Escape(d.Comm), d.PID)})
	}
	if d.Location != "" {
		spans = append(spans, span{dim, "  in " + Escape(d.Location)})
	}
	if d.During != nil {
		spans = append(spans, span{plain, "  during " + d.During.text()})
	}
	if d.NetNS != "" {
		spans = append(spans, span{dim, "  netns " + Escape(d.NetNS)})
	}
	w.wrapped(out, flowIndent, spans...)
}

// expanded writes a headline, and below it a line for each thing known.
func (w *DropWriter) expanded(out *bytes.Buffer, d *Drop) {
	flow, place, when := d.flow(), "   "+d.place(), d.when()
	if w.Width == 0 || width(flow+place)+3+width(when) <= w.Width {
		place += "   " + when
		when = ""
	}
	w.line(out, span{bold, flow}, span{plain, place})
	w.item(out, "why", red, d.why())
	w.item(out, "when", plain, when)
	w.item(out, "who", plain, d.who())
	if d.During != nil {
		w.item(out, "during", plain, d.During.text())
	}
	w.item(out, "saw", plain, Escape(d.Told))
	w.item(out, "note", plain, Escape(d.Remark))
	w.command(out, "check", d.Check)
	if d.Cause == "firewall" {
		w.command(out, "allow", d.Remedy)
	} else {
		w.command(out, "mend", d.Remedy)
	}
	if len(d.Stack) > 0 {
		w.item(out, "stack", dim, Escape(strings.Join(d.Stack, " < ")))
	}
}

// itemIndent is where the text of an item begins.
const itemIndent = 9

// item writes text behind a label, wrapped, or nothing for no text.
func (w *DropWriter) item(out *bytes.Buffer, label string, s style, text string) {
	lines := []string{text}
	if w.Width > 0 {
		lines = wrap(text, w.Width-itemIndent, 0)
	}
	head := left("  "+label, itemIndent)
	for _, line := range lines {
		if line != "" {
			w.line(out, span{dim, head}, span{s, line})
			head = blanks(itemIndent)
		}
	}
}

// command writes a command whole, so that it can be copied.
func (w *DropWriter) command(out *bytes.Buffer, label, command string) {
	if command == "" {
		return
	}
	// A shell must read what Escape would double, but a terminal must not be
	// told anything by it.
	if strings.ContainsFunc(command, func(r rune) bool { return !unicode.IsPrint(r) }) {
		command = Escape(command)
	}
	p := printer{TextOptions: TextOptions{Color: w.Color}}
	out.WriteString(p.paint(dim, left("  "+label, itemIndent)) + command + "\n")
}

// place says where in the kernel it was: "dropped in nft_do_chain (OUTPUT hook,
// from __ip_local_out)".
func (d *Drop) place() string {
	switch {
	case d.Call != "":
		return "refused by " + Escape(d.Call) + "(), before there was a packet"
	case d.Location == "":
		return "dropped"
	}
	text := "dropped in " + Escape(d.Location)
	var more []string
	if d.Hook != "" {
		more = append(more, Escape(d.Hook)+" hook")
	}
	if d.Caller != "" {
		more = append(more, "from "+Escape(d.Caller))
	}
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}

// when says how often and when.
func (d *Drop) when() string {
	at := d.Time.Format("15:04:05.000")
	if d.Count <= 1 {
		return "at " + at
	}
	text := formatCount(d.Count) + " times from " + at
	if len(d.Times) == 0 {
		if d.Last.After(d.Time) {
			text += ", the last " + shortNS(d.Last.Sub(d.Time)) + " later"
		}
		return text
	}
	var after []string
	for _, t := range d.Times {
		after = append(after, since(d.Time, t))
	}
	text += ", at " + strings.Join(after, " / ")
	if uint64(len(d.Times)) < d.Count {
		text += " …"
	}
	return text
}

func since(start, t time.Time) string {
	if !t.After(start) {
		return "0"
	}
	return "+" + shortNS(t.Sub(start))
}

// why is the cause, the kernel's reason, and the rule with its confidence.
func (d *Drop) why() string {
	text := Escape(d.Words)
	if text == "" {
		text = Escape(d.Cause)
	}
	if d.Where != "" {
		text += ", " + Escape(d.Where)
	}
	if d.Reason != "" {
		text += " (" + Escape(d.Reason) + ")"
	}
	if d.Rule != "" {
		text += " — " + Escape(d.Rule)
	}
	if d.RuleText != "" {
		text += `: "` + Escape(d.RuleText) + `"`
	}
	if d.RuleConfidence != "" {
		text += "  [" + Escape(d.RuleConfidence) + "]"
	}
	return text
}

// who is the owner of the packet, and where it lives.
func (d *Drop) who() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if d.PID != 0 {
		owner := fmt.Sprintf("%s pid %d", Escape(d.Comm), d.PID)
		if d.TID != 0 {
			owner += fmt.Sprintf(" tid %d", d.TID)
		}
		add("%s", owner)
	} else {
		add("no process is known")
	}
	if d.NetNS != "" {
		add("netns %s", Escape(d.NetNS))
	}
	if d.IfName != "" {
		add("device %s", Escape(d.IfName))
	}
	if d.UID != nil {
		add("uid %d", *d.UID)
	}
	for _, part := range [][2]string{{"container ", d.Container}, {"cgroup ", d.Cgroup}, {"", d.Exe}} {
		if part[1] != "" {
			add("%s%s", part[0], Escape(part[1]))
		}
	}
	if d.Socket != 0 {
		add("socket:[%d]", d.Socket)
	}
	if d.Len != 0 {
		add("%d bytes", d.Len)
	}
	return strings.Join(parts, ", ")
}
