package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/latchprof/latch/latency"
)

// Longest texts of a page, in bytes.
const (
	maxPageName = 1024 // a function's name
	maxPageKey  = 256  // one part of a key
)

// A page is the data of an HTML page. Times are in nanoseconds. The script's
// model.js is the other side of it.
type page struct {
	Facts      [][2]string      `json:"facts"` // what, and its text
	DurationNS int64            `json:"duration"`
	Cost       string           `json:"cost"`
	Overhead   latency.Overhead `json:"overhead"`
	Warnings   []string         `json:"warnings"`
	// Bounds are those of the slots in use, one more than there are slots.
	Bounds    []uint64       `json:"bounds"`
	Functions []pageFunction `json:"functions"`
	Series    pageSeries     `json:"series"`
	Slices    pageSlices     `json:"slices"`
}

// A pageFunction is a function with its balance.
type pageFunction struct {
	Name    string   `json:"name"`
	Details string   `json:"details"` // where it is, and how it is measured
	Binary  string   `json:"binary"`
	By      []string `json:"by"`
	Timed   bool     `json:"timed"`
	// Balance holds entries, returns, in flight, unwound, filtered and lost.
	Balance [6]uint64 `json:"balance"`
	Lost    string    `json:"lost"` // each loss by name
	Holds   bool      `json:"holds"`
}

// pageSeries holds the series by column, which makes the page a third smaller.
type pageSeries struct {
	Function []int      `json:"function"`
	Key      [][]string `json:"key"` // in the order of pageFunction.By
	Count    []uint64   `json:"count"`
	Sum      []uint64   `json:"sum"`
	Self     []uint64   `json:"self"`
	Lost     []uint64   `json:"lost"`
	Min      []uint64   `json:"min"`
	Max      []uint64   `json:"max"`
	Buckets  []string   `json:"buckets"` // as pack writes them
}

// pageSlices says how the measurement went. A text is the packed histograms of
// all slices with a dot between them.
type pageSlices struct {
	Ends      []int64        `json:"ends"`
	Functions []string       `json:"functions"` // all series of each together
	Series    map[int]string `json:"series"`    // by index; of those that found room
}

func newPage(rec *latency.Recording) *page {
	p := &page{
		Facts:      facts(rec),
		DurationNS: rec.DurationNS,
		Cost:       strings.TrimPrefix(cost(&rec.Overhead), "cost: "),
		Overhead:   rec.Overhead,
		Warnings:   make([]string, len(rec.Warnings)),
		Functions:  make([]pageFunction, len(rec.Functions)),
	}
	for i, w := range rec.Warnings {
		p.Warnings[i] = cutBytes(w, maxText)
	}
	first, end := slotsInUse(rec)
	for slot := first; slot < end; slot++ {
		lo, hi := latency.SlotBoundsNS(slot)
		if slot == first {
			p.Bounds = append(p.Bounds, lo)
		}
		p.Bounds = append(p.Bounds, hi)
	}
	for i := range rec.Functions {
		f := &rec.Functions[i]
		p.Functions[i] = newPageFunction(f)
		for j := range f.Series {
			p.Series.add(i, f, &f.Series[j], first)
		}
	}
	p.Slices = newPageSlices(rec, first)
	return p
}

// facts says what was measured, where and when.
func facts(rec *latency.Recording) [][2]string {
	var out [][2]string
	add := func(name, text string) {
		if text != "" {
			out = append(out, [2]string{name, text})
		}
	}
	add("measured", targets(rec.Targets))
	if c := rec.Command; c != nil {
		add("command", strings.TrimPrefix(commandLine(c), "command: "))
	}
	add("began", rec.Start.Format(time.RFC3339))
	add("machine", cutBytes(rec.Machine, maxText))
	add("kernel", cutBytes(rec.Kernel, maxText))
	add("latch", cutBytes(rec.Latch, maxText))
	return out
}

// slotsInUse returns the first slot that any series uses, and the one after the
// last; twice the same where none has buckets.
func slotsInUse(rec *latency.Recording) (first, end int) {
	first = latency.NumSlots
	for i := range rec.Functions {
		for j := range rec.Functions[i].Series {
			if h := rec.Functions[i].Series[j].Buckets; len(h) > 0 {
				first = min(first, latency.Slot(h[0].HiNS))
				end = max(end, latency.Slot(h[len(h)-1].HiNS)+1)
			}
		}
	}
	return min(first, end), end
}

func newPageFunction(f *latency.Function) pageFunction {
	b := &f.Balance
	var where []string
	if f.File != "" {
		where = append(where, fmt.Sprintf("%s:%d", cutBytes(f.File, maxText), f.Line))
	}
	for _, part := range [][2]string{{"", f.Lang}, {"", f.Binary}, {"entry ", f.Entry.Cost}, {"exit ", f.Exit}} {
		if part[1] != "" {
			where = append(where, part[0]+cutBytes(part[1], maxText))
		}
	}
	by := make([]string, len(f.By))
	for i, name := range f.By {
		by[i] = cutBytes(name, maxLabel)
	}
	return pageFunction{
		Name: cutBytes(f.Name, maxPageName), Binary: cutBytes(f.Binary, maxText), By: by,
		Details: strings.Join(where, " · "), Timed: f.Exit != latency.ExitNone,
		Balance: [6]uint64{b.Entries, b.Returns, b.InFlight, b.Unwound, b.Filtered, b.TotalLost()},
		Lost:    lossText(b.Lost), Holds: b.Check() == nil,
	}
}

func (p *pageSeries) add(function int, f *latency.Function, s *latency.Series, first int) {
	key := make([]string, len(f.By))
	for i, name := range f.By {
		key[i] = latency.KeyNone
		if value, ok := s.Key[name]; ok {
			key[i] = cmp.Or(cutBytes(value, maxPageKey), keyEmpty)
		}
	}
	p.Function = append(p.Function, function)
	p.Key = append(p.Key, key)
	p.Count = append(p.Count, s.Count)
	p.Sum = append(p.Sum, s.SumNS)
	p.Self = append(p.Self, s.SelfNS)
	p.Lost = append(p.Lost, s.LostNS)
	p.Min = append(p.Min, s.MinNS)
	p.Max = append(p.Max, s.MaxNS)
	p.Buckets = append(p.Buckets, string(pack(nil, s.Buckets, first)))
}

// pack appends h: for each bucket, how many slots are between it and the one
// before, the first counting from the given slot, and its calls. Numbers are
// written in digits of 5 bits, the lowest first; a sixth bit says that more come.
func pack(dst []byte, h latency.Histogram, first int) []byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	number := func(n uint64) {
		for ; n >= 32; n >>= 5 {
			dst = append(dst, digits[n&31|32])
		}
		dst = append(dst, digits[n])
	}
	for _, b := range h {
		slot := latency.Slot(b.HiNS)
		number(uint64(slot - first))
		number(b.Count)
		first = slot + 1
	}
	return dst
}
