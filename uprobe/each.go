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
			s.own.Add(e.By, e.LimitsNS)
			if n := len(s.own.LimitsNS); n > MaxLimits {
				return nil, fmt.Errorf("%w: %s has %d, more than the %d that can be counted", ErrTooManyLimits, s.fn.Name, n, MaxLimits)
			}
			if t.req.SplitDrops && len(s.own.LimitsNS) > 0 {
				return nil, errSplitLimits
			}
		}
	}
	return unmatched, nil
}

// parts returns the names of the key's parts of one function: those of all, and
// its own that could be compiled.
func (p *Plan) parts(s *selection, program *fetch.Program) []string {
	return append(slices.Clone(p.By), s.own.Parts(program)...)
}
