package budget

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A State is what a verdict says.
type State uint8

const (
	// Pass means that the expectation holds, at the stated confidence.
	Pass State = iota
	// Fail means that it does not hold, at the stated confidence.
	Fail
	// Inconclusive means that the calls, or what is known of them, allow
	// either.
	Inconclusive
	// Missing means that there is nothing to judge, or too little: no such
	// function, no such key, too few calls.
	Missing
)

var stateText = [...]string{Pass: "pass", Fail: "fail", Inconclusive: "inconclusive", Missing: "missing"}

// String returns the word for s.
func (s State) String() string { return stateText[s] }

// A Verdict is what came of one expectation, for one function and key.
type Verdict struct {
	Budget string // the budget's name
	// Func is the function's name in the recording, or the budget's pattern
	// where no function matches. Where several functions have one name it is
	// followed by the file that holds it: f (cart.test).
	Func string
	// Key is what the calls have in common: the values of the budget's By, then
	// its conditions on other keys.
	Key    []Matcher
	Expect Expectation
	State  State
	// Action is what follows for the check as a whole: it fails, warns, or
	// passes.
	Action Action

	// Estimate is the metric in its unit (Metric.Unit; a Share is a part of
	// 1), between Lo and Hi. Each of the two is beyond the truth with at most
	// 1 - Confidence, so that a verdict of pass or fail is an interval wholly
	// on one side. NaN means that there is none, +Inf that nothing bounds it.
	// What the interval means depends on the metric: see the package comment.
	Estimate, Lo, Hi float64
	// Calls is how many calls were judged.
	Calls uint64
	// Above to AboveMost is how many of them are above the limit, where the
	// metric is judged by that: the same number where it is known exactly.
	Above, AboveMost uint64
	// Need is about how many calls in all would decide an inconclusive
	// verdict, if they were like those; 0 where more calls would not help.
	Need uint64
	// Change is for limits that are relative to a baseline, else nil.
	Change *Change
	// Reasons say why a verdict is neither pass nor fail, and what it leaves
	// out. They hold names from the recording.
	Reasons []string

	confidence float64
	p          float64 // how likely so bad an outcome is within the limit
}

// Confidence is that of the budget.
func (v *Verdict) Confidence() float64 { return v.confidence }

// Broken reports whether any verdict fails the check.
func Broken(verdicts []Verdict) bool {
	return slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Action == ActFail })
}

// Unsure reports whether any verdict is inconclusive.
func Unsure(verdicts []Verdict) bool {
	return slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.State == Inconclusive })
}

func (v *Verdict) reason(format string, args ...any) {
	v.Reasons = append(v.Reasons, fmt.Sprintf(format, args...))
}

// act sets what follows from the state.
func (v *Verdict) act(b *Budget) {
	switch v.State {
	case Pass:
		v.Action = ActPass
	case Fail:
		v.Action = ActFail
	case Inconclusive:
		v.Action = b.OnInconclusive
	case Missing:
		v.Action = b.OnMissing
	}
}

// losses names the calls of which nothing, or not the key, is known; "" where
// there are none.
func (p *pool) losses() string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(p.balance.Lost)) {
		if n := p.balance.Lost[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d lost (%s)", n, reason))
		}
	}
	if n := p.balance.InFlight; n > 0 {
		parts = append(parts, fmt.Sprintf("%d still in flight", n))
	}
	if n := p.doubtfulCalls(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d with a key that was merged or could not be read", n))
	}
	return strings.Join(parts, ", ")
}
