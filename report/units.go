package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/latchprof/latch/latency"
)

var timeUnits = []struct {
	name string
	ns   float64
}{
	{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 24 * 3600e9},
}

// formatNS scales a time to the unit in which it is at least 1 and rounds it
// to three significant digits. Seconds are kept up to 999, which is more
// familiar than 16.6min.
func formatNS(ns float64) string { return scaleNS(ns, 3) }

func scaleNS(ns float64, digits int) string {
	for i, unit := range timeUnits {
		text := significant(ns/unit.ns, digits)
		if i == 0 && ns == math.Trunc(ns) && ns < 1000 {
			return strconv.FormatFloat(ns, 'f', -1, 64) + unit.name
		}
		// The rounded text decides, so that 999.6µs becomes 1.00ms.
		if v, _ := strconv.ParseFloat(text, 64); v < 1000 || i == len(timeUnits)-1 {
			return text + unit.name
		}
	}
	return ""
}

// significant formats v with so many significant digits, but with all of those
// before the point.
func significant(v float64, digits int) string {
	for decimals := digits - 1; ; decimals-- {
		text := strconv.FormatFloat(v, 'f', decimals, 64)
		whole, _, _ := strings.Cut(text, ".")
		if decimals <= 0 || len(whole)+decimals <= digits {
			return text
		}
	}
}

// formatEstimate writes the middle of a quantile's range, or its one known end
// where the range is far wider than a bucket: below the first, above the last.
func formatEstimate(e latency.Estimate) string {
	switch {
	case e.N == 0:
		return "-"
	case float64(e.Hi) <= 1.05*float64(e.Lo) || e.Hi-e.Lo <= 2:
		return formatNS(float64(e.Mid()))
	case e.Lo < latencyFloor:
		return "≤" + formatNS(float64(e.Hi))
	default:
		return "≥" + formatNS(float64(e.Lo))
	}
}

// latencyFloor is the end of the underflow slot, 2^-24 s.
const latencyFloor = 60 * time.Nanosecond

// formatCount groups the digits of n by thousands.
func formatCount(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// formatShare writes part/whole in percent.
func formatShare(part, whole float64) string {
	switch share := 100 * part / whole; {
	case whole == 0:
		return "-"
	case part > 0 && share < 0.05:
		return "<0.1%"
	case part < whole && share >= 99.95:
		return ">99.9%"
	default:
		return strconv.FormatFloat(share, 'f', 1, 64) + "%"
	}
}
