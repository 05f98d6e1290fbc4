package budget

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxText is the longest text of a budget that is parsed.
const maxText = 4096

// maxNumber is the greatest limit: all whole numbers up to it are exact, and
// it is 104 days of nanoseconds.
const maxNumber = 1 << 53

// Parse parses the one-line form,
//
//	budget := metric "(" func {"," key ("=" | "!=" | "=~") value} ")" cmp limit
//	metric := "p" number | mean | max | calls | rate | "over" duration
//	cmp    := "<" | "<=" | ">" | ">="
//	limit  := duration | number ["%" | "/s"] | "baseline" ["+" (percent | duration)]
//
// in which func, key and value are bare words or quoted. A bare word has no
// white space, no quotes, and a comma only in brackets. The settings are those
// of Defaults, the name is the text. An error is a *SyntaxError.
func Parse(text string) (Budget, error) {
	b := Defaults()
	s, err := newScanner(text)
	if err != nil {
		return b, err
	}
	var e Expectation
	if e.Metric, err = s.metric(); err != nil {
		return b, err
	}
	if err := s.want("(", "after the metric, the budget"); err != nil {
		return b, err
	}
	from := s.at
	if b.Func, err = s.name("the function", ""); err != nil {
		return b, err
	}
	if err := checkFunc(b.Func); err != nil {
		return b, s.errorAt(from, "%v", err)
	}
	for s.next(",") {
		m, err := s.matcher()
		if err != nil {
			return b, err
		}
		b.Where = append(b.Where, m)
	}
	if err := s.want(")", "after the function and its keys, the budget"); err != nil {
		return b, err
	}
	if err := s.bound(&e); err != nil {
		return b, err
	}
	b.Expect = []Expectation{e}
	b.Name = b.String()
	return b, nil
}

// ParseMetric parses a metric alone, such as p99.9. An error is a *SyntaxError.
func ParseMetric(text string) (m Metric, err error) {
	s, err := newScanner(text)
	if err != nil {
		return m, err
	}
	if m, err = s.metric(); err != nil {
		return m, err
	}
	return m, s.end()
}

// parseExpectation parses the short form, without a function.
func parseExpectation(text string) (e Expectation, err error) {
	s, err := newScanner(text)
	if err != nil {
		return e, err
	}
	if e.Metric, err = s.metric(); err != nil {
		return e, err
	}
	return e, s.bound(&e)
}

// parseMatcher parses key=value alone.
func parseMatcher(text string) (m Matcher, err error) {
	s, err := newScanner(text)
	if err != nil {
		return m, err
	}
	if m, err = s.matcher(); err != nil {
		return m, err
	}
	return m, s.end()
}

func newScanner(text string) (*scanner, error) {
	if len(text) > maxText {
		s := &scanner{source: text[:40] + "..."}
		return nil, s.errorAt(0, "a budget of %d bytes is longer than %d", len(text), maxText)
	}
	return &scanner{source: text}, nil
}

const metrics = "p50, p99, p99.9, mean, max, calls, rate, over20ms"

// isWord reports whether c may be in a metric or a limit. Bytes of other than
// ASCII are for the micro signs.
func isWord(c byte) bool {
	return c == '.' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func (s *scanner) metric() (m Metric, err error) {
	s.space()
	from := s.at
	word := s.while(isWord)
	for kind, name := range map[Kind]string{Mean: "mean", Max: "max", Calls: "calls", Rate: "rate"} {
		if word == name {
			return Metric{Kind: kind}, nil
		}
	}
	if word == "" {
		return m, s.errorAt(from, "a metric is wanted, one of %s, not %s", metrics, s.found())
	}
	if digits, ok := strings.CutPrefix(word, "over"); ok {
		limit, err := s.duration(from+len("over"), digits)
		return Metric{Kind: Over, Limit: limit}, err
	}
	if digits, ok := strings.CutPrefix(word, "p"); ok && plainNumber(digits) {
		percent, err := strconv.ParseFloat(digits, 64)
		if err != nil || percent <= 0 || percent >= 100 || strconv.FormatFloat(100-percent, 'f', 12, 64) == "0.000000000000" {
			return m, s.errorAt(from+1, "a percentile lies between 0 and 100; the greatest of all is max")
		}
		return Metric{Kind: Quantile, Percent: percent}, nil
	}
	return m, s.errorAt(from, "metric %q is not known; there are %s", word, metrics)
}

func (s *scanner) matcher() (m Matcher, err error) {
	if m.Key, err = s.name("the key", "=!"); err != nil {
		return m, err
	}
	switch {
	case s.next("=~"):
		m.Op = Matches
	case s.next("!="):
		m.Op = NotEqual
	case s.next("="):
	default:
		return m, s.errorAt(s.at, "after the key %q comes =, != or =~, not %s", m.Key, s.found())
	}
	s.space()
	from := s.at
	if m.Value, err = s.name("the value", ""); err != nil {
		return m, err
	}
	if m.Op == Matches {
		if m.re, err = regexp.Compile(m.Value); err != nil {
			return m, s.errorAt(from, "%v", err)
		}
	}
	return m, nil
}

// bound parses the comparison and the limit, which end the text.
func (s *scanner) bound(e *Expectation) error {
	switch {
	case s.next("<="):
		e.Cmp = LessEqual
	case s.next("<"):
		e.Cmp = Less
	case s.next(">="):
		e.Cmp = GreaterEqual
	case s.next(">"):
		e.Cmp = Greater
	default:
		return s.errorAt(s.at, "a comparison is wanted, one of < <= > >=, not %s", s.found())
	}
	var err error
	s.space()
	from := s.at
	if e.Limit, err = s.limit(e.Metric); err != nil {
		return err
	}
	if e.Metric.Unit() == Share && !e.Limit.Baseline && (e.Limit.Value == 0 && e.Cmp != LessEqual && e.Cmp != Greater || e.Limit.Value == 100 && e.Cmp != Less && e.Cmp != GreaterEqual) {
		return s.errorAt(from, "every share is %s %s, or none is", e.Cmp, e.Limit)
	}
	return s.end()
}

func (s *scanner) end() error {
	if s.space(); s.at < len(s.source) {
		return s.errorAt(s.at, "nothing is wanted here, but there is %s", s.found())
	}
	return nil
}

func (s *scanner) limit(m Metric) (Limit, error) {
	s.space()
	from := s.at
	if s.next("baseline") && (s.at == len(s.source) || !isWord(s.source[s.at])) {
		l := Limit{Unit: Share, Baseline: true}
		if !s.next("+") {
			return l, nil
		}
		return s.margin(m)
	}
	s.at = from
	return s.quantity(m)
}

// margin parses what may be added to a baseline.
func (s *scanner) margin(m Metric) (Limit, error) {
	s.space()
	from := s.at
	word := s.while(isWord)
	if plainNumber(word) && s.next("%") {
		v, err := s.number(from, word)
		return Limit{Value: v, Unit: Share, Baseline: true}, err
	}
	if m.Unit() != Nanoseconds {
		return Limit{}, s.errorAt(from, "what is added to the baseline of %s is a percentage, as in 10%%", m)
	}
	if _, err := time.ParseDuration(word); err != nil {
		return Limit{}, s.errorAt(from, "what is added to a baseline is a percentage or a time, as in 10%% or 200us")
	}
	d, err := s.duration(from, word)
	return Limit{Value: float64(d), Unit: Nanoseconds, Baseline: true}, err
}

// quantity parses a limit in m's unit.
func (s *scanner) quantity(m Metric) (l Limit, err error) {
	s.space()
	from := s.at
	word := s.while(isWord)
	l.Unit = m.Unit()
	if l.Unit == Nanoseconds {
		d, err := s.duration(from, word)
		l.Value = float64(d)
		return l, err
	}
	suffix := map[Unit]string{Share: "%", PerSecond: "/s", Count: ""}[l.Unit]
	if !plainNumber(word) || !s.next(suffix) {
		want := map[Unit]string{Share: "a percentage, as in 0.1%", PerSecond: "a number a second, as in 100/s", Count: "a number"}[l.Unit]
		return l, s.errorAt(from, "the limit of %s is %s, or baseline", m, want)
	}
	if l.Value, err = s.number(from, word); err == nil && l.Unit == Share && l.Value > 100 {
		err = s.errorAt(from, "a share is at most 100%%")
	}
	return l, err
}

// plainNumber reports whether text is digits with at most one point between.
func plainNumber(text string) bool {
	whole, part, point := strings.Cut(text, ".")
	digits := func(t string) bool { return t != "" && strings.Trim(t, "0123456789") == "" }
	return digits(whole) && (!point || digits(part))
}

func (s *scanner) number(column int, text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v > maxNumber {
		return 0, s.errorAt(column, "a number is at most 2^53")
	}
	return v, nil
}

func (s *scanner) duration(column int, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, s.errorAt(column, "a time is wanted, as in 5ms or 1m30s")
	case d <= 0 || d > maxNumber:
		return 0, s.errorAt(column, "a time is at least 1ns and at most 104 days")
	}
	return d, nil
}
