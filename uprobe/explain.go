package uprobe

import (
	"errors"
	"fmt"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/latency"
)

// What looking functions up in the debug information after a measurement may
// cost: that many functions, and a second or so for one that was not called.
const (
	maxExplained  = 4
	maxDebugNamed = 64 << 20 // bytes of .debug_info, for a name that is not found
	maxDebugIdle  = 24 << 20
	maxDebugBusy  = 4 << 20
)

// Explain adds to the recording's warnings what its numbers leave out: the
// inlined copies of each function, which no probe sees, and a reason for a
// function that was not called. It reads debug information, so call it after
// Stop.
func (s *Session) Explain(rec *latency.Recording) {
	explained := 0
	byName := make(map[string]*latency.Function)
	for i := range rec.Functions {
		byName[rec.Functions[i].Symbol] = &rec.Functions[i]
	}
	for i := range s.plan.Probes {
		p := &s.plan.Probes[i]
		f := byName[p.Func.Symbol]
		if f == nil || explained == maxExplained {
			continue
		}
		explained++
		idle := f.Balance.Entries == 0
		limit := uint64(maxDebugBusy)
		if idle {
			limit = maxDebugIdle
		}
		sites, err := inlinedAt(p.Image.Binary, p.Func.Name, limit)
		switch {
		case err == nil && len(sites) > 0:
			where := sites[0]
			rec.Warnings = append(rec.Warnings, fmt.Sprintf("%s is also inlined at %d places, whose calls are not counted: the first is %s:%d in %s",
				p.Func.Name, len(sites), where.File, where.Line, where.In))
		case idle && err != nil:
			rec.Warnings = append(rec.Warnings, fmt.Sprintf("%s was not called: it was idle, or its callers hold inlined copies (%v)", p.Func.Name, err))
		case idle:
			rec.Warnings = append(rec.Warnings, fmt.Sprintf("%s was not called while latch measured", p.Func.Name))
		}
	}
}

// inlinedAt lists the places where the function was inlined, unless there is
// more debug information than limit, in bytes.
func inlinedAt(b *elfsym.Binary, name string, limit uint64) ([]elfsym.InlinedSite, error) {
	file := b.DebugELF()
	if file == nil {
		return nil, elfsym.ErrNoDebugInfo
	}
	if info := file.Section(".debug_info"); info == nil || info.Size > limit {
		return nil, errors.New("the debug information is too large to search it now")
	}
	sites, err := b.Inlined(name)
	return sites[name], err
}
