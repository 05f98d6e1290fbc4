package elfsym

import (
	"debug/dwarf"
	"slices"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/godwarf"
	"github.com/go-delve/delve/pkg/dwarf/op"
	"github.com/go-delve/delve/pkg/proc"
)

// delve finds parameters by github.com/go-delve/delve/pkg/proc, so that both
// readers can be compared on whole programs.
type delve struct {
	bi    *proc.BinaryInfo
	funcs map[uint64]dwarf.Offset // by entry address
}

func loadDelve(t testing.TB, b *Binary) *delve {
	t.Helper()
	bi := proc.NewBinaryInfo("linux", "amd64", true)
	if err := bi.LoadBinaryInfo(b.Path(), b.ELF().Entry, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bi.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &delve{bi, map[uint64]dwarf.Offset{}}
	for r := bi.Images[0].DwarfReader(); ; {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return d
		}
		switch e.Tag {
		case dwarf.TagCompileUnit:
		case dwarf.TagSubprogram:
			if lo, ok := e.Val(dwarf.AttrLowpc).(uint64); ok {
				d.funcs[lo] = e.Offset
			}
			r.SkipChildren()
		default:
			r.SkipChildren()
		}
	}
}

// delveParam is what delve says about a parameter.
type delveParam struct {
	name, typ string
	size      int64
	loc       Loc
	known     bool
}

// params lists the parameters and results of the function at pc, without the
// dictionary and the twins that the compiler makes.
func (d *delve) params(t testing.TB, pc uint64) []delveParam {
	t.Helper()
	r := d.bi.Images[0].DwarfReader()
	origins := d.bi.Images[0].DwarfReader()
	off, ok := d.funcs[pc]
	if !ok {
		t.Fatalf("no function at %#x", pc)
	}
	r.Seek(off)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	var out []delveParam
	seen := map[string]bool{}
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			t.Fatal(err)
		}
		if e.Tag == 0 {
			return out
		}
		if e.Tag == dwarf.TagFormalParameter {
			entry, _ := godwarf.LoadAbstractOriginAndSpecification(e, origins.Reader)
			name, _ := entry.Val(dwarf.AttrName).(string)
			if name == ".dict" || seen[name] && name != "_" {
				continue
			}
			seen[name] = true
			typ, err := d.bi.Images[0].Type(entry.Val(dwarf.AttrType).(dwarf.Offset))
			if err != nil {
				t.Fatal(err)
			}
			p := delveParam{name: name, typ: typ.Common().Name, size: typ.Size()}
			if result, _ := entry.Val(dwarf.AttrVarParam).(bool); !result {
				addr, pieces, _, err := d.bi.Location(entry, dwarf.AttrLocation, pc, op.DwarfRegisters{CFA: 8, FrameBase: 8}, nil)
				p.loc, p.known = delveLoc(addr, pieces, p.size), err == nil
			}
			out = append(out, p)
		}
		r.SkipChildren()
	}
}

// delveLoc rewrites delve's answer for a frame whose CFA was said to be 8.
func delveLoc(addr int64, pieces []op.Piece, size int64) Loc {
	if len(pieces) == 0 {
		return memLoc(regRSP, addr, size)
	}
	var l Loc
	for _, p := range pieces {
		q := Piece{Size: int64(p.Size)}
		if q.Size == 0 {
			q.Size = size
		}
		switch p.Kind {
		case op.RegPiece:
			q.Kind, q.Reg = InReg, Reg(p.Val)
			if p.Val > 15 {
				q.Kind, q.Reg = Missing, 0
			}
		case op.AddrPiece:
			q.Kind, q.Reg, q.Off = InMem, regRSP, int64(p.Val)
		}
		l.Pieces = append(l.Pieces, q)
	}
	return l
}

// compareDelve compares all parameters of all functions and returns how many
// there are and how many delve has a place for.
func compareDelve(t *testing.T, b *Binary) (params, placed int) {
	t.Helper()
	d := loadDelve(t, b)
	wrong := 0
	for i := range d.bi.Functions {
		f := &d.bi.Functions[i]
		if f.Entry == 0 {
			continue
		}
		want := d.params(t, f.Entry)
		got, err := b.Params(&Func{Name: f.Name, Symbol: f.Name, Addr: VAddr(f.Entry)})
		if slices.ContainsFunc(want, func(p delveParam) bool { return strings.HasPrefix(p.name, "&") }) {
			continue // a literal called where it stands: delve does not know what is captured
		}
		got = slices.DeleteFunc(got, func(p Param) bool { return p.Captured })
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %d parameters, want %d: %v", f.Name, len(got), len(want), err)
			continue
		}
		for j, w := range want {
			params++
			g := got[j]
			if g.Name != goParamName(w.name) || g.Type.Size != w.size {
				t.Errorf("%s: %s of %d bytes, want %s of %d", f.Name, g.Name, g.Type.Size, w.name, w.size)
			}
			if !w.known || w.size == 0 || twin(want, j) {
				continue
			}
			placed++
			if g.Err != nil && len(readable(w.loc)) > 0 || g.Err == nil && !sameLoc(w.loc, g.Loc) {
				if wrong++; wrong < 20 {
					t.Errorf("%s: %s %s is at %s, delve says %s", f.Name, g.Name, g.Type.Name,
						showPlace(g, b.Arch()), showPlace(Param{Loc: w.loc}, b.Arch()))
				}
			}
		}
	}
	return params, placed
}

// twin reports whether delve has two parameters in one place.
func twin(params []delveParam, i int) bool {
	return slices.ContainsFunc(params, func(p delveParam) bool {
		return p.name != params[i].name && p.known && len(p.loc.Pieces) > 0 && slices.Equal(p.loc.Pieces, params[i].loc.Pieces)
	})
}

func readable(l Loc) []Piece {
	var out []Piece
	for _, p := range l.Pieces {
		if p.Kind != Missing {
			out = append(out, p)
		}
	}
	return out
}

// TestParamsAgainstDelve compares every parameter of a program that uses much
// of the standard library.
func TestParamsAgainstDelve(t *testing.T) {
	const source = `
package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"text/template"
)

func main() {
	x, y := big.NewInt(3), big.NewInt(5)
	b, err := json.Marshal(x.And(x, y))
	fmt.Println(string(b), err, template.New("x"))
}
`
	for _, flags := range []string{"", "-gcflags=-N -l"} {
		params, placed := compareDelve(t, goBuild(t, source, flags))
		if params < 5000 || placed < 2000 {
			t.Errorf("compared %d parameters, of which delve places %d", params, placed)
		}
		t.Logf("%s: %d parameters, %d placed by delve", flags, params, placed)
	}
}
