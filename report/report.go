// Package report writes recordings: as text for people, as JSON, pages for a
// browser, pprof profiles, folded stacks, CSV, Markdown, and benchmark lines. What
// a check found it writes for people and for CI, and differences for people. It
// reads nothing but what it is given, so a saved recording is rendered exactly as a
// fresh one. Traced calls and dropped packets it writes as they come; the packets
// also as a file for Wireshark and tcpdump.
package report

import (
	"io"

	"github.com/latchprof/latch/latency"
)

// JSON writes rec as one JSON document, the format that latency.Load reads.
func JSON(w io.Writer, rec *latency.Recording) error {
	return rec.Encode(w)
}
