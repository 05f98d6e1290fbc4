package probe

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/internal/procfs"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/latency"
)

// Prefix is what the name of a system call has in front.
const Prefix = "sys:"

// A Request says what to measure.
type Request struct {
	// PIDs are the processes to measure, with all their threads; if there are
	// none, it is every process that runs Exe, now or later.
	PIDs []int
	Exe  string
	// Mounts is the mount namespace that processes must be in; 0 means any.
	Mounts uint32
	// Patterns name system calls, without the prefix.
	Patterns []string
	// Each are patterns whose calls are measured in a way of their own.
	Each []Each
	// StrLen is how many bytes of a string are kept; 0 means 64.
	StrLen int
	// Choice is what is asked of all functions; it may be shared.
	Choice *ledger.Choice
	// Trace asks for the calls themselves instead of histograms, Stack for
	// their callers too.
	Trace, Stack bool
	// In, unless it is nil, says that user functions are measured beside them.
	In *In

	// own says that latch measures itself, to learn what that costs.
	own bool
}

// ErrSelf says that latch was asked to measure itself.
var ErrSelf = errors.New("latch does not measure itself")

// checkTargets returns an error if there is no such process or file, or if it is
// latch.
func checkTargets(pids []int, exe string, own bool) error {
	for _, pid := range pids {
		if pid == os.Getpid() && !own {
			return fmt.Errorf("process %d: %w", pid, ErrSelf)
		}
		if _, err := procfs.Find(pid); err != nil {
			return err
		}
	}
	if exe == "" {
		return nil
	}
	_, _, err := fileID(exe)
	return err
}

// An Each is a pattern whose calls have a key and limits of their own.
type Each struct {
	Pattern  string
	By       []*fetch.Expr
	LimitsNS []uint64 // as uprobe.Each has them
}

// In is what a plan takes to know of the user functions beside it.
type In struct {
	// By names the parts of their keys.
	By []string
	// KeySizes are the lengths of the keys' data in bytes, by the functions'
	// numbers.
	KeySizes []int
}

// keySize is the length of the longest key's data.
func (in *In) keySize() int { return slices.Max(append([]int{0}, in.KeySizes...)) }

// A Func is a system call that will be measured.
type Func struct {
	// ID is its index in Plan.Funcs.
	ID      uint32
	Name    string // with the prefix
	Call    kernel.Syscall
	Program *fetch.Program
	// By names the parts of its key.
	By       []string
	LimitsNS []uint64
	// ReadAgain says that what its arguments point to, as far as the program
	// reads it, is not changed by the call, so that what was not in memory at
	// the entry can be read at the exit.
	ReadAgain bool
	// unnamed is what calls count under whose number has no name.
	unnamed bool
}

// An Unmatched is a pattern of Request.Each that selects nothing.
type Unmatched struct {
	Pattern string
	Reason  error
}

// A Plan is which system calls will be measured how.
type Plan struct {
	PIDs         []int
	Exe          string
	Mounts       uint32
	Trace, Stack bool
	Funcs        []Func
	Unmatched    []Unmatched
	By           []string // names of the key's parts
	Warnings     []string

	in  *In
	own bool
	// dataSize is the length of the largest key's own part, with what is kept
	// behind it, in bytes; inAt where the part of the user call begins.
	dataSize, inAt int
}

// unnamedCalls is what calls are counted under whose number has no name, where
// all calls are asked for.
const unnamedCalls = "unnamed"

// NewPlan resolves the request to system calls. It is an error if none can be
// measured.
func NewPlan(req *Request) (*Plan, error) {
	p := &Plan{PIDs: req.PIDs, Exe: req.Exe, Mounts: req.Mounts, Trace: req.Trace, Stack: req.Stack, in: req.In, own: req.own}
	if err := checkTargets(req.PIDs, req.Exe, req.own); err != nil {
		return nil, err
	}
	types, err := kernel.LoadTypes()
	if err != nil {
		p.Warnings = append(p.Warnings, fmt.Sprintf("structs that system calls are given cannot be looked into: %v", err))
	}
	m := &maker{req: req, plan: p, types: types, at: make(map[int]int), skipped: make(map[string][]string)}
	if !req.Trace {
		for _, e := range req.Choice.Asked {
			p.By = append(p.By, e.Alias)
		}
	}
	for _, text := range req.Patterns {
		if err := m.add(text, nil); err != nil {
			return nil, err
		}
	}
	for i := range req.Each {
		err := m.add(req.Each[i].Pattern, &req.Each[i])
		if errors.Is(err, elfsym.ErrNotFound) {
			p.Unmatched = append(p.Unmatched, Unmatched{Prefix + req.Each[i].Pattern, err})
		} else if err != nil {
			return nil, err
		}
	}
	if err := m.compile(); err != nil {
		return nil, err
	}
	return p, nil
}

// maker makes a plan.
type maker struct {
	req     *Request
	plan    *Plan
	types   *kernel.Types
	wants   []want
	at      map[int]int         // index of a call's want, by its number
	skipped map[string][]string // calls that are left out, by the reason
	first   error               // why the first one is
}

// want is a system call with the keys and limits that Each gives it.
type want struct {
	call    kernel.Syscall
	unnamed bool
	own     ledger.Own
}

// add adds the calls that a pattern selects, each once.
func (m *maker) add(pattern string, each *Each) error {
	calls, err := kernel.FindSyscalls(pattern)
	if err != nil {
		return err
	}
	wants := make([]want, 0, len(calls)+1)
	for _, c := range calls {
		wants = append(wants, want{call: c})
	}
	if pattern == "*" {
		wants = append(wants, want{call: kernel.Syscall{Name: unnamedCalls, Number: -1}, unnamed: true})
	}
	for _, w := range wants {
		i, ok := m.at[w.call.Number]
		if !ok {
			i = len(m.wants)
			m.at[w.call.Number] = i
			m.wants = append(m.wants, w)
		}
		if each == nil {
			continue
		}
		own := &m.wants[i].own
		own.Add(each.By, each.LimitsNS)
		if len(own.LimitsNS) > ledger.MaxLimits {
			return fmt.Errorf("%s%s has more than %d limits", Prefix, w.call.Name, ledger.MaxLimits)
		}
	}
	return nil
}

// compile types the expressions for all calls.
func (m *maker) compile() error {
	p := m.plan
	warned := len(m.req.Choice.Warnings)
	for i := range m.wants {
		w := &m.wants[i]
		f := Func{ID: uint32(len(p.Funcs)), Name: Prefix + w.call.Name, Call: w.call, LimitsNS: w.own.LimitsNS, unnamed: w.unnamed}
		params := w.call.Params(m.types)
		program, err := m.req.Choice.Compile(f.Name, w.own.By, m.env(params), nil)
		if err != nil {
			if m.first == nil {
				m.first = fmt.Errorf("%s: %w", f.Name, err)
			}
			m.skipped[ledger.InLine(err)] = append(m.skipped[ledger.InLine(err)], f.Name)
			continue
		}
		m.req.Choice.Keep(program)
		f.Program = program
		f.ReadAgain = readAgain(&w.call, params, program)
		f.By = p.parts(&w.own, program)
		p.Funcs = append(p.Funcs, f)
		if program != nil {
			p.dataSize = max(p.dataSize, program.Size+program.Hidden)
		}
	}
	if len(p.Funcs) == 0 {
		if m.first != nil {
			return m.first
		}
		return &NoneError{p.Unmatched}
	}
	p.dataSize = (p.dataSize + 7) &^ 7
	if p.in != nil {
		p.inAt = p.dataSize
		p.dataSize += bpf.MadeIn + (p.in.keySize()+7)&^7
		if p.inAt == 0 { // 0 means that there is none
			p.inAt, p.dataSize = 8, p.dataSize+8
		}
		if p.dataSize > bpf.KeyDataMax {
			return fmt.Errorf("%w: %d bytes, with those of the functions that make the calls, at most %d", fetch.ErrTooLarge, p.dataSize, bpf.KeyDataMax)
		}
	}
	m.fold(warned)
	for _, why := range slices.Sorted(maps.Keys(m.skipped)) {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s not measured: %s", several(m.skipped[why]), why))
	}
	return nil
}

// A NoneError says that no pattern of Request.Each selects a system call.
type NoneError struct{ Unmatched []Unmatched }

func (e *NoneError) Error() string {
	var errs []string
	for _, u := range e.Unmatched {
		errs = append(errs, u.Reason.Error())
	}
	return strings.Join(errs, "\n")
}

// several is names for a sentence that says what they are not.
func several(names []string) string {
	switch n := len(names); {
	case n == 1:
		return names[0] + " is"
	case n > 3:
		return fmt.Sprintf("%s and %d others are", strings.Join(names[:2], ", "), n-2)
	}
	return strings.Join(names, ", ") + " are"
}

// fold makes one warning of those that many calls have alike, and drops those of
// expressions that the functions which make the calls have.
func (m *maker) fold(from int) {
	c := m.req.Choice
	warnings := slices.Clone(c.Warnings[from:])
	c.Warnings = c.Warnings[:from:from]
	asked := slices.Clone(c.Asked)
	for i := range m.wants {
		asked = append(asked, m.wants[i].own.By...)
	}
	for _, e := range asked {
		about := ": " + e.Text + " is "
		var alike []string
		for _, w := range warnings {
			if strings.Contains(w, about) {
				alike = append(alike, w)
			}
		}
		inherited := m.plan.in != nil && slices.Contains(m.plan.in.By, e.Alias)
		if !inherited && len(alike) < minAlike {
			continue
		}
		warnings = slices.DeleteFunc(warnings, func(w string) bool { return strings.Contains(w, about) })
		if !inherited {
			warnings = append(warnings, fmt.Sprintf("%s (and so it is in %d more)", alike[0], len(alike)-1))
		}
	}
	c.Warnings = append(c.Warnings, warnings...)
}

// minAlike is how many warnings of one expression become one.
const minAlike = 4

// env is a system call as expressions are compiled for it.
func (m *maker) env(params []kernel.SyscallParam) *fetch.Env {
	env := &fetch.Env{Arch: elfsym.HostArch(), Lang: elfsym.LangC, Words: true, StrLen: m.req.StrLen, Params: []elfsym.Param{}}
	for _, p := range params {
		env.Params = append(env.Params, p.Param)
	}
	return env
}

// readAgain reports whether what the program reads of the process's memory can
// be read at the exit as well: through arguments that the kernel only reads, and
// not in what an execve has left behind.
func readAgain(call *kernel.Syscall, params []kernel.SyscallParam, program *fetch.Program) bool {
	if program == nil || !program.ReadsMemory || call.Execs() || call.NoReturn() {
		return false
	}
	for _, p := range params {
		if !p.Result && program.Uses[p.Name] && p.Type.Kind == elfsym.KindPointer && !p.Input {
			return false
		}
	}
	return true
}

// parts returns the names of a call's key: those of all, its own that could be
// compiled, and those of the user call that makes it.
func (p *Plan) parts(own *ledger.Own, program *fetch.Program) []string {
	names := append(slices.Clone(p.By), own.Parts(program)...)
	if p.in == nil {
		return names
	}
	for _, name := range append([]string{latency.KeyIn}, p.in.By...) {
		if name != latency.KeyDrops && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
