package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

// maxIdle is how many functions without calls are shown one by one.
const maxIdle = 3

// functions writes a section for each function. Those that were never called
// come last, and where they are many, as a list of names.
func (p *printer) functions(rec *latency.Recording) {
	if len(rec.Functions) == 0 {
		p.line(plain, "")
		p.line(plain, "no calls")
	}
	var idle []*latency.Function
	together := systemCalls(rec.Functions)
	for i := range rec.Functions {
		f := &rec.Functions[i]
		switch {
		case f.Balance.Entries == 0 && len(f.Series) == 0:
			idle = append(idle, f)
		case len(together) > 0 && f == together[0]:
			p.oneTable(together)
		case !slices.Contains(together, f):
			p.function(f, rec.Warnings)
		}
	}
	if len(idle) <= maxIdle {
		for _, f := range idle {
			p.title(f)
			p.line(plain, "  no calls")
			p.paragraph(plain, 2, Balance(&f.Balance))
		}
		return
	}
	p.line(plain, "")
	names := make([]string, 0, p.Top)
	for _, f := range idle[:min(len(idle), p.Top)] {
		names = append(names, cutWidth(f.Name, p.Width))
	}
	text := fmt.Sprintf("no calls of %d functions: %s", len(idle), strings.Join(names, ", "))
	if n := len(idle) - len(names); n > 0 {
		text += fmt.Sprintf(", … %d more", n)
	}
	p.paragraph(plain, 0, text)
}

// title names the function and says how it is measured, on one line if it fits.
func (p *printer) title(f *latency.Function) {
	facts := fmt.Sprintf(", entry %s, exit %s", cmp.Or(Escape(f.Entry.Cost), "unknown"), cmp.Or(Escape(f.Exit), "unknown"))
	if f.Exit == latency.ExitNone {
		facts = fmt.Sprintf(", entry %s, counted only", cmp.Or(Escape(f.Entry.Cost), "unknown"))
	}
	name, lang, path := cutWidth(f.Name, p.Width), cutWidth(f.Lang, minWidth), cutBytes(f.Binary, maxText)
	if path != "" {
		lang += ", "
	}
	p.line(plain, "")
	if details := lang + path + facts; width(name)+2+width(details) <= p.Width {
		p.line(plain, p.paint(bold, name)+"  "+details)
		return
	}
	p.line(bold, name)
	path = chopLeft(path, max(p.Width-2-width(lang)-width(facts), minKey))
	p.line(plain, "  "+chop(lang+path+facts, p.Width-2))
}

func (p *printer) function(f *latency.Function, warnings []string) {
	p.title(f)
	if f.Exit == latency.ExitNone {
		p.paragraph(plain, 2, reasonFor(f, warnings))
	}
	if len(f.Series) == 0 {
		p.line(plain, "  no call returned")
	} else {
		p.series(f)
	}
	mark := plain
	if f.Balance.TotalLost() > 0 || f.Balance.Check() != nil {
		mark = red
	}
	p.paragraph(mark, 2, Balance(&f.Balance))
}

// reasonFor says why a function is not timed, in the words of the warning
// about it.
func reasonFor(f *latency.Function, warnings []string) string {
	for _, w := range warnings {
		if f.Name != "" && strings.Contains(w, f.Name) || f.Symbol != "" && strings.Contains(w, f.Symbol) {
			w = strings.TrimPrefix(strings.TrimPrefix(w, f.Name+":"), f.Symbol+":")
			return "counted, not timed: " + cutBytes(strings.TrimSpace(w), maxText)
		}
	}
	if f.Lang == latency.LangKernel {
		return "counted, not timed: it never returns"
	}
	return "counted, not timed: its exits cannot be caught"
}

// series writes the table of a function.
func (p *printer) series(f *latency.Function) {
	sorted := byTime(f)
	total := latency.Total(sorted)
	shown := sorted[:min(len(sorted), p.Top)]

	t := newTable(f, &total, shown, p.Width)
	if len(sorted) > 1 {
		t.label = fmt.Sprintf("all %s keys", formatCount(uint64(len(sorted))))
	}
	t.fit(shown)
	p.line(dim, t.header())
	for i := range shown {
		p.line(plain, t.row(&shown[i]))
	}
	if rest := latency.Total(sorted[len(shown):]); len(shown) < len(sorted) {
		p.line(dim, chop(fmt.Sprintf("  … %s more series, %s calls",
			formatCount(uint64(len(sorted)-len(shown))), formatCount(rest.Count)), p.Width))
	}
	if len(sorted) > 1 {
		p.line(plain, t.totalRow())
	}
}

// byTime returns the series of f, those first that took the most time.
func byTime(f *latency.Function) []latency.Series {
	sorted := slices.Clone(f.Series)
	slices.SortStableFunc(sorted, func(a, b latency.Series) int {
		return cmp.Or(cmp.Compare(b.SumNS, a.SumNS), cmp.Compare(b.Count, a.Count), compareKeys(f.By, &a, &b))
	})
	return sorted
}

func compareKeys(by []string, a, b *latency.Series) int {
	for _, name := range by {
		if c := cmp.Compare(a.Key[name], b.Key[name]); c != 0 {
			return c
		}
	}
	return 0
}
