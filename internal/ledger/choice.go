package ledger

import (
	"errors"
	"fmt"
	"slices"

	"github.com/latchprof/latch/fetch"
)

// A Choice is what was asked of all functions, and what becomes of it in each: an
// expression applies where it compiles. Plans of several kinds of functions share
// one, so that an expression need apply to one kind alone.
type Choice struct {
	// Asked are the expressions, Where the filter, which may be nil.
	Asked []*fetch.Expr
	Where *fetch.Expr
	// Shows says that calls are shown one by one: then no expression means
	// all that can be read.
	Shows bool
	// Warnings say which expressions do not apply where.
	Warnings []string

	shown  map[string]bool // aliases that a function has
	hidden map[*fetch.Expr]error
	warned map[string]bool
}

// Compile types what is asked of a function's calls, the expressions that are
// its own among it, or where calls are shown and nothing is asked for, all that
// can be shown. An expression that cannot be compiled is left out, with a
// warning; a filter must be. Where noReturn says why returns are not seen, only
// what is known at the entry is read. It is nil where there is nothing to read.
func (c *Choice) Compile(function string, own []*fetch.Expr, env *fetch.Env, noReturn error) (*fetch.Program, error) {
	exprs := slices.Concat(c.Asked, own)
	all := c.Shows && len(exprs) == 0
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
			c.hide(function, e, err)
		}
	}
	if len(taken) == 0 && c.Where == nil {
		return nil, nil
	}
	return fetch.Compile(taken, c.Where, env)
}

// hide notes that an expression does not apply to a function.
func (c *Choice) hide(function string, e *fetch.Expr, why error) {
	if c.hidden == nil {
		c.hidden, c.warned = make(map[*fetch.Expr]error), make(map[string]bool)
	}
	if c.hidden[e] == nil {
		c.hidden[e] = why
	}
	what := "is no part of the key"
	if c.Shows {
		what = "is not shown"
	}
	warning := fmt.Sprintf("%s: %s %s: %s", function, e.Text, what, InLine(why))
	if !c.warned[warning] { // a function may be compiled again, without its result
		c.warned[warning] = true
		c.Warnings = append(c.Warnings, warning)
	}
}

// Keep notes what the program of a function that will be measured reads.
func (c *Choice) Keep(p *fetch.Program) {
	if p == nil {
		return
	}
	if c.shown == nil {
		c.shown = make(map[string]bool)
	}
	for i := range p.Parts {
		c.shown[p.Parts[i].Name] = true
	}
}

// AppliesNowhere is an error if an expression applies to none of the functions
// that were kept.
func (c *Choice) AppliesNowhere() error {
	var errs error
	for _, e := range c.Asked {
		why := c.hidden[e]
		if c.shown[e.Alias] || why == nil {
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

// InLine is an error's text for a warning: that of a faulty expression is drawn
// over several lines, of which the first says it all.
func InLine(err error) string {
	var syntax *fetch.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Msg
	}
	return err.Error()
}
