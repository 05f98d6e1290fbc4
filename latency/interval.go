package latency

import (
	"encoding/json"
	"slices"
	"time"
)

// Since returns what happened after prev, an earlier state of the same
// measurement whose counters were never cleared.
//
// The counts, sums, buckets and losses are exact differences. The calls that
// were in flight at prev count as entries of the interval. The least and the
// greatest duration of an interval are known only where it holds a single call
// or the whole measurement's extreme; otherwise MinNS and MaxNS are the ends of
// the outermost buckets. Series without calls are left out, and so are warnings
// already given in prev, and slices. A nil prev means the start.
func (r *Recording) Since(prev *Recording) *Recording {
	d := *r
	d.Functions = slices.Clone(r.Functions)
	if prev == nil {
		return &d
	}
	d.SlicesNS = nil
	d.Start = prev.Start.Add(time.Duration(prev.DurationNS))
	d.DurationNS = max(0, r.DurationNS-prev.DurationNS)
	d.Overhead = r.Overhead.since(&prev.Overhead, r.DurationNS, prev.DurationNS)
	d.Warnings = nil
	for _, w := range r.Warnings {
		if !slices.Contains(prev.Warnings, w) {
			d.Warnings = append(d.Warnings, w)
		}
	}

	before := make(map[functionID]*Function, len(prev.Functions))
	for i := range prev.Functions {
		before[prev.Functions[i].id()] = &prev.Functions[i]
	}
	for i := range d.Functions {
		f := &d.Functions[i]
		p := before[f.id()]
		if p == nil {
			p = new(Function)
		}
		f.Balance = f.Balance.since(&p.Balance)
		f.Series = seriesSince(f.By, f.Series, p.Series)
	}
	return &d
}

// functionID tells the functions of one recording apart.
type functionID struct {
	name, symbol, binary, buildID string
	addr, offset                  uint64
}

func (f *Function) id() functionID {
	return functionID{f.Name, f.Symbol, f.Binary, f.BuildID, f.Addr, f.Entry.Offset}
}

func seriesSince(by []string, now, prev []Series) []Series {
	before := make(map[string]*Series, len(prev))
	for i := range prev {
		before[prev[i].id(by)] = &prev[i]
	}
	var out []Series
	for i := range now {
		s := now[i]
		s.Slices = nil
		if p := before[s.id(by)]; p != nil {
			s = s.since(p)
		}
		if s.Count > 0 {
			out = append(out, s)
		}
	}
	return out
}

// id joins the parts of the key in such a way that different keys differ.
func (s *Series) id(by []string) string {
	if len(by) == 1 {
		return s.Key[by[0]]
	}
	parts := make([]string, len(by))
	for i, name := range by {
		parts[i] = s.Key[name]
	}
	text, _ := json.Marshal(parts) // strings always have a JSON form
	return string(text)
}

func (s *Series) since(prev *Series) Series {
	d := Series{
		Key:     s.Key,
		Count:   less(s.Count, prev.Count),
		SumNS:   less(s.SumNS, prev.SumNS),
		SelfNS:  less(s.SelfNS, prev.SelfNS),
		LostNS:  less(s.LostNS, prev.LostNS),
		Buckets: s.Buckets.Sub(prev.Buckets),
		Over:    subOver(s.Over, prev.Over),
	}
	if len(d.Buckets) > 0 {
		d.MinNS, d.MaxNS = s.MinNS, s.MaxNS
		d.Reconcile()
	}
	d.Fill()
	return d
}

// since returns the overhead of an interval; durations are in nanoseconds.
func (o *Overhead) since(prev *Overhead, now, before int64) Overhead {
	d := *o
	d.Hits = less(o.Hits, prev.Hits)
	if now > before {
		busy := o.CPUShare*float64(now) - prev.CPUShare*float64(before)
		d.CPUShare = max(0, busy/float64(now-before))
	}
	return d
}
