package uprobe

import (
	"errors"
	"fmt"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
)

// compile types the request's expressions for one function.
func (t *target) compile(f *elfsym.Func) (*fetch.Program, error) {
	req := t.req
	switch {
	case req.Trace != nil:
		return t.compileShown(f, true)
	case len(req.By) == 0 && req.Where == nil:
		return nil, nil
	}
	return fetch.Compile(req.By, req.Where, t.env(f))
}

func (t *target) env(f *elfsym.Func) *fetch.Env {
	env := &fetch.Env{Arch: f.Binary.Arch(), Lang: f.Lang, Binary: f.Binary, StrLen: t.req.StrLen}
	env.Params, env.NoParams = f.Binary.Params(f)
	return env
}

// compileShown types what is shown of a function's calls. What cannot be shown
// is left out, with a warning where it was asked for. Without returns only what
// is known at the entry is shown.
func (t *target) compileShown(f *elfsym.Func, returns bool) (*fetch.Program, error) {
	env, asked := t.env(f), t.req.Trace.Show
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
	for _, e := range shown {
		t.shown[e]++
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
	t.warnings = append(t.warnings, fmt.Sprintf("%s: %s is not shown: %s", f.Name, e.Text, inLine(why)))
}

// shownNowhere is an error if an expression can be shown for no function.
func (t *target) shownNowhere() error {
	if t.req.Trace == nil {
		return nil
	}
	var errs error
	for _, e := range t.req.Trace.Show {
		if t.shown[e] == 0 && t.hidden[e] != nil {
			errs = errors.Join(errs, t.hidden[e])
		}
	}
	return errs
}
