package ledger

import (
	"fmt"
	"slices"

	"github.com/latchprof/latch/fetch"
)

// Own is what is asked of one function alone, beside what is asked of all.
type Own struct {
	By       []*fetch.Expr
	LimitsNS []uint64 // ascending
}

// Add adds expressions, of which those of one name are taken for the same, and
// limits.
func (o *Own) Add(by []*fetch.Expr, limits []uint64) {
	for _, e := range by {
		if !slices.ContainsFunc(o.By, func(x *fetch.Expr) bool { return x.Alias == e.Alias }) {
			o.By = append(o.By, e)
		}
	}
	o.LimitsNS = append(o.LimitsNS, limits...)
	slices.Sort(o.LimitsNS)
	o.LimitsNS = slices.Compact(o.LimitsNS)
}

// Parts are the names of those expressions that the function's program has.
func (o *Own) Parts(p *fetch.Program) []string {
	var names []string
	for _, e := range o.By {
		if p != nil && slices.ContainsFunc(p.Parts, func(part fetch.Part) bool { return part.Name == e.Alias }) {
			names = append(names, e.Alias)
		}
	}
	return names
}

// Groups puts the functions together whose programs and limits are the same, so
// that they can share eBPF programs.
func Groups[F any](funcs []F, of func(*F) (*fetch.Program, []uint64)) [][]*F {
	index := make(map[string]int)
	var out [][]*F
	for i := range funcs {
		f := &funcs[i]
		program, limits := of(f)
		key := fmt.Sprint(limits, program.Fingerprint())
		at, ok := index[key]
		if !ok {
			at = len(out)
			index[key] = at
			out = append(out, nil)
		}
		out[at] = append(out[at], f)
	}
	return out
}
