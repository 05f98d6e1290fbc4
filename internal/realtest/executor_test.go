package realtest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sourceText reads QueryDesc.sourceText, behind an enum and a pointer
// (executor/execdesc.h), where no debugging information says so.
const sourceText = "sql=str(*(*uintptr)(arg0+16))"

// The executor's time by SQL text, which it reaches through its argument. What
// sleeps is told from what does not.
func testExecutor(t *testing.T, pg *postgres) {
	s := pg.connect(t)
	const (
		slow   = "select pg_sleep(0.05);"
		asleep = 50 * time.Millisecond
	)
	sent := map[string]uint64{
		slow: 13,
		"select count(*) from pg_class where relkind = 'i';": 17,
		"select 'größe' as \"ü\";":                           19,
		"values (1), (2);":                                   23,
	}
	lines := times(sent)
	// A utility statement does not come by the executor.
	lines = append(lines, "show server_version;", "set work_mem = '4MB';")
	want := s.run(lines...)

	rec := record(t, pidFlag(s.backend), "standard_ExecutorRun", "--by", sourceText)
	began := time.Now()
	got := s.run(lines...)
	elapsed := time.Since(began)
	f := function(t, rec.stop(), "standard_ExecutorRun")
	if got != want {
		t.Errorf("the measured backend answers\n%s\nand not\n%s", got, want)
	}
	all(t, f, total(sent))
	if diff := cmp.Diff(sent, counts(t, f)); diff != "" {
		t.Errorf("calls by SQL text (-sent +measured):\n%s", diff)
	}
	var sum time.Duration
	for i := range f.Series {
		one := &f.Series[i]
		sum += time.Duration(one.SumNS)
		if one.Key["sql"] != slow {
			continue
		}
		if p50 := one.Quantile(0.5); p50.Lo < asleep || time.Duration(one.P50NS) < asleep {
			t.Errorf("the median of %s is %v, given as %v", slow, p50, time.Duration(one.P50NS))
		}
		if slept := time.Duration(one.SumNS); slept < time.Duration(one.Count)*asleep {
			t.Errorf("%d times %s took %v in all", one.Count, slow, slept)
		}
	}
	if sum > elapsed {
		t.Errorf("the calls took %v, but the client waited only %v", sum, elapsed)
	}
	s.unharmed(pg)
}
