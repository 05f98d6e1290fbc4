package budget

import (
	"strconv"
	"strings"
	"time"
)

// A Kind is what a metric measures.
type Kind uint8

const (
	// Quantile is the latency that Metric.Percent percent of the calls do not
	// exceed.
	Quantile Kind = iota
	// Mean is the sum of the latencies divided by the number of calls.
	Mean
	// Max is the greatest latency.
	Max
	// Calls is the number of calls that returned.
	Calls
	// Rate is the number of calls that returned in a second.
	Rate
	// Over is the share of calls that took longer than Metric.Limit.
	Over
)

// A Metric is what a budget limits.
type Metric struct {
	Kind    Kind
	Percent float64       // of a Quantile: above 0 and below 100
	Limit   time.Duration // of Over
}

// Unit is what m's values are counted in.
func (m Metric) Unit() Unit {
	switch m.Kind {
	case Calls:
		return Count
	case Rate:
		return PerSecond
	case Over:
		return Share
	}
	return Nanoseconds
}

// q is a Quantile's fraction. The decimal point is moved in the text, so that
// 99.9 gives the number nearest to 0.999.
func (m Metric) q() float64 {
	q, _ := strconv.ParseFloat(number(m.Percent)+"e-2", 64)
	return q
}

// tail is the greatest share of calls above a Quantile: 0.01 for p99.
func (m Metric) tail() float64 {
	tail, _ := strconv.ParseFloat(strconv.FormatFloat(100-m.Percent, 'f', 12, 64)+"e-2", 64)
	return tail
}

// String returns m as the grammar has it.
func (m Metric) String() string {
	switch m.Kind {
	case Mean:
		return "mean"
	case Max:
		return "max"
	case Calls:
		return "calls"
	case Rate:
		return "rate"
	case Over:
		return "over" + span(m.Limit)
	}
	return "p" + number(m.Percent)
}

// A Unit is what a number counts.
type Unit uint8

const (
	Nanoseconds Unit = iota
	// Share is a part of 1.
	Share
	Count
	PerSecond
)

// A Cmp is a comparison.
type Cmp uint8

const (
	Less Cmp = iota
	LessEqual
	Greater
	GreaterEqual
)

var cmpText = [...]string{Less: "<", LessEqual: "<=", Greater: ">", GreaterEqual: ">="}

// String returns c as the grammar has it.
func (c Cmp) String() string { return cmpText[c] }

// upper reports whether c sets an upper limit.
func (c Cmp) upper() bool { return c == Less || c == LessEqual }

// holds reports whether v c limit.
func (c Cmp) holds(v, limit float64) bool {
	switch c {
	case Less:
		return v < limit
	case LessEqual:
		return v <= limit
	case Greater:
		return v > limit
	}
	return v >= limit
}

// A Limit is what a metric is compared with.
type Limit struct {
	// Value is the limit in the metric's unit, but a share in percent. With
	// Baseline it is what may be added: percent of the baseline's value
	// (Unit Share) or nanoseconds.
	Value    float64
	Unit     Unit
	Baseline bool
}

// String returns l as the grammar has it.
func (l Limit) String() string {
	if l.Baseline && l.Value == 0 {
		return "baseline"
	}
	text := number(l.Value)
	switch l.Unit {
	case Nanoseconds:
		text = span(time.Duration(l.Value))
	case Share:
		text += "%"
	case PerSecond:
		text += "/s"
	}
	if l.Baseline {
		return "baseline+" + text
	}
	return text
}

// An Expectation is a metric with its limit.
type Expectation struct {
	Metric Metric
	Cmp    Cmp
	Limit  Limit
	// MinEffect is the least change against a baseline that counts at all; 0
	// for none. It is for metrics in nanoseconds.
	MinEffect time.Duration
}

// String returns e as the short form of the grammar has it: p99 < 5ms.
func (e Expectation) String() string {
	return e.Metric.String() + " " + e.Cmp.String() + " " + e.Limit.String()
}

// number writes v without an exponent and with no digit more than it needs.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// span writes d without the zero parts that Duration.String has: 1m0s is 1m.
func span(d time.Duration) string {
	s := strings.Replace(d.String(), "µs", "us", 1)
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
