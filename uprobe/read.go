package uprobe

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/latency"
)

// Read returns everything counted since Enable. Nothing is cleared, so that
// no call can be lost between two reads: latency.Recording.Since gives what
// came between them. Before Stop the numbers move while they are read, and a
// call that ends meanwhile counts as in flight; after it they are exact.
func (s *Session) Read() (*latency.Recording, error) {
	rec := ledger.NewRecording(s.start, s.end, s.plan.Warnings, s.warnings)
	rec.Targets = s.targets()
	open, err := s.openCalls()
	if err != nil {
		return nil, err
	}
	funcs := s.plan.funcs()
	series := make(map[uint32][]latency.Series)
	if !s.plan.Watch {
		if series, err = ledger.Series(s.maps["series"], funcs); err != nil {
			return nil, err
		}
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
		f.Balance = ledger.Balance(sum, open[p.ID])
		f.Series = series[p.ID]
		whole, err := ledger.Whole(s.maps["func_series"], p.ID, &funcs[i], sum.Merged)
		if err != nil {
			return nil, err
		}
		if whole != nil {
			f.Series = append(f.Series, *whole)
		}
		if s.end.IsZero() {
			ledger.Settle(&f, sum, !s.plan.Trace && !s.plan.Watch)
		}
		ledger.Sort(&f)
		rec.Functions = append(rec.Functions, f)
	}
	return rec, nil
}

// counters sums a function's counters over the processors.
func (s *Session) counters(id uint32) (*bpf.CallCounters, error) {
	return ledger.Counters(s.maps["func_counters"], id)
}

// funcs are the plan's functions as reading knows them.
func (p *Plan) funcs() []ledger.Func {
	var out []ledger.Func
	for i := range p.Probes {
		probe := &p.Probes[i]
		f := ledger.Func{
			Name: probe.Func.Name, Program: probe.Program, By: probe.By,
			Untimed: probe.Exit == ExitNone, LimitsNS: probe.LimitsNS,
		}
		if p.Split {
			f.Beside = probe.drops
		}
		out = append(out, f)
	}
	return out
}

// drops says whether packets were dropped in the calls of a key.
func (p *Probe) drops(key []byte) map[string]string {
	text := latency.KeyNone
	switch {
	case p.Exit == ExitNone: // those have ended before anything was dropped
	case key != nil && binary.NativeEndian.Uint32(key[bpf.KeyDropped:]) != 0:
		text = latency.WithDrops
	default:
		text = latency.WithoutDrops
	}
	return map[string]string{latency.KeyDrops: text}
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
			if u.Apart || seen[u.Process.PID] {
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
