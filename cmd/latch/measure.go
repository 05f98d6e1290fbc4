package main

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/internal/ledger"
	"github.com/latchprof/latch/kernel"
	"github.com/latchprof/latch/kernel/probe"
	"github.com/latchprof/latch/latency"
	"github.com/latchprof/latch/uprobe"
)

// A measurePlan is what will be measured: functions of programs, system calls,
// and tracepoints. This is the one place where the text of a FUNC decides which.
type measurePlan struct {
	user      *uprobe.Plan     // nil where there are none
	sys       *probe.Plan      // nil where there are none
	events    *probe.EventPlan // nil where there are none
	pids      []int
	exe       string
	unmatched []uprobe.Unmatched
	warnings  []string
}

// newPlan resolves a request whose patterns may name system calls and, in a
// trace, tracepoints too.
func newPlan(req *uprobe.Request) (_ *measurePlan, err error) {
	p := &measurePlan{pids: req.PIDs, exe: req.Exe}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	user, sys, events := splitRequest(req)
	if sys == nil && events == nil {
		if p.user, err = uprobe.NewPlan(req); err != nil {
			return nil, err
		}
		p.unmatched, p.warnings = p.user.Unmatched, p.user.Warnings
		return p, nil
	}
	choice := req.NewChoice()
	var missing error // why there are no functions of programs
	if user != nil {
		user.Choice = choice
		if missing, err = p.addUser(user); err != nil {
			return nil, err
		}
	}
	if sys != nil {
		sys.Choice = choice
		if err := p.addSystemCalls(sys, missing); err != nil {
			return nil, err
		}
	}
	if events != nil {
		events.Choice = choice
		if p.events, err = probe.NewEventPlan(events); err != nil {
			return nil, err
		}
		p.warnings = append(p.warnings, p.events.Warnings...)
	}
	if err := choice.AppliesNowhere(); err != nil {
		return nil, err
	}
	p.warnings = append(p.warnings, choice.Warnings...)
	if missing != nil {
		p.warnings = append(p.warnings, ledger.InLine(missing))
	}
	return p, nil
}

// addUser plans the functions of programs. That there are none is returned as
// missing, as there is something else to measure.
func (p *measurePlan) addUser(req *uprobe.Request) (missing, err error) {
	var none *uprobe.NoProbesError
	p.user, err = uprobe.NewPlan(req)
	switch {
	case errors.As(err, &none):
		p.unmatched = none.Unmatched
		return err, nil
	case err != nil:
		return nil, err
	}
	p.unmatched, p.warnings = p.user.Unmatched, slices.Clone(p.user.Warnings)
	return nil, nil
}

// addSystemCalls plans system calls, which are made in the functions that are
// planned already; missing says why there are none of those.
func (p *measurePlan) addSystemCalls(req *probe.Request, missing error) (err error) {
	if p.user != nil && !req.Trace {
		req.In = &probe.In{}
		for i := range p.user.Probes {
			size := 0
			if program := p.user.Probes[i].Program; program != nil {
				size = program.Size
			}
			req.In.KeySizes = append(req.In.KeySizes, size)
			for _, name := range p.user.Probes[i].By {
				if !slices.Contains(req.In.By, name) {
					req.In.By = append(req.In.By, name)
				}
			}
		}
	}
	p.sys, err = probe.NewPlan(req)
	var none *probe.NoneError
	switch {
	case errors.As(err, &none):
		for _, u := range none.Unmatched {
			p.unmatched = append(p.unmatched, uprobe.Unmatched(u))
		}
		if p.user == nil {
			return &uprobe.NoProbesError{Reasons: errors.Join(missing, err), Unmatched: p.unmatched}
		}
		return nil
	case err != nil:
		return errors.Join(missing, err)
	}
	for _, u := range p.sys.Unmatched {
		p.unmatched = append(p.unmatched, uprobe.Unmatched(u))
	}
	p.warnings = append(p.warnings, p.sys.Warnings...)
	return nil
}

// splitRequest parts a request by what its patterns name; a part is nil if they
// name none of it.
func splitRequest(req *uprobe.Request) (user *uprobe.Request, sys *probe.Request, events *probe.EventRequest) {
	half := *req
	half.Patterns, half.Each = nil, nil
	other := &probe.Request{
		PIDs: req.PIDs, Exe: req.Exe, Mounts: req.Mounts, StrLen: req.StrLen,
		Trace: req.Trace != nil, Stack: req.Trace != nil && req.Trace.Stack,
	}
	points := &probe.EventRequest{PIDs: req.PIDs, StrLen: req.StrLen, Stack: other.Stack, All: req.All}
	for _, text := range req.Patterns {
		if name, ok := strings.CutPrefix(text, probe.Prefix); ok {
			other.Patterns = append(other.Patterns, name)
		} else if name, ok := strings.CutPrefix(text, probe.EventPrefix); ok {
			points.Patterns = append(points.Patterns, name)
		} else {
			half.Patterns = append(half.Patterns, text)
		}
	}
	for _, e := range req.Each {
		if name, ok := strings.CutPrefix(e.Pattern, probe.Prefix); ok {
			other.Each = append(other.Each, probe.Each{Pattern: name, By: e.By, LimitsNS: e.LimitsNS})
		} else {
			half.Each = append(half.Each, e)
		}
	}
	if len(half.Patterns)+len(half.Each) > 0 {
		user = &half
	}
	if len(other.Patterns)+len(other.Each) > 0 {
		sys = other
	}
	if len(points.Patterns) > 0 {
		events = points
	}
	return user, sys, events
}

// Close frees what the plan holds.
func (p *measurePlan) Close() error {
	if p.user == nil {
		return nil
	}
	return p.user.Close()
}

// buildID is that of the file that is measured.
func (p *measurePlan) buildID() string {
	if p.user == nil || len(p.user.Images) == 0 {
		return ""
	}
	return p.user.Images[0].Binary.BuildID()
}

// hasGo says that a function of Go is measured.
func (p *measurePlan) hasGo() bool {
	return p.user != nil && slices.ContainsFunc(p.user.Probes, func(p uprobe.Probe) bool { return p.Func.Lang == elfsym.LangGo })
}

// A measurement is a plan whose probes are in: a session of each kind.
type measurement struct {
	plan *measurePlan
	user *uprobe.Session // nil where there are no functions of programs
	sys  *probe.Session  // nil where there are no system calls
	// events are the tracepoints; nil where there are none.
	events *probe.EventSession
	// calls are those that NextCall hands on where there are several kinds.
	calls *mergedCalls
}

// A part is a session of one kind.
type part interface {
	Enable() error
	Stop() error
	Close() error
	Attached() int
	NextCall() (*latency.Call, error)
	Waiting() bool
	Drain() error
}

// parts are the sessions there are: of user functions first, as system calls are
// made in them.
func (m *measurement) parts() []part {
	var out []part
	if m.user != nil {
		out = append(out, m.user)
	}
	if m.sys != nil {
		out = append(out, m.sys)
	}
	if m.events != nil {
		out = append(out, m.events)
	}
	return out
}

// attach puts the probes in, disabled. What the user functions keep of their
// open calls is shared with the system calls.
func (p *measurePlan) attach(opts *uprobe.Options) (_ *measurement, err error) {
	m := &measurement{plan: p}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	if p.user != nil {
		if m.user, err = uprobe.Attach(p.user, opts); err != nil {
			return nil, err
		}
	}
	own := &probe.Options{MaxKeys: opts.MaxKeys, EventBytes: opts.EventBytes, Cancel: opts.Cancel}
	if m.user != nil {
		calls := m.user.Calls()
		own.Calls, own.Decode = &kernel.Calls{Maps: calls.Maps, KeySize: calls.KeySize}, m.user.Decode
	}
	if p.sys != nil {
		m.sys, err = probe.Attach(p.sys, own)
	}
	if p.events != nil && err == nil {
		m.events, err = probe.AttachEvents(p.events, own)
	}
	if errors.Is(err, probe.ErrCanceled) {
		err = uprobe.ErrCanceled
	}
	return m, err
}

// Enable starts the measurement.
func (m *measurement) Enable() error {
	for _, p := range m.parts() {
		if err := p.Enable(); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends it and takes the probes out, those of the functions last.
func (m *measurement) Stop() error {
	var err error
	for _, p := range slices.Backward(m.parts()) {
		err = errors.Join(err, p.Stop())
	}
	return err
}

// Close stops it and frees everything.
func (m *measurement) Close() error {
	err := m.calls.stop(m)
	for _, p := range slices.Backward(m.parts()) {
		err = errors.Join(err, p.Close())
	}
	return err
}

// Read returns what was counted of all kinds.
func (m *measurement) Read() (*latency.Recording, error) {
	var all *latency.Recording
	warnings := slices.Clone(m.plan.warnings)
	add := func(planned []string, read func() (*latency.Recording, error)) error {
		rec, err := read()
		if err != nil {
			return err
		}
		warnings = append(warnings, rec.Warnings[len(planned):]...)
		if all == nil {
			all = rec
			return nil
		}
		all.Functions = append(all.Functions, rec.Functions...)
		return nil
	}
	var err error
	if m.user != nil {
		err = add(m.plan.user.Warnings, m.user.Read)
	}
	if m.sys != nil && err == nil {
		err = add(m.plan.sys.Warnings, m.sys.Read)
	}
	if m.events != nil && err == nil {
		err = add(m.plan.events.Warnings, m.events.Read)
	}
	if err != nil {
		return nil, err
	}
	all.Warnings = warnings
	return all, nil
}

// Explain adds why there are no calls.
func (m *measurement) Explain(rec *latency.Recording) {
	if m.user != nil {
		m.user.Explain(rec)
	}
	if m.sys != nil {
		m.sys.Explain(rec)
	}
}

// Overhead measures what the probes cost, and adds it to the recording.
func (m *measurement) Overhead(rec *latency.Recording) error {
	var err error
	if m.user != nil {
		err = m.user.Overhead(rec)
	}
	if m.sys != nil {
		err = errors.Join(err, m.sys.Overhead(rec))
	}
	return err
}

// attachedLine is what every command says when its probes are in.
func (m *measurement) attachedLine(took time.Duration) string {
	n := 0
	for _, p := range m.parts() {
		n += p.Attached()
	}
	return attachedLine(n, m.plan.pids, m.plan.exe, took)
}
