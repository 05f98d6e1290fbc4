package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/latchprof/latch/budget"
)

// formatValue writes a metric's value; "-" for none.
func formatValue(v float64, unit budget.Unit) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case math.IsInf(v, 0):
		return "∞"
	}
	switch unit {
	case budget.Nanoseconds:
		return formatNS(math.Round(v))
	case budget.Share:
		return brief(100*v) + "%"
	case budget.PerSecond:
		return brief(v) + "/s"
	}
	if v == math.Trunc(v) && v >= 0 && v < 1<<53 {
		return formatCount(uint64(v))
	}
	return brief(v)
}

// formatInterval writes between what a value lies; "-" where that is not known,
// or is the value itself.
func formatInterval(lo, hi float64, unit budget.Unit) string {
	switch {
	case math.IsNaN(lo) || math.IsNaN(hi) || lo == hi || lo <= 0 && math.IsInf(hi, 1):
		return "-"
	case math.IsInf(hi, 1):
		return "≥" + formatValue(lo, unit)
	case lo <= 0:
		return "≤" + formatValue(hi, unit)
	}
	return formatValue(lo, unit) + " … " + formatValue(hi, unit)
}

// formatRatio writes a relative change in percent, with its sign.
func formatRatio(r float64) string {
	switch {
	case math.IsNaN(r):
		return "-"
	case math.IsInf(r, 1):
		return "+∞"
	case math.IsInf(r, -1):
		return "-∞"
	case r == 0:
		return "0%"
	}
	text := strconv.FormatFloat(100*r, 'f', 1, 64)
	if text == "-0.0" || text == "0.0" {
		return "0.0%"
	}
	if r > 0 {
		text = "+" + text
	}
	return text + "%"
}

// formatP writes a probability as benchstat does.
func formatP(p float64) string {
	switch {
	case math.IsNaN(p):
		return "-"
	case p > 0 && p < 0.0005:
		return "<0.001"
	}
	return strconv.FormatFloat(p, 'f', 3, 64)
}

// brief writes v with three significant digits, but with all of those before
// the point, and without an exponent.
func brief(v float64) string {
	decimals := 0
	if a := math.Abs(v); a > 0 && a < 100 {
		decimals = min(2-int(math.Floor(math.Log10(a))), 12)
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
