package uprobe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
)

// compile types the request's expressions for one function. noResults says
// why its results cannot be read, if so.
func (t *target) compile(s *selection, noResults error) (*fetch.Program, error) {
	env := t.env(s.fn)
	env.NoResults = noResults
	if t.req.Watch != nil {
		p, err := t.compileIn(s, env, errInFlight)
		if err == nil && p.AtExit() {
			err = fmt.Errorf("%s: %w", t.req.Where.Text, errInFlight)
		}
		return p, err
	}
	return t.compileIn(s, env, nil)
}

// asked are the expressions that were asked for by name.
func (r *Request) asked() []*fetch.Expr {
	switch {
	case r.Trace != nil:
		return r.Trace.Show
	case r.Watch != nil:
		return r.Watch.Show
	}
	return r.By
}

func (t *target) env(f *elfsym.Func) *fetch.Env {
	env := &fetch.Env{Arch: f.Binary.Arch(), Lang: f.Lang, Binary: f.Binary, StrLen: t.req.StrLen}
	env.Params, env.NoParams = f.Binary.Params(f)
	return env
}

// shows reports whether calls are shown one by one.
func (r *Request) shows() bool { return r.Trace != nil || r.Watch != nil }

// errInFlight says why a call in flight has no result to show.
var errInFlight = errors.New("it is known only when the call has returned")

// compileIn types what is asked of a function's calls, or where they are shown
// and nothing is asked for, all that can be shown. An expression that cannot be compiled is
// left out, with a warning; a filter must be. Where noReturn says why returns are
// not seen, only what is known at the entry is read.
func (t *target) compileIn(s *selection, env *fetch.Env, noReturn error) (*fetch.Program, error) {
	exprs := slices.Concat(t.req.asked(), s.own.by)
	all := t.req.shows() && len(exprs) == 0
	if all {
		exprs = fetch.Readable(env)
	}
	var taken []*fetch.Expr
	for _, e := range exprs {
		with := append(taken, e)
		p, err := fetch.Compile([]*fetch.Expr{e}, nil, env)
		if err == nil {
			p, err = fetch.Compile(with, nil, env)
		}
		if err == nil && noReturn != nil && p.AtExit() {
			err = noReturn
		}
		if err == nil {
			taken = with
			continue
		}
		if !all || errors.Is(err, fetch.ErrTooLarge) {
			t.hide(s.fn, e, err)
		}
	}
	if len(taken) == 0 && t.req.Where == nil {
		return nil, nil
	}
	return fetch.Compile(taken, t.req.Where, env)
}

// hide notes that an expression does not apply to a function.
func (t *target) hide(f *elfsym.Func, e *fetch.Expr, why error) {
	if t.hidden[e] == nil {
		t.hidden[e] = why
	}
	what := "is no part of the key"
	if t.req.shows() {
		what = "is not shown"
	}
	warning := fmt.Sprintf("%s: %s %s: %s", f.Name, e.Text, what, inLine(why))
	if !t.warned[warning] { // a function may be compiled again, without its result
		t.warned[warning] = true
		t.warnings = append(t.warnings, warning)
	}
}

// show notes what a probe reads.
func (t *target) show(p *fetch.Program) {
	for i := range p.Parts {
		t.shown[p.Parts[i].Name] = true
	}
}

// appliesNowhere is an error if an expression applies to none of the functions
// that have probes.
func (t *target) appliesNowhere() error {
	var errs error
	for _, e := range t.req.asked() {
		why := t.hidden[e]
		if t.shown[e.Alias] || why == nil {
			continue
		}
		var syntax *fetch.SyntaxError
		if !errors.As(why, &syntax) { // which quotes the expression
			why = fmt.Errorf("%s: %w", e.Text, why)
		}
		errs = errors.Join(errs, why)
	}
	return errs
}
