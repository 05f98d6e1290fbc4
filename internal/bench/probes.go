package main

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// calls is how often a function is called in a round.
const calls = 20011

// cost is what one tool added to each call, in ns, by round.
type cost struct {
	tool    string
	added   []float64
	counted []uint64
}

// rivals are the tools that measure one function of one program.
type rivals struct {
	function string
	path     string
	args     []string
	tracers  []*tracer
}

// compare runs the program alone and under each tool, in turns.
func (b *bench) compare(r *rivals) ([]cost, error) {
	costs := make([]cost, len(r.tracers))
	for round := range b.rounds {
		alone, _, err := b.once(r, nil)
		if err != nil {
			return nil, err
		}
		for k := range r.tracers {
			i := (k + round) % len(r.tracers) // nobody is always the first
			ns, n, err := b.once(r, r.tracers[i])
			if err != nil {
				return nil, err
			}
			c := &costs[i]
			c.tool, c.added, c.counted = r.tracers[i].name, append(c.added, ns-alone), append(c.counted, n)
		}
	}
	return costs, nil
}

// once runs the program under one tool, or alone.
func (b *bench) once(r *rivals, tr *tracer) (ns float64, counted uint64, err error) {
	s, err := b.start(r.path, r.args...)
	if err != nil {
		return 0, 0, err
	}
	var a *attached
	if tr != nil {
		if a, err = b.attach(tr, s.pid); err != nil {
			return 0, 0, err
		}
	}
	if ns, err = s.work(); err != nil {
		return 0, 0, err
	}
	if a != nil {
		if counted, err = a.stop(); err != nil {
			return 0, 0, err
		}
	}
	return ns, counted, s.end()
}

// pair is the usual two-probe script: a clock and an argument kept by thread.
const pair = `uprobe:%[1]s:%[2]s { @start[tid] = nsecs; @arg[tid] = arg0; }
uretprobe:%[1]s:%[2]s /@start[tid]/ { @ns[@arg[tid]] = hist(nsecs - @start[tid]); delete(@start[tid]); delete(@arg[tid]); }
END { clear(@start); clear(@arg); }`

// native measures functions of C that differ in their first instructions.
func (b *bench) native() error {
	busy := filepath.Join(b.dir, "busy")
	if err := b.build("gcc", "-O2", "-o", busy, filepath.Join("testprogs", "c", "busy", "busy.c")); err != nil {
		return err
	}
	t := newTable(b.out, "Added ns per call of an empty C function, by argument but for funclatency (median, range)",
		"first instruction", "latch", "bpftrace", "funclatency", "latch/bpftrace", "goal")
	for _, f := range []struct {
		name string
		goal float64 // 0 if there is none
	}{{"endbr_first", 0.5}, {"push_first", 1.05}, {"mov_first", 0}, {"nop5_first", 0}} {
		costs, err := b.compare(&rivals{f.name, busy, []string{strconv.Itoa(calls), f.name}, []*tracer{
			b.record(f.name, "arg0"), bpftrace(fmt.Sprintf(pair, busy, f.name)), funclatency(f.name),
		}})
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		t.costs(f.name, costs, f.goal)
	}
	return t.flush()
}
