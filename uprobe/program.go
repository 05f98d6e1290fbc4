package uprobe

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
)

// programs are the loaded programs of the functions that read their keys in
// the same way and have the same limits.
type programs struct {
	probes []*Probe
	coll   *ebpf.Collection
}

// loader makes the programs of all groups around one set of maps.
type loader struct {
	plan    *Plan
	opts    *Options
	backend Backend
	maps    map[string]*ebpf.Map // of the first group, shared by the others
	cache   *btf.Cache           // of the kernel's types, which each load needs
}

// maxLoads is how many groups are loaded at a time: most of a load is waiting
// in the kernel.
const maxLoads = 16

// loadAll loads the programs of all groups, in their order. On an error those
// that were loaded are returned with it.
func (l *loader) loadAll(groups [][]*Probe) ([]*programs, error) {
	out, errs := make([]*programs, len(groups)), make([]error, len(groups))
	// The first makes the maps that the others share.
	if out[0], errs[0] = l.load(groups[0]); errs[0] != nil {
		return nil, errs[0]
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxLoads)
	for i := 1; i < len(groups); i++ {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if errs[i] = l.opts.canceled(); errs[i] == nil {
				out[i], errs[i] = l.load(groups[i])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil { // one group's says as much as all
			return out, err
		}
	}
	return out, nil
}

// load loads the programs for one group of probes.
func (l *loader) load(group []*Probe) (*programs, error) {
	spec, err := bpf.LoadCall()
	if err != nil {
		return nil, fmt.Errorf("read eBPF object: %w", err)
	}
	if err := l.settings(spec, group); err != nil {
		return nil, err
	}
	l.size(spec)
	fp := group[0].Program
	for name, p := range spec.Programs {
		if !l.wanted(name, group) {
			delete(spec.Programs, name)
			continue
		}
		if fp == nil || p.Type != ebpf.Kprobe {
			continue
		}
		if fp.Sleepable && l.backend != PerfEvents {
			p.Flags |= unix.BPF_F_SLEEPABLE
		}
		if p.Instructions, err = l.splice(p.Instructions, name, fp); err != nil {
			return nil, err
		}
	}
	if l.backend == PerfEvents {
		for _, p := range spec.Programs {
			if p.Type == ebpf.Kprobe {
				p.AttachType = ebpf.AttachNone
			}
		}
	}
	if l.cache == nil {
		l.cache = btf.NewCache()
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: l.maps, Cache: l.cache})
	if err != nil {
		return nil, fmt.Errorf("load eBPF programs: %w", err)
	}
	if l.maps == nil {
		l.maps = make(map[string]*ebpf.Map)
		for name, m := range coll.Maps {
			if name != ".rodata" {
				l.maps[name] = m
			}
		}
	}
	return &programs{probes: group, coll: coll}, nil
}

// splice puts a fetch program's functions into the program called name.
func (l *loader) splice(insns asm.Instructions, name string, fp *fetch.Program) (asm.Instructions, error) {
	entry, exit := name != "call_exit" && name != "call_return", name != "call_entry"
	var err error
	for _, f := range []struct {
		name string
		body asm.Instructions
		here bool
	}{
		{"fetch_entry", fp.Entry, entry}, {"fetch_where", fp.Where, entry},
		{"fetch_exit", fp.Exit, exit}, {"fetch_where_exit", fp.WhereExit, exit},
	} {
		if !f.here {
			continue
		}
		if l.backend == PerfEvents {
			f.body = fetch.WithoutSleep(f.body)
		}
		if insns, err = ledger.Splice(insns, f.name, f.body); err != nil {
			return nil, err
		}
	}
	return insns, nil
}

// wanted says which programs the group's probes need with this backend.
func (l *loader) wanted(name string, group []*Probe) bool {
	if name == "thread_exit" {
		return l.maps == nil // once for all groups
	}
	return slices.ContainsFunc(group, func(p *Probe) bool {
		session := p.Exit == ExitReturn && l.backend == Sessions
		switch name {
		case "call_session":
			return session
		case "call_entry":
			return !session
		case "call_exit":
			return p.Exit == ExitRet
		case "call_return":
			return p.Exit == ExitReturn && !session
		}
		return false
	})
}

// settings fills in the constants.
func (l *loader) settings(spec *ebpf.CollectionSpec, group []*Probe) error {
	values := ledger.Settings(group[0].LimitsNS, l.plan.PIDs, l.plan.Mounts)
	values["mode"] = uint32(l.plan.mode(group[0]))
	if l.plan.Trace {
		maps.Copy(values, l.plan.layout().Settings())
	}
	return ledger.Set(spec, values)
}

// size cuts the maps to the plan.
func (l *loader) size(spec *ebpf.CollectionSpec) {
	key := uint32(l.plan.KeySize+7) &^ 7
	n := uint32(len(l.plan.Probes))
	spec.Maps["open_calls"].ValueSize = bpf.CallHeader + bpf.KeyHeader + uint32(l.plan.DataSize+7)&^7
	spec.Maps["open_calls"].MaxEntries = uint32(l.opts.maxOpenCalls())
	spec.Maps["innermost"].MaxEntries = uint32(l.opts.maxOpenCalls())
	spec.Maps["series"].KeySize = bpf.KeyHeader + key
	switch {
	case l.plan.Split: // each key twice, and every function has one
		spec.Maps["series"].MaxEntries = 2 * max(uint32(ledger.MaxKeys(l.opts.MaxKeys)), n)
	case key == 0 || l.plan.Watch:
		spec.Maps["series"].MaxEntries = 1
	default:
		spec.Maps["series"].MaxEntries = uint32(ledger.MaxKeys(l.opts.MaxKeys))
	}
	spec.Maps["funcs"].MaxEntries = n
	spec.Maps["func_counters"].MaxEntries = n
	spec.Maps["func_series"].MaxEntries = n
	spec.Maps["events"].MaxEntries = uint32(os.Getpagesize())
	if l.plan.Trace {
		spec.Maps["events"].MaxEntries = uint32(ledger.EventBytes(l.opts.EventBytes))
	}
	for _, name := range []string{"open_calls", "series"} {
		// The BTF describes the largest key; the kernel compares sizes.
		spec.Maps[name].Key, spec.Maps[name].Value = nil, nil
	}
}

// fill writes the functions' settings and the target list to the maps.
func (l *loader) fill() error {
	for i := range l.plan.Probes {
		p := &l.plan.Probes[i]
		if err := l.maps["funcs"].Put(p.ID, l.funcSettings(p)); err != nil {
			return fmt.Errorf("set up %s: %w", p.Func.Name, err)
		}
	}
	for tgid, layout := range l.plan.goLayouts() {
		if err := l.maps["go_layouts"].Put(tgid, layout); err != nil {
			return fmt.Errorf("set up the goroutines of process %d: %w", tgid, err)
		}
	}
	return ledger.SetTargets(l.maps["targets"], l.plan.PIDs)
}

func (l *loader) funcSettings(p *Probe) bpf.CallFunc {
	f := bpf.CallFunc{GoidOffset: -1}
	var flags bpf.CallFuncFlags
	if p.Func.Lang == elfsym.LangGo {
		flags |= bpf.CallFuncFlagsFUNC_GO
		f.GoidOffset = int32(p.GoInfo.GoidOffset)
		if p.Func.Has(elfsym.ABI0) && p.GoInfo.TLSG != 0 {
			flags |= bpf.CallFuncFlagsFUNC_ABI0
			f.G_offset = p.GoInfo.TLSG
		}
	}
	if ledger.HasKey(p.Program) || l.plan.Split {
		flags |= bpf.CallFuncFlagsFUNC_KEYED
	}
	if l.plan.Watch || l.plan.Split {
		flags |= bpf.CallFuncFlagsFUNC_RETURN_ADDR
	}
	if p.Program.Filters() {
		if p.Program.Where != nil {
			flags |= bpf.CallFuncFlagsFUNC_WHERE
		}
		if p.Program.WhereExit != nil {
			flags |= bpf.CallFuncFlagsFUNC_WHERE_EXIT
		}
	}
	if p.Sites.TailCalls {
		flags |= bpf.CallFuncFlagsFUNC_TAIL_CALLS
	}
	switch p.Exit {
	case ExitNone:
		flags |= bpf.CallFuncFlagsFUNC_COUNT_ONLY
	case ExitReturn:
		flags |= bpf.CallFuncFlagsFUNC_RETURN_PROBE
	}
	f.Flags = uint32(flags)
	return f
}

// mode is what becomes of a function's calls when they have ended.
func (p *Plan) mode(f *Probe) bpf.CallCallMode {
	switch {
	case p.Trace:
		return bpf.CallCallModeMODE_TRACE
	case p.Watch:
		return bpf.CallCallModeMODE_WATCH
	case p.Split:
		return bpf.CallCallModeMODE_SPLIT
	case len(f.LimitsNS) > 0:
		return bpf.CallCallModeMODE_LIMITS
	}
	return bpf.CallCallModeMODE_RECORD
}

// groups puts the probes together that can share a program.
func groups(plan *Plan) [][]*Probe {
	return ledger.Groups(plan.Probes, func(p *Probe) (*fetch.Program, []uint64) { return p.Program, p.LimitsNS })
}
