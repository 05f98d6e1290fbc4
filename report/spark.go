package report

import "github.com/latchprof/latch/latency"

// A scale maps slots to the cells of a sparkline, so that the rows of a table
// can be compared: each cell stands for the same number of slots.
type scale struct {
	first, perCell, cells int
}

// newScale spreads the slots that h uses over at most the given cells.
func newScale(h latency.Histogram, cells int) scale {
	if len(h) == 0 || cells <= 0 {
		return scale{}
	}
	first, last := latency.Slot(h[0].HiNS), latency.Slot(h[len(h)-1].HiNS)
	perCell := (last - first + cells) / cells
	return scale{first, perCell, (last-first)/perCell + 1}
}

// sparkline draws h in one line. The fullest cell has full height, and a cell
// with a single call is still seen.
func (s scale) sparkline(h latency.Histogram) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	counts := make([]uint64, s.cells)
	var most uint64
	for _, b := range h {
		i := latency.Slot(b.HiNS) - s.first
		if s.perCell == 0 || i < 0 || i/s.perCell >= s.cells {
			continue
		}
		counts[i/s.perCell] += b.Count
		most = max(most, counts[i/s.perCell])
	}
	line := make([]rune, s.cells)
	for i, n := range counts {
		line[i] = ' '
		if n > 0 {
			line[i] = levels[int(float64(n)/float64(most)*float64(len(levels)-1))]
		}
	}
	return string(line)
}
