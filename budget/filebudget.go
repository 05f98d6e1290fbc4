package budget

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// maxSlices is into how many parts a run may be cut.
const maxSlices = 1000

// budget reads one item of the list.
func (d *decoder) budget(n ast.Node) error {
	b := d.defaults
	known := append([]field{
		{"name", func(v ast.Node) (err error) {
			b.Name, err = scalar(v, "name")
			return err
		}},
		{"func", func(v ast.Node) (err error) {
			if b.Func, err = scalar(v, "func"); err != nil {
				return err
			}
			if err := checkFunc(b.Func); err != nil {
				return fault(v.GetToken(), "%v", err)
			}
			return nil
		}},
		{"by", func(v ast.Node) error {
			for _, item := range list(v) {
				key, err := scalar(item, "by")
				if err != nil {
					return err
				}
				if slices.Contains(b.By, key) {
					return fault(item.GetToken(), "by has %s twice", key)
				}
				b.By = append(b.By, key)
			}
			return nil
		}},
		{"where", func(v ast.Node) (err error) {
			b.Where, err = where(v)
			return err
		}},
		{"expect", func(v ast.Node) error {
			for _, item := range list(v) {
				text, err := scalar(item, "expect")
				if err != nil {
					return err
				}
				e, err := parseExpectation(text)
				if err != nil {
					return inside(item, err)
				}
				b.Expect = append(b.Expect, e)
			}
			return nil
		}},
		{"regress", func(v ast.Node) error {
			for _, item := range list(v) {
				if err := regress(item, &b); err != nil {
					return err
				}
			}
			return nil
		}},
	}, d.settings(&b)...)
	if err := fields(n, "a budget", known...); err != nil {
		return err
	}
	switch {
	case b.Func == "":
		return fault(n.GetToken(), "the budget has no func")
	case len(b.Expect) == 0:
		return fault(n.GetToken(), "the budget has neither expect nor regress")
	}
	if b.Name == "" {
		b.Name = b.Func
	}
	d.budgets = append(d.budgets, b)
	return nil
}

// where reads a mapping of keys to values, or a list of matchers.
func where(n ast.Node) ([]Matcher, error) {
	var all []Matcher
	if seq, ok := n.(*ast.SequenceNode); ok {
		for _, item := range seq.Values {
			text, err := scalar(item, "where")
			if err != nil {
				return nil, err
			}
			m, err := parseMatcher(text)
			if err != nil {
				return nil, inside(item, err)
			}
			all = append(all, m)
		}
		return all, nil
	}
	pairs, err := mapping(n, "where")
	if err != nil {
		return nil, err
	}
	for _, pair := range pairs {
		value, err := scalar(pair.Value, "the value of a key in where")
		if err != nil {
			return nil, err
		}
		all = append(all, Matcher{Key: pair.Key.GetToken().Value, Value: value})
	}
	return all, nil
}

// regress reads a limit for what a metric may have risen against the baseline.
func regress(n ast.Node, b *Budget) error {
	e := Expectation{Metric: Metric{Percent: 99}, Cmp: LessEqual}
	var limit ast.Node
	err := fields(n, "regress",
		field{"metric", func(v ast.Node) error {
			text, err := scalar(v, "metric")
			if err != nil {
				return err
			}
			s, err := newScanner(text)
			if err == nil {
				if e.Metric, err = s.metric(); err == nil {
					err = s.end()
				}
			}
			if err != nil {
				return inside(v, err)
			}
			if unit := e.Metric.Unit(); unit == Count || unit == PerSecond {
				return fault(v.GetToken(), "%s is not a metric that may only rise so far; expect may have it, as in %s >= baseline", e.Metric, e.Metric)
			}
			return nil
		}},
		field{"max", func(v ast.Node) error {
			limit = v
			return nil
		}},
		field{"min_effect", func(v ast.Node) error {
			text, err := scalar(v, "min_effect")
			if err != nil {
				return err
			}
			if e.MinEffect, err = time.ParseDuration(text); err != nil || e.MinEffect <= 0 {
				return fault(v.GetToken(), "min_effect is a time, as in 200us")
			}
			return nil
		}},
		field{"slices", func(v ast.Node) error {
			n, err := whole(v, "slices", maxSlices)
			b.Slices = max(b.Slices, int(n))
			return err
		}},
	)
	if err != nil {
		return err
	}
	if limit == nil {
		return fault(n.GetToken(), "regress has no max, as in max: +10%%")
	}
	if e.MinEffect > 0 && e.Metric.Unit() != Nanoseconds {
		return fault(n.GetToken(), "min_effect is a time, but %s is none", e.Metric)
	}
	text, err := scalar(limit, "max")
	if err != nil {
		return err
	}
	s, err := newScanner(text)
	if err == nil {
		s.next("+")
		if e.Limit, err = s.margin(e.Metric); err == nil {
			err = s.end()
		}
	}
	if err != nil {
		return inside(limit, err)
	}
	e.Limit.Baseline = true
	b.Expect = append(b.Expect, e)
	return nil
}
