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
// or both. This is the one place where the text of a FUNC decides which.
type measurePlan struct {
	user      *uprobe.Plan // nil where there are none
	sys       *probe.Plan  // nil where there are none
	pids      []int
	exe       string
	unmatched []uprobe.Unmatched
	warnings  []string
}

// newPlan resolves a request whose patterns may name system calls too.
func newPlan(req *uprobe.Request) (_ *measurePlan, err error) {
	p := &measurePlan{pids: req.PIDs, exe: req.Exe}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	user, sys := splitRequest(req)
	if sys == nil {
		if p.user, err = uprobe.NewPlan(req); err != nil {
			return nil, err
		}
		p.unmatched, p.warnings = p.user.Unmatched, p.user.Warnings
		return p, nil
	}
	choice := req.NewChoice()
	sys.Choice = choice
	var none *uprobe.NoProbesError
	var nothing error
	if user != nil {
		user.Choice = choice
		p.user, err = uprobe.NewPlan(user)
		switch {
		case errors.As(err, &none):
			nothing, p.unmatched = err, none.Unmatched
		case err != nil:
			return nil, err
		default:
			p.unmatched, p.warnings = p.user.Unmatched, p.user.Warnings
			sys.In = &probe.In{KeySize: p.user.KeySize}
			for i := range p.user.Probes {
				for _, name := range p.user.Probes[i].By {
					if !slices.Contains(sys.In.By, name) {
						sys.In.By = append(sys.In.By, name)
					}
				}
			}
		}
	}
	p.sys, err = probe.NewPlan(sys)
	var noCalls *probe.NoneError
	if errors.As(err, &noCalls) && (user != nil || len(noCalls.Unmatched) > 0) {
		for _, u := range noCalls.Unmatched {
			p.unmatched = append(p.unmatched, uprobe.Unmatched(u))
		}
		if p.user == nil {
			return nil, &uprobe.NoProbesError{Reasons: errors.Join(nothing, err), Unmatched: p.unmatched}
		}
		err = nil
	}
	if err != nil {
		return nil, errors.Join(nothing, err)
	}
	if p.sys != nil {
		for _, u := range p.sys.Unmatched {
			p.unmatched = append(p.unmatched, uprobe.Unmatched(u))
		}
	}
	if err := choice.AppliesNowhere(); err != nil {
		return nil, err
	}
	p.warnings = slices.Concat(p.warnings, choice.Warnings)
	if p.sys != nil {
		p.warnings = append(p.warnings, p.sys.Warnings...)
	}
	if nothing != nil {
		p.warnings = append(p.warnings, ledger.InLine(nothing))
	}
	return p, nil
}

// splitRequest parts a request by what its patterns name; either half is nil if
// it has none.
func splitRequest(req *uprobe.Request) (user *uprobe.Request, sys *probe.Request) {
	half := *req
	half.Patterns, half.Each = nil, nil
	other := &probe.Request{
		PIDs: req.PIDs, Exe: req.Exe, Mounts: req.Mounts, StrLen: req.StrLen,
		Trace: req.Trace != nil, Stack: req.Trace != nil && req.Trace.Stack,
	}
	for _, text := range req.Patterns {
		if name, ok := strings.CutPrefix(text, probe.Prefix); ok {
			other.Patterns = append(other.Patterns, name)
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
	return user, sys
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
	// calls are those that NextCall hands on where there are two kinds.
	calls *mergedCalls
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
	if p.sys == nil {
		return m, nil
	}
	own := &probe.Options{MaxKeys: opts.MaxKeys, EventBytes: opts.EventBytes, Cancel: opts.Cancel}
	if m.user != nil {
		calls := m.user.Calls()
		own.Calls, own.Decode = &kernel.Calls{Maps: calls.Maps, KeySize: calls.KeySize}, m.user.Decode
	}
	m.sys, err = probe.Attach(p.sys, own)
	if errors.Is(err, probe.ErrCanceled) {
		err = uprobe.ErrCanceled
	}
	return m, err
}

// Enable starts the measurement: of the user functions first, as system calls
// are made in them.
func (m *measurement) Enable() error {
	if m.user != nil {
		if err := m.user.Enable(); err != nil {
			return err
		}
	}
	if m.sys != nil {
		return m.sys.Enable()
	}
	return nil
}

// Stop ends it and takes the probes out.
func (m *measurement) Stop() error {
	var err error
	if m.sys != nil {
		err = m.sys.Stop()
	}
	if m.user != nil {
		err = errors.Join(err, m.user.Stop())
	}
	return err
}

// Close stops it and frees everything.
func (m *measurement) Close() error {
	err := m.calls.stop(m)
	if m.sys != nil {
		err = errors.Join(err, m.sys.Close())
	}
	if m.user != nil {
		err = errors.Join(err, m.user.Close())
	}
	return err
}

// Read returns what was counted of both kinds.
func (m *measurement) Read() (*latency.Recording, error) {
	if m.sys == nil {
		return m.user.Read()
	}
	rec, err := m.sys.Read()
	if err != nil {
		return nil, err
	}
	own := rec.Warnings[len(m.plan.sys.Warnings):]
	rec.Warnings = append(slices.Clone(m.plan.warnings), own...)
	if m.user == nil {
		return rec, nil
	}
	user, err := m.user.Read()
	if err != nil {
		return nil, err
	}
	user.Warnings = append(rec.Warnings, user.Warnings[len(m.plan.user.Warnings):]...)
	user.Functions = append(user.Functions, rec.Functions...)
	return user, nil
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
	if m.user != nil {
		n = m.user.Attached()
	}
	if m.sys != nil {
		n += m.sys.Attached()
	}
	return attachedLine(n, m.plan.pids, m.plan.exe, took)
}
