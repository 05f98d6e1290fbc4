package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/latchprof/latch/latency"
)

// TraceOptions say how a CallWriter lays out its lines. The zero value, and a
// nil pointer, mean the defaults.
type TraceOptions struct {
	// Width is the number of columns that a call's line is cut to; 0 means
	// that it is not cut. Below 40 it counts as 40.
	Width int
	// Color asks for the terminal's bold and dim.
	Color bool
	// PIDs and Goids ask for a column of processes and of goroutines, Comms for
	// one of the threads' names.
	PIDs, Goids, Comms bool
	// JSON asks for JSON Lines instead of columns; the other options mean
	// nothing then.
	JSON bool
}

// commWidth is the most characters of a thread's name (TASK_COMM_LEN).
const commWidth = 15

// wideTrace is the width from which on threads and goroutines have columns.
const wideTrace = 80

// A CallWriter writes traced calls, one line each, as they come.
type CallWriter struct {
	TraceOptions
	w      io.Writer
	headed bool
}

// NewCallWriter returns a writer of calls to w, which it does not close.
func NewCallWriter(w io.Writer, opts *TraceOptions) *CallWriter {
	c := &CallWriter{w: w}
	if opts != nil {
		c.TraceOptions = *opts
	}
	if c.Width > 0 {
		c.Width = max(c.Width, minWidth)
	}
	return c
}

// Write writes one call. Strings that come from the target are escaped.
func (c *CallWriter) Write(call *latency.Call) error {
	var out bytes.Buffer
	if c.JSON {
		if err := encodeCall(&out, call); err != nil {
			return fmt.Errorf("write call: %w", err)
		}
	} else {
		if !c.headed {
			c.headed = true
			c.line(&out, dim, c.columns("TIME", "LATENCY", "PID", "TID", "GOID", "COMM")+"CALL")
		}
		c.text(&out, call)
	}
	if _, err := c.w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write call: %w", err)
	}
	return nil
}

// columns pads the cells in front of the call itself.
func (c *CallWriter) columns(time, latency, pid, tid, goid, comm string) string {
	var b strings.Builder
	if c.Width > 0 && c.Width < wideTrace { // room for the call itself matters more
		return left(time, 15) + " " + right(latency, 8) + " "
	}
	b.WriteString(left(time, 15) + "  " + right(latency, 8) + "  ")
	if c.PIDs {
		b.WriteString(right(pid, 7) + "  ")
	}
	b.WriteString(right(tid, 7) + "  ")
	if c.Goids {
		b.WriteString(right(goid, 6) + "  ")
	}
	if c.Comms {
		b.WriteString(left(chop(comm, commWidth), commWidth) + "  ")
	}
	return b.String()
}

// line writes a line, cut to the width.
func (c *CallWriter) line(out *bytes.Buffer, s style, text string) {
	if c.Width > 0 {
		text = chop(text, c.Width)
	}
	p := printer{TextOptions: TextOptions{Color: c.Color}}
	out.WriteString(p.paint(s, text) + "\n")
}

func (c *CallWriter) text(out *bytes.Buffer, call *latency.Call) {
	took := "-"
	if !call.Untimed {
		took = formatNS(float64(call.Latency))
	}
	head := c.columns(call.Time.Format("15:04:05.000000"), took, strconv.Itoa(call.PID), strconv.Itoa(call.TID), strconv.FormatUint(call.Goid, 10), Escape(call.Comm))
	c.line(out, plain, head+callText(call))
	for _, f := range call.Stack {
		c.line(out, dim, "    "+frameText(&f))
	}
	if call.StackCut {
		c.line(out, dim, "    …")
	}
}

// callText is the call as a source line would have it.
func callText(call *latency.Call) string {
	var b strings.Builder
	b.WriteString(Escape(call.Func) + "(")
	for i, v := range call.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(namedValue(&v))
	}
	b.WriteString(")")
	for i, v := range call.Results {
		switch {
		case i == 0:
			b.WriteString(" = ")
		default:
			b.WriteString(", ")
		}
		if unnamedResult.MatchString(v.Name) {
			b.WriteString(shownValue(&v))
		} else {
			b.WriteString(namedValue(&v))
		}
	}
	return b.String()
}

// unnamedResult is what a result is called that has no name in the source.
var unnamedResult = regexp.MustCompile(`^ret\d*$`)

func namedValue(v *latency.Value) string { return Escape(v.Name) + "=" + shownValue(v) }

// shownValue quotes the program's own text, so that it is told from what
// stands for a value.
func shownValue(v *latency.Value) string {
	if v.Kind == latency.ValueText {
		return `"` + strings.ReplaceAll(Escape(v.Text), `"`, `\"`) + `"`
	}
	return Escape(v.Text)
}

func frameText(f *latency.Frame) string {
	name := Escape(f.Func)
	if name == "" {
		name = fmt.Sprintf("%#x", f.Addr)
	}
	switch {
	case f.File != "":
		name += fmt.Sprintf("  %s:%d", Escape(f.File), f.Line)
	case f.Binary != "":
		name += "  " + Escape(f.Binary)
	}
	if f.Inlined {
		name += " (inlined)"
	}
	return name
}

// encodeCall writes a call as one line of JSON, its values in their order.
func encodeCall(out *bytes.Buffer, call *latency.Call) error {
	line := struct {
		Time    string          `json:"time"`
		PID     int             `json:"pid"`
		TID     int             `json:"tid"`
		Goid    uint64          `json:"goid"`
		Comm    string          `json:"comm"`
		Func    string          `json:"func"`
		Args    json.RawMessage `json:"args"`
		Ret     json.RawMessage `json:"ret"`
		Latency *int64          `json:"latency_ns"` // null for a call that is only counted
		Stack   []jsonFrame     `json:"stack,omitempty"`
		Cut     bool            `json:"stack_cut,omitempty"` // there are, or may be, more callers
	}{
		Time: call.Time.UTC().Format(jsonTime), PID: call.PID, TID: call.TID, Goid: call.Goid,
		Comm: call.Comm, Func: call.Func, Cut: call.StackCut, Args: encodeValues(call.Args), Ret: encodeValues(call.Results),
	}
	if ns := call.Latency.Nanoseconds(); !call.Untimed {
		line.Latency = &ns
	}
	for _, f := range call.Stack {
		line.Stack = append(line.Stack, jsonFrame(f))
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(line)
}

type jsonFrame struct {
	Addr    uint64 `json:"addr,omitempty"`
	Func    string `json:"func"`
	Binary  string `json:"binary,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Inlined bool   `json:"inlined,omitempty"`
}

// encodeValues writes values as an object in their order: numbers and truth
// values as such, all else as strings.
func encodeValues(values []latency.Value) json.RawMessage {
	out := []byte{'{'}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, jsonString(v.Name)...), ':')
		literal := v.Kind == latency.ValueNumber || v.Kind == latency.ValueBool
		if literal && json.Valid([]byte(v.Text)) {
			out = append(out, v.Text...)
		} else {
			out = append(out, jsonString(v.Text)...)
		}
	}
	return append(out, '}')
}

// jsonString is a string in JSON, with < and its like as they are.
func jsonString(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return []byte(`""`) // no string gives an error
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
