package budget

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/latchprof/latch/latency"
)

// RunsSchema names the version of the format of several recordings in a file.
const RunsSchema = "latch.runs/v1"

const (
	// maxRuns and maxRunsBytes bound what a file may hold.
	maxRuns      = 1000
	maxRunsBytes = 1 << 30
)

// Runs are recordings of the same thing: of a command that ran several times,
// or the slices of one run. They are the unit of every comparison, since the
// calls of one run depend on each other.
type Runs struct {
	// Slices says that the recordings are parts of one run, in order. Such
	// parts do not show how much runs differ.
	Slices bool
	// Recordings are at least one.
	Recordings []*latency.Recording
}

// RunsOf returns the runs with these recordings.
func RunsOf(recordings ...*latency.Recording) *Runs {
	return &Runs{Recordings: recordings}
}

// Cut returns the slices of one run, from its state at the end of each: the
// counters of latency.Recording are never cleared, so each holds those before.
func Cut(states ...*latency.Recording) *Runs {
	r := &Runs{Slices: true}
	var prev *latency.Recording
	for _, rec := range states {
		r.Recordings = append(r.Recordings, rec.Since(prev))
		prev = rec
	}
	return r
}

// Join returns the runs of several files as those of one side. Slices and runs
// cannot be joined, nor what was recorded on unlike machines (ErrUnlike).
func Join(sides ...*Runs) (*Runs, error) {
	joined := new(Runs)
	for i, side := range sides {
		if len(sides) > 1 && side.Slices {
			return nil, fmt.Errorf("join runs: part %d is slices of one run: %w", i+1, ErrUnlike)
		}
		joined.Slices = side.Slices
		joined.Recordings = append(joined.Recordings, side.Recordings...)
	}
	if n := len(joined.Recordings); n == 0 || n > maxRuns {
		return nil, fmt.Errorf("join runs: %d recordings, not 1 to %d", n, maxRuns)
	}
	if machines := distinct(joined, func(r *latency.Recording) string { return r.Machine }); len(machines) > 1 {
		return nil, fmt.Errorf("join runs: of machines %q: %w", machines, ErrUnlike)
	}
	return joined, nil
}

// runsFile is the form of Runs in JSON. Each recording is one of
// latency.Schema.
type runsFile struct {
	Schema     string            `json:"schema"`
	Slices     bool              `json:"slices"`
	Recordings []json.RawMessage `json:"recordings"`
}

// Encode writes r as JSON: a single run as the recording itself, so that
// everything which reads recordings reads it.
func (r *Runs) Encode(w io.Writer) error {
	if len(r.Recordings) == 1 && !r.Slices {
		return r.Recordings[0].Encode(w)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n\"schema\":%q,\n\"slices\":%t,\n\"recordings\":[\n", RunsSchema, r.Slices)
	for i, rec := range r.Recordings {
		if i > 0 {
			out.WriteString(",\n")
		}
		if err := rec.Encode(&out); err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	out.WriteString("]}\n")
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write runs: %w", err)
	}
	return nil
}

// LoadRuns reads what Encode writes: runs, or a single recording. Each
// recording is checked.
func LoadRuns(r io.Reader) (*Runs, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxRunsBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	if len(text) > maxRunsBytes {
		return nil, fmt.Errorf("read runs: longer than %d MiB", maxRunsBytes>>20)
	}
	var file runsFile
	if err := json.Unmarshal(text, &file); err != nil || file.Schema != RunsSchema {
		// Load says what is wrong, and where.
		rec, err := latency.Load(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		return RunsOf(rec), nil
	}
	if len(file.Recordings) == 0 || len(file.Recordings) > maxRuns {
		return nil, fmt.Errorf("read runs: %d recordings, not 1 to %d", len(file.Recordings), maxRuns)
	}
	runs := &Runs{Slices: file.Slices}
	for i, raw := range file.Recordings {
		rec, err := latency.Load(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("run %d: %w", i+1, err)
		}
		runs.Recordings = append(runs.Recordings, rec)
	}
	return runs, nil
}

// ErrUnlike means that two sides were not measured alike, so that a difference
// between them says nothing of the program.
var ErrUnlike = errors.New("not measured alike")

// Unlike returns how the circumstances of two sides differ: as an error that
// wraps ErrUnlike what makes a comparison void, as warnings what may explain a
// difference. What either side does not know is not compared. Another build is
// what a comparison is for, so the same one is warned of.
func Unlike(old, now *Runs) (warnings []string, err error) {
	var errs []error
	all := func(of func(*latency.Recording) string) (o, n []string) {
		return distinct(old, of), distinct(now, of)
	}
	if o, n := all(func(r *latency.Recording) string { return r.Machine }); differ(o, n) {
		errs = append(errs, fmt.Errorf("machine %q, was %q: %w", n, o, ErrUnlike))
	}
	if o, n := all(func(r *latency.Recording) string { return r.Kernel }); differ(o, n) {
		warnings = append(warnings, fmt.Sprintf("kernel %q, was %q", n, o))
	}
	if o, n := all(func(r *latency.Recording) string { return r.Latch }); differ(o, n) {
		warnings = append(warnings, fmt.Sprintf("latch %q, was %q", n, o))
	}
	if o, n := all(buildIDs); len(o) > 0 && slices.Equal(o, n) {
		warnings = append(warnings, fmt.Sprintf("both sides are of the same build %q", n))
	}
	o, n := probeCost(old), probeCost(now)
	if min(o, n) > 0 && max(o, n) > 1.5*min(o, n) {
		warnings = append(warnings, fmt.Sprintf("a pair of probes cost %.0f ns, was %.0f ns", n, o))
	}
	return warnings, errors.Join(errs...)
}

// distinct returns what is known of the recordings, sorted.
func distinct(r *Runs, of func(*latency.Recording) string) []string {
	var all []string
	for _, rec := range r.Recordings {
		if s := of(rec); s != "" {
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func differ(a, b []string) bool {
	return len(a) > 0 && len(b) > 0 && !slices.Equal(a, b)
}

// buildIDs joins the builds of the functions of r.
func buildIDs(r *latency.Recording) string {
	var ids []string
	for i := range r.Functions {
		if id := r.Functions[i].BuildID; id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	text := ""
	for i, id := range slices.Compact(ids) {
		if i > 0 {
			text += " "
		}
		text += id
	}
	return text
}

// probeCost is the mean of what an entry and an exit cost, in nanoseconds.
func probeCost(r *Runs) float64 {
	var sum float64
	for _, rec := range r.Recordings {
		sum += rec.Overhead.EntryNS + rec.Overhead.ExitNS
	}
	return sum / float64(len(r.Recordings))
}
