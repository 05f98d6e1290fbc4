package budget

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/latchprof/latch/latency"
)

// A group is one function in all the runs of one side.
type group struct {
	name string
	// title is for people, and another one for each group.
	title string
	// parts holds for each run the functions that go by this name.
	parts [][]*latency.Function
	runs  *Runs
}

// groups returns the functions of r, in the order of their names. Functions of
// one name are told apart by their binary's and their file's base names only
// where a recording of either side holds several: a build may change both.
func groups(r *Runs, sides ...*Runs) []*group {
	several := make(map[string]bool)
	for _, side := range append(sides, r) {
		for _, rec := range side.Recordings {
			seen := make(map[string]bool)
			for i := range rec.Functions {
				name := rec.Functions[i].Name
				several[name] = several[name] || seen[name]
				seen[name] = true
			}
		}
	}
	byID := make(map[string]*group)
	for run, rec := range r.Recordings {
		for i := range rec.Functions {
			f := &rec.Functions[i]
			id := f.Name
			if several[f.Name] {
				id += "\x00" + path.Base(f.Binary) + "\x00" + path.Base(f.File)
			}
			g := byID[id]
			if g == nil {
				g = &group{name: id, parts: make([][]*latency.Function, len(r.Recordings)), runs: r}
				byID[id] = g
			}
			g.parts[run] = append(g.parts[run], f)
		}
	}
	all := slices.SortedFunc(maps.Values(byID), func(a, b *group) int { return cmp.Compare(a.name, b.name) })
	entitle(all, several)
	return all
}

// entitle gives functions their names, with the file that holds them where
// several have one name, and with that of their source where that file has
// several.
func entitle(all []*group, several map[string]bool) {
	titles := make(map[string]int)
	for _, g := range all {
		f := g.first()
		if g.title = f.Name; several[f.Name] {
			g.title = fmt.Sprintf("%s (%s)", f.Name, path.Base(f.Binary))
		}
		titles[g.title]++
	}
	for _, g := range all {
		if titles[g.title] > 1 {
			g.title = fmt.Sprintf("%s, %s)", strings.TrimSuffix(g.title, ")"), path.Base(g.first().File))
		}
	}
}

// first returns a function of g.
func (g *group) first() *latency.Function {
	for _, fs := range g.parts {
		if len(fs) > 0 {
			return fs[0]
		}
	}
	return nil
}

// lacks returns the keys by which not all of g's functions were recorded.
func (g *group) lacks(keys []string) []string {
	var missing []string
	for _, key := range keys {
		for _, fs := range g.parts {
			if slices.ContainsFunc(fs, func(f *latency.Function) bool { return !slices.Contains(f.By, key) }) {
				missing = append(missing, key)
				break
			}
		}
	}
	return missing
}

// An index finds the series of a group by some parts of their keys, so that a
// function of many keys is not searched for each of them.
type index struct {
	*group
	by   []string
	runs [][]funcIndex // as group.parts
}

type funcIndex struct {
	f *latency.Function
	// exact are the series by the id of their values of by.
	exact map[string][]*latency.Series
	// hidden are those with a part, of by or not, that is not known.
	hidden []*latency.Series
}

func (g *group) index(by []string) *index {
	x := &index{group: g, by: by, runs: make([][]funcIndex, len(g.parts))}
	for run, fs := range g.parts {
		for _, f := range fs {
			fx := funcIndex{f: f, exact: make(map[string][]*latency.Series)}
			for i := range f.Series {
				s := &f.Series[i]
				if hides(s, f.By) {
					fx.hidden = append(fx.hidden, s)
				} else {
					id := keyID(valuesOf(s, by))
					fx.exact[id] = append(fx.exact[id], s)
				}
			}
			x.runs[run] = append(x.runs[run], fx)
		}
	}
	return x
}

func hides(s *latency.Series, by []string) bool {
	return slices.ContainsFunc(by, func(name string) bool {
		return s.Key[name] == latency.KeyOther || s.Key[name] == latency.KeyUnreadable
	})
}

func valuesOf(s *latency.Series, by []string) []string {
	key := make([]string, len(by))
	for i, name := range by {
		key[i] = s.Key[name]
	}
	return key
}

// keyID joins the values in such a way that different ones differ.
func keyID(key []string) string {
	switch len(key) {
	case 0:
		return ""
	case 1:
		return key[0]
	}
	id, _ := json.Marshal(key) // strings always have a JSON form
	return string(id)
}

// keys returns the distinct values of by, among the calls that where admits.
func (x *index) keys(where []Matcher) [][]string {
	seen := make(map[string][]string)
	add := func(s *latency.Series) {
		if admits(s, where) == yes {
			key := valuesOf(s, x.by)
			seen[keyID(key)] = key
		}
	}
	for _, fs := range x.runs {
		for _, fx := range fs {
			for _, series := range fx.exact {
				for _, s := range series {
					add(s)
				}
			}
			for _, s := range fx.hidden {
				add(s)
			}
		}
	}
	return slices.SortedFunc(maps.Values(seen), func(a, b []string) int { return slices.Compare(a, b) })
}

// pools returns the calls with these values of by that where admits, for each
// run. Where has the values of by as well.
func (x *index) pools(key []string, where []Matcher) []*pool {
	all := make([]*pool, len(x.runs))
	for run, fs := range x.runs {
		p := &pool{duration: x.group.runs.Recordings[run].DurationNS}
		for i := range fs {
			p.addFunction(&fs[i], key, where)
		}
		all[run] = p
	}
	return all
}

// addFunction adds the calls of one function.
func (p *pool) addFunction(fx *funcIndex, key []string, where []Matcher) {
	p.balance.Add(&fx.f.Balance)
	p.untimed = p.untimed || fx.f.Exit == latency.ExitNone
	found := false
	for _, s := range fx.exact[keyID(key)] {
		if admits(s, where) == yes {
			p.Merge(s)
			found = true
		}
	}
	pinned := found && pins(where, fx.f.By)
	for _, s := range fx.hidden {
		switch admits(s, where) {
		case yes:
			p.Merge(s)
		case maybe:
			// A key that has a series of its own never goes to another, so that
			// calls with it are merged nowhere.
			if !pinned || unreadable(s, where) {
				p.doubtful = append(p.doubtful, *s)
			}
		}
	}
}

// pins reports whether where names a value for each part of the key.
func pins(where []Matcher, by []string) bool {
	for _, name := range by {
		if !slices.ContainsFunc(where, func(m Matcher) bool { return m.Key == name && m.Op == Equal }) {
			return false
		}
	}
	return true
}

// unreadable reports whether a part of s's key that where looks at could not
// be read.
func unreadable(s *latency.Series, where []Matcher) bool {
	return slices.ContainsFunc(where, func(m Matcher) bool { return s.Key[m.Key] == latency.KeyUnreadable })
}

// Means reports whether a verdict's or a row's Func is that of f.
func Means(name string, f *latency.Function) bool {
	rest, ok := strings.CutPrefix(name, f.Name)
	if !ok || rest == "" {
		return ok
	}
	rest, ok = strings.CutPrefix(rest, " ("+path.Base(f.Binary))
	return ok && (rest == ")" || strings.HasPrefix(rest, ", "))
}
