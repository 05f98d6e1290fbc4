package latency

import (
	"errors"
	"fmt"
	"slices"
)

const (
	// maxSlices is the most slices that a timeline keeps: as many columns as
	// can be told apart in a picture.
	maxSlices = 120
	// maxTimeline bounds its histograms and their buckets, at 24 bytes each.
	maxTimeline = 1 << 20
)

// A Timeline keeps how a measurement went: a histogram for each series and
// slice of time. However long the measurement, it keeps at most 120 slices: when
// there are more, or when they hold more than a million buckets, two neighbours
// become one, and so do those that follow. The zero value is empty. A Timeline is
// not for use by several goroutines at once.
type Timeline struct {
	ends  []int64 // of the slices, in nanoseconds since the start
	parts [][]Histogram
	index map[seriesID]int // into each of parts
	size  int              // how many histograms and buckets parts hold
	// merged is how many slices as they came make one, and last how many of
	// these the last one holds.
	merged, last int
}

// seriesID tells the series of one recording apart.
type seriesID struct {
	function functionID
	key      string
}

// Add appends the next slice, which begins where the one before ended, as
// Recording.Since returns it.
func (t *Timeline) Add(slice *Recording) {
	if t.index == nil {
		t.index, t.merged = make(map[seriesID]int), 1
	}
	if t.last == 0 || t.last == t.merged {
		t.parts, t.ends, t.last = append(t.parts, nil), append(t.ends, t.end()), 0
	}
	t.last++
	t.ends[len(t.ends)-1] += slice.DurationNS
	part := &t.parts[len(t.parts)-1]
	for i := range slice.Functions {
		f := &slice.Functions[i]
		id := seriesID{function: f.id()}
		for j := range f.Series {
			s := &f.Series[j]
			if len(s.Buckets) == 0 {
				continue
			}
			id.key = s.id(f.By)
			at, ok := t.index[id]
			if !ok {
				at = len(t.index)
				t.index[id] = at
			}
			t.put(part, at, s.Buckets)
		}
	}
	for len(t.parts) > 1 && (len(t.parts) > maxSlices || t.size > maxTimeline) {
		t.halve()
	}
}

// end returns where the last slice ends.
func (t *Timeline) end() int64 {
	if len(t.ends) == 0 {
		return 0
	}
	return t.ends[len(t.ends)-1]
}

// put adds h to the series at the index.
func (t *Timeline) put(part *[]Histogram, at int, h Histogram) {
	if missing := at + 1 - len(*part); missing > 0 {
		*part = append(*part, make([]Histogram, missing)...)
		t.size += missing
	}
	old := (*part)[at]
	(*part)[at] = old.Merge(h)
	t.size += len((*part)[at]) - len(old)
}

// halve makes one slice of each two.
func (t *Timeline) halve() {
	n := len(t.parts)
	parts, ends := t.parts, t.ends
	t.parts, t.ends, t.size = nil, nil, 0
	for i := 0; i < n; i += 2 {
		var part []Histogram
		for _, one := range parts[i:min(i+2, n)] {
			for at, h := range one {
				t.put(&part, at, h)
			}
		}
		t.parts, t.ends = append(t.parts, part), append(t.ends, ends[min(i+1, n-1)])
	}
	if n%2 == 0 {
		t.last += t.merged
	}
	t.merged *= 2
}

// Finish puts the slices into rec, the whole measurement. What is in rec but in
// no slice came after the last one: it becomes a slice of its own or, where that
// would be less than half as long as the others, part of the last. So the slices
// of a series always add up to its buckets.
func (t *Timeline) Finish(rec *Recording) {
	ends := slices.Clone(t.ends)
	switch rest := rec.DurationNS - t.end(); {
	case rec.DurationNS <= 0:
		return
	case len(ends) == 0 || rest >= t.end()/int64(2*len(ends)):
		ends = append(ends, rec.DurationNS)
	default:
		ends[len(ends)-1] = rec.DurationNS
	}
	rec.SlicesNS = ends
	for i := range rec.Functions {
		f := &rec.Functions[i]
		for j := range f.Series {
			f.Series[j].Slices = t.slicesOf(f, &f.Series[j], len(ends))
		}
	}
}

// slicesOf returns the n slices of a series; none where it has no buckets.
func (t *Timeline) slicesOf(f *Function, s *Series, n int) []Histogram {
	if len(s.Buckets) == 0 {
		return nil
	}
	out := make([]Histogram, n)
	rest := s.Buckets
	if at, ok := t.index[seriesID{f.id(), s.id(f.By)}]; ok {
		for i, part := range t.parts {
			if at < len(part) {
				out[i] = part[at].Sub(part[at].Sub(rest)) // the lesser of both, bucket by bucket
				rest = rest.Sub(out[i])
			}
		}
	}
	out[n-1] = out[n-1].Merge(rest)
	return out
}

// checkSlices returns an error if the slices of r do not fit together.
func (r *Recording) checkSlices() error {
	var before int64
	for i, end := range r.SlicesNS {
		if end <= before {
			return fmt.Errorf("slice %d ends at %d ns, not after %d ns", i+1, end, before)
		}
		before = end
	}
	if len(r.SlicesNS) > 0 && before != r.DurationNS {
		return fmt.Errorf("the last slice ends at %d ns, but the measurement at %d ns", before, r.DurationNS)
	}
	for i := range r.Functions {
		f := &r.Functions[i]
		for j := range f.Series {
			if err := f.Series[j].checkSlices(len(r.SlicesNS)); err != nil {
				return fmt.Errorf("function %q: series %q: %w", f.Name, f.Series[j].Key, err)
			}
		}
	}
	return nil
}

func (s *Series) checkSlices(n int) error {
	if len(s.Slices) == 0 {
		return nil
	}
	if len(s.Slices) != n {
		return fmt.Errorf("%d slices instead of %d", len(s.Slices), n)
	}
	slots := make([]uint64, NumSlots)
	for _, h := range s.Slices {
		for _, b := range h {
			sum, ok := addAll(slots[Slot(b.HiNS)], b.Count)
			if !ok {
				return fmt.Errorf("slices of (%d, %d] ns overflow", b.LoNS, b.HiNS)
			}
			slots[Slot(b.HiNS)] = sum
		}
	}
	if !slices.Equal(FromSlots(slots), s.Buckets) {
		return errors.New("slices do not add up to the buckets")
	}
	return nil
}
