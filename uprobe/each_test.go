package uprobe

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/fetch"
	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/latency"
)

func expr(t *testing.T, text string) *fetch.Expr {
	t.Helper()
	e, err := fetch.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each function is measured by its own keys and limits, those of all patterns
// that select it together; what selects nothing is named, and a faulty or
// ambiguous pattern, or too many limits, is an error.
func TestEachOfItsOwn(t *testing.T) {
	exe := testutil.Build(t, "go", "route")
	route, id, table := expr(t, "route"), expr(t, "id"), expr(t, "table")
	plan, err := NewPlan(&Request{Exe: exe, Each: []Each{
		{Pattern: "main.handle", By: []*fetch.Expr{route}, LimitsNS: []uint64{5e6, 2e6}},
		{Pattern: "main.query", By: []*fetch.Expr{table, route}, LimitsNS: []uint64{7e6}},
		{Pattern: "main.h*", By: []*fetch.Expr{route, id}, LimitsNS: []uint64{2e6, 3e6}},
		{Pattern: "main.nosuch"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	type probe struct {
		By       []string
		LimitsNS []uint64
	}
	got := map[string]probe{}
	for _, p := range plan.Probes {
		got[p.Func.Name] = probe{p.By, p.LimitsNS}
	}
	want := map[string]probe{"main.handle": {[]string{"route", "id"}, []uint64{2e6, 3e6, 5e6}}, "main.query": {[]string{"table"}, []uint64{7e6}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("probes (-want +got):\n%s", diff)
	}
	if len(plan.Unmatched) != 1 || plan.Unmatched[0].Pattern != "main.nosuch" || !errors.Is(plan.Unmatched[0].Reason, elfsym.ErrNotFound) {
		t.Errorf("unmatched: %v", plan.Unmatched)
	}
	many := make([]uint64, MaxLimits+1)
	for i := range many {
		many[i] = uint64(i) + 1
	}
	for _, c := range []struct {
		each []Each
		want error
	}{
		{[]Each{{Pattern: "main.handle", LimitsNS: many[1:]}, {Pattern: "main.h*", LimitsNS: many[:1]}}, ErrTooManyLimits},
		{[]Each{{Pattern: "main.nosuch"}, {Pattern: "main.neither"}}, elfsym.ErrNotFound},
	} {
		if _, err := NewPlan(&Request{Exe: exe, Each: c.each}); !errors.Is(err, c.want) {
			t.Errorf("%v: %v, not %v", c.each, err, c.want)
		}
	}
	if _, err := NewPlan(&Request{Exe: exe, Each: []Each{{Pattern: "main.handle", LimitsNS: []uint64{1}}}, SplitDrops: true}); !errors.Is(err, errSplitLimits) {
		t.Errorf("limits and drops: %v", err)
	}
}

// The calls above a limit are counted one by one: with limits of 2 ms, which
// every call of main.handle is above, of 5 ms, which those are above that make
// a query, and of an hour, which none is above.
func TestLimitsAreExact(t *testing.T) {
	testutil.NeedRoot(t)
	const hour = 3600e9
	target := testutil.Start(t, testutil.Build(t, "go", "route"), "3")
	plan, err := NewPlan(&Request{PIDs: []int{target.PID()}, Each: []Each{
		{Pattern: "main.handle", By: []*fetch.Expr{expr(t, "route")}, LimitsNS: []uint64{hour, 2e6 - 1, 5e6 - 1}},
		{Pattern: "main.query", LimitsNS: []uint64{3e6 - 1}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	s, err := Attach(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Enable(); err != nil {
		t.Fatal(err)
	}
	target.Go()
	target.WaitDone()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	rec, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Check(); err != nil {
		t.Error(err)
	}
	if rec.Machine == "" {
		t.Error("the recording does not name the machine")
	}
	slow := map[string]bool{"/api": true, "/größe": true}
	for i := range rec.Functions {
		f := &rec.Functions[i]
		for _, series := range f.Series {
			n := series.Count
			want := []latency.Over{{LimitNS: 3e6 - 1, Calls: n}}
			if f.Name == "main.handle" {
				mid, _ := series.Above(5e6 - 1) // a short call may have been held up: Check bounds it by the buckets
				if slow[series.Key["route"]] && mid != n {
					t.Errorf("%v: %d of %d calls above 5 ms", series.Key, mid, n)
				}
				want = []latency.Over{{LimitNS: 2e6 - 1, Calls: n}, {LimitNS: 5e6 - 1, Calls: mid}, {LimitNS: hour}}
			}
			if diff := cmp.Diff(want, series.Over); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", f.Name, series.Key, diff)
			}
		}
	}
	var names []string
	for i := range rec.Functions {
		names = append(names, fmt.Sprintf("%s %v %d", rec.Functions[i].Name, rec.Functions[i].By, len(rec.Functions[i].Series)))
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"main.handle [route] 4", "main.query [] 1"}, names); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	target.Finish()
}
