package report

import (
	"slices"
	"strings"
)

// A grid is a table of rows that are alike, for one verdict or difference each.
type grid struct {
	cols []gridColumn
	rows []gridRow
}

// A gridColumn is a column's heading and how it gives way on a narrow terminal.
type gridColumn struct {
	name string
	// number puts the cells to the right.
	number bool
	// cuts lets the cells be cut.
	cuts bool
	// spare is the order in which columns are left out; 0 for never.
	spare int
}

// A gridRow is a row, with what is said above and below it. All its texts are
// escaped.
type gridRow struct {
	title string // of the rows from here on that have the same one
	cells []string
	mark  style // of the first cell
	notes []string
}

// grid writes g no wider than asked for: columns that are empty are left out,
// then names are cut, then they have lines of their own, then columns that can
// be spared are left out.
func (p *printer) grid(g *grid) {
	g.drop(g.empty)
	var above []int // columns that have a line of their own
	var widths []int
	over := func() bool {
		widths = g.widths()
		n := margin - gap
		for i, w := range widths {
			switch {
			case slices.Contains(above, i):
				continue
			case g.cols[i].cuts:
				w = min(w, 2*minKey)
			}
			n += gap + w
		}
		return n > p.Width
	}
	if over() {
		for i, c := range g.cols {
			if c.cuts {
				above = append(above, i)
			}
		}
	}
	for spare := 1; spare <= len(g.cols) && over(); spare++ {
		g.drop(func(i int) bool { return g.cols[i].spare == spare })
	}
	p.shrink(g, widths, above)

	heading := make([]string, len(g.cols))
	for i, c := range g.cols {
		heading[i] = c.name
	}
	p.line(dim, p.cells(g, heading, widths, above, plain))
	title, name := "", ""
	for _, r := range g.rows {
		if r.title != title {
			title, name = r.title, ""
			p.line(bold, chop(title, p.Width))
		}
		var names []string
		for _, i := range above {
			names = append(names, r.cells[i])
		}
		if n := strings.TrimSpace(strings.Join(names, " ")); n != name {
			name = n
			p.line(plain, blanks(margin)+chop(name, p.Width-margin))
		}
		p.line(plain, p.cells(g, r.cells, widths, above, r.mark))
		for _, n := range r.notes {
			p.paragraph(dim, 2*margin, n)
		}
	}
}

// cells joins those of a row to a line, the first of them marked.
func (p *printer) cells(g *grid, cells []string, widths, above []int, mark style) string {
	out := ""
	for i, cell := range cells {
		if slices.Contains(above, i) {
			continue
		}
		cell = chop(cell, widths[i])
		if g.cols[i].number {
			cell = right(cell, widths[i])
		} else {
			cell = left(cell, widths[i])
		}
		out += blanks(gap) + cell
	}
	out = blanks(margin-gap) + chop(out, p.Width-(margin-gap))
	if first := blanks(margin) + cells[0]; mark != plain && strings.HasPrefix(out, first) {
		out = blanks(margin) + p.paint(mark, cells[0]) + out[len(first):]
	}
	return out
}

func (g *grid) empty(column int) bool {
	return !slices.ContainsFunc(g.rows, func(r gridRow) bool { return r.cells[column] != "" })
}

// drop leaves out columns.
func (g *grid) drop(is func(column int) bool) {
	var keep []int
	for i := range g.cols {
		if !is(i) {
			keep = append(keep, i)
		}
	}
	g.cols = pick(g.cols, keep)
	for i := range g.rows {
		g.rows[i].cells = pick(g.rows[i].cells, keep)
	}
}

func pick[T any](all []T, keep []int) []T {
	out := make([]T, len(keep))
	for i, k := range keep {
		out[i] = all[k]
	}
	return out
}

// widths are what each column needs to show all of its cells.
func (g *grid) widths() []int {
	out := make([]int, len(g.cols))
	for i, c := range g.cols {
		out[i] = width(c.name)
		for _, r := range g.rows {
			out[i] = max(out[i], width(r.cells[i]))
		}
	}
	return out
}

// shrink takes from the widest columns that may be cut until all fit.
func (p *printer) shrink(g *grid, widths, above []int) {
	for {
		total, widest := margin-gap, -1
		for i, w := range widths {
			if slices.Contains(above, i) {
				continue
			}
			total += gap + w
			if g.cols[i].cuts && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if total <= p.Width || widest < 0 {
			return
		}
		widths[widest]--
	}
}
