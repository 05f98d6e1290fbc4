package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A DropSummary is what is said when a report of drops ends. Its zero value is
// ready to be added to.
type DropSummary struct {
	Elapsed time.Duration
	// Moved are counters that rose, and failures that no packet tells of, one
	// line each.
	Moved []string
	// Lost counts, by what was lost, records that did not get through.
	Lost map[string]uint64
	// Cost is what the tracing itself took, as one line; "" if it was not
	// measured.
	Cost string

	causes, pairs, hidden map[string]uint64
	dropped, quiet        uint64
}

// Add counts a drop. One that is a routine free is counted as hidden.
func (s *DropSummary) Add(d *Drop) {
	if s.causes == nil {
		s.causes, s.pairs, s.hidden = make(map[string]uint64), make(map[string]uint64), make(map[string]uint64)
	}
	if d.Quiet {
		s.quiet += d.Count
		count(s.hidden, d.Words, "(others)", d.Count)
		return
	}
	s.dropped += d.Count
	count(s.causes, d.Cause+"\x00"+d.Words, d.Cause+"\x00(others)", d.Count)
	count(s.pairs, cmp.Or(d.Src, "?")+" → "+cmp.Or(d.Dst, "?"), "(others)", d.Count)
}

// maxKeys bounds what a flood of made-up addresses takes of memory.
const maxKeys = 10000

// count adds n to a key, or, if that would be one too many, to rest.
func count(counts map[string]uint64, key, rest string, n uint64) {
	if _, ok := counts[key]; !ok && len(counts) >= maxKeys {
		key = rest
	}
	counts[key] += n
}

// Dropped is how many packets were lost, those that are hidden aside.
func (s *DropSummary) Dropped() uint64 { return s.dropped }

// Causes is how many packets were lost by class of cause.
func (s *DropSummary) Causes() map[string]uint64 {
	classes := make(map[string]uint64)
	for key, n := range s.causes {
		class, _, _ := strings.Cut(key, "\x00")
		classes[class] += n
	}
	return classes
}

// summaryRows bounds the tables of a summary, hiddenKinds what is named of
// routine frees.
const (
	summaryRows = 12
	hiddenKinds = 3
)

// A tally is a name and how often it was met.
type tally struct {
	name  string
	count uint64
}

// tallies sorts counts, the greatest first.
func tallies(counts map[string]uint64) []tally {
	all := make([]tally, 0, len(counts))
	for name, n := range counts {
		all = append(all, tally{name, n})
	}
	slices.SortFunc(all, func(a, b tally) int {
		return cmp.Or(-cmp.Compare(a.count, b.count), cmp.Compare(a.name, b.name))
	})
	return all
}

// Summary writes how many packets were dropped, by cause and by pair of
// addresses, the routine frees that were hidden, what moved besides, what was
// lost, and the cost. Under JSON it is one line with the only key "summary".
func (w *DropWriter) Summary(s *DropSummary) error {
	var out bytes.Buffer
	var err error
	if w.JSON {
		err = encodeSummary(&out, s)
	} else {
		w.summary(&out, s)
	}
	return w.put("summary", &out, err)
}

func (w *DropWriter) summary(out *bytes.Buffer, s *DropSummary) {
	took := shortNS(s.Elapsed)
	switch s.dropped {
	case 0:
		w.line(out, span{bold, "no packet was dropped in " + took})
	case 1:
		w.line(out, span{bold, "1 packet was dropped in " + took})
	default:
		w.line(out, span{bold, formatCount(s.dropped) + " packets were dropped in " + took})
	}
	w.tally(out, "by cause", s.causes, s.dropped)
	w.tally(out, "by pair", s.pairs, s.dropped)
	if s.quiet > 0 {
		w.paragraph(out, dim, hiddenText(s))
	}
	for _, line := range s.Moved {
		w.paragraph(out, plain, "also: "+Escape(line))
	}
	w.accounts(out, s.Lost, s.Cost)
}

// accounts writes what was lost, and what the watching took.
func (w *DropWriter) accounts(out *bytes.Buffer, losses map[string]uint64, cost string) {
	lost, style := "lost: nothing", dim
	if text := lossText(losses); text != "" {
		lost, style = "lost: "+text, red
	}
	w.paragraph(out, style, lost)
	if cost != "" {
		w.paragraph(out, dim, "cost: "+Escape(cost))
	}
}

// tally writes a table of counts, with shares of total.
func (w *DropWriter) tally(out *bytes.Buffer, title string, counts map[string]uint64, total uint64) {
	if total == 0 {
		return
	}
	w.line(out, span{dim, title})
	all := tallies(counts)
	classes := 0
	for _, t := range all {
		if class, _, ok := strings.Cut(t.name, "\x00"); ok {
			classes = max(classes, width(Escape(class)))
		}
	}
	digits := width(formatCount(all[0].count))
	for i, t := range all {
		if i == summaryRows && len(all) > summaryRows+1 {
			w.line(out, span{dim, fmt.Sprintf("  %d more", len(all)-i)})
			break
		}
		name := Escape(t.name)
		if class, words, ok := strings.Cut(t.name, "\x00"); ok {
			name = left(Escape(class), classes) + "  " + Escape(words)
		}
		w.line(out, span{plain, "  " + right(formatCount(t.count), digits) + "  " + right(formatShare(float64(t.count), float64(total)), 6) + "  " + name})
	}
}

// hiddenText is "4,812 routine frees hidden: 89% unix close, ...".
func hiddenText(s *DropSummary) string {
	var parts []string
	for _, t := range tallies(s.hidden) {
		share := fmt.Sprintf("%.0f%% ", 100*float64(t.count)/float64(s.quiet))
		if len(parts) == hiddenKinds || share == "0% " {
			break
		}
		parts = append(parts, share+Escape(t.name))
	}
	noun := "frees"
	if s.quiet == 1 {
		noun = "free"
	}
	return fmt.Sprintf("%s routine %s hidden: %s", formatCount(s.quiet), noun, strings.Join(parts, ", "))
}

// lossText writes each loss by name; "" where nothing was lost.
func lossText(lost map[string]uint64) string {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(lost)) {
		if n := lost[what]; n > 0 {
			parts = append(parts, formatCount(n)+" "+cutBytes(what, maxLabel))
		}
	}
	return strings.Join(parts, ", ")
}

// paragraph writes text, wrapped if there is a width.
func (w *DropWriter) paragraph(out *bytes.Buffer, s style, text string) {
	lines := []string{text}
	if w.Width > 0 {
		lines = wrap(text, w.Width, 2)
	}
	for _, line := range lines {
		w.line(out, span{s, line})
	}
}

func encodeSummary(out *bytes.Buffer, s *DropSummary) error {
	type summary struct {
		ElapsedNS int64             `json:"elapsed_ns"`
		Dropped   uint64            `json:"dropped"`
		Causes    map[string]uint64 `json:"causes"`
		Pairs     map[string]uint64 `json:"pairs"`
		Hidden    map[string]uint64 `json:"hidden"`
		Moved     []string          `json:"moved"`
		Lost      map[string]uint64 `json:"lost"`
		Cost      string            `json:"cost,omitempty"`
	}
	filled := func(m map[string]uint64) map[string]uint64 {
		if m == nil {
			return map[string]uint64{}
		}
		return m
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(map[string]summary{"summary": {s.Elapsed.Nanoseconds(), s.dropped, s.Causes(), filled(s.pairs), filled(s.hidden),
		append([]string{}, s.Moved...), filled(s.Lost), s.Cost}})
}
