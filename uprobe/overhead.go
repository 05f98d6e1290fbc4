package uprobe

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/latency"
)

// costKey is a combination of sites that costs the same everywhere.
type costKey struct {
	entry elfsym.Cost
	exit  ExitKind
}

// perCall is what probing one call costs.
type perCall struct{ entry, exit time.Duration }

// Overhead measures what the session's probes cost each call, on a program of
// latch's own, and from that what they cost the targets. Call it after Stop,
// with the final recording, whose Overhead it fills in. The cost of reading
// keys is not in it.
func (s *Session) Overhead(rec *latency.Recording) error {
	if runtime.GOARCH != "amd64" {
		return errors.New("what probes cost is measured on amd64 only")
	}
	costs := make(map[costKey]perCall)
	var total, entryTotal, exitTotal float64
	var entries, exits uint64
	for i := range s.plan.Probes {
		p := &s.plan.Probes[i]
		if s.refused[p] != nil {
			continue
		}
		c, err := s.counters(p.ID)
		if err != nil {
			return err
		}
		key := costKey{p.Sites.Entry.Cost, p.Exit}
		cost, ok := costs[key]
		if !ok {
			if cost, err = s.calibrate(key); err != nil {
				return fmt.Errorf("measure what probes cost: %w", err)
			}
			costs[key] = cost
		}
		left := c.Returns + c.Strays
		if p.Program.Filters() && p.Program.WhereExit != nil {
			// What --where rejects at the exit has hit it too.
			left = max(left, c.Entries-c.Unwound-c.Cut)
		}
		if p.Exit == ExitNone {
			left = 0
		}
		entries += c.Entries
		exits += left
		entryTotal += float64(c.Entries) * float64(cost.entry)
		exitTotal += float64(left) * float64(cost.exit)
	}
	total = entryTotal + exitTotal
	o := &rec.Overhead
	o.Hits = entries + exits
	if entries > 0 {
		o.EntryNS = entryTotal / float64(entries)
	}
	if exits > 0 {
		o.ExitNS = exitTotal / float64(exits)
	}
	if rec.DurationNS > 0 {
		o.CPUShare = total / float64(rec.DurationNS)
	}
	return nil
}

// calibrate measures one combination: the bare call, the call with an entry
// probe alone, and with both.
func (s *Session) calibrate(key costKey) (_ perCall, err error) {
	v, err := startVictim(key.entry)
	if err != nil {
		return perCall{}, err
	}
	defer func() { err = errors.Join(err, v.stop()) }()
	bare, err := best(v)
	if err != nil {
		return perCall{}, err
	}
	entry, err := s.probed(v, costKey{key.entry, ExitNone})
	if err != nil {
		return perCall{}, err
	}
	both := entry
	if key.exit != ExitNone {
		if both, err = s.probed(v, key); err != nil {
			return perCall{}, err
		}
	}
	return perCall{entry: max(0, entry-bare), exit: max(0, both-entry)}, nil
}

// best is the least of a few rounds: what the machine's other work adds is not
// the probes' cost.
func best(v *victim) (time.Duration, error) {
	least := time.Duration(1<<63 - 1)
	for range 5 {
		d, err := v.round()
		if err != nil {
			return 0, err
		}
		least = min(least, d)
	}
	return least, nil
}

// probed is the time of a call with probes of the session's own programs.
func (s *Session) probed(v *victim, key costKey) (_ time.Duration, err error) {
	const text = victimCode + victimFunc
	pid := v.cmd.Process.Pid
	p := Probe{
		Func:  &elfsym.Func{Name: "calibration", Lang: elfsym.LangC},
		Image: &Image{Path: v.path(), Users: []User{{Process: &procfs.Process{PID: pid}}}},
		Exit:  key.exit,
		Sites: elfsym.Sites{
			Entry: elfsym.Site{Offset: text, Cost: key.entry},
			Exits: []elfsym.Site{{Offset: elfsym.FileOffset(text + victimRet(key.entry))}},
		},
	}
	plan := &Plan{PIDs: []int{pid}, Probes: []Probe{p}}
	own := &Session{plan: plan, backend: s.backend, refused: make(map[*Probe]error)}
	defer func() { err = errors.Join(err, own.Close()) }()
	l := &loader{plan: plan, opts: &Options{MaxKeys: 1, MaxOpenCalls: 1024}, backend: s.backend}
	g, err := l.load(groups(plan)[0])
	if err != nil {
		return 0, err
	}
	own.groups, own.maps = []*programs{g}, l.maps
	if err := l.fill(); err != nil {
		return 0, err
	}
	for _, exits := range []bool{true, false} {
		own.attachGroup(g, exits)
	}
	for _, err := range own.refused {
		return 0, err
	}
	if err := own.Enable(); err != nil {
		return 0, err
	}
	return best(v)
}
