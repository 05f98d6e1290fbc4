package report

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/latchprof/latch/latency"
)

// A During is the call that was in flight when something happened in it.
type During struct {
	Func    string
	Args    []latency.Value
	Elapsed time.Duration // since the call began
}

// MarshalJSON keeps the arguments in their order.
func (d *During) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(`{"func":`)
	out.Write(jsonString(d.Func))
	out.WriteString(`,"args":`)
	out.Write(encodeValues(d.Args))
	out.WriteString(`,"elapsed_ns":`)
	out.WriteString(strconv.FormatInt(d.Elapsed.Nanoseconds(), 10))
	out.WriteString("}")
	return out.Bytes(), nil
}

// text is the call as a source line would have it, and how long it had run.
func (d *During) text() string {
	call := latency.Call{Func: d.Func, Args: d.Args}
	return callText(&call) + " +" + shortNS(d.Elapsed)
}

// shortNS is a time without zeros behind its point.
func shortNS(t time.Duration) string {
	text := formatNS(float64(t))
	unit := strings.TrimLeft(text, "0123456789.")
	number := strings.TrimSuffix(text, unit)
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + unit
}
