package elfsym

import (
	"cmp"
	"debug/dwarf"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
)

// maxLineRows bounds the rows of line tables that are kept at a time.
const maxLineRows = 16 << 20

// lineRows is the line table of a unit. debug/dwarf's own search runs through
// the table from its start each time.
type lineRows struct {
	seqs  []lineSeq // sorted by Lo
	used  []string  // the files of the rows
	files []string  // as DW_AT_call_file counts
	n     int       // rows in all
}

// lineSeq is a piece of code without gaps.
type lineSeq struct {
	Range
	rows []lineRow // sorted by addr
}

type lineRow struct {
	addr       VAddr
	file, line int32 // file is an index of used
}

// lineRows returns the line table of the unit whose entry is cu. It is empty
// where there is none or where it cannot be read.
func (d *dwarfInfo) lineRows(cu *dwarf.Entry) *lineRows {
	if t, ok := d.rows[cu.Offset]; ok {
		return t
	}
	d.rows[cu.Offset] = &lineRows{}
	t := &lineRows{}
	if err := t.read(d.data, cu); err != nil {
		return d.rows[cu.Offset]
	}
	if d.numRows += t.n; d.numRows > maxLineRows {
		clear(d.rows)
		d.numRows = t.n
	}
	d.rows[cu.Offset] = t
	return t
}

func (t *lineRows) read(data *dwarf.Data, cu *dwarf.Entry) error {
	r, err := data.LineReader(cu)
	if err != nil || r == nil {
		return err
	}
	dir, _ := cu.Val(dwarf.AttrCompDir).(string)
	index := map[*dwarf.LineFile]int32{}
	var seq []lineRow
	for {
		var e dwarf.LineEntry
		err := r.Next(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: line table: %w", ErrMalformed, err)
		}
		if e.EndSequence {
			t.add(seq, VAddr(e.Address))
			seq = nil
			continue
		}
		if t.n++; t.n > maxLineRows {
			return fmt.Errorf("%w: line table of more than %d rows", ErrMalformed, maxLineRows)
		}
		file, ok := index[e.File]
		if !ok {
			file = int32(len(t.used))
			index[e.File] = file
			t.used = append(t.used, fileName(dir, e.File))
		}
		line := int32(0)
		if e.Line > 0 && e.Line <= math.MaxInt32 {
			line = int32(e.Line)
		}
		seq = append(seq, lineRow{VAddr(e.Address), file, line})
	}
	for _, f := range r.Files() {
		t.files = append(t.files, fileName(dir, f))
	}
	slices.SortStableFunc(t.seqs, func(x, y lineSeq) int { return cmp.Compare(x.Lo, y.Lo) })
	return nil
}

// add adds the rows of a sequence that ends at end, unless it is of a section
// that the linker dropped, which begins at 0 or 1.
func (t *lineRows) add(rows []lineRow, end VAddr) {
	slices.SortStableFunc(rows, func(x, y lineRow) int { return cmp.Compare(x.addr, y.addr) })
	if len(rows) > 0 && rows[0].addr > 1 && rows[0].addr < end {
		t.seqs = append(t.seqs, lineSeq{Range{rows[0].addr, end}, slices.Clip(rows)})
	}
}

// fileName returns the name of f, which debug/dwarf leaves relative to dir,
// the directory of the compilation, in DWARF 5. "" is that of no file.
func fileName(dir string, f *dwarf.LineFile) string {
	switch {
	case f == nil || f.Name == "":
		return ""
	case path.IsAbs(f.Name) || !path.IsAbs(dir):
		return f.Name
	}
	return path.Join(dir, f.Name)
}

// at returns the source position of the instruction that holds a. Of several
// rows for one address the last counts.
func (t *lineRows) at(a VAddr) (file string, line int) {
	i, _ := slices.BinarySearchFunc(t.seqs, a+1, func(s lineSeq, a VAddr) int { return cmp.Compare(s.Lo, a) })
	for n := 0; i > 0 && n < maxOverlap; n++ {
		i--
		s := &t.seqs[i]
		if !s.holds(a) {
			continue
		}
		k, _ := slices.BinarySearchFunc(s.rows, a+1, func(r lineRow, a VAddr) int { return cmp.Compare(r.addr, a) })
		row := s.rows[k-1]
		return t.used[row.file], int(row.line)
	}
	return "", 0
}

// file returns the name of the i-th file, "" where there is none.
func (t *lineRows) file(i int32) string {
	if i < 0 || int(i) >= len(t.files) {
		return ""
	}
	return t.files[i]
}
