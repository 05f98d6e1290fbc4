package uprobe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
)

// An Each is a pattern whose functions are measured in a way of their own,
// beside what the request says of all. A function that several select is
// measured in the way of all of them together.
type Each struct {
	// Pattern is as those of Request.Patterns.
	Pattern string
	// By are expressions as those of Request.By. A function's key has those
	// that compile in it, and no part for the others.
	By []*fetch.Expr
	// LimitsNS are the latencies, in nanoseconds, above which calls are
	// counted exactly (latency.Series.Over). A function can have MaxLimits.
	LimitsNS []uint64
}

// MaxLimits is how many limits calls of one function can be counted above.
const MaxLimits = ledger.MaxLimits

// ErrTooManyLimits says that more than MaxLimits limits were given for a
// function.
var ErrTooManyLimits = errors.New("too many limits")

var errSplitLimits = errors.New("calls above limits are not counted where they are split by drops")

// An Unmatched is a pattern of Request.Each that selects no function.
type Unmatched struct {
	Pattern string
	Reason  error
}

// own is what Each says of one function.
type own struct {
	by     []*fetch.Expr
	limits []uint64 // ascending
}

// add adds what e says. Expressions of one name are taken for the same.
func (o *own) add(e *Each) {
	for _, expr := range e.By {
		if !slices.ContainsFunc(o.by, func(x *fetch.Expr) bool { return x.Alias == expr.Alias }) {
			o.by = append(o.by, expr)
		}
	}
	o.limits = append(o.limits, e.LimitsNS...)
	slices.Sort(o.limits)
	o.limits = slices.Compact(o.limits)
}

// selectEach adds the functions that Request.Each selects to those of out, and
// returns what selects none.
func (t *target) selectEach(out *selections) ([]Unmatched, error) {
	var unmatched []Unmatched
	for i := range t.req.Each {
		e := &t.req.Each[i]
		pattern, err := elfsym.ParsePattern(e.Pattern)
		if err != nil {
			return nil, err
		}
		found, err := t.find(pattern)
		var ambiguous *elfsym.AmbiguousError
		if errors.As(err, &ambiguous) {
			return nil, err
		}
		if err != nil {
			unmatched = append(unmatched, Unmatched{e.Pattern, err})
			continue
		}
		for _, s := range found {
			s = out.add(s, pattern.Plain())
			s.own.add(e)
			if n := len(s.own.limits); n > MaxLimits {
				return nil, fmt.Errorf("%w: %s has %d, more than the %d that can be counted", ErrTooManyLimits, s.fn.Name, n, MaxLimits)
			}
			if t.req.SplitDrops && len(s.own.limits) > 0 {
				return nil, errSplitLimits
			}
		}
	}
	return unmatched, nil
}

// parts returns the names of the key's parts of one function: those of all, and
// its own that could be compiled.
func (p *Plan) parts(s *selection, program *fetch.Program) []string {
	names := slices.Clone(p.By)
	for _, e := range s.own.by {
		if program != nil && slices.ContainsFunc(program.Parts, func(part fetch.Part) bool { return part.Name == e.Alias }) {
			names = append(names, e.Alias)
		}
	}
	return names
}
