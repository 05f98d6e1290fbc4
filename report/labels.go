package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

const (
	// keyEmpty stands for the empty string, which pprof would drop.
	keyEmpty = "(empty)"
	// latencyLabel is the numeric label that holds a bucket's lower bound.
	latencyLabel = "latency"
	// maxLabel is the most bytes of a label, its name or its value.
	maxLabel = 128
)

// labelNames returns the names under which the parts of all functions' keys
// become labels. They differ from each other and from what pprof and the
// numeric label use.
func labelNames(functions []latency.Function) map[string]string {
	names := make(map[string]string)
	taken := map[string]bool{latencyLabel: true}
	for i := range functions {
		for _, part := range functions[i].By {
			if _, ok := names[part]; ok {
				continue
			}
			name := labelValue(part)
			// profile.proto keeps this prefix for itself.
			if strings.HasPrefix(name, "pprof::") || taken[name] {
				name = cutBytes("by "+part, maxLabel)
			}
			for n := 2; taken[name]; n++ {
				name = cutBytes(fmt.Sprintf("by%d_%s", n, part), maxLabel)
			}
			names[part], taken[name] = name, true
		}
	}
	return names
}

// labels returns the string labels of a series. Every sample has all of them:
// one that the function does not have is "(none)".
func labels(names map[string]string, f *latency.Function, s *latency.Series) map[string][]string {
	out := make(map[string][]string, len(names))
	for part, name := range names {
		value, ok := s.Key[part]
		if !ok || !slices.Contains(f.By, part) {
			out[name] = []string{latency.KeyNone}
			continue
		}
		out[name] = []string{labelValue(value)}
	}
	return out
}

func labelValue(s string) string {
	if s == "" {
		return keyEmpty
	}
	return cutBytes(s, maxLabel)
}
