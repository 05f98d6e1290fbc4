package report

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/latchprof/latch/latency"
)

// ErrTooLarge means that a total does not fit the signed numbers of a profile.
var ErrTooLarge = errors.New("too large for a profile")

// Pprof writes rec as a compressed pprof profile with one sample for each
// function, key and bucket.
//
// The values of a sample are its calls, the time they took, and their self
// time, which is the part not spent in other measured functions; that one is
// the default, because it adds up where measured functions call each other.
// The parts of the key are string labels, and the lower bound of the bucket is
// the numeric label "latency" in nanoseconds. A part that looks like a number
// is still a string; pprof's -tagfocus wants it as a regular expression, as in
// code=^404$. The values add up to those of
// the recording exactly; how a series' time is split among its buckets is
// accurate to the width of the buckets. A system call made in a measured function
// is on top of that one.
func Pprof(w io.Writer, rec *latency.Recording) error {
	p, err := newProfile(rec)
	if err != nil {
		return fmt.Errorf("make profile: %w", err)
	}
	if err := p.Write(w); err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	return nil
}

func newProfile(rec *latency.Recording) (*profile.Profile, error) {
	calls := &profile.ValueType{Type: "calls", Unit: "count"}
	p := &profile.Profile{
		SampleType: []*profile.ValueType{
			calls,
			{Type: "latency", Unit: "nanoseconds"},
			{Type: "self", Unit: "nanoseconds"},
		},
		DefaultSampleType: "self",
		PeriodType:        calls,
		Period:            1,
		TimeNanos:         rec.Start.UnixNano(),
		DurationNanos:     rec.DurationNS,
		Comments:          comments(rec),
	}
	b := builder{
		profile:  p,
		names:    labelNames(rec.Functions),
		mappings: make(map[mappingID]*profile.Mapping),
		samples:  make(map[string]*profile.Sample),

		locations: make(map[string]*profile.Location),
		recorded:  rec,
	}
	delete(b.names, latency.KeyIn) // the stack says that
	for _, t := range rec.Targets[:min(1, len(rec.Targets))] {
		b.mapping(mappingID{t.Exe, t.BuildID})
	}
	for i := range rec.Functions {
		f := &rec.Functions[i]
		if err := b.function(f, buildID(rec, f)); err != nil {
			return nil, fmt.Errorf("function %q: %w", f.Name, err)
		}
	}
	if err := p.CheckValid(); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	return p, nil
}

// A builder adds functions to a profile.
type builder struct {
	profile  *profile.Profile
	names    map[string]string // of labels, by part of the key
	mappings map[mappingID]*profile.Mapping
	samples  map[string]*profile.Sample // of the function being added
	// locations are the functions' own.
	locations map[string]*profile.Location
	recorded  *latency.Recording
}

// mappingID tells ELF files apart: the same path in two containers may be two.
type mappingID struct{ path, buildID string }

// buildID returns that of the function's file, if need be from the targets.
func buildID(rec *latency.Recording, f *latency.Function) string {
	if f.BuildID != "" {
		return f.BuildID
	}
	for _, t := range rec.Targets {
		if t.Exe == f.Binary {
			return t.BuildID
		}
	}
	return ""
}

// mapping returns the mapping of an ELF file, a new one the first time. It
// begins at 0, so that addresses are as the file writes them.
func (b *builder) mapping(id mappingID) *profile.Mapping {
	if m := b.mappings[id]; m != nil {
		return m
	}
	file := cutBytes(id.path, maxText)
	if file == "" {
		file = "[kernel.kallsyms]" // as perf calls it
	}
	m := &profile.Mapping{
		ID:      uint64(len(b.profile.Mapping)) + 1,
		File:    file,
		BuildID: cutBytes(id.buildID, maxLabel),
		// Without these, pprof looks for the files to find names in them.
		HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true,
	}
	b.profile.Mapping = append(b.profile.Mapping, m)
	b.mappings[id] = m
	return m
}

func (b *builder) function(f *latency.Function, buildID string) error {
	const page = 1 << 12
	m := b.mapping(mappingID{f.Binary, buildID})
	m.Limit = max(m.Limit, f.Addr|(page-1))
	if len(f.Series) == 0 {
		return nil
	}
	loc := b.location(f, m)
	clear(b.samples)
	for i := range f.Series {
		stack := []*profile.Location{loc}
		if caller := b.caller(f, &f.Series[i]); caller != nil {
			stack = append(stack, caller)
		}
		if err := b.series(f, &f.Series[i], stack); err != nil {
			return err
		}
	}
	return nil
}

// caller is where the function is that made the system calls of a series, nil
// where no measured one did.
func (b *builder) caller(f *latency.Function, s *latency.Series) *profile.Location {
	in, _ := callerOf(b.recorded, f, s)
	if in == nil {
		return nil
	}
	return b.location(in, b.mapping(mappingID{in.Binary, buildID(b.recorded, in)}))
}

// location returns that of a function, a new one the first time.
func (b *builder) location(f *latency.Function, m *profile.Mapping) *profile.Location {
	id := fmt.Sprintf("%q %q %d", f.Name, f.Binary, f.Addr)
	if loc := b.locations[id]; loc != nil {
		return loc
	}
	fn := &profile.Function{
		ID:         uint64(len(b.profile.Function)) + 1,
		Name:       cutBytes(f.Name, maxText),
		SystemName: cutBytes(f.Symbol, maxText),
		Filename:   cutBytes(f.File, maxText),
		StartLine:  int64(f.Line),
	}
	b.profile.Function = append(b.profile.Function, fn)
	loc := &profile.Location{
		ID:      uint64(len(b.profile.Location)) + 1,
		Mapping: m,
		Address: f.Addr,
		Line:    []profile.Line{{Function: fn, Line: int64(f.Line)}},
	}
	b.profile.Location = append(b.profile.Location, loc)
	b.locations[id] = loc
	return loc
}

// series adds a sample for each bucket, or one for all calls where they are
// counted but not timed.
func (b *builder) series(f *latency.Function, s *latency.Series, stack []*profile.Location) error {
	if s.Count > math.MaxInt64 || s.SumNS > math.MaxInt64 || s.SelfNS > math.MaxInt64 {
		return fmt.Errorf("series %q: %w", s.Key, ErrTooLarge)
	}
	tags := labels(b.names, f, s)
	if len(s.Buckets) == 0 && s.Count > 0 {
		return b.add(stack, tags, nil, s.Count, s.SumNS, s.SelfNS)
	}
	sums := distribute(s)
	selfs := proportional(s.SelfNS, sums)
	for i, bucket := range s.Buckets {
		if err := b.add(stack, tags, &bucket, bucket.Count, sums[i], selfs[i]); err != nil {
			return fmt.Errorf("series %q: %w", s.Key, err)
		}
	}
	return nil
}

// add adds to the sample of these labels, of which there may be one already if
// two keys look alike after they were cut.
func (b *builder) add(stack []*profile.Location, tags map[string][]string, bucket *latency.Bucket, values ...uint64) error {
	var id strings.Builder
	for _, loc := range stack {
		fmt.Fprint(&id, loc.ID, " ")
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(&id, "%q,", tags[name])
	}
	if bucket != nil {
		fmt.Fprint(&id, bucket.LoNS)
	}
	s := b.samples[id.String()]
	if s == nil {
		s = &profile.Sample{
			Location: stack,
			Value:    make([]int64, len(values)),
			Label:    tags,
		}
		if bucket != nil {
			s.NumLabel = map[string][]int64{latencyLabel: {int64(bucket.LoNS)}}
			s.NumUnit = map[string][]string{latencyLabel: {"nanoseconds"}}
		}
		b.samples[id.String()] = s
		b.profile.Sample = append(b.profile.Sample, s)
	}
	for i, v := range values {
		if v > math.MaxInt64-uint64(s.Value[i]) {
			return ErrTooLarge
		}
		s.Value[i] += int64(v)
	}
	return nil
}

// comments say what the numbers mean and what they miss: the balance of all
// functions, and of each in which not every call returned.
func comments(rec *latency.Recording) []string {
	out := []string{
		fmt.Sprintf("latch %s, kernel %s", cutBytes(rec.Latch, maxLabel), cutBytes(rec.Kernel, maxLabel)),
		"exact: calls are counted, not sampled; calls, latency and self add up exactly; " +
			"the latency label is the lower bound of a bucket 4.4% wide",
		cost(&rec.Overhead),
	}
	if rec.Command != nil {
		out = append(out, commandLine(rec.Command))
	}
	var total latency.Balance
	var incomplete []string
	for i := range rec.Functions {
		f := &rec.Functions[i]
		total.Add(&f.Balance)
		if f.Balance.Entries != f.Balance.Returns || f.Balance.Check() != nil {
			incomplete = append(incomplete, cutBytes(f.Name, maxText)+": "+Balance(&f.Balance))
		}
	}
	out = append(append(out, Balance(&total)), incomplete...)
	for _, w := range rec.Warnings {
		out = append(out, "warning: "+cutBytes(w, maxText))
	}
	return out
}
