package main

import (
	"time"

	"github.com/latchprof/latch/report"
)

// A foldKey is what lines have in common that are told as one when there are
// too many: a cause at a place, and the pair of addresses. Without addresses it
// is all further pairs of the cause.
type foldKey struct {
	class, words, rule, location, netns, proto string
	src, dst                                   string
}

// A fold is the lines of one key within a second: the first few are written,
// of the others one at its end.
type fold struct {
	began   time.Time
	written int
	rest    *report.Drop
}

// What is written in a second at most of one cause: this many lines of each of
// this many pairs of addresses, and one more of each, and one of all others.
const (
	foldAfter  = time.Second
	foldLines  = 3
	foldedPair = 8
)

// A folder makes one line of many, so that a scan of all ports of a host does
// not bury what else is wrong.
type folder struct {
	folds map[foldKey]*fold
	pairs map[foldKey]int // by key without addresses
}

func newFolder() *folder {
	return &folder{folds: make(map[foldKey]*fold), pairs: make(map[foldKey]int)}
}

// takes says whether it keeps a line, which is then part of what due returns.
func (f *folder) takes(d *report.Drop, now time.Time) bool {
	if d.During != nil {
		return false // each of them has something of its own to say
	}
	cause := foldKey{class: d.Cause, words: d.Words, rule: d.Rule, location: d.Location, netns: d.NetNS, proto: d.Proto}
	key := cause
	key.src, key.dst = d.Src, d.Dst
	state, limit := f.folds[key], foldLines
	if state == nil && f.pairs[cause] >= foldedPair {
		key, limit = cause, 0
		state = f.folds[key]
	}
	if state == nil {
		state = &fold{began: now}
		f.folds[key] = state
		f.pairs[cause]++
	}
	if state.written < limit {
		state.written++
		return false
	}
	if state.rest == nil {
		rest := *d
		state.rest = &rest
	} else {
		state.rest.Fold(d)
	}
	return true
}

// due returns the lines of those whose second is over, or of all.
func (f *folder) due(now time.Time, all bool) []*report.Drop {
	var lines []*report.Drop
	for key, state := range f.folds {
		if !all && now.Sub(state.began) < foldAfter {
			continue
		}
		if state.rest != nil {
			lines = append(lines, state.rest)
		}
		delete(f.folds, key)
		key.src, key.dst = "", ""
		if f.pairs[key]--; f.pairs[key] == 0 {
			delete(f.pairs, key)
		}
	}
	return lines
}
