package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

// tracedCalls are calls of all kinds, one of them with names that a hostile
// program chose.
func tracedCalls() []*latency.Call {
	begin := time.Date(2026, 11, 25, 9, 8, 7, 123456789, time.UTC)
	number := func(name, text string) latency.Value {
		return latency.Value{Name: name, Text: text, Kind: latency.ValueNumber}
	}
	return []*latency.Call{
		{
			Time: begin, PID: 4242, TID: 4243, Goid: 18, Comm: "shop", Func: "main.handle", Latency: 1234567 * time.Nanosecond,
			Args: []latency.Value{
				{Name: "route", Text: "/api", Kind: latency.ValueText}, number("id", "18446744073709551615"),
				{Name: "ok", Text: "true", Kind: latency.ValueBool}, {Name: "who", Text: `{name:"x" n:3}`}, number("load", "2.5"),
			},
			Results: []latency.Value{number("ret", "-7")},
			Stack: []latency.Frame{
				{Func: "main.inner", File: "/src/shop.go", Line: 12, Binary: "/bin/shop", Inlined: true},
				{Addr: 0x401000, Func: "main.serve", File: "/src/shop.go", Line: 40, Binary: "/bin/shop"},
				{Addr: 0x7f0000001000, Binary: "/lib/libc.so.6"},
			},
			StackCut: true,
		},
		{Time: begin.Add(time.Second), PID: 4242, TID: 4242, Comm: "shop", Func: "main.Named", Latency: 950 * time.Nanosecond,
			Results: []latency.Value{number("n", "94"), {Name: "err", Text: "nil"}}},
		{Time: begin.Add(2 * time.Second), PID: 4242, TID: 4242, Comm: "shop", Func: "never", Untimed: true,
			Args: []latency.Value{{Name: "p", Text: latency.KeyNone}, {Name: "f", Text: "NaN"}}},
		{Time: begin.Add(3 * time.Second), PID: 1, TID: 1, Comm: "\x1b[2J", Func: "evil\x1b[31m\u202e", Latency: time.Hour,
			Args:  []latency.Value{{Name: "a\nb", Text: "\"quoted\" \x1b]0;title\a\n" + strings.Repeat("界", 60), Kind: latency.ValueText}},
			Stack: []latency.Frame{{Func: "f\x00", File: "a\x1bb", Line: 1}}},
	}
}

func TestTraceGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		opts *TraceOptions
	}{
		{"trace", nil},
		{"trace-width=60", &TraceOptions{Width: 60, PIDs: true, Goids: true}},
		{"trace-width=100", &TraceOptions{Width: 100, PIDs: true, Goids: true}},
		{"trace-color", &TraceOptions{Color: true, Goids: true}},
		{"trace-json", &TraceOptions{JSON: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewCallWriter(&out, c.opts)
			for _, call := range tracedCalls() {
				if err := w.Write(call); err != nil {
					t.Fatal(err)
				}
			}
			testutil.Golden(t, c.name+".golden", out.Bytes())
			for line := range strings.Lines(out.String()) {
				if c.opts != nil && c.opts.Width > 0 && width(strings.TrimSuffix(line, "\n")) > c.opts.Width {
					t.Errorf("wider than %d: %s", c.opts.Width, line)
				}
				if c.opts != nil && c.opts.Color {
					continue
				}
				if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' }); i >= 0 && (c.opts == nil || !c.opts.JSON) {
					t.Errorf("%q is not safe in a terminal", line)
				}
			}
		})
	}
}

// TestTraceJSON holds the names and types that house rules give the events.
func TestTraceJSON(t *testing.T) {
	var out bytes.Buffer
	w := NewCallWriter(&out, &TraceOptions{JSON: true})
	if err := w.Write(tracedCalls()[0]); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&out)
	dec.UseNumber()
	var line map[string]any
	if err := dec.Decode(&line); err != nil {
		t.Fatal(err)
	}
	args := line["args"].(map[string]any)
	if args["id"] != json.Number("18446744073709551615") || args["ok"] != true || args["route"] != "/api" || args["who"] != `{name:"x" n:3}` {
		t.Errorf("args: %v", args)
	}
	if ret := line["ret"].(map[string]any); ret["ret"] != json.Number("-7") {
		t.Errorf("ret: %v", ret)
	}
	if line["latency_ns"] != json.Number("1234567") || line["time"] != "2026-11-25T09:08:07.123456789Z" || len(line["stack"].([]any)) != 3 {
		t.Errorf("line: %v", line)
	}
}

func TestTraceWriteError(t *testing.T) {
	w := NewCallWriter(brokenWriter{}, nil)
	if err := w.Write(tracedCalls()[1]); !errors.Is(err, errBroken) {
		t.Errorf("%v, want %v", err, errBroken)
	}
}
