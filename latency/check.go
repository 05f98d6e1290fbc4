package latency

import (
	"errors"
	"fmt"
	"math/bits"
)

// ErrSchema means that a recording is of another version, or none at all.
var ErrSchema = errors.New("not a recording of schema " + Schema)

// Check returns an error if r contradicts itself: if calls are unaccounted for,
// if series do not add up to their function's returns, if buckets do not add
// up to their series, if a sum, a minimum or a maximum cannot be that of the
// buckets, or if slices do not add up to the whole. All contradictions are in the
// error, one for each function, and the first one of the slices.
func (r *Recording) Check() error {
	if r.Schema != Schema {
		return fmt.Errorf("schema %q: %w", r.Schema, ErrSchema)
	}
	if r.DurationNS < 0 {
		return fmt.Errorf("duration of %d ns is negative", r.DurationNS)
	}
	if err := r.Overhead.check(); err != nil {
		return err
	}
	var errs []error
	for i := range r.Functions {
		f := &r.Functions[i]
		if err := f.check(); err != nil {
			errs = append(errs, fmt.Errorf("function %q: %w", f.Name, err))
		}
	}
	errs = append(errs, r.checkSlices())
	return errors.Join(errs...)
}

// maxCost is above all that probes can cost, in nanoseconds a call and in
// processors; what is below can be written in any unit.
const maxCost = 1e15

func (o *Overhead) check() error {
	for name, cost := range map[string]float64{"entry_ns": o.EntryNS, "exit_ns": o.ExitNS, "cpu_share": o.CPUShare} {
		if cost < 0 || cost > maxCost {
			return fmt.Errorf("overhead: %s of %g cannot be", name, cost)
		}
	}
	return nil
}

func (f *Function) check() error {
	if err := f.Balance.Check(); err != nil {
		return err
	}
	var total uint64
	keys := make(map[string]bool, len(f.Series))
	for i := range f.Series {
		s := &f.Series[i]
		if err := s.check(f); err != nil {
			return fmt.Errorf("series %q: %w", s.Key, err)
		}
		id := s.id(f.By)
		if keys[id] {
			return fmt.Errorf("series %q: there are two of this key", s.Key)
		}
		keys[id] = true
		var ok bool
		if total, ok = addAll(total, s.Count); !ok {
			return errors.New("counts of the series overflow")
		}
	}
	if total != f.Balance.Returns {
		return fmt.Errorf("series count %d calls, but %d returned", total, f.Balance.Returns)
	}
	return nil
}

func (s *Series) check(f *Function) error {
	if len(s.Key) != len(f.By) {
		return fmt.Errorf("key has %d parts instead of %d", len(s.Key), len(f.By))
	}
	for _, name := range f.By {
		if _, ok := s.Key[name]; !ok {
			return fmt.Errorf("key has no %q", name)
		}
	}
	if len(s.Buckets) == 0 && len(s.Over) == 0 && s.SumNS == 0 && s.SelfNS == 0 && s.LostNS == 0 && (f.Exit == ExitNone || s.Count == 0) {
		return nil
	}
	counts := make([]uint64, len(s.Buckets))
	for i, b := range s.Buckets {
		counts[i] = b.Count
	}
	if n, ok := addAll(counts...); !ok || n != s.Count || n == 0 {
		return fmt.Errorf("buckets count %d of %d calls", n, s.Count)
	}
	if err := s.checkTimes(); err != nil {
		return err
	}
	return s.checkOver()
}

func (s *Series) checkTimes() error {
	first, last := s.Buckets[0], s.Buckets[len(s.Buckets)-1]
	least, _ := first.span()
	switch {
	case s.MinNS > s.MaxNS:
		return fmt.Errorf("minimum %d ns is above the maximum %d ns", s.MinNS, s.MaxNS)
	case s.MinNS < least || s.MinNS > first.HiNS:
		return fmt.Errorf("minimum %d ns is not in the first bucket, (%d, %d] ns", s.MinNS, first.LoNS, first.HiNS)
	case s.MaxNS <= last.LoNS && last.LoNS > 0 || s.MaxNS > last.HiNS:
		return fmt.Errorf("maximum %d ns is not in the last bucket, (%d, %d] ns", s.MaxNS, last.LoNS, last.HiNS)
	case s.SelfNS > s.SumNS:
		return fmt.Errorf("%d ns of their own are more than the %d ns in all", s.SelfNS, s.SumNS)
	case s.LostNS > s.SumNS:
		return fmt.Errorf("%d ns lost to drops are more than the %d ns in all", s.LostNS, s.SumNS)
	}
	if !atMost(s.MinNS, s.Count, s.SumNS) || atMost(s.MaxNS, s.Count, s.SumNS-1) && s.SumNS > 0 {
		return fmt.Errorf("%d calls of %d to %d ns cannot take %d ns", s.Count, s.MinNS, s.MaxNS, s.SumNS)
	}
	return nil
}

// atMost reports whether a*b <= limit.
func atMost(a, b, limit uint64) bool {
	hi, lo := bits.Mul64(a, b)
	return hi == 0 && lo <= limit
}
