package uprobe

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// counterSum is a function's counters over all processors.
type counterSum = bpf.CallCounters

// isNotExist reports ENOENT.
func isNotExist(err error) bool { return errors.Is(err, os.ErrNotExist) }

// Read returns everything counted since Enable. Nothing is cleared, so that
// no call can be lost between two reads: latency.Recording.Since gives what
// came between them. Before Stop the numbers move while they are read, and a
// call that ends meanwhile counts as in flight; after it they are exact.
func (s *Session) Read() (*latency.Recording, error) {
	end := s.end
	if end.IsZero() {
		end = time.Now()
	}
	rec := &latency.Recording{
		Schema: latency.Schema, Start: s.start, DurationNS: end.Sub(s.start).Nanoseconds(),
		Kernel: kernelRelease(), Machine: procfs.Machine(), Latch: Version(), Targets: s.targets(),
		Warnings: append(slices.Clone(s.plan.Warnings), s.warnings...),
	}
	open, err := s.openCalls()
	if err != nil {
		return nil, err
	}
	series, err := s.series()
	if err != nil {
		return nil, err
	}
	for i := range s.plan.Probes {
		p := &s.plan.Probes[i]
		if s.refused[p] != nil {
			continue
		}
		sum, err := s.counters(p.ID)
		if err != nil {
			return nil, err
		}
		f := s.function(p)
		f.Balance = balance(sum, open[p.ID])
		f.Series = series[p.ID]
		whole, err := s.wholeSeries(p, sum.Merged)
		if err != nil {
			return nil, err
		}
		if whole != nil {
			f.Series = append(f.Series, *whole)
		}
		if s.end.IsZero() {
			settle(&f, sum, !s.plan.Trace && !s.plan.Watch)
		}
		slices.SortFunc(f.Series, func(a, b latency.Series) int {
			return cmp.Or(-cmp.Compare(a.SumNS, b.SumNS), -cmp.Compare(a.Count, b.Count), strings.Compare(keyText(&a, f.By), keyText(&b, f.By)))
		})
		rec.Functions = append(rec.Functions, f)
	}
	return rec, nil
}

func keyText(s *latency.Series, by []string) string {
	var b strings.Builder
	for _, name := range by {
		b.WriteString(s.Key[name])
		b.WriteByte(0)
	}
	return b.String()
}

// counters sums a function's counters over the processors.
func (s *Session) counters(id uint32) (*counterSum, error) {
	var perCPU []counterSum
	if err := s.maps["func_counters"].Lookup(id, &perCPU); err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	sum := new(counterSum)
	for i := range perCPU {
		c := &perCPU[i]
		sum.Entries += c.Entries
		sum.Returns += c.Returns
		sum.Unwound += c.Unwound
		sum.Filtered += c.Filtered
		sum.Cut += c.Cut
		sum.Strays += c.Strays
		sum.Merged += c.Merged
		for j := range c.Lost {
			sum.Lost[j] += c.Lost[j]
		}
	}
	return sum, nil
}

// LostEvents is the name of the loss of traced calls that found no room in the
// buffer.
const LostEvents = "events_full"

// lossNames are what reports call the kinds of loss.
var lossNames = [bpf.CallLossNUM_LOSSES]string{
	bpf.CallLossLOSS_OPEN_CALLS_FULL:  "open_calls_full",
	bpf.CallLossLOSS_NO_GOROUTINE:     "no_goroutine",
	bpf.CallLossLOSS_RETURN_DEPTH:     "return_probe_nesting",
	bpf.CallLossLOSS_TAIL_RECURSION:   "tail_recursion",
	bpf.CallLossLOSS_SERIES:           "series",
	bpf.CallLossLOSS_WHERE_UNREADABLE: "where_unreadable",
	bpf.CallLossLOSS_EVENTS:           LostEvents,
}

func balance(c *counterSum, open stillOpen) latency.Balance {
	b := latency.Balance{
		Entries: c.Entries, Returns: c.Returns, Filtered: c.Filtered,
		Unwound: c.Unwound + open.unwound, InFlight: c.Cut + open.inFlight,
		Lost: make(map[string]uint64),
	}
	for i, n := range c.Lost {
		if n > 0 {
			b.Lost[lossNames[i]] = n
		}
	}
	return b
}

// settle makes the balance of a function hold that was called while it was
// read. Where there are series, the returns are those of them, and of two readings none of the
// terms but the calls in flight ever falls, so that their differences hold too:
// whether an open call can still return is judged at the end alone.
func settle(f *latency.Function, c *counterSum, hasSeries bool) {
	b := &f.Balance
	b.Unwound, b.InFlight = c.Unwound, 0
	if hasSeries {
		b.Returns = 0
	}
	for i := range f.Series {
		b.Returns += f.Series[i].Count
		f.Series[i].Reconcile()
		f.Series[i].Fill()
	}
	b.Entries = max(b.Entries, b.Accounted())
	b.InFlight = b.Entries - b.Accounted()
}

// series reads the series that have keys, by function.
func (s *Session) series() (map[uint32][]latency.Series, error) {
	out := make(map[uint32][]latency.Series)
	m := s.maps["series"]
	if s.plan.Watch || s.plan.KeySize == 0 && !s.plan.Split {
		return out, nil
	}
	// Two keys can have one text: an unreadable value keeps no data, but a
	// string that is not UTF-8 is shown by its replacement.
	merged := make(map[uint32]map[string]int)
	key := make([]byte, m.KeySize())
	var value bpf.CallHist
	it := m.Iterate()
	for it.Next(&key, &value) {
		id := binary.NativeEndian.Uint32(key)
		if int(id) >= len(s.plan.Probes) {
			continue
		}
		p := &s.plan.Probes[id]
		if !hasKey(p.Program) && !s.plan.Split {
			continue
		}
		named := make(map[string]string, len(p.By))
		for _, name := range p.By {
			named[name] = latency.KeyNone // unless the function has such a value
		}
		var texts []string
		if hasKey(p.Program) {
			values := p.Program.Decode(binary.NativeEndian.Uint64(key[bpf.KeyStatus:]), key[bpf.KeyHeader:])
			for i, part := range p.Program.Parts {
				texts = append(texts, values[i].Text)
				named[part.Name] = values[i].Text
			}
		}
		if s.plan.Split && p.Exit != ExitNone { // those have ended before anything was dropped
			named[latency.KeyDrops] = latency.WithoutDrops
			if binary.NativeEndian.Uint32(key[bpf.KeyDropped:]) != 0 {
				named[latency.KeyDrops] = latency.WithDrops
			}
			texts = append(texts, named[latency.KeyDrops])
		}
		one := seriesOf(&value, p)
		if one.Count == 0 {
			continue
		}
		one.Key = named
		text := strings.Join(texts, "\x00")
		if merged[id] == nil {
			merged[id] = make(map[string]int)
		}
		if at, ok := merged[id][text]; ok {
			out[id][at].Merge(&one)
			continue
		}
		merged[id][text] = len(out[id])
		out[id] = append(out[id], one)
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	return out, nil
}

// wholeSeries reads the series of all calls of a function without keys, or
// the one of the calls whose keys came after the limit. It is nil when empty.
func (s *Session) wholeSeries(p *Probe, merged uint64) (*latency.Series, error) {
	if (hasKey(p.Program) || s.plan.Split) && merged == 0 {
		return nil, nil
	}
	var value bpf.CallHist
	if err := s.maps["func_series"].Lookup(p.ID, &value); err != nil {
		return nil, fmt.Errorf("read series of %s: %w", p.Func.Name, err)
	}
	one := seriesOf(&value, p)
	if one.Count == 0 {
		return nil, nil
	}
	one.Key = map[string]string{}
	for _, name := range p.By {
		one.Key[name] = latency.KeyOther
		if !hasKey(p.Program) {
			one.Key[name] = latency.KeyNone
		}
	}
	if s.plan.Split {
		one.Key[latency.KeyDrops] = latency.KeyOther
	}
	return &one, nil
}

func seriesOf(h *bpf.CallHist, p *Probe) latency.Series {
	one := latency.Series{Key: map[string]string{}}
	if p.Exit == ExitNone { // counted in the first slot, without a duration
		one.Count = h.Slots[0]
		return one
	}
	one.Buckets = latency.FromSlots(h.Slots[:])
	one.Count = one.Buckets.Count()
	one.SumNS, one.SelfNS, one.LostNS = h.SumNs, h.SelfNs, h.LostNs
	one.MinNS, one.MaxNS = ^h.InverseMinNs, h.MaxNs
	one.Over = over(h, p.LimitsNS)
	one.Fill()
	return one
}

func (s *Session) function(p *Probe) latency.Function {
	f := latency.Function{
		Name: p.Func.Name, Symbol: p.Func.Symbol, Binary: p.Image.Name, BuildID: p.Image.Binary.BuildID(),
		Lang: p.Func.Lang.String(), Addr: uint64(p.Func.Addr),
		Entry: latency.Entry{Offset: uint64(p.Sites.Entry.Offset), Cost: p.Sites.Entry.Cost.String()},
		Exit:  s.exitName(p.Exit), By: append([]string{}, p.By...),
	}
	f.File, f.Line = p.Image.Binary.Line(p.Func.Addr)
	return f
}

func (s *Session) exitName(k ExitKind) string {
	switch {
	case k == ExitReturn && s.backend == Sessions:
		return "session"
	case k == ExitReturn:
		return "uretprobe"
	case k == ExitRet:
		return "ret"
	}
	return "none"
}

// targets lists the measured processes.
func (s *Session) targets() []latency.Target {
	var out []latency.Target
	seen := make(map[int]bool)
	for _, img := range s.plan.Images {
		for _, u := range img.Users {
			if seen[u.Process.PID] {
				continue
			}
			seen[u.Process.PID] = true
			t := latency.Target{PID: u.Process.PID, Exe: u.Process.Exe}
			if img.IsExe {
				t.BuildID = img.Binary.BuildID()
			}
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b latency.Target) int { return cmp.Compare(a.PID, b.PID) })
	return out
}

// over adds up how many calls are above each limit: the kernel counts each call
// at the highest one alone.
func over(h *bpf.CallHist, limits []uint64) []latency.Over {
	out := make([]latency.Over, len(limits))
	var calls uint64
	for i := len(limits) - 1; i >= 0; i-- {
		calls += h.Over[i]
		out[i] = latency.Over{LimitNS: limits[i], Calls: calls}
	}
	return out
}

func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// Version is latch's own version.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
