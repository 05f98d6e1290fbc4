package elfsym

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"
)

// tally counts what Sites says about the functions of a binary.
type tally struct {
	funcs, nop5, emulated, stepped, timed, warned int
	refused                                       map[string]int
	noExit                                        map[string]int
	example                                       map[string]string
}

func (y *tally) String() string {
	var s strings.Builder
	pct := func(n int) float64 { return 100 * float64(n) / float64(max(1, y.funcs)) }
	fmt.Fprintf(&s, "%d functions: %.1f%% nop5, %.1f%% emulated, %.1f%% stepped; %.1f%% timed, %.1f%% warned",
		y.funcs, pct(y.nop5), pct(y.emulated), pct(y.stepped), pct(y.timed), pct(y.warned))
	for what, m := range map[string]map[string]int{"refused": y.refused, "no exit": y.noExit} {
		for why, n := range m {
			fmt.Fprintf(&s, "\n\t%s: %5d %.2f%% %s (%s)", what, n, pct(n), why, y.example[why])
		}
	}
	return s.String()
}

// reasons are the errors by which tally sorts.
var reasons = []error{errNeverReturns, errTooSmall, errManyExits, errForeignFrame, errTooDeep, errTooMany, errNowhere,
	errTailData, errUnsureJump, errNoEntry, errLoop, errKernelRefuses, errStepHarms, errTooLong}

func reason(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r) {
			return r.Error()
		}
	}
	if d := (*decodeError)(nil); errors.As(err, &d) {
		return "cannot decode"
	}
	s := err.Error()
	if i := strings.Index(s, ": "); i > 0 && strings.HasPrefix(s, "find") {
		s = s[i+2:]
	}
	return hexNumber.ReplaceAllString(s, "0x..")
}

var hexNumber = regexp.MustCompile("0x[0-9a-f]+")

func tallySites(t *testing.T, b *Binary, each func(*Func, Sites, error)) *tally {
	t.Helper()
	table, err := b.table()
	if err != nil {
		t.Fatal(err)
	}
	y := &tally{refused: map[string]int{}, noExit: map[string]int{}, example: map[string]string{}}
	for _, f := range table.funcs {
		if f.Size == 0 || f.Has(IFunc) {
			continue
		}
		s, err := b.Sites(f, nil)
		y.funcs++
		each(f, s, err)
		if err != nil {
			y.refused[reason(err)]++
			y.example[reason(err)] = fmt.Sprintf("%s: %v", f.Symbol, err)
			continue
		}
		switch s.Entry.Cost {
		case Nop5:
			y.nop5++
		case Emulated:
			y.emulated++
		case Stepped:
			y.stepped++
		}
		if s.NoExit != nil {
			y.noExit[reason(s.NoExit)]++
			y.example[reason(s.NoExit)] = fmt.Sprintf("%s: %v", f.Symbol, s.NoExit)
		} else {
			y.timed++
		}
		if len(s.Warnings) > 0 {
			y.warned++
		}
	}
	return y
}

func TestSitesReal(t *testing.T) {
	paths := realBinaries(t)
	names := make([]string, 0, len(paths))
	for name := range paths {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			b, err := Open(paths[name], nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if _, err := b.table(); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			y := tallySites(t, b, func(*Func, Sites, error) {})
			t.Logf("%v, %v", time.Since(start), y)
		})
	}
}
