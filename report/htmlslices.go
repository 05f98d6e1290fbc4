package report

import (
	"cmp"
	"slices"

	"github.com/latchprof/latch/latency"
)

const (
	// maxPageBuckets bounds what a page tells of slices: each bucket is some
	// three bytes.
	maxPageBuckets = 300_000
	// minPageSlices is how few slices a page has at the least, if there are as many.
	minPageSlices = 10
)

// newPageSlices packs the slices of rec. A page has room for those of every
// function; for that, neighbouring slices become one where need be. Then come
// those of the series, by the time that they took, as long as there is room.
func newPageSlices(rec *latency.Recording, first int) pageSlices {
	var p pageSlices
	if len(rec.SlicesNS) < 2 {
		return p
	}
	totals := make([][]latency.Histogram, len(rec.Functions))
	for i := range rec.Functions {
		totals[i] = sumSlices(rec.Functions[i].Series, len(rec.SlicesNS))
	}
	p.Ends = rec.SlicesNS
	merged := 1
	for countBuckets(totals...) > maxPageBuckets/2 && len(p.Ends) >= 2*minPageSlices {
		merged *= 2
		for i := range totals {
			totals[i] = pairs(totals[i])
		}
		ends := make([]int64, 0, len(p.Ends)/2+1)
		for i := range p.Ends {
			if i%2 == 1 || i == len(p.Ends)-1 {
				ends = append(ends, p.Ends[i])
			}
		}
		p.Ends = ends
	}
	for _, total := range totals {
		p.Functions = append(p.Functions, packSlices(total, first))
	}

	room := maxPageBuckets - countBuckets(totals...)
	p.Series = make(map[int]string)
	for _, s := range bySum(rec) {
		parts := s.Slices
		for n := 1; n < merged; n *= 2 {
			parts = pairs(parts)
		}
		if n := countBuckets(parts); n > 0 && n <= room {
			room -= n
			p.Series[s.index] = packSlices(parts, first)
		}
	}
	return p
}

// An indexedSeries is a series and its index among all of a recording.
type indexedSeries struct {
	*latency.Series
	index int
}

// bySum returns all series, those that took the most time first.
func bySum(rec *latency.Recording) []indexedSeries {
	var all []indexedSeries
	for i := range rec.Functions {
		for j := range rec.Functions[i].Series {
			all = append(all, indexedSeries{&rec.Functions[i].Series[j], len(all)})
		}
	}
	slices.SortStableFunc(all, func(a, b indexedSeries) int { return cmp.Compare(b.SumNS, a.SumNS) })
	return all
}

// sumSlices returns the n slices of all the series together.
func sumSlices(series []latency.Series, n int) []latency.Histogram {
	out := make([]latency.Histogram, n)
	slots := make([]uint64, latency.NumSlots)
	for i := range out {
		clear(slots)
		for j := range series {
			if i < len(series[j].Slices) {
				for _, b := range series[j].Slices[i] {
					slots[latency.Slot(b.HiNS)] += b.Count
				}
			}
		}
		out[i] = latency.FromSlots(slots)
	}
	return out
}

// pairs makes one slice of each two.
func pairs(parts []latency.Histogram) []latency.Histogram {
	var out []latency.Histogram
	for pair := range slices.Chunk(parts, 2) {
		h := pair[0]
		for _, other := range pair[1:] {
			h = h.Merge(other)
		}
		out = append(out, h)
	}
	return out
}

func countBuckets(all ...[]latency.Histogram) int {
	n := 0
	for _, parts := range all {
		for _, h := range parts {
			n += len(h)
		}
	}
	return n
}

func packSlices(parts []latency.Histogram, first int) string {
	var out []byte
	for i, h := range parts {
		if i > 0 {
			out = append(out, '.')
		}
		out = pack(out, h, first)
	}
	return string(out)
}
