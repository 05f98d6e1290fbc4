package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

// Folded writes rec as folded stacks, "frame;frame N" a line, which flame graph
// tools read. N is what Pprof has as self: nanoseconds not spent in other
// measured functions, so that the whole adds up. The frames are the function
// and below it the parts of the key; which function called which is not
// recorded. Where nothing was timed, N is the number of calls.
func Folded(w io.Writer, rec *latency.Recording) error {
	timed := timed(rec)
	stacks := make(map[string]uint64)
	for i := range rec.Functions {
		f := &rec.Functions[i]
		for j := range f.Series {
			s := &f.Series[j]
			n := s.Count
			if timed {
				n = s.SelfNS
			}
			frames := []string{frame(f.Name)}
			for _, part := range f.By {
				value, ok := s.Key[part]
				if !ok {
					value = latency.KeyNone
				}
				frames = append(frames, frame(part)+"="+frame(value))
			}
			if n > 0 {
				stacks[strings.Join(frames, ";")] += n
			}
		}
	}
	var out strings.Builder
	for _, stack := range slices.Sorted(maps.Keys(stacks)) {
		fmt.Fprintf(&out, "%s %d\n", stack, stacks[stack])
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write folded stacks: %w", err)
	}
	return nil
}

// frame is a name that does not end its frame.
func frame(s string) string {
	return strings.ReplaceAll(labelValue(s), ";", `\x3b`)
}
