package uprobe

import (
	"errors"
	"fmt"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/ledger"
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

// NewChoice is what the request asks of all functions.
func (r *Request) NewChoice() *ledger.Choice {
	return &ledger.Choice{Asked: r.asked(), Where: r.Where, Shows: r.shows()}
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

// compileIn types what is asked of a function's calls. Where noReturn says why
// returns are not seen, only what is known at the entry is read.
func (t *target) compileIn(s *selection, env *fetch.Env, noReturn error) (*fetch.Program, error) {
	return t.choice.Compile(s.fn.Name, s.own.By, env, noReturn)
}
