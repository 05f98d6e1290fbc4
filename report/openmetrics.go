package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/latchprof/latch/budget"
)

// A family is the samples of one metric of an exposition.
type family struct {
	name, help string
	samples    []string
	seen       map[string]int
}

func newFamily(name, help string) *family {
	return &family{name: name, help: help, seen: make(map[string]int)}
}

// add adds a sample. Labels that are there already get a number, since no two
// samples may have the same.
func (f *family) add(value float64, labels ...[2]string) {
	var parts []string
	for _, l := range labels {
		parts = append(parts, l[0]+`="`+exposed(l[1])+`"`)
	}
	text := strings.Join(parts, ",")
	f.seen[text]++
	if n := f.seen[text]; n > 1 {
		text += fmt.Sprintf(`,n="%d"`, n)
	}
	if text != "" {
		text = "{" + text + "}"
	}
	f.samples = append(f.samples, f.name+text+" "+sample(value)+"\n")
}

// sample writes a value so that both formats read it.
func sample(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// exposed is a label's value, cut and escaped.
func exposed(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(cutBytes(s, maxText))
}

var expositionUnits = [...]struct {
	name  string
	scale float64 // from the metric's unit
}{
	budget.Nanoseconds: {"seconds", 1e-9}, budget.Share: {"ratio", 1}, budget.Count: {"calls", 1},
	budget.PerSecond: {"calls_per_second", 1},
}

// OpenMetrics writes c in a text that is both OpenMetrics and Prometheus'
// exposition format, all of gauges in base units. What is not known is left
// out; +Inf is an upper end that nothing bounds.
func OpenMetrics(w io.Writer, c *Check) error {
	failed := newFamily("latch_check_failed", "1 if the check fails or is incomplete, else 0")
	failed.add(truth(c.Outcome() == Broken || c.Outcome() == Incomplete))
	verdict := newFamily("latch_verdict_failed", "1 if the verdict fails the check, else 0")
	calls := newFamily("latch_judged_calls", "Calls that were judged")
	all := []*family{failed, verdict, calls}
	kinds := []struct {
		name, help string
		value      func(v *budget.Verdict) float64
	}{
		{"estimate", "What was measured", func(v *budget.Verdict) float64 { return v.Estimate }},
		{"lower", "The lower end of the estimate's interval", func(v *budget.Verdict) float64 { return v.Lo }},
		{"upper", "The upper end of the estimate's interval", func(v *budget.Verdict) float64 { return v.Hi }},
		{"limit", "What the budget allows", func(v *budget.Verdict) float64 {
			if v.Expect.Limit.Baseline {
				return math.NaN()
			}
			return limitValue(v.Expect.Limit)
		}},
	}
	values := make([][len(expositionUnits)]*family, len(kinds))
	for k, kind := range kinds {
		for u, unit := range expositionUnits {
			values[k][u] = newFamily("latch_"+kind.name+"_"+unit.name, kind.help+", in "+strings.ReplaceAll(unit.name, "_", " "))
			all = append(all, values[k][u])
		}
	}
	for i := range c.Verdicts {
		v := &c.Verdicts[i]
		labels := [][2]string{{"budget", v.Budget}, {"function", v.Func}, {"key", keyOf(v)}, {"metric", v.Expect.Metric.String()}}
		verdict.add(truth(v.Action == budget.ActFail), labels...)
		calls.add(float64(v.Calls), labels...)
		unit := v.Expect.Metric.Unit()
		for k, kind := range kinds {
			if x := kind.value(v); !math.IsNaN(x) {
				values[k][unit].add(x*expositionUnits[unit].scale, labels...)
			}
		}
	}
	return expose(w, all)
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func expose(w io.Writer, families []*family) error {
	var out strings.Builder
	for _, f := range families {
		if len(f.samples) == 0 {
			continue
		}
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s gauge\n", f.name, f.help, f.name)
		for _, s := range f.samples {
			out.WriteString(s)
		}
	}
	out.WriteString("# EOF\n")
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write OpenMetrics: %w", err)
	}
	return nil
}
