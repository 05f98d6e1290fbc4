package budget

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"path"
	"slices"

	"github.com/latchprof/latch/latency"
)

// A pool holds the calls of one run, of one function, that a budget admits.
type pool struct {
	latency.Series
	// duration of the run in nanoseconds.
	duration int64
	// untimed says that the function's calls were counted only.
	untimed bool
	// doubtful are series that may hold calls which the budget admits: their
	// keys were merged, or could not be read.
	doubtful []latency.Series
	// balance is that of all runs that were added: of its calls lost and in
	// flight nothing is known, not even the key.
	balance latency.Balance
}

// unseen is how many calls have no latency, and might have been admitted.
func (p *pool) unseen() uint64 {
	return p.balance.InFlight + p.balance.TotalLost()
}

// add adds the calls of another run.
func (p *pool) add(o *pool) {
	p.Merge(&o.Series)
	p.duration += o.duration
	p.untimed = p.untimed || o.untimed
	p.doubtful = append(p.doubtful, o.doubtful...)
	p.balance.Add(&o.balance)
}

// doubt returns how many doubtful calls may be above a limit, and how many may
// not be above it.
func (p *pool) doubt(limitNS uint64) (above, below uint64) {
	for i := range p.doubtful {
		least, most := p.doubtful[i].Above(limitNS)
		above += most
		below += p.doubtful[i].Count - least
	}
	return above, below
}

// doubtfulCalls is how many calls may or may not be admitted.
func (p *pool) doubtfulCalls() uint64 {
	var n uint64
	for i := range p.doubtful {
		n += p.doubtful[i].Count
	}
	return n
}

// A group is one function in all the runs of one side.
type group struct {
	name string
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
	return slices.SortedFunc(maps.Values(byID), func(a, b *group) int { return cmp.Compare(a.name, b.name) })
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

// values returns the distinct values of the keys by, among the calls that
// where admits.
func (g *group) values(by []string, where []Matcher) [][]string {
	seen := make(map[string][]string)
	for _, fs := range g.parts {
		for _, f := range fs {
			for i := range f.Series {
				s := &f.Series[i]
				if admits(s, where) != yes {
					continue
				}
				key := make([]string, len(by))
				for j, name := range by {
					key[j] = s.Key[name]
				}
				id, _ := json.Marshal(key) // strings always have a JSON form
				seen[string(id)] = key
			}
		}
	}
	return slices.SortedFunc(maps.Values(seen), func(a, b []string) int { return slices.Compare(a, b) })
}

// pools returns the calls that where admits, for each run.
func (g *group) pools(where []Matcher) []*pool {
	all := make([]*pool, len(g.parts))
	for run, fs := range g.parts {
		p := &pool{duration: g.runs.Recordings[run].DurationNS}
		for _, f := range fs {
			p.addFunction(f, where)
		}
		all[run] = p
	}
	return all
}

// sum returns all runs together. A call in flight at the end of a slice is in
// the next slice again, so those of the last slice are all there are.
func (r *Runs) sum(pools []*pool) *pool {
	total := new(pool)
	for i, p := range pools {
		total.add(p)
		if r.Slices && i < len(pools)-1 {
			total.balance.InFlight = 0
		}
	}
	return total
}

// addFunction adds the calls of f that where admits.
func (p *pool) addFunction(f *latency.Function, where []Matcher) {
	p.balance.Add(&f.Balance)
	p.untimed = p.untimed || f.Exit == latency.ExitNone
	exact := pinned(f, where)
	for i := range f.Series {
		s := &f.Series[i]
		switch admits(s, where) {
		case yes:
			p.Merge(s)
		case maybe:
			// A key that has a series of its own never goes to another, and
			// calls with it are merged nowhere.
			if exact && !unreadable(s, where) {
				continue
			}
			p.doubtful = append(p.doubtful, *s)
		}
	}
}

// pinned reports whether where names one whole key, which has a series.
func pinned(f *latency.Function, where []Matcher) bool {
	for _, name := range f.By {
		if !slices.ContainsFunc(where, func(m Matcher) bool { return m.Key == name && m.Op == Equal }) {
			return false
		}
	}
	return slices.ContainsFunc(f.Series, func(s latency.Series) bool { return admits(&s, where) == yes })
}

// unreadable reports whether a part of s's key that where looks at could not
// be read.
func unreadable(s *latency.Series, where []Matcher) bool {
	return slices.ContainsFunc(where, func(m Matcher) bool { return s.Key[m.Key] == latency.KeyUnreadable })
}

type answer uint8

const (
	no answer = iota
	maybe
	yes
)

// admits says whether the calls of s are admitted. Of merged and unreadable
// keys that is not known, unless they are asked for by that name.
func admits(s *latency.Series, where []Matcher) answer {
	a := yes
	for i := range where {
		m := &where[i]
		value := s.Key[m.Key]
		hidden := value == latency.KeyOther || value == latency.KeyUnreadable
		switch {
		case hidden && (m.Op != Equal || m.Value != value):
			a = maybe
		case !m.admits(value):
			return no
		}
	}
	return a
}

// point estimates a quantile by a single number: in the bucket that holds it
// as far up as its rank is, in proportion. It is for comparing runs, which the
// steps of whole buckets would tie or set apart.
func point(s *latency.Series, q float64) float64 {
	if s.Count == 0 {
		return math.NaN()
	}
	rank := q * float64(s.Count)
	var below float64
	for _, b := range s.Buckets {
		n := float64(b.Count)
		if below+n < rank {
			below += n
			continue
		}
		lo, hi := max(float64(b.LoNS), float64(s.MinNS), 1), min(float64(b.HiNS), float64(s.MaxNS))
		if hi <= lo {
			return hi
		}
		return lo * math.Pow(hi/lo, (rank-below)/n)
	}
	return float64(s.MaxNS)
}

// stretched returns p as if the lost and the doubtful calls were all as long as
// the longest that was seen, or as short as the shortest. Calls in flight at the
// end of a run are left out: they are cut off on both sides of a comparison.
func (p *pool) stretched(longest bool) *pool {
	n := p.balance.TotalLost() + p.doubtfulCalls()
	if n == 0 || p.Count == 0 {
		return p
	}
	q := *p
	q.Buckets, q.Over = slices.Clone(p.Buckets), slices.Clone(p.Over)
	at, bucket := p.MinNS, 0
	if longest {
		at, bucket = p.MaxNS, len(q.Buckets)-1
	}
	if bucket >= 0 && bucket < len(q.Buckets) {
		q.Buckets[bucket].Count += n
	}
	for i := range q.Over {
		if at > q.Over[i].LimitNS {
			q.Over[i].Calls += n
		}
	}
	q.Count += n
	q.SumNS += n * at
	return &q
}

// value is what a metric is in one run; NaN where it has none.
func (p *pool) value(m Metric) float64 {
	n := float64(p.Count)
	switch {
	case m.Kind == Calls:
		return n
	case m.Kind == Rate && p.duration > 0:
		return n / (float64(p.duration) / 1e9)
	case p.Count == 0 || p.untimed || m.Kind == Rate:
		return math.NaN()
	case m.Kind == Mean:
		return float64(p.SumNS) / n
	case m.Kind == Max:
		return float64(p.MaxNS)
	case m.Kind == Over:
		least, most := p.Above(uint64(m.Limit))
		return (float64(least) + float64(most)) / 2 / n
	}
	return point(&p.Series, m.q())
}
