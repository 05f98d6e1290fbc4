package probe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel"
)

// EventPrefix is what the name of a tracepoint has in front.
const EventPrefix = "t:"

// An EventRequest says which tracepoints to watch.
type EventRequest struct {
	// PIDs are the processes in which they must be passed; none means any.
	PIDs []int
	// Patterns name tracepoints, GROUP:NAME, without the prefix.
	Patterns []string
	// StrLen is how many bytes of a string are kept; 0 means 64.
	StrLen int
	// Choice is what is shown of each; it may be shared.
	Choice *ledger.Choice
	// Stack asks for the kernel's and the process's stack.
	Stack bool
	// All lifts the limit on how many tracepoints patterns may select.
	All bool
}

// MaxEvents is how many tracepoints patterns may select without
// EventRequest.All: each is a program of its own.
const MaxEvents = 100

// ErrTooManyEvents says that the patterns select more than MaxEvents.
var ErrTooManyEvents = errors.New("too many tracepoints")

// An Event is a tracepoint that will be watched.
type Event struct {
	ID      uint32
	Name    string // as it is written
	Point   kernel.Tracepoint
	Program *fetch.Program
	// Raw says that the tracepoint's own arguments are read, and not the
	// record that is made of them.
	Raw bool
}

// An EventPlan is which tracepoints will be watched how.
type EventPlan struct {
	PIDs     []int
	Stack    bool
	Events   []Event
	Warnings []string

	dataSize int
}

// NewEventPlan resolves the request. It is an error if no tracepoint can be
// watched.
func NewEventPlan(req *EventRequest) (*EventPlan, error) {
	types, err := kernel.LoadTypes()
	if err != nil {
		types = nil // tracefs may serve
	}
	p := &EventPlan{PIDs: req.PIDs, Stack: req.Stack}
	if err := checkTargets(req.PIDs, "", false); err != nil {
		return nil, err
	}
	seen := make(map[kernel.Tracepoint]bool)
	var first error
	for _, pattern := range req.Patterns {
		found, err := kernel.FindTracepoints(pattern, types)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			if seen[t] {
				continue
			}
			seen[t] = true
			e, err := p.event(req, t, types)
			if err != nil {
				if first == nil {
					first = fmt.Errorf("%s: %w", t, err)
				}
				p.Warnings = append(p.Warnings, fmt.Sprintf("%s is not watched: %s", t, ledger.InLine(err)))
				continue
			}
			e.ID = uint32(len(p.Events))
			p.Events = append(p.Events, *e)
			if e.Program != nil {
				p.dataSize = max(p.dataSize, (e.Program.Size+7)&^7)
			}
		}
	}
	switch {
	case len(p.Events) == 0:
		return nil, first
	case len(p.Events) > MaxEvents && !req.All:
		return nil, fmt.Errorf("%w: the patterns match %d, more than %d: narrow them or give --all", ErrTooManyEvents, len(p.Events), MaxEvents)
	}
	return p, nil
}

// event chooses what is read of a tracepoint: its record, which is made to be
// shown, or its own arguments, where those are what the expressions name or where
// there is no more.
func (p *EventPlan) event(req *EventRequest, t kernel.Tracepoint, types *kernel.Types) (*Event, error) {
	record, noRecord := t.Record(types)
	args, noArgs := t.Args(types)
	if noRecord != nil && noArgs != nil {
		return nil, fmt.Errorf("neither its record nor its arguments are known: %w", errors.Join(noRecord, noArgs))
	}
	if errors.Is(noRecord, kernel.ErrNoTracefs) {
		p.warn(fmt.Sprintf("tracepoints show their own arguments, not the fields of their records: %v", kernel.ErrNoTracefs))
	}
	e := &Event{Name: t.String(), Point: t, Raw: noRecord != nil}
	if noRecord == nil && noArgs == nil {
		e.Raw = applies(req.Choice, eventEnv(req, args)) > applies(req.Choice, eventEnv(req, record))
	}
	env := eventEnv(req, record)
	if e.Raw {
		env = eventEnv(req, args)
	}
	var err error
	if e.Program, err = req.Choice.Compile(e.Name, nil, env, ErrNoReturn); err != nil {
		return nil, err
	}
	if e.Program.AtExit() {
		return nil, fmt.Errorf("%s: %w", req.Choice.Where.Text, ErrNoReturn)
	}
	req.Choice.Keep(e.Program)
	return e, nil
}

// warn adds a warning, once.
func (p *EventPlan) warn(text string) {
	if !slices.Contains(p.Warnings, text) {
		p.Warnings = append(p.Warnings, text)
	}
}

// ErrNoReturn says why a tracepoint has no result and no latency.
var ErrNoReturn = errors.New("a tracepoint is passed, it takes no time and has no result")

// applies counts the expressions that can be read of these fields; the filter
// counts more than all others, as without it there is nothing.
func applies(c *ledger.Choice, env *fetch.Env) (n int) {
	for _, e := range c.Asked {
		if _, err := fetch.Compile([]*fetch.Expr{e}, nil, env); err == nil {
			n++
		}
	}
	if c.Where != nil {
		if _, err := fetch.Compile(nil, c.Where, env); err == nil {
			n += len(c.Asked) + 1
		}
	}
	return n
}

func eventEnv(req *EventRequest, fields []kernel.Field) *fetch.Env {
	env := &fetch.Env{
		Arch: elfsym.HostArch(), Lang: elfsym.LangC, Words: true, Kernel: true, StrLen: req.StrLen,
		Params: []elfsym.Param{}, Located: make(map[string]int64),
	}
	for _, f := range fields {
		env.Params = append(env.Params, f.Param)
		switch {
		case f.Located && f.Behind && f.Err == nil:
			env.Located[f.Name] = f.Loc.Pieces[0].Off + 4
		case f.Located && f.Err == nil:
			env.Located[f.Name] = 0
		}
	}
	return env
}
