package probe

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/latency"
)

// An EventSession is an event plan whose programs are in. It does not own the
// plan.
type EventSession struct {
	attached
	plan   *EventPlan
	reader *passings
}

// AttachEvents puts the programs in, still disabled.
func AttachEvents(plan *EventPlan, opts *Options) (_ *EventSession, err error) {
	if opts == nil {
		opts = &Options{}
	}
	_ = rlimit.RemoveMemlock() // kernels before 5.11 count maps against it; else the load says so
	s := &EventSession{plan: plan}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	cache := btf.NewCache()
	for i := range plan.Events {
		select {
		case <-opts.Cancel:
			return nil, ErrCanceled
		default:
		}
		if err := s.load(&plan.Events[i], opts, cache); err != nil {
			return nil, fmt.Errorf("watch %s: %w", plan.Events[i].Name, ledger.Permission(err))
		}
	}
	if s.reader, err = newPassings(s); err != nil {
		return nil, err
	}
	for i := range plan.Events {
		if err := s.attach(&plan.Events[i]); err != nil {
			return nil, fmt.Errorf("attach to %s: %w", plan.Events[i].Name, ledger.Permission(err))
		}
	}
	return s, nil
}

// load loads the program of a tracepoint; all share the first one's maps.
func (s *EventSession) load(e *Event, opts *Options, cache *btf.Cache) error {
	spec, err := bpf.LoadEvent()
	if err != nil {
		return fmt.Errorf("read eBPF object: %w", err)
	}
	values := ledger.Settings(nil, s.plan.PIDs, 0)
	for _, name := range []string{"slot_bounds_ns", "first_slots", "limits_ns"} {
		delete(values, name) // nothing is timed
	}
	maps.Copy(values, map[string]any{"func_id": e.ID, "passing_size": s.plan.layout().size(), "stacks": s.plan.Stack, "self_tgid": uint32(os.Getpid())})
	if err := ledger.Set(spec, values); err != nil {
		return err
	}
	n := uint32(len(s.plan.Events))
	for name, m := range spec.Maps {
		switch name {
		case "funcs", "func_counters", "func_series":
			m.MaxEntries = n
		case "events":
			m.MaxEntries = uint32(ledger.EventBytes(opts.EventBytes))
		case "series":
			m.KeySize, m.MaxEntries, m.Key, m.Value = bpf.KeyHeader, 1, nil, nil
		case "open_calls", "innermost", "go_layouts":
			m.MaxEntries = 1
		}
	}
	wanted, other := "record_event", "raw_event"
	if e.Raw {
		wanted, other = other, wanted
	}
	delete(spec.Programs, other)
	if fp := e.Program; fp != nil {
		p := spec.Programs[wanted]
		if p.Instructions, err = ledger.Splice(p.Instructions, "fetch_entry", fp.Entry); err != nil {
			return err
		}
		if p.Instructions, err = ledger.Splice(p.Instructions, "fetch_where", fp.Where); err != nil {
			return err
		}
	}
	shared := make(map[string]*ebpf.Map)
	if len(s.colls) > 0 {
		for name, m := range s.colls[0].Maps {
			if name != ".rodata" {
				shared[name] = m
			}
		}
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared, Cache: cache})
	if err != nil {
		return err
	}
	s.colls = append(s.colls, coll)
	var flags bpf.CallFuncFlags
	if ledger.HasKey(e.Program) {
		flags |= bpf.CallFuncFlagsFUNC_KEYED
	}
	if e.Program != nil && e.Program.Where != nil {
		flags |= bpf.CallFuncFlagsFUNC_WHERE
	}
	if err := coll.Maps["funcs"].Put(e.ID, bpf.CallFunc{Flags: uint32(flags)}); err != nil {
		return fmt.Errorf("set it up: %w", err)
	}
	return ledger.SetTargets(coll.Maps["targets"], s.plan.PIDs)
}

// attach attaches the program of a tracepoint.
func (s *EventSession) attach(e *Event) error {
	coll := s.colls[e.ID]
	var l io.Closer
	var err error
	if e.Raw {
		l, err = link.AttachRawTracepoint(link.RawTracepointOptions{Name: e.Point.Name, Program: coll.Programs["raw_event"]})
	} else {
		l, err = kernel.AttachRecord(e.Point, coll.Programs["record_event"])
	}
	if err == nil {
		s.links = append(s.links, l)
	}
	return err
}

// Attached returns how many tracepoints are watched.
func (s *EventSession) Attached() int { return len(s.plan.Events) }

// Close stops the watching and frees the programs and maps.
func (s *EventSession) Close() error {
	var reader io.Closer
	if s.reader != nil {
		reader, s.reader = s.reader, nil
	}
	return s.free(reader)
}

// Read returns how often each tracepoint was passed, as functions that are
// counted and not timed.
func (s *EventSession) Read() (*latency.Recording, error) {
	rec := ledger.NewRecording(s.start, s.end, s.plan.Warnings)
	for i := range s.plan.Events {
		e := &s.plan.Events[i]
		sum, err := ledger.Counters(s.colls[0].Maps["func_counters"], e.ID)
		if err != nil {
			return nil, err
		}
		f := latency.Function{
			Name: e.Name, Symbol: e.Point.Name, Lang: latency.LangKernel, Entry: latency.Entry{Cost: latency.ExitTracepoint},
			Exit: latency.ExitNone, By: []string{}, Balance: ledger.Balance(sum, ledger.Open{}),
		}
		if s.end.IsZero() {
			ledger.Settle(&f, sum, false)
		}
		rec.Functions = append(rec.Functions, f)
	}
	return rec, nil
}
