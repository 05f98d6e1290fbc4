package report

import (
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

// minTogether is how many system calls share a table.
const minTogether = 4

// callColumn is the heading of their names in it.
const callColumn = "call"

// systemCalls are the system calls that are shown in one table, as their keys
// have the same parts; none where they are few.
func systemCalls(functions []latency.Function) []*latency.Function {
	var out []*latency.Function
	for i := range functions {
		f := &functions[i]
		if f.Lang == latency.LangKernel && f.Balance.Entries > 0 && (len(out) == 0 || slices.Equal(out[0].By, f.By)) {
			out = append(out, f)
		}
	}
	if len(out) < minTogether {
		return nil
	}
	return out
}

// oneTable shows system calls in one table, and the balance of all and of each
// whose calls have not all returned.
func (p *printer) oneTable(calls []*latency.Function) {
	all := latency.Function{
		Name: "system calls", Lang: calls[0].Lang, Entry: calls[0].Entry, Exit: latency.ExitTracepoint,
		By: append([]string{callColumn}, calls[0].By...),
	}
	var partial []*latency.Function
	for _, f := range calls {
		if f.Exit == latency.ExitNone {
			partial = append(partial, f)
			continue
		}
		all.Balance.Add(&f.Balance)
		if f.Balance.Entries != f.Balance.Returns {
			partial = append(partial, f)
		}
		for _, s := range f.Series {
			key := map[string]string{callColumn: strings.TrimPrefix(f.Name, "sys:")}
			for part, text := range s.Key {
				key[part] = text
			}
			s.Key = key
			all.Series = append(all.Series, s)
		}
	}
	p.function(&all, nil)
	for _, f := range partial {
		what := Escape(f.Name)
		if f.Exit == latency.ExitNone {
			what += ", counted, not timed"
		}
		p.paragraph(plain, 2, what+": "+strings.TrimPrefix(Balance(&f.Balance), "balance: "))
	}
}
