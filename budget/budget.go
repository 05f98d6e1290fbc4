package budget

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An Action is what follows from a verdict that is neither pass nor fail.
type Action uint8

const (
	ActFail Action = iota
	ActWarn
	ActPass
)

var actionText = [...]string{ActFail: "fail", ActWarn: "warn", ActPass: "pass"}

// String returns a as budgets have it.
func (a Action) String() string { return actionText[a] }

// A Budget limits the metrics of a function, or of several.
type Budget struct {
	// Name is for people. It is the budget's own text where none was given.
	Name string
	// Func selects functions of the recording: a name, LIB:NAME, a glob in
	// which * stands for any text and ? for any character, or /regexp/.
	Func string
	// By are keys that get a verdict for each of their values. Without it all
	// calls that Where admits are judged together.
	By []string
	// Where admits calls by their keys; all must hold.
	Where []Matcher
	// Expect are judged each by itself.
	Expect []Expectation
	// Slices is into how many parts to cut a single run, for the comparison
	// with a baseline; 0 if not said.
	Slices int
	// MinCalls is how few calls of a function or key count as missing. It is
	// not for limits of calls and rate.
	MinCalls uint64
	// Confidence is at least 0.51 and below 1. A verdict of pass or fail is wrong
	// with no more than the rest of 1.
	Confidence     float64
	OnMissing      Action
	OnInconclusive Action
}

// Defaults returns a budget with the settings that hold where none are given.
func Defaults() Budget {
	return Budget{MinCalls: 300, Confidence: 0.95, OnMissing: ActFail, OnInconclusive: ActWarn}
}

// Keys returns the keys by which calls must be told apart for the budget to be
// judged: By, then those of Where.
func (b *Budget) Keys() []string {
	keys := slices.Clone(b.By)
	for _, m := range b.Where {
		if !slices.Contains(keys, m.Key) {
			keys = append(keys, m.Key)
		}
	}
	return keys
}

// LimitsNS returns the limits above which calls should be counted exactly,
// ascending. A quantile below a limit is one up to the nanosecond before it.
func (b *Budget) LimitsNS() []uint64 {
	var limits []uint64
	for _, e := range b.Expect {
		if ns, ok := e.limitNS(); ok {
			limits = append(limits, ns)
		}
	}
	slices.Sort(limits)
	return slices.Compact(limits)
}

// limitNS is the greatest latency that does not count as above the limit.
func (e *Expectation) limitNS() (uint64, bool) {
	switch {
	case e.Metric.Kind == Over:
		return uint64(e.Metric.Limit), true
	case e.Limit.Baseline || e.Metric.Kind != Quantile && e.Metric.Kind != Max:
		return 0, false
	case e.Cmp == Less || e.Cmp == GreaterEqual:
		return uint64(e.Limit.Value) - 1, true
	}
	return uint64(e.Limit.Value), true
}

// Comparative reports whether a baseline is needed.
func (b *Budget) Comparative() bool {
	return slices.ContainsFunc(b.Expect, func(e Expectation) bool { return e.Limit.Baseline })
}

// String returns the one-line form, a line for each expectation.
func (b *Budget) String() string {
	var lines []string
	for _, e := range b.Expect {
		lines = append(lines, b.line(e))
	}
	return strings.Join(lines, "\n")
}

func (b *Budget) line(e Expectation) string {
	var s strings.Builder
	s.WriteString(e.Metric.String() + "(" + quote(b.Func, ""))
	for _, m := range b.Where {
		s.WriteString(", " + m.String())
	}
	s.WriteString(") " + e.Cmp.String() + " " + e.Limit.String())
	return s.String()
}

// An Op is how a Matcher compares.
type Op uint8

const (
	Equal Op = iota
	NotEqual
	// Matches is for regular expressions (package regexp), which match
	// anywhere in the value.
	Matches
)

var opText = [...]string{Equal: "=", NotEqual: "!=", Matches: "=~"}

// String returns o as the grammar has it.
func (o Op) String() string { return opText[o] }

// A Matcher admits calls by one part of their key.
type Matcher struct {
	Key   string
	Op    Op
	Value string

	re *regexp.Regexp
}

// String returns m as the grammar has it.
func (m Matcher) String() string {
	value := quote(m.Value, "")
	if m.Op == Equal && strings.HasPrefix(value, "~") {
		value = strconv.Quote(m.Value)
	}
	return quote(m.Key, "=!") + opText[m.Op] + value
}

func (m *Matcher) admits(value string) bool {
	switch m.Op {
	case NotEqual:
		return value != m.Value
	case Matches:
		return m.re != nil && m.re.MatchString(value)
	}
	return value == m.Value
}
