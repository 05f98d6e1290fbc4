package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// A demand is what budgets want to be measured.
type demand struct {
	budgets []budget.Budget
	each    []uprobe.Each
	slices  int  // how many parts a single run is cut into; 0 for one
	lenient bool // whatever is missing does not fail the check
}

// demand reads the budgets. Aliases are what --by calls their keys.
func (o *checkOptions) demand(aliases []*fetch.Expr) (demand, error) {
	d := demand{lenient: true}
	if o.file != "" {
		file, err := os.Open(o.file)
		if err != nil {
			return d, usage(fmt.Errorf("read budgets: %w", err))
		}
		defer file.Close()
		if d.budgets, err = budget.LoadFile(file); err != nil {
			return d, usage(fmt.Errorf("%s: %w", o.file, err))
		}
	}
	for _, text := range o.expect {
		b, err := budget.Parse(text)
		if err != nil {
			return d, usage(fmt.Errorf("--expect: %w", err))
		}
		d.budgets = append(d.budgets, b)
	}
	if len(d.budgets) == 0 {
		return d, usage(errors.New("say what is demanded: -f BUDGET.yaml, or --expect 'p99(main.handle) < 5ms'"))
	}
	exprs := make(map[string]*fetch.Expr)
	used := make(map[string]bool)
	for _, e := range aliases {
		exprs[e.Alias] = e
	}
	for i := range d.budgets {
		b := &d.budgets[i]
		each := uprobe.Each{Pattern: b.Func, LimitsNS: b.LimitsNS()}
		if err := checkPattern(b.Func); err != nil {
			return d, usage(fmt.Errorf("budget %s: %w", b.Name, err))
		}
		for _, key := range b.Keys() {
			used[key] = true
			if exprs[key] == nil {
				e, err := fetch.Parse(key)
				if err != nil {
					return d, usage(fmt.Errorf("budget %s: key %q is no expression; --by '%s=EXPR' says what it is: %w", b.Name, key, key, err))
				}
				if e.Alias != key {
					return d, usage(fmt.Errorf("budget %s: key %q cannot name itself; give --by '%s=EXPR'", b.Name, key, key))
				}
				exprs[key] = e
			}
			each.By = append(each.By, exprs[key])
		}
		d.each = append(d.each, each)
		d.slices = max(d.slices, b.Slices)
		d.lenient = d.lenient && b.OnMissing != budget.ActFail
	}
	for _, e := range aliases {
		if !used[e.Alias] {
			return d, usage(fmt.Errorf("--by %s: no budget has a key of that name", e.Alias))
		}
	}
	return d, nil
}

// loadBaseline reads what --baseline names; nil if it names nothing.
func (o *checkOptions) loadBaseline(s streams) (*budget.Runs, error) {
	if o.baseline == "" {
		return nil, nil
	}
	runs, err := loadRuns(o.baseline, s.in)
	if err != nil {
		return nil, usage(err)
	}
	return runs, nil
}

// writeBaseline writes what --save names.
func writeBaseline(path string, runs *budget.Runs) error {
	file, err := report.Create(path)
	if err != nil {
		return err
	}
	if err := runs.Encode(file); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(file.Complete(), file.Close())
}

// creatable returns an error if a file of that name cannot be written.
func creatable(path string) error {
	file, err := report.Create(path)
	if err != nil {
		return err
	}
	return file.Close()
}

// isProgramName says that -e selects, among the programs that a command starts,
// those of a name or a glob; a path is a file that is known already.
func isProgramName(exe string) bool {
	return exe != "" && (!strings.Contains(exe, "/") || strings.ContainsAny(exe, "*?["))
}

// matchProgram reports whether the pattern selects the program at path: by its
// base name, or by the whole where it has a slash.
func matchProgram(pattern, path string) bool {
	if !strings.Contains(pattern, "/") {
		path = filepath.Base(path)
	}
	ok, err := filepath.Match(pattern, path)
	return ok && err == nil
}

var errQuote = errors.New("a quote is not closed")

// splitCommand splits a command into its words, in which quotes and backslashes
// keep blanks as in a shell; nothing else has a meaning.
func splitCommand(text string) ([]string, error) {
	var words []string
	var word []rune
	quote, escaped, begun := rune(0), false, false
	for _, r := range text {
		switch {
		case escaped:
			word, escaped = append(word, r), false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && slices.Contains([]rune(" \t\n"), r):
			if begun {
				words = append(words, string(word))
			}
			word, begun = nil, false
		default:
			word, begun = append(word, r), true
		}
	}
	if quote != 0 || escaped {
		return nil, errQuote
	}
	if begun {
		words = append(words, string(word))
	}
	return words, nil
}
