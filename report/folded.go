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
// and below it the parts of the key; a system call stands below the function that
// made it. Which function called which otherwise is not recorded. Where nothing was timed, N is the number of calls.
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
			by := f.By
			if caller, parts := callerOf(rec, f, s); caller != nil {
				frames = append(append([]string{frame(caller.Name)}, keyFrames(caller.By, s)...), frames...)
				by = parts
			}
			frames = append(frames, keyFrames(by, s)...)
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

// keyFrames are the parts of a key.
func keyFrames(by []string, s *latency.Series) []string {
	var out []string
	for _, part := range by {
		if part == latency.KeyIn {
			continue
		}
		value, ok := s.Key[part]
		if !ok {
			value = latency.KeyNone
		}
		out = append(out, frame(part)+"="+frame(value))
	}
	return out
}

// callerOf is the measured function that made the system calls of a series, with
// the parts of their key that are not its; nil where none did.
func callerOf(rec *latency.Recording, f *latency.Function, s *latency.Series) (caller *latency.Function, parts []string) {
	name, ok := s.Key[latency.KeyIn]
	if !ok || !slices.Contains(f.By, latency.KeyIn) {
		return nil, nil
	}
	for i := range rec.Functions {
		if in := &rec.Functions[i]; in.Name == name && in.Lang != latency.LangKernel {
			for _, part := range f.By {
				if !slices.Contains(in.By, part) {
					parts = append(parts, part)
				}
			}
			return in, parts
		}
	}
	return nil, nil
}

// frame is a name that does not end its frame.
func frame(s string) string {
	return strings.ReplaceAll(labelValue(s), ";", `\x3b`)
}
