package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
)

// CheckSchema names the version of the JSON of a check.
const CheckSchema = "latch.check/v1"

// number is one that JSON may lack: NaN and the infinities become null.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

type checkJSON struct {
	Schema     string         `json:"schema"`
	Outcome    Outcome        `json:"outcome"`
	Counts     map[string]int `json:"counts"`
	Source     string         `json:"source,omitempty"`
	Strict     bool           `json:"strict"`
	Incomplete string         `json:"incomplete,omitempty"`
	Verdicts   []verdictJSON  `json:"verdicts"`
	Slices     bool           `json:"slices"`
	Runs       []runJSON      `json:"runs"`
	Baseline   []runJSON      `json:"baseline,omitempty"`
	Warnings   []string       `json:"warnings"`
}

type verdictJSON struct {
	Budget     string      `json:"budget"`
	Func       string      `json:"func"`
	Key        []keyJSON   `json:"key"`
	Expect     string      `json:"expect"`
	Metric     string      `json:"metric"`
	Unit       string      `json:"unit"`
	State      string      `json:"state"`
	Action     string      `json:"action"`
	Estimate   number      `json:"estimate"`
	Lo         number      `json:"lo"`
	Hi         number      `json:"hi"`
	Cmp        string      `json:"cmp"`
	Limit      limitJSON   `json:"limit"`
	Confidence float64     `json:"confidence"`
	Calls      uint64      `json:"calls"`
	Above      [2]uint64   `json:"above"`
	Need       uint64      `json:"need"`
	Change     *changeJSON `json:"change,omitempty"`
	Reasons    []string    `json:"reasons"`
}

type keyJSON struct {
	Name  string `json:"name"`
	Op    string `json:"op"`
	Value string `json:"value"`
}

// limitJSON is a limit in its unit; with Baseline it is what may be added to
// the baseline's value.
type limitJSON struct {
	Value    number `json:"value"`
	Unit     string `json:"unit"`
	Baseline bool   `json:"baseline"`
}

type changeJSON struct {
	Before     number `json:"before"`
	After      number `json:"after"`
	Ratio      number `json:"ratio"`
	RatioLo    number `json:"ratio_lo"`
	RatioHi    number `json:"ratio_hi"`
	Diff       number `json:"diff"`
	DiffLo     number `json:"diff_lo"`
	DiffHi     number `json:"diff_hi"`
	P          number `json:"p"`
	RunsBefore int    `json:"runs_before"`
	RunsAfter  int    `json:"runs_after"`
	NeedRuns   int    `json:"need_runs"`
}

// runJSON is what a recording says of itself, and what of it is missing.
type runJSON struct {
	Start      time.Time        `json:"start"`
	DurationNS int64            `json:"duration_ns"`
	Kernel     string           `json:"kernel"`
	Machine    string           `json:"machine"`
	Latch      string           `json:"latch"`
	Targets    []latency.Target `json:"targets"`
	Command    *latency.Command `json:"command,omitempty"`
	Overhead   latency.Overhead `json:"overhead"`
	Balance    latency.Balance  `json:"balance"` // of all functions together
}

var unitJSON = [...]string{budget.Nanoseconds: "ns", budget.Share: "share", budget.Count: "count", budget.PerSecond: "per_second"}

// CheckJSON writes c as one JSON document of CheckSchema. An estimate of null
// means that there is none, an end of an interval of null that there is none or
// that nothing bounds it. Shares are parts of 1.
func CheckJSON(w io.Writer, c *Check) error {
	doc := checkJSON{
		Schema: CheckSchema, Outcome: c.Outcome(), Counts: make(map[string]int), Source: c.Source, Strict: c.Strict,
		Incomplete: c.Incomplete, Verdicts: make([]verdictJSON, len(c.Verdicts)), Runs: runsJSON(c.Runs),
		Baseline: runsJSON(c.Baseline), Warnings: append([]string{}, c.warnings()...),
	}
	doc.Slices = c.Runs != nil && c.Runs.Slices
	for state, n := range c.count() {
		doc.Counts[budget.State(state).String()] = n
	}
	for i := range c.Verdicts {
		doc.Verdicts[i] = newVerdictJSON(&c.Verdicts[i])
	}
	return writeJSON(w, &doc)
}

func writeJSON(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func newVerdictJSON(v *budget.Verdict) verdictJSON {
	out := verdictJSON{
		Budget: v.Budget, Func: v.Func, Key: []keyJSON{}, Expect: v.Expect.String(), Metric: v.Expect.Metric.String(),
		Unit: unitJSON[v.Expect.Metric.Unit()], State: v.State.String(), Action: v.Action.String(),
		Estimate: number(v.Estimate), Lo: number(v.Lo), Hi: number(v.Hi),
		Cmp: v.Expect.Cmp.String(), Limit: limitJSON{number(limitValue(v.Expect.Limit)), unitJSON[v.Expect.Limit.Unit], v.Expect.Limit.Baseline},
		Confidence: v.Confidence(), Calls: v.Calls, Above: [2]uint64{v.Above, v.AboveMost}, Need: v.Need,
		Change: newChangeJSON(v.Change), Reasons: append([]string{}, v.Reasons...),
	}
	for _, m := range v.Key {
		out.Key = append(out.Key, keyJSON{m.Key, m.Op.String(), m.Value})
	}
	return out
}

// limitValue is the limit in its unit, a share as a part of 1.
func limitValue(l budget.Limit) float64 {
	if l.Unit == budget.Share {
		return l.Value / 100
	}
	return l.Value
}

func newChangeJSON(c *budget.Change) *changeJSON {
	if c == nil {
		return nil
	}
	return &changeJSON{
		number(c.Before), number(c.After), number(c.Ratio), number(c.Lo), number(c.Hi),
		number(c.Diff), number(c.DiffLo), number(c.DiffHi), number(c.P), c.RunsBefore, c.RunsAfter, c.NeedRuns,
	}
}

func runsJSON(runs *budget.Runs) []runJSON {
	out := []runJSON{}
	if runs == nil {
		return out
	}
	for _, rec := range runs.Recordings {
		r := runJSON{
			rec.Start, rec.DurationNS, rec.Kernel, rec.Machine, rec.Latch, append([]latency.Target{}, rec.Targets...),
			rec.Command, rec.Overhead, latency.Balance{Lost: map[string]uint64{}},
		}
		for i := range rec.Functions {
			r.Balance.Add(&rec.Functions[i].Balance)
		}
		out = append(out, r)
	}
	return out
}
