package uprobe

import (
	"errors"
	"fmt"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
)

// compile types the request's expressions for one function. noResults says
// why its results cannot be read, if so.
func (t *target) compile(f *elfsym.Func, noResults error) (*fetch.Program, error) {
	req, env := t.req, t.env(f)
	env.NoResults = noResults
	switch {
	case req.Trace != nil:
		return t.compileShown(f, env, true)
	case len(req.By) == 0 && req.Where == nil:
		return nil, nil
	}
	return fetch.Compile(req.By, req.Where, env)
}

func (t *target) env(f *elfsym.Func) *fetch.Env {
	env := &fetch.Env{Arch: f.Binary.Arch(), Lang: f.Lang, Binary: f.Binary, StrLen: t.req.StrLen}
	env.Params, env.NoParams = f.Binary.Params(f)
	return env
}

// compileShown types what is shown of a function's calls. What cannot be shown
// is left out, with a warning where it was asked for. Without returns only what
// is known at the entry is shown.
func (t *target) compileShown(f *elfsym.Func, env *fetch.Env, returns bool) (*fetch.Program, error) {
	asked := t.req.Trace.Show
	exprs := asked
	if len(asked) == 0 {
		exprs = fetch.Readable(env)
	}
	var shown []*fetch.Expr
	for _, e := range exprs {
		with := append(shown, e)
		p, err := fetch.Compile(with, nil, env)
		if err == nil && !returns && p.AtExit() {
			err = errNeverReturns
		}
		if err == nil {
			shown = with
			continue
		}
		if len(asked) > 0 || errors.Is(err, fetch.ErrTooLarge) {
			t.hide(f, e, err)
		}
	}
	if len(shown) == 0 && t.req.Where == nil {
		return nil, nil
	}
	return fetch.Compile(shown, t.req.Where, env)
}

// hide notes that an expression is not shown for a function.
func (t *target) hide(f *elfsym.Func, e *fetch.Expr, why error) {
	if t.hidden[e] == nil {
		t.hidden[e] = why
	}
	warning := fmt.Sprintf("%s: %s is not shown: %s", f.Name, e.Text, inLine(why))
	if !t.warned[warning] { // a function may be compiled again, without its result
		t.warned[warning] = true
		t.warnings = append(t.warnings, warning)
	}
}

// show notes what a probe shows.
func (t *target) show(p *fetch.Program) {
	for i := range p.Parts {
		t.shown[p.Parts[i].Name] = true
	}
}

// shownNowhere is an error if an expression can be shown for no function.
func (t *target) shownNowhere() error {
	if t.req.Trace == nil {
		return nil
	}
	var errs error
	for _, e := range t.req.Trace.Show {
		if !t.shown[e.Alias] && t.hidden[e] != nil {
			errs = errors.Join(errs, t.hidden[e])
		}
	}
	return errs
}
