package elfsym

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

const (
	maxNear    = 5       // names that a message suggests
	maxNearTry = 400_000 // functions that are compared
)

// notFound returns the error for a name that no function has, with names
// that the user may have meant.
func (b *Binary) notFound(t *funcTable, name string) error {
	err := fmt.Errorf("%s: %s: %w", b.Name(), name, ErrNotFound)
	near := b.near(t, name)
	if len(near) == 0 {
		return err
	}
	return fmt.Errorf("%w; near it: %s", err, strings.Join(near, ", "))
}

type nearName struct {
	f    *Func
	rank int
}

// near returns up to maxNear names that resemble name, the likeliest first.
func (b *Binary) near(t *funcTable, name string) []string {
	want := strings.ToLower(lastIdent(goBase(name)))
	if want == "" {
		return nil
	}
	var best []nearName
	for i, f := range t.funcs {
		if i == maxNearTry {
			break
		}
		if !selectable(f) {
			continue
		}
		r := rankName(f.Symbol, want)
		for _, a := range f.Aliases {
			r = min(r, rankName(a, want))
		}
		if r == farOff {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, nearName{f, r}, compareNear)
		if at < 4*maxNear {
			best = slices.Insert(best, at, nearName{f, r})
			best = best[:min(len(best), 4*maxNear)]
		}
	}
	var names []string
	for _, n := range best {
		b.name([]*Func{n.f})
		s := shortened(n.f.Name)
		if !slices.Contains(names, s) && len(names) < maxNear {
			names = append(names, s)
		}
	}
	return names
}

func compareNear(x, y nearName) int {
	return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(len(x.f.Symbol), len(y.f.Symbol)),
		strings.Compare(x.f.Symbol, y.f.Symbol))
}

// Nearest returns up to 5 of the names that resemble name, the likeliest first.
func Nearest(name string, names []string) []string {
	return nearest(name, slices.Values(names), func(name string) string { return name })
}

// nearest returns up to maxNear names whose identifiers resemble want, the
// likeliest first. A name whose identifier is "" is like none.
func nearest(want string, names iter.Seq[string], ident func(name string) string) []string {
	type candidate struct {
		name string
		rank int
	}
	if want = strings.ToLower(want); want == "" {
		return nil
	}
	var best []candidate
	for n := range names {
		if r := rankIdent(ident(n), want); r < farOff {
			best = append(best, candidate{n, r})
		}
	}
	slices.SortFunc(best, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(len(a.name), len(b.name)), strings.Compare(a.name, b.name))
	})
	var out []string
	for _, c := range best[:min(len(best), maxNear)] {
		out = append(out, c.name)
	}
	return out
}

const farOff = 100

// rankName says how near the identifiers of a symbol are to want, which is
// in lower case: 0 is the last identifier itself, farOff is nothing alike.
func rankName(sym, want string) int {
	best := farOff
	visit := func(id string, last bool) {
		r := rankIdent(id, want)
		if !last && r < farOff {
			r += 10
		}
		best = min(best, r)
	}
	if len(sym) > maxDemangle {
		return farOff
	}
	if symbolLang(sym) == LangC {
		name := strings.TrimSuffix(goBase(sym), ".abi0")
		if i := strings.LastIndexAny(name, "/"); i >= 0 {
			name = name[i+1:]
		}
		parts := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(".()*", r) })
		for i, p := range parts {
			visit(p, i == len(parts)-1)
		}
		return best
	}
	// Mangled identifiers have their length in front.
	var ids []string
	for i := 0; i < len(sym) && len(ids) < 16; {
		n, k := 0, i
		for k < len(sym) && sym[k] >= '0' && sym[k] <= '9' && n < len(sym) {
			n, k = n*10+int(sym[k]-'0'), k+1
		}
		if k == i || n == 0 || n > len(sym)-k {
			i = max(i+1, k)
			continue
		}
		ids = append(ids, sym[k:k+n])
		i = k + n
	}
	if n := len(ids); n > 1 && rustHash(sym) > 0 {
		ids = ids[:n-1]
	}
	for i, id := range ids {
		visit(id, i == len(ids)-1)
	}
	return best
}

func rankIdent(id, want string) int {
	if len(id) > 128 {
		return farOff
	}
	if strings.EqualFold(id, want) {
		return 0
	}
	if len(want) >= 4 && len(id) > len(want) {
		low := strings.ToLower(id)
		if strings.HasPrefix(low, want) || strings.HasSuffix(low, want) {
			return 4
		}
		if strings.Contains(low, want) {
			return 5
		}
	}
	most := min(2, (len(want)-1)/2)
	if d := len(id) - len(want); most <= 0 || d > most || d < -most || len(want) > 64 {
		return farOff
	}
	if d := distance(strings.ToLower(id), want); d <= most {
		return d
	}
	return farOff
}

// distance counts the bytes to insert, delete, replace or swap to turn x into
// y, both at most 66 bytes long.
func distance(x, y string) int {
	var rows [3][68]int
	for j := range len(y) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		row, up, up2 := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			row[j] = min(up[j]+1, row[j-1]+1, up[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], up2[j-2]+1)
			}
		}
	}
	return rows[len(x)%3][len(y)]
}
