package probe

import (
	"fmt"
	"maps"
	"math"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
)

// loader makes the programs of all groups around one set of maps.
type loader struct {
	plan  *Plan
	opts  *Options
	first *ebpf.Collection     // that of the first group, with the dispatchers
	maps  map[string]*ebpf.Map // of the first group, shared by the others
	cache *btf.Cache           // of the kernel's types, which each load needs
}

// groups puts the calls together that can share programs.
func groups(plan *Plan) [][]*Func {
	return ledger.Groups(plan.Funcs, func(f *Func) (*fetch.Program, []uint64) { return f.Program, f.LimitsNS })
}

// dispatchers are the programs that are attached, once for all groups, with the
// tracepoints that they are attached to: the exits first.
var dispatchers = []struct{ program, tracepoint string }{
	{"sys_thread_exit", "sched_process_exit"},
	{"sys_exec", "sched_process_exec"},
	{"sys_exit", "sys_exit"},
	{"sys_enter", "sys_enter"},
}

// load loads the programs of one of the groups, and with those of the first one
// the dispatchers.
func (l *loader) load(group []*Func, groups int) (*ebpf.Collection, error) {
	spec, err := bpf.LoadSys()
	if err != nil {
		return nil, fmt.Errorf("read eBPF object: %w", err)
	}
	if err := l.settings(spec, group); err != nil {
		return nil, err
	}
	if err := l.size(spec, groups); err != nil {
		return nil, err
	}
	if l.first != nil {
		for _, d := range dispatchers {
			delete(spec.Programs, d.program)
		}
	}
	if fp := group[0].Program; fp != nil {
		if err := splice(spec, fp); err != nil {
			return nil, err
		}
	}
	shared := l.opts.Calls.Share(spec)
	maps.Copy(shared, l.maps)
	if l.cache == nil {
		l.cache = btf.NewCache()
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared, Cache: l.cache})
	if err != nil {
		return nil, fmt.Errorf("load eBPF programs: %w", err)
	}
	if l.first == nil {
		l.first, l.maps = coll, make(map[string]*ebpf.Map)
		for name, m := range coll.Maps {
			if name != ".rodata" {
				l.maps[name] = m
			}
		}
	}
	return coll, nil
}

// splice puts a fetch program's functions into the programs of a group. What is
// read again at the exit is read by the entry's functions there.
func splice(spec *ebpf.CollectionSpec, fp *fetch.Program) error {
	for program, bodies := range map[string]map[string]asm.Instructions{
		"group_enter": {"fetch_entry": fp.Entry, "fetch_where": fp.Where},
		"group_exit":  {"fetch_entry": fp.Entry, "fetch_where": fp.Where, "fetch_exit": fp.Exit, "fetch_where_exit": fp.WhereExit},
	} {
		p := spec.Programs[program]
		for name, body := range bodies {
			var err error
			if p.Instructions, err = ledger.Splice(p.Instructions, name, fetch.WithoutSleep(body)); err != nil {
				return err
			}
		}
	}
	return nil
}

// settings fills in the constants.
func (l *loader) settings(spec *ebpf.CollectionSpec, group []*Func) error {
	p := l.plan
	values := ledger.Settings(group[0].LimitsNS, p.PIDs, p.Mounts)
	values["mode"] = uint32(p.mode(group[0]))
	values["data_size"] = uint32(p.dataSize)
	if p.in != nil {
		values["outer_at"], values["outer_size"] = uint32(p.inAt), uint32(p.in.keySize())
	}
	if p.Trace {
		maps.Copy(values, p.layout().Settings())
	}
	for i := range p.Funcs {
		if f := &p.Funcs[i]; f.unnamed {
			values["unnamed"] = bpf.SysRoute{Func: f.ID + 1, Group: l.groupOf(f)}
		}
	}
	if !p.own {
		values["self_tgid"] = uint32(os.Getpid())
	}
	if p.Exe != "" && len(p.PIDs) == 0 {
		dev, ino, err := fileID(p.Exe)
		if err != nil {
			return err
		}
		values["target_dev"], values["target_ino"] = dev, ino
	}
	return ledger.Set(spec, values)
}

// fileID is the number of a file's device as the kernel has it, and the file's
// own.
func fileID(path string) (dev uint32, ino uint64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("open %s: %w", path, err)
	}
	// MKDEV of include/linux/kdev_t.h
	return unix.Major(st.Dev)<<20 | unix.Minor(st.Dev), st.Ino, nil
}

// groupOf is the number of the group that a call is in.
func (l *loader) groupOf(f *Func) uint32 {
	for i, group := range groups(l.plan) {
		for _, g := range group {
			if g.ID == f.ID {
				return uint32(i)
			}
		}
	}
	return 0
}

// mode is what becomes of a call when it has ended.
func (p *Plan) mode(f *Func) bpf.CallCallMode {
	switch {
	case p.Trace:
		return bpf.CallCallModeMODE_TRACE
	case len(f.LimitsNS) > 0:
		return bpf.CallCallModeMODE_LIMITS
	}
	return bpf.CallCallModeMODE_RECORD
}

// size cuts the maps to the plan.
func (l *loader) size(spec *ebpf.CollectionSpec, groups int) error {
	p, n := l.plan, uint32(len(l.plan.Funcs))
	spec.Maps["open_syscalls"].ValueSize = bpf.CallHeader + bpf.KeyHeader + uint32(p.dataSize)
	spec.Maps["open_syscalls"].MaxEntries = uint32(maxThreads)
	spec.Maps["series"].KeySize = bpf.KeyHeader + uint32(p.dataSize)
	spec.Maps["series"].MaxEntries = 1
	if p.dataSize > 0 && !p.Trace {
		spec.Maps["series"].MaxEntries = uint32(ledger.MaxKeys(l.opts.MaxKeys))
	}
	spec.Maps["funcs"].MaxEntries = n
	spec.Maps["func_counters"].MaxEntries = n
	spec.Maps["func_series"].MaxEntries = n
	spec.Maps["events"].MaxEntries = uint32(os.Getpagesize())
	if p.Trace {
		spec.Maps["events"].MaxEntries = uint32(ledger.EventBytes(l.opts.EventBytes))
	}
	if p.in != nil {
		spec.Maps["outer_sizes"].MaxEntries = uint32(max(1, len(p.in.KeySizes)))
	}
	spec.Maps["enter_groups"].MaxEntries = uint32(groups)
	spec.Maps["exit_groups"].MaxEntries = uint32(groups)
	for _, name := range []string{"open_syscalls", "series"} {
		// The BTF describes the largest key; the kernel compares sizes.
		spec.Maps[name].Key, spec.Maps[name].Value = nil, nil
	}
	if uint64(spec.Maps["series"].KeySize) > math.MaxUint16 {
		return fmt.Errorf("a key of %d bytes is too long for a map", spec.Maps["series"].KeySize)
	}
	return nil
}

// fill writes what the programs look up: where each call leads, the calls'
// settings, and the target list.
func (l *loader) fill(colls []*ebpf.Collection) error {
	for i, group := range groups(l.plan) {
		for _, f := range group {
			if err := l.maps["funcs"].Put(f.ID, l.funcSettings(f)); err != nil {
				return fmt.Errorf("set up %s: %w", f.Name, err)
			}
			if f.unnamed {
				continue
			}
			route := bpf.SysRoute{Func: f.ID + 1, Group: uint32(i)}
			if err := l.maps["routes"].Put(uint32(f.Call.Number), route); err != nil {
				return fmt.Errorf("set up %s: %w", f.Name, err)
			}
		}
		for name, m := range map[string]string{"group_enter": "enter_groups", "group_exit": "exit_groups"} {
			if err := l.maps[m].Put(uint32(i), colls[i].Programs[name]); err != nil {
				return fmt.Errorf("set up the programs of %s: %w", group[0].Name, err)
			}
		}
	}
	if in := l.plan.in; in != nil {
		for i, n := range in.KeySizes {
			if err := l.maps["outer_sizes"].Put(uint32(i), uint32(n)); err != nil {
				return fmt.Errorf("set up the functions that make system calls: %w", err)
			}
		}
	}
	return ledger.SetTargets(l.maps["targets"], l.plan.PIDs)
}

func (l *loader) funcSettings(f *Func) bpf.CallFunc {
	var flags bpf.CallFuncFlags
	if ledger.HasKey(f.Program) || l.plan.in != nil {
		flags |= bpf.CallFuncFlagsFUNC_KEYED
	}
	if f.Program != nil && f.Program.Where != nil {
		flags |= bpf.CallFuncFlagsFUNC_WHERE
	}
	if f.Program != nil && f.Program.WhereExit != nil {
		flags |= bpf.CallFuncFlagsFUNC_WHERE_EXIT
	}
	if f.ReadAgain {
		flags |= bpf.CallFuncFlagsFUNC_READ_AGAIN
	}
	if f.Call.NoReturn() {
		flags |= bpf.CallFuncFlagsFUNC_COUNT_ONLY
	}
	return bpf.CallFunc{Flags: uint32(flags)}
}
