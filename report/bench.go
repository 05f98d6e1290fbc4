package report

import (
	"fmt"
	"hash/fnv"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

// CheckBench writes what was judged as Bench does.
func CheckBench(w io.Writer, c *Check) error { return Bench(w, c.recordings()...) }

// Bench writes recordings, one for each run, as the output of Go benchmarks,
// which benchstat and others read: a line for each function, key and run with
// its calls, mean, p50, p90 and p99. In a name, "_" stands for "/" and for a
// space. Calls that were not timed are left out.
func Bench(w io.Writer, runs ...*latency.Recording) error {
	var out strings.Builder
	names := benchNames(runs)
	for run, rec := range runs {
		if run == 0 || rec.Machine != runs[run-1].Machine {
			fmt.Fprintf(&out, "goos: %s\ngoarch: %s\n", runtime.GOOS, runtime.GOARCH)
			if rec.Machine != "" {
				fmt.Fprintf(&out, "cpu: %s\n", cutBytes(rec.Machine, maxText))
			}
		}
		for i := range rec.Functions {
			f := &rec.Functions[i]
			for j := range f.Series {
				s := &f.Series[j]
				if s.Count == 0 || len(s.Buckets) == 0 {
					continue
				}
				fmt.Fprintf(&out, "%s %d %.1f ns/op %d p50-ns %d p90-ns %d p99-ns\n", names[benchKey(f, s)], s.Count,
					float64(s.SumNS)/float64(s.Count), s.P50NS, s.P90NS, s.P99NS)
			}
		}
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write benchmarks: %w", err)
	}
	return nil
}

// benchKey tells series apart.
func benchKey(f *latency.Function, s *latency.Series) string {
	key := fmt.Sprintf("%q %q", f.Name, f.Binary)
	for _, part := range f.By {
		key += fmt.Sprintf(" %q=%q", part, s.Key[part])
	}
	return key
}

// benchNames returns the names of the benchmarks of all series. Those that
// would be alike end in a hash of what they stand for, the same in every file.
func benchNames(runs []*latency.Recording) map[string]string {
	names := make(map[string]string)
	alike := make(map[string][]string)
	for _, rec := range runs {
		for i := range rec.Functions {
			f := &rec.Functions[i]
			for j := range f.Series {
				key := benchKey(f, &f.Series[j])
				if names[key] == "" {
					names[key] = benchName(f, &f.Series[j])
					alike[names[key]] = append(alike[names[key]], key)
				}
			}
		}
	}
	for name, keys := range alike {
		for _, key := range keys {
			if len(keys) > 1 {
				hash := fnv.New32a()
				hash.Write([]byte(key))
				names[key] = fmt.Sprintf("%s~%08x", name, hash.Sum32())
			}
		}
	}
	return names
}

func benchName(f *latency.Function, s *latency.Series) string {
	name := "BenchmarkLatency/func=" + benchWord(f.Name)
	for _, part := range f.By {
		value, ok := s.Key[part]
		if !ok {
			value = latency.KeyNone
		}
		name += "/" + strings.ReplaceAll(benchWord(part), "=", "_") + "=" + benchWord(value)
	}
	// Digits after a last hyphen would be read as GOMAXPROCS.
	if i := strings.LastIndexByte(name, '-'); i >= 0 && i+1 < len(name) && !slices.ContainsFunc([]byte(name[i+1:]), func(b byte) bool { return b < '0' || b > '9' }) {
		name = name[:i] + "_" + name[i+1:]
	}
	return name
}

// benchWord is a part of a benchmark's name.
func benchWord(s string) string {
	return strings.NewReplacer("/", "_", " ", "_").Replace(labelValue(s))
}
